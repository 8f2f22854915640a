//! A bar chart of speeds per shape and of their geometric means, as SVG.

use std::fmt::Write;

use nibble_bench::{Mean, Row};

/// Height of a bar with its spacing, in pixels.
const BAR: usize = 12;
/// Space between groups of bars.
const GAP: usize = 14;
/// Position at which bars begin.
const LEFT: usize = 150;
/// Length of the longest bar.
const WIDTH: usize = 560;
/// Height of the title and the space around the legend.
const TOP: usize = 70;

/// Colours that colour-blind people can tell apart as well (Okabe and Ito).
const COLOURS: [&str; 7] =
    ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999"];

struct Group {
    label: String,
    bars: Vec<(usize, f64)>,
}

/// A plot of the means, then of `rows`, grouped by shape.
pub(crate) fn svg(cpu: &str, rows: &[Row], means: &[Mean]) -> String {
    let kernel_of = |precision: &str, kernel: &str| {
        means
            .iter()
            .position(|mean| mean.precision == precision && mean.kernel == kernel)
            .unwrap_or(0)
    };
    let mut groups = vec![Group {
        label: "geometric mean".to_owned(),
        bars: means.iter().enumerate().map(|(index, mean)| (index, mean.gmacs)).collect(),
    }];
    for row in rows {
        let label =
            if row.k == 0 { row.op.clone() } else { format!("{} x {} x {}", row.m, row.n, row.k) };
        let bar = (kernel_of(&row.precision, &row.kernel), row.gmacs);
        match groups.iter_mut().find(|group| group.label == label) {
            Some(group) => group.bars.push(bar),
            None => groups.push(Group { label, bars: vec![bar] }),
        }
    }
    let fastest = groups
        .iter()
        .flat_map(|group| &group.bars)
        .map(|bar| bar.1)
        .fold(f64::MIN_POSITIVE, f64::max);
    let height = TOP
        + 16 * means.len()
        + groups.iter().map(|group| group.bars.len() * BAR + GAP).sum::<usize>();
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = draw(&mut out, cpu, means, &groups, fastest, height);
    out
}

fn draw(
    out: &mut String,
    cpu: &str,
    means: &[Mean],
    groups: &[Group],
    fastest: f64,
    height: usize,
) -> std::fmt::Result {
    let full = LEFT + WIDTH + 90;
    writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {full} {height}" font-family="sans-serif" font-size="11">"#
    )?;
    writeln!(out, r##"<rect width="{full}" height="{height}" fill="#ffffff"/>"##)?;
    writeln!(
        out,
        r#"<text x="10" y="22" font-size="15">Multiply-adds a second, {}: longer is faster</text>"#,
        escaped(cpu)
    )?;
    let colour = |index: usize| COLOURS[index % COLOURS.len()];
    let mut y = 40;
    for (index, mean) in means.iter().enumerate() {
        writeln!(
            out,
            r#"<rect x="10" y="{y}" width="10" height="10" fill="{}"/><text x="26" y="{}">{} {}</text>"#,
            colour(index),
            y + 9,
            escaped(&mean.precision),
            escaped(&mean.kernel)
        )?;
        y += 16;
    }
    y += 14;
    for group in groups {
        writeln!(out, r#"<text x="10" y="{}">{}</text>"#, y + BAR - 2, escaped(&group.label))?;
        for (kernel, gmacs) in &group.bars {
            let length = gmacs / fastest * f64::from(u32::try_from(WIDTH).unwrap_or(u32::MAX));
            let (bar, text) = (BAR - 2, y + BAR - 3);
            writeln!(
                out,
                r#"<rect x="{LEFT}" y="{y}" width="{length:.1}" height="{bar}" fill="{}"/><text x="{:.1}" y="{text}">{gmacs:.1}</text>"#,
                colour(*kernel),
                f64::from(u32::try_from(LEFT).unwrap_or(0)) + length + 5.0
            )?;
            y += BAR;
        }
        y += GAP;
    }
    writeln!(out, "</svg>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
