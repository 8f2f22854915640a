//! From a line's path to the strip that the network reads: the picture is resampled once, then the
//! contrast is stretched.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "strips have at most a few thousand columns"
)]

use crate::geometry::Point;
use crate::path::{Layout, LinePath};
use crate::pyramid::Pyramid;
use nibble_gray::Gray;

/// Columns per character in a strip (`docs/model-file.md`).
pub(crate) const PITCH: f32 = 15.0;
/// Height of a capital in a strip of 24 rows.
const CAP: f32 = 15.0;
/// Percentile of the grays that becomes black.
const BLACK_SHARE: usize = 2;
/// Percentile of the grays that becomes white.
const WHITE_SHARE: usize = 95;
/// Minimum difference of the two percentiles: a strip with less contrast holds no text.
const MIN_CONTRAST: usize = 16;
/// Maximum columns of a strip: a line of about 110 characters.
const MAX_COLUMNS: usize = 1800;

/// A strip, and the map between its columns and the characters of the path.
#[derive(Debug, Clone)]
pub(crate) struct Rectified {
    /// The strip.
    pub strip: Gray,
    layout: Layout,
    stride: usize,
}

impl Rectified {
    /// The path's character coordinate of a column of logits; 0.5 is the middle of the first
    /// column.
    #[must_use]
    pub(crate) fn u(&self, column: f32) -> f32 {
        (column * self.stride as f32 - self.layout.margin) / self.layout.pitch
    }

    /// The column of logits of a character coordinate: the inverse of [`Rectified::u`].
    #[must_use]
    pub(crate) fn column(&self, u: f32) -> f32 {
        self.layout.column(u) / self.stride as f32
    }

    /// Columns of logits per character.
    #[must_use]
    pub(crate) fn pitch(&self) -> f32 {
        self.layout.pitch / self.stride as f32
    }
}

/// Samples a line and `margin` characters beyond each end. The strip has `rows` rows, and its
/// columns are a multiple of `stride`. `None` if the line is empty or too long for a strip.
#[must_use]
pub(crate) fn rectify(
    picture: &Pyramid,
    path: &LinePath,
    margin: f32,
    rows: usize,
    stride: usize,
) -> Option<Rectified> {
    let columns = ((path.length + 2.0 * margin) * PITCH) as usize;
    // Checked first: rounding up could overflow.
    if !(1..=MAX_COLUMNS).contains(&columns) {
        return None;
    }
    let columns = columns.next_multiple_of(stride);
    let layout = Layout {
        rows,
        columns,
        pitch: PITCH,
        cap: CAP * rows as f32 / 24.0,
        margin: margin * PITCH,
    };
    let mut pixels = picture.sample(path, &layout);
    stretch(&mut pixels);
    Some(Rectified { strip: Gray::new(columns, rows, pixels)?, layout, stride })
}

/// The strip of a line of `characters` characters, as row-major gray bytes. It has `rows` rows, and
/// its columns are a multiple of `stride`. `quad` holds the line's corners in picture pixels, as in
/// `Reading::quads`; `margin` is the number of characters added on each side.
///
/// `None` if the line is empty or too long for a strip.
#[must_use]
pub fn strip_of_quad(
    gray: &Gray,
    quad: [Point; 4],
    characters: f32,
    margin: f32,
    [rows, stride]: [usize; 2],
) -> Option<Vec<u8>> {
    let path = LinePath::within(quad, characters);
    let rectified = rectify(&Pyramid::of(gray), &path, margin, rows, stride)?;
    Some(rectified.strip.pixels().to_vec())
}

/// Maps the 2nd and 95th percentiles to 0 and 255 in integer arithmetic, as the training does.
fn stretch(pixels: &mut [u8]) {
    let mut counts = [0usize; 256];
    for &pixel in pixels.iter() {
        counts[usize::from(pixel)] += 1;
    }
    let percentile = |share: usize| {
        let mut sum = 0;
        counts.iter().position(|count| {
            sum += count;
            sum * 100 >= pixels.len() * share
        })
    };
    let low = percentile(BLACK_SHARE).unwrap_or(0);
    let high = percentile(WHITE_SHARE).unwrap_or(255).max(low + MIN_CONTRAST);
    let table: Vec<u8> = (0..256usize)
        .map(|gray| (gray.saturating_sub(low) * 255 / (high - low)).min(255) as u8)
        .collect();
    for pixel in pixels {
        *pixel = table[usize::from(*pixel)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strip_spans_the_full_range_and_knows_its_columns() {
        let pixels = (0..60 * 400).map(|i| if (i / 7) % 3 == 0 { 90 } else { 160 }).collect();
        let gray = Gray::new(400, 60, pixels).expect("sizes agree");
        let path = LinePath::straight(Point::new(20.0, 30.0), Point::new(380.0, 30.0), 12.0, 30.0);
        let rectified = rectify(&Pyramid::of(&gray), &path, 1.0, 24, 4).expect("a line of 30");
        assert_eq!(rectified.strip.width() % 4, 0);
        assert_eq!(rectified.strip.pixels().iter().min(), Some(&0));
        assert_eq!(rectified.strip.pixels().iter().max(), Some(&255));
        assert!((rectified.u(rectified.column(7.25)) - 7.25).abs() < 1e-4);
        let long = LinePath { length: 500.0, ..path };
        assert!(rectify(&Pyramid::of(&gray), &long, 1.0, 24, 4).is_none());
    }

    #[test]
    fn a_flat_strip_stays_flat() {
        let mut pixels = vec![80; 100];
        stretch(&mut pixels);
        assert!(pixels.iter().all(|&p| p == pixels[0]));
    }
}
