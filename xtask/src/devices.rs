//! `docs/results/devices`: what people measured with `native-bench paper`, checked and laid side by
//! side.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::shell::root;

const FOLDER: &str = "docs/results/devices";
const PAGE: &str = "docs/results/devices/README.md";
/// The table is between these two lines.
const BEGIN: &str = "<!-- devices -->\n";
const END: &str = "<!-- end of devices -->";
const PRECISIONS: [&str; 3] = ["f32", "u8", "u4"];

/// `cargo xtask devices`: checks the files; with `--write`, writes their table into the page.
pub(crate) fn devices(options: &[&str]) -> Result<()> {
    let table = table()?;
    match options {
        [] => println!("{table}"),
        ["--write"] => {
            let page = fs::read_to_string(root().join(PAGE)).context(PAGE)?;
            let (before, rest) = page.split_once(BEGIN).context(PAGE)?;
            let (_, after) = rest.split_once(END).context(PAGE)?;
            fs::write(root().join(PAGE), format!("{before}{BEGIN}{table}{END}{after}"))?;
        }
        _ => bail!("devices takes --write, or nothing"),
    }
    Ok(())
}

/// The table of all files, by name.
fn table() -> Result<String> {
    let mut files: Vec<PathBuf> = fs::read_dir(root().join(FOLDER))
        .context(FOLDER)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    let mut table =
        "| device | 4 bits by | GMAC/s: f32, 8, 4 bits | 4 bits against f32 | against 8 bits \
        | network's time saved: 4, 8 bits | picture at 4 bits, ms | of it the network |\n\
        |---|---|---|---|---|---|---|---|\n\
        | the paper's ARM processor | UMLAL | | 2.90x | 1.50x | 48 %, 39 % | | |\n"
            .to_owned();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let report = fs::read(&file).with_context(|| name.clone())?;
        let report = serde_json::from_slice(&report).with_context(|| name.clone())?;
        table += &row(&name, &report).with_context(|| name.clone())?;
    }
    Ok(table)
}

fn number(value: &Value) -> Result<f64> {
    let number = value.as_f64().filter(|number| number.is_finite() && *number > 0.0);
    number.with_context(|| format!("a number above zero was expected, not {value}"))
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().with_context(|| format!("a text was expected, not {value}"))
}

/// The element of a list that has a text under a key.
fn with<'a>(list: &'a Value, key: &str, wanted: &str) -> Result<&'a Value> {
    let of = |element: &&Value| element[key] == wanted;
    let found = list.as_array().and_then(|list| list.iter().find(of));
    found.with_context(|| format!("none of the list has {key} {wanted}"))
}

/// A row of the table. What is missing, is no number, or cannot be true is an error.
fn row(file: &str, report: &Value) -> Result<String> {
    ensure!(report["schema"] == 1, "schema 1 was expected, not {}", report["schema"]);
    let device = &report["device"];
    ensure!(device["emulated"] == false, "an emulator's times say nothing");
    ensure!(report["noisy"] == false, "times vary by more than 10 %: measure again");
    for key in ["arch", "os", "version"] {
        ensure!(!text(&device[key])?.is_empty(), "device.{key} is empty");
    }
    ensure!(number(&device["threads"])? >= 1.0, "device.threads is {}", device["threads"]);
    let (mut speeds, mut kernel) = (Vec::new(), "");
    for precision in PRECISIONS {
        kernel = text(&report["kernels"][precision][0])?;
        // The first one of a precision is that of the chosen kernel.
        let mean = with(&report["gemm"], "precision", precision)?;
        ensure!(mean["kernel"] == kernel, "{precision} was measured with another kernel");
        ensure!(mean["shapes"] == 12, "{kernel}: not all shapes of the paper");
        speeds.push(number(&mean["gmacs"])?);
        let frame = with(&report["frame"], "precision", precision)?;
        let parts = number(&frame["locate_ms"])? + number(&frame["network_ms"])?;
        let (total, share) = (number(&frame["total_ms"])?, number(&frame["network_share"])?);
        // Medians of parts need not add up.
        ensure!(parts < total * 1.2 && share < 1.0, "{precision}: more than the whole picture");
    }
    let mean = with(&report["gemm"], "precision", "u4")?;
    let against = |key: &str| number(&mean[key]);
    let saved = |precision: &str| {
        let rows = report["network_rows"].as_array().context("network_rows")?;
        let of = |row: &&Value| row["op"] == "ocr total" && row["precision"] == precision;
        let row = rows.iter().find(of).context("no row `ocr total`")?;
        Ok::<f64, anyhow::Error>(100.0 * (1.0 - 1.0 / number(&row["speedup_vs_f32"])?))
    };
    let frame = with(&report["frame"], "precision", "u4")?;
    let name = text(&report["name"])?;
    let cpu = text(&device["cpu"])?;
    let title = if name.is_empty() { cpu.to_owned() } else { format!("{name} ({cpu})") };
    Ok(format!(
        "| [{}]({file}) | `{kernel}` | {:.1}, {:.1}, {:.1} | {:.2}x | {:.2}x | {:.0} %, {:.0} % | {:.1} | {:.0} % |\n",
        title.replace(['|', '\n', '[', ']'], " "),
        speeds[0],
        speeds[1],
        speeds[2],
        against("speedup_vs_f32")?,
        against("speedup_vs_u8")?,
        saved("u4")?,
        saved("u8")?,
        number(&frame["total_ms"])?,
        100.0 * number(&frame["network_share"])?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_table_of_the_files() {
        let page = fs::read_to_string(root().join(PAGE)).expect(PAGE);
        let table = table().expect("files as native-bench paper writes them");
        let (_, rest) = page.split_once(BEGIN).expect("the beginning of the table");
        let (found, _) = rest.split_once(END).expect("the end of the table");
        assert_eq!(found, table, "run cargo xtask devices --write");
    }

    #[test]
    fn files_that_cannot_be_true_are_refused() {
        let folder = fs::read_dir(root().join(FOLDER)).expect(FOLDER);
        let mut paths = folder.filter_map(|entry| Some(entry.ok()?.path()));
        let json = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "json");
        let path = paths.find(json).expect("one device at least");
        let good: Value = serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON");
        assert!(row("a.json", &good).is_ok());
        for (pointer, value) in [
            ("/schema", Value::from(2)),
            ("/noisy", true.into()),
            ("/device/emulated", true.into()),
            ("/device/arch", "".into()),
            ("/gemm/0/gmacs", (-1).into()),
            ("/gemm/0/shapes", 3.into()),
            ("/frame/2/network_share", 1.5.into()),
            ("/frame/1/total_ms", Value::Null),
            ("/kernels/u4", Value::Null),
            ("/network_rows", Value::Null),
        ] {
            let mut bad = good.clone();
            *bad.pointer_mut(pointer).expect(pointer) = value;
            assert!(row("a.json", &bad).is_err(), "{pointer}");
        }
        let mut named = good;
        named["name"] = "a | b".into();
        assert_eq!(row("a.json", &named).expect("a row").matches('|').count(), 9);
    }
}
