//! Windows of a map, with hostile sizes: the check that lets kernels read by pointer.

use nibble_core::products::WindowProduct;

use crate::bytes::Bytes;

/// The largest map.
const MAX_LENGTH: usize = 300;
/// Numbers whose products and sums wrap around.
const HOSTILE: [usize; 10] = [
    0,
    1,
    1 << 16,
    1 << 31,
    usize::MAX,
    usize::MAX - 1,
    usize::MAX / 2,
    usize::MAX / 2 + 1,
    usize::MAX / 3 + 1,
    1 << (usize::BITS / 2),
];

/// Makes windows of any sizes, and checks that the library accepts those that lie inside their map,
/// and no others.
///
/// # Panics
/// If that is not so.
pub fn windows(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let length = bytes.below(MAX_LENGTH);
    let sizes = [number(&mut bytes, 6), number(&mut bytes, 40), number(&mut bytes, 70)];
    let count = bytes.below(8);
    let starts: Vec<usize> = (0..count).map(|_| number(&mut bytes, length + 2)).collect();
    let pattern = bytes.rest();
    let map: Box<[u8]> = (0..length)
        .map(|at| pattern.get(at % pattern.len().max(1)).copied().unwrap_or(1))
        .collect();
    let product =
        WindowProduct { map: &map, starts: &starts, sizes, weights: &[], columns: 0, depth: 0 };
    assert!(product.windows_are_right(), "{starts:?} {sizes:?} of {length}");
}

/// A number below `usual`, or now and then a hostile one, or one near it.
fn number(bytes: &mut Bytes<'_>, usual: usize) -> usize {
    match bytes.byte() {
        0..224 => bytes.below(usual.max(1)),
        224..240 => bytes.one_of(&HOSTILE),
        240..248 => bytes.one_of(&HOSTILE).wrapping_sub(bytes.below(64)),
        _ => bytes.one_of(&HOSTILE).wrapping_add(bytes.below(64)),
    }
}
