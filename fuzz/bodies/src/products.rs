//! Products and windows of any shape, with extreme operands, on every kernel.

use nibble_core::products::{Compared, WindowProduct, requantisation_is_equal};

use crate::bytes::Bytes;

/// Codes and weights at the ends of their ranges, and within.
const CODES: [u8; 8] = [0, 15, 255, 127, 1, 14, 128, 7];
const WEIGHTS: [i8; 8] = [-127, 127, -7, 7, 0, 1, -1, 64];
/// Sizes that overflow where they are multiplied or added without care.
const HUGE: [usize; 4] = [usize::MAX, usize::MAX / 2, usize::MAX / 4 + 1, 1 << 31];

/// Multiplies windows that the input describes, and compares each kernel with the naive product; then
/// requantises sums, and compares the vectors with the definition.
///
/// # Panics
/// If a kernel differs, or if windows that lie inside their map are refused.
pub fn products(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    if bytes.byte().is_multiple_of(4) {
        requantise(&mut bytes);
    } else {
        multiply(&mut bytes);
    }
}

fn multiply(bytes: &mut Bytes<'_>) {
    let stretches = bytes.below(6) + 1;
    // Small shapes reach the same edges as large ones, and take a hundredth of the time.
    let limit = bytes.one_of(&[3, 4, 9, 9, 17, 17, 20, 33, 33, 40, 40, 70, 70, 70, 70, 330]);
    let mut stretch_len = bytes.below(limit) + 1;
    let short = bytes.one_of(&[0, 0, 0, 1, 2, 15]);
    let mut pitch = stretch_len + bytes.one_of(&[0, 1, 7, 40]);
    let windows = bytes.below(20);
    let columns = bytes.below(40);
    let depth = (stretches * stretch_len).saturating_sub(short).max(1);
    let reach = (stretches - 1) * pitch + stretch_len;
    let room = bytes.below(64);
    // The map ends where the last window does: a byte more is read out of bounds.
    let length = reach + room;
    let mut starts: Vec<usize> = (0..windows).map(|_| bytes.below(room + 1)).collect();
    starts.push(room);
    let mut hostile = false;
    if bytes.below(16) == 0 {
        hostile = true;
        match bytes.below(4) {
            0 => starts.push(room + 1),
            1 => starts.push(bytes.one_of(&HUGE)),
            2 => pitch = bytes.one_of(&HUGE),
            _ => stretch_len = bytes.one_of(&HUGE),
        }
    }
    let extreme = bytes.below(2) == 0;
    let pattern = match bytes.rest() {
        [] => &[1],
        rest => rest,
    };
    let at = |index: usize| pattern[index % pattern.len()];
    let code = |index: usize| {
        if extreme { CODES[usize::from(at(index) & 7)] } else { at(index) }
    };
    let weight = |index: usize| {
        let byte = at(index * 3 + 1);
        // The largest magnitudes are those of the format.
        if extreme { WEIGHTS[usize::from(byte & 7)] } else { byte.cast_signed().max(-127) }
    };
    let map: Box<[u8]> = (0..length).map(code).collect();
    let weights: Box<[i8]> = (0..columns * depth).map(weight).collect();
    let product = WindowProduct {
        map: &map,
        starts: &starts,
        sizes: [stretches, stretch_len, pitch],
        weights: &weights,
        columns,
        depth,
    };
    match product.compare() {
        Compared::Different(kernel) => panic!("{kernel} differs: {product:?}"),
        Compared::Refused => assert!(hostile || short > 0, "refused: {product:?}"),
        Compared::Equal(kernels) => assert!(kernels >= 3, "{kernels} kernels"),
    }
}

fn requantise(bytes: &mut Bytes<'_>) {
    let channels = bytes.below(40) + 1;
    let pixels = bytes.below(6);
    let stride = channels + bytes.below(9);
    let largest = bytes.one_of(&[15, 255]);
    let zero = if bytes.below(4) == 0 { bytes.byte() } else { 0 };
    let bias = bytes.long().cast_signed();
    let scales: Vec<f32> = (0..channels)
        .map(|_| match bytes.below(3) {
            0 => bytes.one_of(&[f32::MIN_POSITIVE, f32::MAX, 1.0, 1e-3, 1e-10, 0.5]),
            // Any exponent.
            1 => f32::from_bits((bytes.long() & 0x7fff_ffff).max(1)),
            _ => f32::from(bytes.word()) / 65536.0,
        })
        .collect();
    let length = pixels.saturating_sub(1) * stride + channels;
    let sums: Box<[i32]> = (0..length)
        .map(|_| match bytes.below(4) {
            0 => bytes.one_of(&[i32::MIN, i32::MAX, 0, -1, 1, 1 << 24, (1 << 24) + 1]),
            1 => bytes.long().cast_signed(),
            _ => i32::from(bytes.word()) - 20_000,
        })
        .collect();
    assert!(
        requantisation_is_equal(&sums, [pixels, stride], &scales, bias, [zero, largest]),
        "{sums:?} {scales:?} {bias} {zero} {largest}"
    );
}
