//! How well each glyph of a strip fits the character that it was read as.
//!
//! The network names a character where half of one is printed, and is often sure of it: half an O is a
//! C. So each glyph is compared with the mean glyph of that character (`glyphs.bin`, by
//! `mean_glyphs` in `crate::calibrate`), and its misfit with that of its line: blur, low resolution
//! and other fonts make all glyphs of a line fit worse, damage makes one.
//!
//! It is also compared with the mean glyphs of characters that look alike. The network takes a letter
//! between digits for a digit; this comparison knows nothing of neighbours.
//!
//! A stroke of a pen or a scratch may turn a character into another one that looks undamaged. It
//! seldom ends at the character's edge, so it is looked for in the gaps between characters.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "pixels of a strip and sums over a glyph"
)]

use crate::decode::references::Leads;
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
/// Rows of a strip in which capitals stand.
const CAP_ROWS: std::ops::Range<usize> = 4..19;
/// The gap between two glyphs is within this many columns of the border of their slots.
const GAP_REACH: i32 = 2;
/// A gap whose crossing is clearer than the median of its line by more than this is crossed by a
/// stroke. In damaged renders (`tests/renders.py`, zeros, seed 801), where three pictures in ten have
/// strokes, this holds for 1.3 % of the gaps; in renders without damage (screen, seed 802), for none.
const MIN_STRIKE: f32 = 0.3;
/// Maximum soundness of a glyph beside such a gap, however well it fits: a stroke turns an S into
/// an 8. At this soundness, no log odds reach those that a valid text needs.
const MAX_SOUND_OF_STRUCK: f32 = 0.55;
/// The share of its soundness that a glyph may lose.
const MAX_LOSS: f32 = 0.8;

/// Characters that are taken for one another.
const ALIKE: [(u8, u8); 20] = [
    (b'0', b'O'),
    (b'0', b'Q'),
    (b'0', b'D'),
    (b'0', b'U'),
    (b'0', b'G'),
    (b'0', b'C'),
    (b'1', b'I'),
    (b'1', b'L'),
    (b'2', b'Z'),
    (b'5', b'S'),
    (b'6', b'G'),
    (b'8', b'B'),
    (b'8', b'S'),
    (b'7', b'Z'),
    (b'E', b'F'),
    (b'I', b'T'),
    (b'T', b'Y'),
    (b'O', b'D'),
    (b'O', b'Q'),
    (b'C', b'G'),
];
/// A glyph whose correlation with its own template exceeds that with a lookalike's by less than this
/// may be the lookalike. Of glyphs read right, one in ten has less; of those read wrong, nine in ten.
const MIN_LEAD: f32 = 0.05;
/// Log odds that the lookalike gains per unit of lead that is missing. A clear lead does not count
/// against it: glyphs of one picture err together, and two clear leads let wrong texts pass.
const GAIN: f32 = 60.0;
/// Maximum of that gain.
const MAX_GAIN: f32 = 4.0;

/// How a glyph fits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fit {
    /// How sound it is: 1 if it fits as well as the others of its line, down to 0.2 if it fits far
    /// worse.
    pub sound: f32,
    /// The lookalikes that it fits nearly as well or better, and the log odds that each gains.
    pub gains: Vec<(usize, f32)>,
    /// By how much it fits the character read better than lookalikes.
    pub leads: Leads,
}

impl Fit {
    fn sound() -> Self {
        Self { sound: 1.0, gains: Vec::new(), leads: Leads::default() }
    }
}

/// The symbols that look like one.
fn lookalikes(symbol: usize) -> impl Iterator<Item = usize> {
    let character = ALPHABET[symbol];
    let other = move |&(a, b): &(u8, u8)| match character {
        _ if character == a => nibble_mrz::symbol(b),
        _ if character == b => nibble_mrz::symbol(a),
        _ => None,
    };
    ALIKE.iter().filter_map(other)
}

/// A glyph at the places where it may lie, each with its variance.
struct Glyph {
    places: Vec<([i32; CELLS], f32)>,
}

impl Glyph {
    /// The glyph whose upper left pixel is at column `x`, give or take a shift to the right and down.
    fn of(cells: &Cells, x: i32, [right, down]: [i32; 2]) -> Self {
        let all = (-down..=down).flat_map(|dy| (-right..=right).map(move |dx| (dx, dy)));
        let at = |(dx, dy)| {
            let glyph = cells.at(x + dx, MARGIN + dy);
            (glyph, covariance(&glyph, &glyph))
        };
        Self { places: all.map(at).collect() }
    }

    /// The best correlation coefficient with a symbol's template, -1 to 1; 0 if the glyph is flat.
    fn fit(&self, symbol: usize) -> f32 {
        let template = template(symbol);
        let variance = covariance(&template, &template);
        let fit = |(glyph, own): &([i32; CELLS], f32)| {
            let scale = (own * variance).sqrt();
            if scale > 0.0 { covariance(glyph, &template) / scale } else { 0.0 }
        };
        self.places.iter().map(fit).fold(-1.0, f32::max)
    }
}

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

/// How clearly a stroke crosses the gap before each slot, and behind the last, 0 to 1: by how much the
/// darkest place of a column, from the top of the capitals to their bottom, is darker than the column's
/// median; the least of the columns near the border. Shade darkens whole columns, as do glyphs that
/// touch; a stroke that crosses the gap darkens a place in each.
fn crossings(cells: &Cells, left: f32, slots: usize) -> Vec<f32> {
    let crossing = |x: i32| {
        let x = usize::try_from(x).ok().filter(|&x| x < cells.width)?;
        let mut column: [u16; CAP_ROWS.end - CAP_ROWS.start] = std::array::from_fn(|row| {
            cells.sums.get((CAP_ROWS.start + row) * cells.width + x).copied().unwrap_or(0)
        });
        column.sort_unstable();
        Some(column[column.len() - 1] - column[column.len() / 2])
    };
    let gap = |slot: usize| {
        // Cells are two pixels wide.
        let middle = (left + slot as f32 * PITCH).round() as i32 - 1;
        let least = (middle - GAP_REACH..=middle + GAP_REACH).filter_map(crossing).min();
        f32::from(least.unwrap_or(0)) / (4.0 * 255.0)
    };
    (0..=slots).map(gap).collect()
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

/// How the glyph of each slot fits the symbol `read` in it. `left` is the column of the strip at which
/// the first slot begins. All are sound in a strip of another height, or with too few characters to
/// compare.
#[must_use]
pub(crate) fn fits(strip: &Gray, left: f32, read: &[usize]) -> Vec<Fit> {
    let is_filler = |slot: usize| read.get(slot).is_none_or(|&symbol| ALPHABET[symbol] == FILLER);
    let printed = (0..read.len()).filter(|&slot| !is_filler(slot));
    if strip.height() != ROWS || printed.clone().count() < MIN_CHARACTERS {
        return vec![Fit::sound(); read.len()];
    }
    let cells = Cells::of(strip);
    let gaps = crossings(&cells, left, read.len());
    let crossed = median(gaps.iter().copied()).unwrap_or(0.0) + MIN_STRIKE;
    let is_struck = |slot: usize| gaps[slot].max(gaps[slot + 1]) > crossed;
    let glyphs: Vec<Glyph> =
        (0..read.len()).map(|slot| Glyph::of(&cells, column(left, slot), SHIFT)).collect();
    let own: Vec<f32> = glyphs.iter().zip(read).map(|(glyph, &read)| glyph.fit(read)).collect();
    let typical = median(printed.map(|slot| 1.0 - own[slot])).unwrap_or(0.0).max(MIN_TYPICAL);
    let fit = |slot: usize| {
        // Nothing else is to be expected in a row of fillers.
        if is_filler(slot) && is_filler(slot.wrapping_sub(1)) && is_filler(slot + 1) {
            return Fit::sound();
        }
        let mut misfit = 1.0 - own[slot];
        if misfit > COMMON * typical {
            let far = Glyph::of(&cells, column(left, slot), FAR_SHIFT);
            misfit = 1.0 - far.fit(read[slot]);
        }
        let loss = ((misfit / typical - COMMON) / (DAMAGED - COMMON)).clamp(0.0, 1.0);
        let lead = |other| (other, own[slot] - glyphs[slot].fit(other));
        let over: Vec<(usize, f32)> = lookalikes(read[slot]).map(lead).collect();
        let gain =
            |&(other, lead): &(usize, f32)| (other, (GAIN * (MIN_LEAD - lead)).min(MAX_GAIN));
        let gains = over.iter().map(gain).filter(|&(_, gain)| gain > 0.0).collect();
        let leads = Leads { read: read[slot], over };
        let most = if is_struck(slot) { MAX_SOUND_OF_STRUCK } else { 1.0 };
        Fit { sound: (1.0 - MAX_LOSS * loss).min(most), gains, leads }
    };
    (0..read.len()).map(fit).collect()
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

    fn sound_of(strip: &Gray, left: f32, read: &[usize]) -> Vec<f32> {
        fits(strip, left, read).iter().map(|fit| fit.sound).collect()
    }

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
        let sound = sound_of(&gray(strip(&symbols)), 0.0, &symbols);
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
        let sound = sound_of(&gray(pixels), 0.0, &read);
        let spoilt: Vec<usize> = (0..read.len()).filter(|&slot| sound[slot] < 0.8).collect();
        assert_eq!(spoilt, [2, 7], "{sound:?}");
    }

    #[test]
    fn a_letter_read_as_the_digit_that_it_looks_like_gains() {
        let symbols = symbols();
        let of = |c: u8| symbol(c).expect("in the alphabet");
        // Slot 6 holds an O and was read as a zero, and slot 17 holds a zero.
        let mut printed = symbols.clone();
        printed[6] = of(b'O');
        printed[17] = of(b'0');
        let mut read = printed.clone();
        read[6] = of(b'0');
        let fits = fits(&gray(strip(&printed)), 0.0, &read);
        let gained = |slot: usize| fits[slot].gains.iter().find(|(other, _)| *other == of(b'O'));
        assert!(gained(6).is_some_and(|&(_, gain)| gain > 3.0), "{:?}", fits[6]);
        assert_eq!(gained(17), None);
    }

    #[test]
    fn a_stroke_across_a_gap_makes_its_neighbours_doubtful() {
        let symbols = symbols();
        let mut pixels = strip(&symbols);
        let width = pixels.len() / ROWS;
        let border = 7 * PITCH as usize;
        // A stroke of two pixels' width that slants from slot 6 into slot 7.
        for x in border - 4..border + 5 {
            let y = 8 + (x + 4 - border) / 2;
            pixels[y * width + x] = 0;
            pixels[(y + 1) * width + x] = 0;
        }
        let sound = sound_of(&gray(pixels), 0.0, &symbols);
        let doubtful: Vec<usize> = (0..symbols.len()).filter(|&slot| sound[slot] < 0.6).collect();
        assert_eq!(doubtful, [6, 7], "{sound:?}");
    }

    #[test]
    fn a_few_characters_and_other_heights_say_nothing() {
        let symbols = symbols();
        let mut read = symbols.clone();
        read.rotate_left(1);
        assert!(sound_of(&gray(strip(&symbols[..5])), 0.0, &read[..5]).iter().all(|&s| s == 1.0));
        let flat = Gray::new(60, 32, vec![255; 60 * 32]).expect("a strip");
        assert!(sound_of(&flat, 0.0, &symbols[..3]).iter().all(|&sound| sound == 1.0));
    }

    #[test]
    fn slots_outside_the_strip_are_white() {
        let symbols = symbols();
        let sound = sound_of(&gray(strip(&symbols)), 1e4, &symbols);
        assert_eq!(sound.len(), symbols.len());
        let sound = sound_of(&gray(strip(&symbols)), -1e4, &symbols);
        assert_eq!(sound.len(), symbols.len());
    }
}
