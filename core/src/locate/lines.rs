//! From bars to text lines: pieces are joined, then the course, the height and the ends of the line are measured on the picture.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "profiles of at most a few thousand samples"
)]

use super::bars::Bar;
use crate::gray::Gray;
use crate::path::{Layout, LinePath, sample};

/// Pitch over capital height of OCR-B size I: 2.54 mm over 2.4 mm (Doc 9303-3, ISO 1073-2).
pub(super) const PITCH_PER_CAP: f32 = 1.06;

/// Rows and columns a capital height in the patches that are measured.
const PATCH_CAP: f32 = 10.0;
/// Rows of a patch: the line and the space to its neighbours.
const PATCH_ROWS: usize = 36;
/// Parts of a line that are measured separately.
const SEGMENTS: usize = 8;
/// Characters looked at beyond the ends of a bar.
const OVERHANG: f32 = 6.0;

/// A line of text, measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) path: LinePath,
    /// How regularly the characters follow one another, 0 to 1.
    pub(super) regularity: f32,
}

/// Joins bars that continue one another.
pub(super) fn join(mut bars: Vec<Bar>) -> Vec<Bar> {
    bars.sort_by(|a, b| b.half.total_cmp(&a.half));
    let mut joined: Vec<Bar> = Vec::new();
    let mut queue: std::collections::VecDeque<Bar> = bars.into();
    while let Some(bar) = queue.pop_front() {
        match joined.iter().position(|other| continues(other, &bar)) {
            Some(index) => {
                let other = joined.swap_remove(index);
                match other.joined(&bar) {
                    Some(both) => queue.push_front(both),
                    None => joined.push(other),
                }
            }
            None => joined.push(bar),
        }
    }
    joined
}

/// Whether two bars lie on one course with a gap of a few characters at most.
fn continues(a: &Bar, b: &Bar) -> bool {
    let (long, short) = if a.half >= b.half { (a, b) } else { (b, a) };
    let thickness = a.thickness.min(b.thickness).max(2.5);
    if a.thickness.max(b.thickness) > 2.0 * thickness {
        return false;
    }
    let between = short.centre - long.centre;
    let gap = between.dot(long.along).abs() - long.half - short.half;
    // Both ends of the short bar must lie near the course of the long one; the farther out, the more a curve is allowed.
    let off = |end: f32| (between + short.along * end).cross(long.along).abs();
    let allowed = 0.6 * thickness + 0.02 * between.norm();
    gap < 3.5 * thickness && off(short.half) < allowed && off(-short.half) < allowed
}

/// Ink of a patch: darker than the mean of the patch's own columns nearby, per pixel.
fn patch_ink(pixels: &[u8], columns: usize) -> Vec<f32> {
    let window = (4.0 * PATCH_CAP) as usize;
    let rows = pixels.len() / columns;
    // The brighter half of a column is background; its mean over the neighbourhood is what ink is measured against.
    let mut background: Vec<f32> = (0..columns)
        .map(|x| {
            let mut column: Vec<u8> = (0..rows).map(|y| pixels[y * columns + x]).collect();
            column.sort_unstable();
            let upper = &column[rows / 2..];
            upper.iter().map(|&p| f32::from(p)).sum::<f32>() / upper.len() as f32
        })
        .collect();
    background = running_mean(&background, window / 2);
    pixels
        .chunks(columns)
        .flat_map(|row| {
            row.iter().zip(&background).map(|(&p, b)| (b - f32::from(p)).max(0.0)).collect::<Vec<_>>()
        })
        .collect()
}

/// The mean of up to `2 * radius + 1` values around each.
fn running_mean(values: &[f32], radius: usize) -> Vec<f32> {
    let mut sums = vec![0.0; values.len() + 1];
    for (i, value) in values.iter().enumerate() {
        sums[i + 1] = sums[i] + value;
    }
    (0..values.len())
        .map(|i| {
            let (from, to) = (i.saturating_sub(radius), (i + radius + 1).min(values.len()));
            (sums[to] - sums[from]) / (to - from) as f32
        })
        .collect()
}

/// Where a row profile rises above and falls below half its height around the middle: top and bottom with fractions of a row.
fn lobe(profile: &[f32], centre: usize) -> Option<(f32, f32)> {
    let reach = (0.9 * PATCH_CAP) as usize;
    let (from, to) = (centre.saturating_sub(reach), (centre + reach).min(profile.len() - 1));
    let near = (0.6 * PATCH_CAP) as usize;
    let inner = &profile[centre.saturating_sub(near)..=(centre + near).min(profile.len() - 1)];
    let mut sorted = inner.to_vec();
    sorted.sort_by(f32::total_cmp);
    let high = sorted[sorted.len() * 3 / 4];
    let low = |range: &[f32]| range.iter().copied().fold(f32::INFINITY, f32::min);
    let crossing = |outward: &mut dyn Iterator<Item = usize>, floor: f32| {
        let half = (high + floor) / 2.0;
        let mut previous: Option<(usize, f32)> = None;
        for y in outward {
            if profile[y] < half {
                let (y0, value) = previous?;
                let share = (value - half) / (value - profile[y]).max(1e-6);
                let step = share * if y > y0 { 1.0 } else { -1.0 };
                return Some(y0 as f32 + 0.5 + step);
            }
            previous = Some((y, profile[y]));
        }
        None
    };
    let top = crossing(
        &mut (0..=centre).rev().take_while(|&y| y + 2 * near >= centre),
        low(&profile[from..=centre]),
    )?;
    let bottom = crossing(
        &mut (centre..profile.len()).take_while(|&y| y <= centre + 2 * near),
        low(&profile[centre..=to]),
    )?;
    (bottom - top > 0.3 * PATCH_CAP).then_some((top, bottom))
}

/// Least-squares parabola through `(x, y, weight)`: coefficients of 1, x, x^2. Falls back to fewer terms where they are not determined.
pub(crate) fn parabola(samples: &[(f32, f32, f32)]) -> [f32; 3] {
    let mut a = [[0.0f64; 4]; 3];
    for &(x, y, weight) in samples {
        let (x, y, weight) = (f64::from(x), f64::from(y), f64::from(weight));
        let powers = [1.0, x, x * x];
        for i in 0..3 {
            for j in 0..3 {
                a[i][j] += weight * powers[i] * powers[j];
            }
            a[i][3] += weight * powers[i] * y;
        }
    }
    for terms in (1..=3).rev() {
        if let Some(solution) = solve(&a, terms) {
            return solution.map(|value| value as f32);
        }
    }
    [0.0; 3]
}

/// Gaussian elimination on the leading `terms` equations of a symmetric system; `None` where it is singular.
fn solve(system: &[[f64; 4]; 3], terms: usize) -> Option<[f64; 3]> {
    let mut a = *system;
    for i in 0..terms {
        if a[i][i].abs() < 1e-6 * (1.0 + system[i][i].abs()) {
            return None;
        }
        for j in i + 1..terms {
            let factor = a[j][i] / a[i][i];
            for k in (i..terms).chain([3]) {
                a[j][k] -= factor * a[i][k];
            }
        }
    }
    let mut x = [0.0; 3];
    for i in (0..terms).rev() {
        let known: f64 = (i + 1..terms).map(|k| a[i][k] * x[k]).sum();
        x[i] = (a[i][3] - known) / a[i][i];
    }
    Some(x)
}

/// Moves the path onto the ink that a patch shows; `None` where no line stands out.
fn recentred(path: &LinePath, ink: &[f32], layout: &Layout) -> Option<LinePath> {
    let mut centres = Vec::new();
    let mut caps = Vec::new();
    let (first, last) = (layout.column(0.0).max(0.0), layout.column(path.length).min(layout.columns as f32));
    let width = (last - first) / SEGMENTS as f32;
    let mut whole = vec![0.0f32; layout.rows];
    for segment in 0..SEGMENTS {
        let from = (first + width * segment as f32) as usize;
        let to = ((first + width * (segment + 1) as f32) as usize).min(layout.columns);
        let profile: Vec<f32> =
            (0..layout.rows).map(|y| ink[y * layout.columns..][from..to].iter().sum()).collect();
        for (sum, value) in whole.iter_mut().zip(&profile) {
            *sum += value;
        }
        if let Some((top, bottom)) = lobe(&profile, centre_row(&profile)) {
            let u = layout.u((from + to) / 2);
            let middle = layout.rows as f32 / 2.0;
            centres.push((u, ((top + bottom) / 2.0 - middle) / layout.cap, bottom - top));
            caps.push((u, (bottom - top) / layout.cap));
        }
    }
    if centres.len() < SEGMENTS / 2 {
        let (top, bottom) = lobe(&whole, centre_row(&whole))?;
        let u = path.length / 2.0;
        centres = vec![(u, ((top + bottom) / 2.0 - layout.rows as f32 / 2.0) / layout.cap, 1.0)];
        caps = vec![(u, (bottom - top) / layout.cap)];
    }
    let typical = median(centres.iter().map(|c| c.1))?;
    let height = median(caps.iter().map(|c| c.1))?;
    let fitted: Vec<_> = centres
        .iter()
        .zip(&caps)
        .filter(|(centre, cap)| (centre.1 - typical).abs() < 0.5 && (cap.1 - height).abs() < 0.35 * height)
        .map(|(centre, _)| (centre.0, centre.1, 1.0))
        .collect();
    let [c0, c1, c2] = parabola(&fitted);
    let middle = path.length / 2.0;
    let down = path.down(middle);
    Some(LinePath {
        origin: path.origin + down * c0,
        linear: path.linear + down * c1,
        quadratic: path.quadratic + down * c2,
        cap: path.cap * height,
        cap_slope: path.cap_slope * height,
        ..*path
    })
}

/// The row near the middle where the smoothed profile is highest.
fn centre_row(profile: &[f32]) -> usize {
    let smooth = running_mean(profile, (0.4 * PATCH_CAP) as usize);
    let reach = (0.7 * PATCH_CAP) as usize;
    let middle = profile.len() / 2;
    (middle - reach..=middle + reach).max_by(|&a, &b| smooth[a].total_cmp(&smooth[b])).unwrap_or(middle)
}

pub(crate) fn median(values: impl Iterator<Item = f32>) -> Option<f32> {
    let mut values: Vec<f32> = values.collect();
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied()
}

/// The patch around a path, `OVERHANG` characters longer at both ends.
fn patch(picture: &Gray, path: &LinePath) -> (Vec<f32>, Layout) {
    let pitch = PATCH_CAP * PITCH_PER_CAP;
    let layout = Layout {
        rows: PATCH_ROWS,
        columns: ((path.length + 2.0 * OVERHANG) * pitch) as usize,
        pitch,
        cap: PATCH_CAP,
        margin: OVERHANG * pitch,
    };
    let pixels = sample(picture, path, &layout);
    (patch_ink(&pixels, layout.columns), layout)
}

/// Measures the line that a bar hints at; `None` where there is none or it is too short for a zone.
pub(super) fn measure(picture: &Gray, bar: &Bar, scale: f32) -> Option<Line> {
    // Smoothing made the blob about two pixels thicker than the capitals.
    let cap = ((bar.thickness - 1.5).max(2.5)) * scale;
    let half = bar.along * (bar.half * scale);
    let centre = bar.centre * scale;
    let count = |cap: f32| 2.0 * half.norm() / (cap * PITCH_PER_CAP);
    let mut path = LinePath::straight(centre - half, centre + half, cap, count(cap));
    for _ in 0..2 {
        if path.length < 6.0 || path.length > 120.0 {
            return None;
        }
        let (ink, layout) = patch(picture, &path);
        path = recentred(&path, &ink, &layout)?;
        // The height has changed, and with it the number of characters that the length stands for.
        let length = path.linear.norm() * path.length / (path.cap_at(path.length / 2.0) * PITCH_PER_CAP);
        path = path.recounted(0.0, path.length / length, length);
    }
    if path.length > 120.0 {
        return None;
    }
    let (ink, layout) = patch(picture, &path);
    let columns = band(&ink, &layout);
    let (first, last) = extent(&columns, &layout, &path)?;
    let path = path.recounted(first, 1.0, last - first);
    Some(Line { path, regularity: regularity(&columns, layout.column(first), layout.column(last)) })
}

/// Ink of each column within the height of the capitals.
fn band(ink: &[f32], layout: &Layout) -> Vec<f32> {
    let (middle, half) = (layout.rows / 2, (PATCH_CAP * 0.55) as usize);
    (0..layout.columns)
        .map(|x| (middle - half..middle + half).map(|y| ink[y * layout.columns + x]).sum())
        .collect()
}

/// Where the text begins and ends, in characters of the path.
fn extent(columns: &[f32], layout: &Layout, path: &LinePath) -> Option<(f32, f32)> {
    let smooth = running_mean(columns, (1.0 * layout.pitch) as usize);
    let from = layout.column(0.0).max(0.0) as usize;
    let to = (layout.column(path.length) as usize).min(columns.len());
    let level = 0.35 * median(smooth.get(from..to)?.iter().copied())?;
    let patience = (1.6 * layout.pitch) as usize;
    let walk = |steps: &mut dyn Iterator<Item = usize>| {
        let (mut end, mut empty) = (None, 0);
        for x in steps {
            if smooth[x] > level {
                (end, empty) = (Some(x), 0);
            } else {
                empty += 1;
                if empty > patience {
                    break;
                }
            }
        }
        end
    };
    let middle = usize::midpoint(from, to);
    let last = walk(&mut (middle..columns.len()))?;
    let first = walk(&mut (0..=middle).rev())?;
    // The running mean reaches about half a character beyond the ink at this level.
    let (first, last) = (layout.u(first) + 0.4, layout.u(last) - 0.4);
    (last - first > 8.0).then_some((first, last))
}

/// The highest normalised autocorrelation of the columns near the nominal pitch, 0 to 1.
fn regularity(columns: &[f32], first: f32, last: f32) -> f32 {
    let from = (first.max(0.0)) as usize;
    let to = (last.max(0.0) as usize).min(columns.len());
    if to <= from + 40 {
        return 0.0;
    }
    let slice = &columns[from..to];
    let mean = running_mean(slice, (2.0 * PATCH_CAP) as usize);
    let signal: Vec<f32> = slice.iter().zip(&mean).map(|(a, b)| a - b).collect();
    let energy: f32 = signal.iter().map(|v| v * v).sum();
    if energy <= 0.0 {
        return 0.0;
    }
    let lags = (0.75 * PATCH_CAP) as usize..=(1.5 * PATCH_CAP) as usize;
    let correlation = |lag: usize| {
        let sum: f32 = signal.iter().zip(&signal[lag.min(signal.len())..]).map(|(a, b)| a * b).sum();
        sum * signal.len() as f32 / ((signal.len() - lag).max(1) as f32 * energy)
    };
    lags.map(correlation).fold(0.0, f32::max).min(1.0)
}
