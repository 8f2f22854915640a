//! How well each glyph of a strip fits the character that it was read as.
//!
//! The network names a character where half of one is printed, and is often sure of it: half an O is a
//! C. So each glyph is compared with the mean glyph of that character (`glyphs.bin`, by
//! `mean_glyphs` in `crate::calibrate`), and its misfit with that of its line: blur, low resolution
//! and other fonts make all glyphs of a line fit worse, damage makes one.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "pixels of a strip and sums over a glyph"
)]

use crate::numeric::median;
use crate::rectify::PITCH;
use nibble_gray::Gray;
use nibble_mrz::{ALPHABET, FILLER};

/// Rows of the strips that the templates were made of.
const ROWS: usize = 24;
/// Rows that a template leaves out above and below.
const MARGIN: i32 = 2;
/// Cells of a template, of 2 x 2 pixels each.
const CELL_ROWS: usize = 10;
const CELL_COLUMNS: usize = 6;
const CELLS: usize = CELL_ROWS * CELL_COLUMNS;
/// Cells of all templates, 0 to 15, two in a byte.
static TEMPLATES: &[u8; ALPHABET.len() * CELLS / 2] = include_bytes!("glyphs.bin");
/// A glyph may lie so many pixels off its slot, to the right and down.
const SHIFT: [i32; 2] = [1, 1];
/// The same for glyphs that do not fit so: towards an end, a line may run off its strip.
const FAR_SHIFT: [i32; 2] = [2, 4];
/// Minimum number of characters that say how well glyphs of a line fit.
const MIN_CHARACTERS: usize = 6;
/// Minimum misfit that a line is taken to have: in clean renders all glyphs fit better than a sound
/// one need.
const MIN_TYPICAL: f32 = 0.03;
/// A misfit of so many times that of the line is common: nine of ten photographed documents have none
/// larger.
const COMMON: f32 = 3.0;
/// At this multiple nothing is left of the glyph's soundness that may be lost.
const DAMAGED: f32 = 6.0;
/// The share of its soundness that a glyph may lose.
const MAX_LOSS: f32 = 0.8;

/// Sums of the darkness of 2 x 2 pixels, at each place of a strip.
struct Cells {
    width: usize,
    sums: Vec<u16>,
}

impl Cells {
    fn of(strip: &Gray) -> Self {
        let width = strip.width();
        let mut sums = vec![0; width * strip.height()];
        for y in 0..strip.height().saturating_sub(1) {
            let (upper, lower) = (strip.row(y), strip.row(y + 1));
            let pairs = upper.windows(2).zip(lower.windows(2));
            for (sum, (a, b)) in sums[y * width..].iter_mut().zip(pairs) {
                *sum =
                    4 * 255 - u16::from(a[0]) - u16::from(a[1]) - u16::from(b[0]) - u16::from(b[1]);
            }
        }
        Self { width, sums }
    }

    /// The cells of a glyph whose upper left pixel is at `x`, `y`; those outside the strip are white.
    #[inline(never)]
    fn at(&self, x: i32, y: i32) -> [i32; CELLS] {
        let mut cells = [0; CELLS];
        for (row, cells) in cells.chunks_exact_mut(CELL_COLUMNS).enumerate() {
            let Ok(y) = usize::try_from(y + 2 * row as i32) else { continue };
            let line = self.sums.get(y * self.width..(y + 1) * self.width).unwrap_or_default();
            for (column, cell) in cells.iter_mut().enumerate() {
                let x = usize::try_from(x + 2 * column as i32);
                *cell = x.ok().and_then(|x| line.get(x)).map_or(0, |&sum| i32::from(sum));
            }
        }
        cells
    }
}

/// The column of a strip at which the cells of a slot begin.
fn column(left: f32, slot: usize) -> i32 {
    let middle = left + (slot as f32 + 0.5) * PITCH;
    middle.round() as i32 - CELL_COLUMNS as i32
}

/// The template of a symbol.
fn template(symbol: usize) -> [i32; CELLS] {
    let bytes = &TEMPLATES[symbol * CELLS / 2..(symbol + 1) * CELLS / 2];
    std::array::from_fn(|cell| i32::from(bytes[cell / 2] >> (4 * (cell % 2)) & 15))
}

/// The covariance of two glyphs, in units of 1 / [`CELLS`]^2. It is not inlined: copies of it would be
/// downloaded.
#[inline(never)]
fn covariance(a: &[i32; CELLS], b: &[i32; CELLS]) -> f32 {
    let sum = |values: &[i32; CELLS]| i64::from(values.iter().sum::<i32>());
    let product: i32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
    (CELLS as i64 * i64::from(product) - sum(a) * sum(b)) as f32
}

/// How sound the glyph of each slot is, as the symbol `read` in it: 1 if it fits as well as the others
/// of its line, down to 0.2 if it fits far worse. `left` is the column of the strip at which the first
/// slot begins. All are 1 in a strip of another height, or with too few characters to compare.
#[must_use]
pub(crate) fn soundness(strip: &Gray, left: f32, read: &[usize]) -> Vec<f32> {
    let is_printed = |slot: &usize| ALPHABET[read[*slot]] != FILLER;
    if strip.height() != ROWS || (0..read.len()).filter(is_printed).count() < MIN_CHARACTERS {
        return vec![1.0; read.len()];
    }
    let cells = Cells::of(strip);
    let misfit = |slot: usize, [right, down]: [i32; 2]| {
        let x = column(left, slot);
        let template = template(read[slot]);
        let variance = covariance(&template, &template);
        // The correlation coefficient, -1 to 1; 0 if the glyph is flat.
        let fit = |glyph: [i32; CELLS]| {
            let scale = (covariance(&glyph, &glyph) * variance).sqrt();
            if scale > 0.0 { covariance(&glyph, &template) / scale } else { 0.0 }
        };
        let all = (-down..=down).flat_map(|dy| (-right..=right).map(move |dx| (dx, dy)));
        let fits = all.map(|(dx, dy)| fit(cells.at(x + dx, MARGIN + dy)));
        1.0 - fits.fold(-1.0, f32::max)
    };
    let mut misfits: Vec<f32> = (0..read.len()).map(|slot| misfit(slot, SHIFT)).collect();
    let printed = (0..read.len()).filter(is_printed).map(|slot| misfits[slot]);
    let typical = median(printed).unwrap_or(0.0).max(MIN_TYPICAL);
    for (slot, fit) in misfits.iter_mut().enumerate() {
        if *fit > COMMON * typical {
            *fit = misfit(slot, FAR_SHIFT);
        }
    }
    let loss = |misfit: f32| ((misfit / typical - COMMON) / (DAMAGED - COMMON)).clamp(0.0, 1.0);
    let is_filler = |slot: usize| read.get(slot).is_none_or(|&symbol| ALPHABET[symbol] == FILLER);
    let sound = |slot: usize| {
        // Nothing else is to be expected in a row of fillers.
        let in_a_row = is_filler(slot) && is_filler(slot.wrapping_sub(1)) && is_filler(slot + 1);
        if in_a_row { 1.0 } else { 1.0 - MAX_LOSS * loss(misfits[slot]) }
    };
    (0..read.len()).map(sound).collect()
}

/// Means of glyphs whose characters are known, for [`TEMPLATES`].
#[cfg(test)]
pub(crate) struct Means {
    sums: Vec<[i64; CELLS]>,
}

#[cfg(test)]
impl Means {
    pub(crate) fn new() -> Self {
        Self { sums: vec![[0; CELLS]; ALPHABET.len()] }
    }

    /// Adds the glyphs of the slots for which `known` holds a symbol.
    pub(crate) fn add(&mut self, strip: &Gray, left: f32, known: &[Option<usize>]) {
        let cells = Cells::of(strip);
        for (slot, symbol) in known.iter().enumerate() {
            let Some(symbol) = *symbol else { continue };
            let glyph = cells.at(column(left, slot), MARGIN);
            for (sum, cell) in self.sums[symbol].iter_mut().zip(glyph) {
                *sum += i64::from(cell);
            }
        }
    }

    /// The bytes of [`TEMPLATES`]: the darkest cell of each glyph is 15.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let codes = self.sums.iter().flat_map(|sums| {
            let most = sums.iter().copied().max().unwrap_or(0).max(1);
            sums.iter().map(move |sum| ((15 * sum + most / 2) / most) as u8)
        });
        let codes: Vec<u8> = codes.collect();
        codes.chunks(2).map(|pair| pair[0] | pair[1] << 4).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nibble_mrz::symbol;

    const TEXT: &[u8] = b"L898902C36UTO7408122F";

    fn symbols() -> Vec<usize> {
        TEXT.iter().map(|&c| symbol(c).expect("in the alphabet")).collect()
    }

    /// A strip of templates, each slot as wide as it is nominally.
    fn strip(symbols: &[usize]) -> Vec<u8> {
        let width = symbols.len() * PITCH as usize;
        let mut pixels = vec![255; width * ROWS];
        for (slot, &symbol) in symbols.iter().enumerate() {
            for (cell, &dark) in template(symbol).iter().enumerate() {
                let (row, column) = (cell / CELL_COLUMNS, cell % CELL_COLUMNS);
                for (dy, dx) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                    let y = MARGIN as usize + 2 * row + dy;
                    let x = slot * PITCH as usize + 2 + 2 * column + dx;
                    pixels[y * width + x] = 255 - (17 * dark) as u8;
                }
            }
        }
        pixels
    }

    fn gray(pixels: Vec<u8>) -> Gray {
        Gray::new(pixels.len() / ROWS, ROWS, pixels).expect("rows of one width")
    }

    #[test]
    fn glyphs_that_fit_are_sound() {
        let symbols = symbols();
        let sound = soundness(&gray(strip(&symbols)), 0.0, &symbols);
        assert!(sound.iter().all(|&sound| sound == 1.0), "{sound:?}");
    }

    #[test]
    fn half_a_glyph_and_another_character_are_not() {
        let symbols = symbols();
        let mut pixels = strip(&symbols);
        let width = pixels.len() / ROWS;
        // Slot 2 loses its right half.
        for row in pixels.chunks_exact_mut(width) {
            row[2 * PITCH as usize + 7..3 * PITCH as usize].fill(255);
        }
        // Slot 7 holds a C and was read as an O.
        let mut read = symbols.clone();
        read[7] = symbol(b'X').expect("in the alphabet");
        let sound = soundness(&gray(pixels), 0.0, &read);
        let spoilt: Vec<usize> = (0..read.len()).filter(|&slot| sound[slot] < 0.8).collect();
        assert_eq!(spoilt, [2, 7], "{sound:?}");
    }

    #[test]
    fn a_few_characters_and_other_heights_say_nothing() {
        let symbols = symbols();
        let mut read = symbols.clone();
        read.rotate_left(1);
        assert!(soundness(&gray(strip(&symbols[..5])), 0.0, &read[..5]).iter().all(|&s| s == 1.0));
        let flat = Gray::new(60, 32, vec![255; 60 * 32]).expect("a strip");
        assert!(soundness(&flat, 0.0, &symbols[..3]).iter().all(|&sound| sound == 1.0));
    }

    #[test]
    fn slots_outside_the_strip_are_white() {
        let symbols = symbols();
        let sound = soundness(&gray(strip(&symbols)), 1e4, &symbols);
        assert_eq!(sound.len(), symbols.len());
        let sound = soundness(&gray(strip(&symbols)), -1e4, &symbols);
        assert_eq!(sound.len(), symbols.len());
    }
}
