//! Straightens the document around a zone, in a WebAssembly module that is loaded for that alone.
//!
//! The module imports nothing and exports plain functions, like those of `wasm/picture`. One picture
//! at a time: [`sheet_reserve`] gives the place for its gray pixels and [`sheet_take`] takes them;
//! [`sheet_numbers`] gives the place for the corners of the zone's lines, [`sheet_place`] finds the
//! document, and [`sheet_cut`] cuts a part out. `wasm/npm/src/straighten.ts` calls them.

use std::cell::RefCell;

use nibble_gray::Gray;
use nibble_gray::sheet::{Placed, Point, SHEETS, Sheet};

/// Numbers for the corners of three lines.
const NUMBERS: usize = 24;

struct Held {
    bytes: Vec<u8>,
    picture: Option<Gray>,
    numbers: [f64; NUMBERS],
    placed: Option<(&'static Sheet, Placed)>,
    cut: Option<Gray>,
}

thread_local! {
    static HELD: RefCell<Held> =
        const { RefCell::new(Held::EMPTY) };
}

impl Held {
    const EMPTY: Self =
        Self { bytes: Vec::new(), picture: None, numbers: [0.0; NUMBERS], placed: None, cut: None };
}

/// Makes room for `length` gray pixels and returns their address; null if there is not enough
/// memory. What was held before is freed.
#[unsafe(no_mangle)]
pub extern "C" fn sheet_reserve(length: usize) -> *mut u8 {
    HELD.with_borrow_mut(|held| {
        *held = Held::EMPTY;
        if held.bytes.try_reserve_exact(length).is_err() {
            return std::ptr::null_mut();
        }
        held.bytes.resize(length, 0);
        held.bytes.as_mut_ptr()
    })
}

/// Takes the pixels as a picture of this width, row by row. Returns whether there is a picture now.
#[unsafe(no_mangle)]
pub extern "C" fn sheet_take(width: usize) -> bool {
    HELD.with_borrow_mut(|held| {
        let height = held.bytes.len().checked_div(width).unwrap_or(0);
        held.picture =
            Gray::new(width, height, std::mem::take(&mut held.bytes)).filter(|_| height > 0);
        held.picture.is_some()
    })
}

/// The address of 24 numbers. Before [`sheet_place`]: `x` and `y` in pixels of the corners of up to
/// three lines, clockwise from the top left. After [`sheet_cut`]: the corners of the part in the
/// picture, and the share of it that lies outside.
#[unsafe(no_mangle)]
pub extern "C" fn sheet_numbers() -> *mut f64 {
    HELD.with_borrow_mut(|held| held.numbers.as_mut_ptr())
}

/// Finds the document whose zone has these lines; `format` is an index into [`SHEETS`]. Returns
/// whether it was found.
#[unsafe(no_mangle)]
pub extern "C" fn sheet_place(format: usize, lines: usize) -> bool {
    HELD.with_borrow_mut(|held| {
        let points = held.numbers.as_chunks::<2>().0;
        let lines: Vec<[Point; 4]> =
            points.as_chunks::<4>().0.iter().take(lines).copied().collect();
        held.placed = SHEETS.get(format).and_then(|sheet| Some((sheet, sheet.place(&lines)?)));
        held.placed.is_some()
    })
}

/// Cuts the whole document out of the picture, or its portrait. Returns the width in pixels; 0 if
/// there is no picture, no document, or no place for a portrait.
#[unsafe(no_mangle)]
pub extern "C" fn sheet_cut(portrait: bool) -> usize {
    HELD.with_borrow_mut(|held| {
        held.cut = None;
        let Some((sheet, placed)) = held.placed else { return 0 };
        let area = if portrait { sheet.portrait } else { Some(sheet.whole()) };
        let cut = area
            .and_then(|area| Some((placed.quad(area), placed.cut(held.picture.as_ref()?, area)?)));
        let Some((quad, cut)) = cut else { return 0 };
        let told = quad.into_iter().flatten().chain([cut.outside]);
        held.numbers.iter_mut().zip(told).for_each(|(number, value)| *number = value);
        let width = cut.picture.width();
        held.cut = Some(cut.picture);
        width
    })
}

/// The address of the gray bytes of the part that was cut out, row by row.
#[unsafe(no_mangle)]
pub extern "C" fn sheet_address() -> *const u8 {
    HELD.with_borrow(|held| held.cut.as_ref().map_or(std::ptr::null(), |cut| cut.pixels().as_ptr()))
}

/// The number of bytes at [`sheet_address`].
#[unsafe(no_mangle)]
pub extern "C" fn sheet_length() -> usize {
    HELD.with_borrow(|held| held.cut.as_ref().map_or(0, |cut| cut.pixels().len()))
}

/// Frees everything.
#[unsafe(no_mangle)]
pub extern "C" fn sheet_free() {
    HELD.set(Held::EMPTY);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The corners of the two lines of a passport's page that lies level, five pixels a millimetre.
    const LINES: [f64; 16] = [
        30.0, 353.0, 588.8, 353.0, 588.8, 369.5, 30.0, 369.5, 30.0, 384.8, 588.8, 384.8, 588.8,
        401.2, 30.0, 401.2,
    ];

    /// Hands a picture over as JavaScript does.
    fn show() {
        assert!(!sheet_reserve(700 * 440).is_null());
        HELD.with_borrow_mut(|held| held.bytes.fill(77));
        assert!(sheet_take(700));
    }

    fn place(format: usize, lines: usize) -> bool {
        HELD.with_borrow_mut(|held| held.numbers[..16].copy_from_slice(&LINES));
        sheet_place(format, lines)
    }

    #[test]
    fn a_document_and_its_portrait_are_cut_out() {
        assert!(place(2, 2));
        assert_eq!(sheet_cut(false), 0, "there is no picture");
        show();
        assert_eq!(sheet_cut(false), 0, "there is no document");
        assert!(place(2, 2));
        assert!(sheet_cut(false).abs_diff(625) < 2);
        assert_eq!(sheet_length() / sheet_cut(false), 440);
        let corner = HELD.with_borrow(|held| (held.numbers[4], held.numbers[5], held.numbers[8]));
        assert!(
            (corner.0 - 625.0).abs() < 1.0 && (corner.1 - 440.0).abs() < 1.0 && corner.2 < 0.01
        );
        assert!(sheet_cut(true).abs_diff(185) < 2);
        assert!(!sheet_address().is_null());
        sheet_free();
        assert!(sheet_address().is_null() && sheet_length() == 0 && sheet_cut(true) == 0);
    }

    #[test]
    fn pixels_must_be_rows() {
        for (width, length) in [(4, 6), (0, 6), (0, 0), (7, 0)] {
            assert!(!sheet_reserve(length).is_null());
            assert!(!sheet_take(width), "{width} {length}");
        }
        assert!(sheet_reserve(usize::MAX).is_null());
    }

    #[test]
    fn what_has_no_place_is_not_cut_out() {
        assert!(!place(2, 1) && !place(2, 3) && !place(usize::MAX, 2));
        assert_eq!(sheet_cut(false), 0);
        // Visas have no place for a portrait.
        show();
        assert!(place(3, 2));
        assert!(sheet_cut(false) > 0 && sheet_cut(true) == 0);
    }
}
