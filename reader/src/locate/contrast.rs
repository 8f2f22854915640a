//! Local contrast: what the locator's network reads. 16 codes, of which 8 is the mean of the
//! surroundings: faint print and strong print look alike.
//!
//! A picture is cut into blocks of 8 x 8 pixels. The mean and the deviation of each block are
//! averaged over 3 x 3 blocks, and interpolated between the middles of the blocks. A pixel's code
//! is 8, plus 7 for 2.25 deviations and 3 gray levels more than the mean. All in integers, as in
//! `train/nibble_train/locator/normalise.py`; a golden vector compares both.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "each value's range is stated where it is computed"
)]

use nibble_gray::Gray;

/// Pixels of a block.
const BLOCK: usize = 8;
/// Gray levels added to a deviation, so that the noise of a flat picture stays faint.
const FLOOR: u32 = 3;
/// The gain is `GAIN / (576 * deviation + 576 * FLOOR)`, in codes per gray level times 2^14:
/// 7 / 2.25 * 2^14 * 576, rounded.
const GAIN: u32 = 29_360_128;
/// Shares of the blocks to the left and to the right, in 16ths, for the pixels of a block.
const LEFT: [i32; BLOCK] = [7, 5, 3, 1, 0, 0, 0, 0];
const RIGHT: [i32; BLOCK] = [0, 0, 0, 0, 1, 3, 5, 7];
/// The gray value of the network's input that means one code.
const CODE: u8 = 17;

/// A picture as the network reads it: codes times 17, and sides that are multiples of 8. What was
/// added at the right and at the bottom has code 0.
pub(super) struct Contrast {
    pub(super) width: usize,
    pub(super) pixels: Vec<u8>,
}

/// A value for each block, with the blocks at the border repeated once on every side.
struct Grid {
    stride: usize,
    values: Vec<u32>,
}

impl Grid {
    /// `values` in rows of `width`.
    fn of(values: &[u32], width: usize) -> Self {
        let stride = width + 2;
        let mut framed = Vec::with_capacity((values.len() / width + 2) * stride);
        let mut push = |row: &[u32]| {
            framed.push(row[0]);
            framed.extend_from_slice(row);
            framed.push(row[width - 1]);
        };
        let rows = values.chunks_exact(width);
        rows.clone().take(1).for_each(&mut push);
        rows.clone().for_each(&mut push);
        rows.last().into_iter().for_each(&mut push);
        Self { stride, values: framed }
    }

    /// The sums over 3 x 3 blocks.
    fn sums(&self) -> Vec<u32> {
        let across = |at: usize| self.values[at] + self.values[at + 1] + self.values[at + 2];
        let places = (0..self.values.len() / self.stride - 2)
            .flat_map(|y| (0..self.stride - 2).map(move |x| y * self.stride + x));
        places
            .map(|at| across(at) + across(at + self.stride) + across(at + 2 * self.stride))
            .collect()
    }

    /// 16 times the values on row `y` of pixels, for each block and the repeated ones.
    fn woven(&self, y: usize) -> impl Iterator<Item = i32> {
        let (middle, within) = ((y / BLOCK + 1) * self.stride, y % BLOCK);
        let row = |start: usize| self.values[start..start + self.stride].iter().map(|&v| v as i32);
        let (above, below) = (row(middle - self.stride), row(middle + self.stride));
        row(middle).zip(above).zip(below).map(move |((value, above), below)| {
            16 * value + (above - value) * LEFT[within] + (below - value) * RIGHT[within]
        })
    }
}

/// The contrast of a picture that is not empty.
pub(super) fn contrast(gray: &Gray) -> Contrast {
    let (width, height) =
        (gray.width().next_multiple_of(BLOCK), gray.height().next_multiple_of(BLOCK));
    // The last column and row repeat.
    let mut pixels = Vec::with_capacity(width * height);
    for y in 0..height {
        let row = gray.row(y.min(gray.height() - 1));
        pixels.extend_from_slice(row);
        pixels.resize((y + 1) * width, row[gray.width() - 1]);
    }
    let (means, gains) = blocks(&pixels, width);
    let (mut mean_row, mut gain_row) = (vec![0; means.stride], vec![0; gains.stride]);
    for (y, row) in pixels.chunks_exact_mut(width).enumerate() {
        mean_row.iter_mut().zip(means.woven(y)).for_each(|(to, value)| *to = value);
        gain_row.iter_mut().zip(gains.woven(y)).for_each(|(to, value)| *to = value >> 4);
        if y >= gray.height() {
            row.fill(0);
            continue;
        }
        let (blocks, _) = row.as_chunks_mut::<BLOCK>();
        for ((block, mean), gain) in
            blocks.iter_mut().zip(mean_row.windows(3)).zip(gain_row.windows(3))
        {
            encode(block, mean, gain);
        }
        row[gray.width()..].fill(0);
    }
    Contrast { width, pixels }
}

/// The means of 3 x 3 blocks in 16ths of gray levels, and their gains.
fn blocks(pixels: &[u8], width: usize) -> (Grid, Grid) {
    let columns = width / BLOCK;
    let (mut totals, mut deviations) = (Vec::new(), Vec::new());
    let (mut sums, mut squares) = (vec![0u16; width], vec![0u32; width]);
    for rows in pixels.chunks_exact(BLOCK * width) {
        sums.fill(0);
        squares.fill(0);
        for row in rows.chunks_exact(width) {
            for ((sum, square), &pixel) in sums.iter_mut().zip(&mut squares).zip(row) {
                *sum += u16::from(pixel);
                *square += u32::from(u16::from(pixel) * u16::from(pixel));
            }
        }
        for (sums, squares) in
            sums.as_chunks::<BLOCK>().0.iter().zip(squares.as_chunks::<BLOCK>().0)
        {
            let total: u32 = sums.iter().map(|&sum| u32::from(sum)).sum();
            let square: u32 = squares.iter().sum();
            totals.push(total);
            // 64 times the deviation: below 2^13, and the product below 2^28.
            deviations.push((64 * square - total * total).isqrt());
        }
    }
    let means: Vec<u32> =
        Grid::of(&totals, columns).sums().iter().map(|sum| (16 * sum + 288) / 576).collect();
    let gains: Vec<u32> = Grid::of(&deviations, columns)
        .sums()
        .iter()
        .map(|sum| GAIN / (sum + 576 * FLOOR))
        .collect();
    (Grid::of(&means, columns), Grid::of(&gains, columns))
}

/// Replaces the pixels of a row of a block by codes times 17. `mean` is in 256ths of gray levels
/// and `gain` in 2^14ths of codes per gray level, below 2^15: those of the block to the left, of
/// the block, and of the one to the right.
fn encode(block: &mut [u8; BLOCK], mean: &[i32], gain: &[i32]) {
    let &[mean_left, mean, mean_right] = mean else { return };
    let &[gain_left, gain, gain_right] = gain else { return };
    for (x, pixel) in block.iter_mut().enumerate() {
        let mean = 16 * mean + (mean_left - mean) * LEFT[x] + (mean_right - mean) * RIGHT[x];
        let gain = (16 * gain + (gain_left - gain) * LEFT[x] + (gain_right - gain) * RIGHT[x]) >> 4;
        // In 64ths of gray levels: within 15 bits and a sign.
        let difference = ((i32::from(*pixel) << 12) - mean) >> 6;
        let code = 8 + ((difference * gain + (1 << 19)) >> 20);
        *pixel = code.clamp(0, 15) as u8 * CODE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_picture_is_all_mean() {
        for (width, height) in [(8, 8), (19, 5), (1, 1)] {
            let flat = Gray::new(width, height, vec![201; width * height]).expect("sizes agree");
            let contrast = contrast(&flat);
            assert_eq!(contrast.width, width.next_multiple_of(8));
            for (i, &pixel) in contrast.pixels.iter().enumerate() {
                let inside = i % contrast.width < width && i / contrast.width < height;
                assert_eq!(pixel, if inside { 8 * CODE } else { 0 }, "{width} x {height} {i}");
            }
        }
    }

    #[test]
    fn faint_print_looks_like_strong_print() {
        let stripes = |depth: usize| {
            let pixels = (0..64 * 32).map(|i| 200 - (i / 3 % 2 * depth) as u8).collect();
            contrast(&Gray::new(64, 32, pixels).expect("sizes agree")).pixels
        };
        let (strong, faint) = (stripes(150), stripes(30));
        let apart = strong.iter().zip(&faint).map(|(&a, &b)| a.abs_diff(b)).max();
        assert!(apart <= Some(2 * CODE), "{apart:?}");
        assert!(strong.iter().any(|&p| p <= 5 * CODE) && strong.iter().any(|&p| p >= 10 * CODE));
    }

    #[test]
    fn codes_are_those_of_the_training() {
        let file =
            std::fs::read("../testdata/golden/contrast.safetensors").expect("a committed file");
        let golden = safetensors::SafeTensors::deserialize(&file).expect("a golden file");
        let (gray, codes) =
            (golden.tensor("gray").expect("gray"), golden.tensor("codes").expect("codes"));
        let &[height, width] = gray.shape() else { panic!("a picture has two sides") };
        let picture = Gray::new(width, height, gray.data().to_vec()).expect("sizes agree");
        let contrast = contrast(&picture);
        assert!(width % BLOCK != 0 && height % BLOCK != 0, "the border counts too");
        for (row, expected) in
            contrast.pixels.chunks(contrast.width).zip(codes.data().chunks(width))
        {
            let found: Vec<u8> = row[..width].iter().map(|pixel| pixel / CODE).collect();
            assert_eq!(found, expected);
        }
    }
}
