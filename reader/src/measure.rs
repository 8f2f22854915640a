//! Measuring a line on a picture: its course, capital height, ends and rhythm. Also finds the lines
//! next to it.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "profiles of at most a few thousand samples"
)]

use crate::numeric::{median, parabola, running_mean, upper_quartile};
use crate::path::{Layout, LinePath};
use crate::pyramid::Pyramid;

/// Ratio of pitch to capital height, as [`measure`] finds it on printed documents: OCR-B size I at
/// ten characters per inch (Doc 9303-3, section 4.2). The height is that at half the ink and
/// includes the strokes.
pub(super) const PITCH_PER_CAP: f32 = 0.92;

/// Capital height in the patches that are measured, in rows or columns.
pub(super) const PATCH_CAP: f32 = 8.0;

/// Rows of a patch: the line and the space up to its neighbours.
const PATCH_ROWS: usize = 28;

/// Number of segments of a line that are measured separately.
const SEGMENTS: usize = 8;

/// Distance at which a neighbouring line is searched for, in capital heights. The patch reaches
/// 1.75 capital heights to either side of it.
const NEIGHBOUR_DISTANCE: f32 = 2.6;

/// Characters that a patch adds beyond each end of a path.
const OVERHANG: f32 = 6.0;

/// Regularity above which the rhythm tells the pitch better than the height does.
const CLEAR_RHYTHM: f32 = 0.4;

/// Maximum height of a line measured by its ink, as a multiple of its height by change along it. In
/// print with nothing around it, 98 % are below 1.13; lines with frames around them have up to 1.6.
const MAX_HIGHER: f32 = 1.15;

/// Maximum distance between the courses of a line by ink and by change, in capital heights. In
/// print with nothing around it, 98 % are below 0.1.
const MAX_APART: f32 = 0.2;

/// Ink of a patch: for each pixel, how much darker it is than the background of the columns nearby.
fn patch_ink(pixels: &[u8], columns: usize) -> Vec<f32> {
    let window = (4.0 * PATCH_CAP) as usize;
    let rows = pixels.len() / columns;
    // The brighter half of each column is background; its mean is smoothed over nearby columns.
    let mut sorted = pixels.to_vec();
    sort_columns(&mut sorted, columns);
    let upper = &sorted[rows / 2 * columns..];
    let mut sums = vec![0u16; columns];
    for row in upper.chunks_exact(columns) {
        sums.iter_mut().zip(row).for_each(|(sum, &pixel)| *sum += u16::from(pixel));
    }
    let count = (rows - rows / 2) as f32;
    let background: Vec<f32> = sums.iter().map(|&sum| f32::from(sum) / count).collect();
    let background = running_mean(&background, window / 2);
    let mut ink = vec![0.0; pixels.len()];
    for (ink, row) in ink.chunks_mut(columns).zip(pixels.chunks(columns)) {
        for ((ink, &pixel), level) in ink.iter_mut().zip(row).zip(&background) {
            *ink = (level - f32::from(pixel)).max(0.0);
        }
    }
    ink
}

/// Sorts each column of a patch, the darkest pixel first: Batcher's odd-even merge sort, whose
/// exchanges are the same for all columns and so run on whole rows (Knuth, The Art of Computer
/// Programming, volume 3, algorithm 5.2.2 M).
fn sort_columns(pixels: &mut [u8], columns: usize) {
    let rows = pixels.len() / columns;
    let top = rows.next_power_of_two() / 2;
    let mut p = top;
    while p > 0 {
        let (mut q, mut r, mut distance) = (top, 0, p);
        loop {
            for row in (0..rows.saturating_sub(distance)).filter(|row| row & p == r) {
                let (before, after) = pixels.split_at_mut((row + distance) * columns);
                let upper = &mut before[row * columns..][..columns];
                for (upper, lower) in upper.iter_mut().zip(&mut after[..columns]) {
                    (*upper, *lower) = ((*upper).min(*lower), (*upper).max(*lower));
                }
            }
            if q == p {
                break;
            }
            (distance, q, r) = (q - p, q / 2, p);
        }
        p /= 2;
    }
}

/// Top and bottom of the line at row `centre` of a profile, in fractions of a row: where the
/// profile falls below half its height on either side. `None` if it does not, or the line is too
/// low.
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

/// Moves a path onto the ink of its patch and measures its height; `None` if no line stands out.
fn recentred(path: &LinePath, ink: &[f32], layout: &Layout) -> Option<LinePath> {
    let mut centres = Vec::new();
    let mut caps = Vec::new();
    let (first, last) =
        (layout.column(0.0).max(0.0), layout.column(path.length).min(layout.columns as f32));
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
    // Fillers are lower than capitals, so the tallest segments tell the height.
    let height = upper_quartile(caps.iter().map(|c| c.1))?;
    let fitted: Vec<_> = centres
        .iter()
        .zip(&caps)
        .filter(|(centre, cap)| {
            (centre.1 - typical).abs() < 0.5 && (cap.1 - height).abs() < 0.35 * height
        })
        .map(|(centre, _)| (path.t(centre.0), centre.1 * path.cap_at(centre.0), 1.0))
        .collect();
    let [c0, c1, c2] = parabola(&fitted);
    let down = path.tangent(path.length / 2.0).unit().down();
    Some(LinePath {
        origin: path.origin + down * c0,
        linear: path.linear + down * c1,
        quadratic: path.quadratic + down * c2,
        cap: path.cap * height,
        ..*path
    })
}

/// The row near the middle at which the smoothed profile is highest.
fn centre_row(profile: &[f32]) -> usize {
    let smooth = running_mean(profile, (0.4 * PATCH_CAP) as usize);
    let reach = (0.7 * PATCH_CAP) as usize;
    let middle = profile.len() / 2;
    (middle - reach..=middle + reach)
        .max_by(|&a, &b| smooth[a].total_cmp(&smooth[b]))
        .unwrap_or(middle)
}

/// The ink of the patch around a path, [`OVERHANG`] characters longer at each end, and its layout.
fn patch(picture: &Pyramid, path: &LinePath) -> (Vec<f32>, Layout) {
    let (pixels, layout) = patch_pixels(picture, path);
    (patch_ink(&pixels, layout.columns), layout)
}

/// As [`patch`], but how much the pixels change along the line instead of their ink.
fn patch_change(picture: &Pyramid, path: &LinePath) -> (Vec<f32>, Layout) {
    let (pixels, layout) = patch_pixels(picture, path);
    (change(&pixels, layout.columns), layout)
}

/// How much the pixels of a patch change along the line.
fn change(pixels: &[u8], columns: usize) -> Vec<f32> {
    let mut change = vec![0.0; pixels.len()];
    for (change, row) in change.chunks_mut(columns).zip(pixels.chunks(columns)) {
        for ((change, &left), &right) in change.iter_mut().zip(row).zip(&row[1..]) {
            *change = f32::from(left.abs_diff(right));
        }
    }
    change
}

/// The pixels of the patch around a path.
fn patch_pixels(picture: &Pyramid, path: &LinePath) -> (Vec<u8>, Layout) {
    let pitch = PATCH_CAP * PITCH_PER_CAP;
    let layout = Layout {
        rows: PATCH_ROWS,
        columns: ((path.length + 2.0 * OVERHANG) * pitch) as usize,
        pitch,
        cap: PATCH_CAP,
        margin: OVERHANG * pitch,
    };
    (picture.sample(path, &layout), layout)
}

/// A line as measured on a picture.
pub(super) struct Measured {
    /// Its path, with the characters counted at the pitch that its height implies.
    pub(super) path: LinePath,
    /// How regularly the characters are spaced, 0 to 1.
    pub(super) regularity: f32,
    /// Measured pitch as a multiple of the pitch that the height implies; `None` if the rhythm is
    /// unclear.
    pub(super) pitch: Option<f32>,
}

/// What tells where a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// Its ink.
    Ink,
    /// Change along the line: characters have it, frames and the edge of the paper do not.
    Change,
}

/// Measures the line near `hint`: course and height by `sign`, ends and rhythm. `None` if there is no
/// line, or if its number of characters is outside `lengths`.
pub(super) fn measure(
    picture: &Pyramid,
    hint: &LinePath,
    sign: Sign,
    lengths: &std::ops::Range<f32>,
) -> Option<Measured> {
    let mut path = *hint;
    for _ in 0..2 {
        let (ink, layout) = match sign {
            Sign::Ink => patch(picture, &path),
            Sign::Change => patch_change(picture, &path),
        };
        path = recentred(&path, &ink, &layout)?;
        // The height has changed, and with it the number of characters that fit the length.
        let length =
            path.linear.norm() * path.length / (path.cap_at(path.length / 2.0) * PITCH_PER_CAP);
        path = path.recounted(0.0, path.length / length, length);
        if !lengths.contains(&path.length) {
            return None;
        }
    }
    let (ink, layout) = patch(picture, &path);
    let columns = band(&ink, &layout);
    let (first, last) = ends(&columns, &layout, &path)?;
    let rhythm = Rhythm::of(&columns, layout.column(first), layout.column(last));
    let clear = rhythm.regularity > CLEAR_RHYTHM;
    Some(Measured {
        path: path.recounted(first, 1.0, last - first),
        regularity: rhythm.regularity,
        pitch: clear.then_some(rhythm.pitch / layout.pitch),
    })
}

/// The line next to `path`, above or below it, with the same ends. `known` holds the distances of
/// the lines already found, in capital heights below `path`; the new line must be more than one
/// capital height away from each. `None` if no line stands out there. The line is found by change
/// along it, so frames are not taken for it.
pub(crate) fn neighbour(
    picture: &Pyramid,
    path: &LinePath,
    below: bool,
    known: &[f32],
) -> Option<LinePath> {
    let distance = if below { NEIGHBOUR_DISTANCE } else { -NEIGHBOUR_DISTANCE };
    let hint = path.beside(distance);
    let (change, layout) = patch_change(picture, &hint);
    let (from, to) =
        (layout.column(0.0) as usize, (layout.column(path.length) as usize).min(layout.columns));
    let profile: Vec<f32> =
        (0..layout.rows).map(|y| change[y * layout.columns..][from..to].iter().sum()).collect();
    let smooth = running_mean(&profile, (0.4 * PATCH_CAP) as usize);
    let offset = |row: usize| (row as f32 + 0.5 - layout.rows as f32 / 2.0) / layout.cap;
    let free = |row: &usize| known.iter().all(|at| (distance + offset(*row) - at).abs() > 1.0);
    let best = (0..layout.rows).filter(free).max_by(|&a, &b| smooth[a].total_cmp(&smooth[b]))?;
    let found = hint.beside(offset(best));
    let (change, layout) = patch_change(picture, &found);
    let measured = recentred(&found, &change, &layout)?;
    // Lines of a zone have the same height.
    Some(LinePath { cap: path.cap, ..measured })
}

/// Whether a line measured by its ink is higher than by change along it, or lies elsewhere: a
/// frame, a rule or the edge of a highlighter's stripe is ink, too.
fn is_disturbed(ink: &LinePath, change: &LinePath) -> bool {
    let middle = change.length / 2.0;
    let cap = change.cap_at(middle);
    let off = |u: f32| (ink.at(u) - change.at(u)).norm() > MAX_APART * cap;
    ink.cap_at(middle) > MAX_HIGHER * cap || [0.0, middle, change.length].into_iter().any(off)
}

/// Moves a path onto the ink along it and measures its height again. `None` if no line stands out,
/// or if position or height would change too much.
pub(crate) fn refine(picture: &Pyramid, path: &LinePath) -> Option<LinePath> {
    let (pixels, layout) = patch_pixels(picture, path);
    let by_ink = recentred(path, &patch_ink(&pixels, layout.columns), &layout);
    let by_change = recentred(path, &change(&pixels, layout.columns), &layout);
    let refined = match (by_ink, by_change) {
        (Some(ink), Some(change)) if is_disturbed(&ink, &change) => change,
        (ink, change) => ink.or(change)?,
    };
    let cap = path.cap_at(path.length / 2.0);
    let near = |u: f32| (refined.at(u) - path.at(u)).norm() < 0.5 * cap;
    let alike = (0.7..1.4).contains(&(refined.cap_at(path.length / 2.0) / cap));
    (alike && near(0.0) && near(path.length / 2.0) && near(path.length)).then_some(refined)
}

/// Ink of each column, within the height of the capitals.
fn band(ink: &[f32], layout: &Layout) -> Vec<f32> {
    let (middle, half) = (layout.rows / 2, (PATCH_CAP * 0.55) as usize);
    (0..layout.columns)
        .map(|x| (middle - half..middle + half).map(|y| ink[y * layout.columns + x]).sum())
        .collect()
}

/// Where the text begins and ends, as character coordinates of the path.
fn ends(columns: &[f32], layout: &Layout, path: &LinePath) -> Option<(f32, f32)> {
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
            } else if end.is_some() {
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
    // At this level the running mean extends almost half a character beyond the ink.
    let (first, last) = (layout.u(first) + 0.4, layout.u(last) - 0.4);
    (last - first > 8.0).then_some((first, last))
}

/// How the ink of a line repeats.
struct Rhythm {
    /// The maximum normalised autocorrelation near the nominal pitch, 0 to 1.
    regularity: f32,
    /// Columns per repetition.
    pitch: f32,
}

impl Rhythm {
    fn of(columns: &[f32], first: f32, last: f32) -> Self {
        let nominal = PATCH_CAP * PITCH_PER_CAP;
        let from = (first.max(0.0)) as usize;
        let to = (last.max(0.0) as usize).min(columns.len());
        if to <= from + 40 {
            return Self { regularity: 0.0, pitch: nominal };
        }
        let slice = &columns[from..to];
        let mean = running_mean(slice, (2.0 * PATCH_CAP) as usize);
        let signal: Vec<f32> = slice.iter().zip(&mean).map(|(a, b)| a - b).collect();
        let energy: f32 = signal.iter().map(|v| v * v).sum();
        if energy <= 0.0 {
            return Self { regularity: 0.0, pitch: nominal };
        }
        let correlation = |lag: usize| {
            let sum: f32 =
                signal.iter().zip(&signal[lag.min(signal.len())..]).map(|(a, b)| a * b).sum();
            sum * signal.len() as f32 / ((signal.len() - lag).max(1) as f32 * energy)
        };
        let lags = (0.75 * PATCH_CAP) as usize..=(1.7 * PATCH_CAP) as usize;
        let best = lags
            .max_by(|&a, &b| correlation(a).total_cmp(&correlation(b)))
            .unwrap_or(nominal as usize);
        // The vertex of the parabola through the best lag and its neighbours.
        let (before, peak, after) =
            (correlation(best - 1), correlation(best), correlation(best + 1));
        let bend = before - 2.0 * peak + after;
        let shift =
            if bend < 0.0 { ((before - after) / (2.0 * bend)).clamp(-0.5, 0.5) } else { 0.0 };
        Self { regularity: peak.clamp(0.0, 1.0), pitch: best as f32 + shift }
    }
}

#[cfg(test)]
mod tests {
    use super::sort_columns;

    #[test]
    fn columns_are_sorted() {
        for (rows, columns) in [(28, 7), (1, 3), (2, 1), (17, 5), (32, 2)] {
            let patch: Vec<u8> = (0..rows * columns).map(|i| (i * 7919 % 251) as u8).collect();
            let mut sorted = patch.clone();
            sort_columns(&mut sorted, columns);
            for x in 0..columns {
                let column = |pixels: &[u8]| -> Vec<u8> {
                    pixels[x..].iter().step_by(columns).copied().collect()
                };
                let mut expected = column(&patch);
                expected.sort_unstable();
                assert_eq!(column(&sorted), expected, "{rows} x {columns}");
            }
        }
    }
}
