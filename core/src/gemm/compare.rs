//! Compares every kernel with the naive product on operands that a caller gives: what fuzzing calls.
#![allow(
    clippy::cast_precision_loss,
    reason = "operands in single precision are small whole numbers"
)]

use super::driver::window_length;
use super::{
    Kernel, LeftPanel, OperandRange, Packed, Visitor, Windows, every, multiply_windows, oracle,
};
use crate::quant::{Code, Requantisation, Wide, requantise_one};

/// Stretches of a window whose elements [`WindowProduct::windows_are_right`] compares.
const MAX_STRETCHES: usize = 64;

/// A product of windows of a map with filters.
#[derive(Debug, Clone, Copy)]
pub struct WindowProduct<'a> {
    /// The map.
    pub map: &'a [u8],
    /// Where windows begin in it.
    pub starts: &'a [usize],
    /// Stretches of a window, activations of a stretch, and the distance of their beginnings.
    pub sizes: [usize; 3],
    /// `[columns][depth]` weights.
    pub weights: &'a [i8],
    /// Filters.
    pub columns: usize,
    /// Weights of a filter: as many as a window has activations, or a few less.
    pub depth: usize,
}

/// What a comparison found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// The windows do not lie inside the map, or do not suit the depth; no kernel ran.
    Refused,
    /// This many kernels gave the sums of the naive product.
    Equal(usize),
    /// This kernel gave others.
    Different(&'static str),
}

impl WindowProduct<'_> {
    /// Whether all windows lie inside the map and suit the depth, by the definition: without an
    /// early end, in integers that hold every sum.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        let [stretches, stretch_len, _] = self.sizes.map(|size| size as u128);
        let window = stretches * stretch_len;
        let depths = self.depth as u128..=window_length(self.depth) as u128;
        // Padding ends the last stretch, and is no stretch of its own.
        let last_begins = window.saturating_sub(stretch_len);
        self.starts.iter().all(|&start| self.is_inside(start))
            && depths.contains(&window)
            && last_begins <= self.depth as u128
            && Some(self.weights.len()) == self.columns.checked_mul(self.depth)
    }

    /// Whether the window that begins at `start` lies inside the map, by the definition.
    fn is_inside(&self, start: usize) -> bool {
        let [stretches, stretch_len, pitch] = self.sizes.map(|size| size as u128);
        let reach = stretches.max(1) * pitch - pitch + stretch_len;
        start as u128 + reach <= self.map.len() as u128
    }

    /// Whether the check that kernels rely on is right: it accepts these windows if and only if all
    /// lie inside the map and their length fits a `usize`, and the stretches of accepted windows
    /// are those parts of the map that the definition names. Neither weights nor depth matter.
    #[must_use]
    pub fn windows_are_right(&self) -> bool {
        let [stretches, stretch_len, pitch] = self.sizes;
        let inside = self.starts.iter().all(|&start| self.is_inside(start))
            // Without a window, their reach must still fit the map.
            && self.is_inside(0)
            && stretches.checked_mul(stretch_len).is_some();
        let Some(windows) = Windows::new(self.map, self.starts, self.sizes) else {
            return !inside;
        };
        // A window may have any number of stretches without elements.
        let looked_at = stretches.min(MAX_STRETCHES);
        let window = |&start: &usize| {
            (0..looked_at).flat_map(move |stretch| {
                let from = start + stretch * pitch;
                &self.map[from..from + stretch_len]
            })
        };
        inside
            && [windows.count(), windows.stretches(), windows.stretch_len()]
                == [self.starts.len(), stretches, stretch_len]
            && self.starts.iter().enumerate().all(|(index, start)| {
                window(start).eq((0..looked_at).flat_map(|at| windows.stretch(index, at)))
            })
    }

    /// Multiplies by every kernel that this machine can run. Each operand has exactly the room that
    /// the driver asks for. Activations and weights are brought into the range of each kernel.
    #[must_use]
    pub fn compare(&self) -> Compared {
        if !self.is_possible() {
            return Compared::Refused;
        }
        let results = every(|range| Compare { product: self, range });
        let count = results.len();
        let wrong = results.into_iter().find_map(|(kernel, same)| (!same).then_some(kernel));
        wrong.map_or(Compared::Equal(count), Compared::Different)
    }

    /// The windows' activations, `[window][depth]`, each passed through `code`.
    fn gathered(&self, code: impl Fn(u8) -> u8) -> Vec<u8> {
        let [stretches, stretch_len, pitch] = self.sizes;
        let mut rows = Vec::with_capacity(self.starts.len() * self.depth);
        for start in self.starts {
            let window = (0..stretches).flat_map(|stretch| {
                let from = start + stretch * pitch;
                self.map[from..from + stretch_len].iter()
            });
            rows.extend(window.take(self.depth).map(|&activation| code(activation)));
        }
        rows
    }
}

struct Compare<'a> {
    product: &'a WindowProduct<'a>,
    range: OperandRange,
}

impl Compare<'_> {
    /// The sums of a kernel, `[window][column]`.
    fn sums<K: Kernel>(
        &self,
        kernel: K,
        map: &[K::Activation],
        weights: &[K::Weight],
    ) -> Option<Vec<K::Sum>> {
        let product = self.product;
        let packed = Packed::<K>::new(weights, product.columns, product.depth);
        let mut starts = product.starts.to_vec();
        let last = *starts.last()?;
        starts.resize(starts.len().next_multiple_of(K::MR), last);
        let windows = Windows::new(map, &starts, product.sizes)?;
        let mut sums = vec![K::Sum::default(); starts.len() * packed.stride()];
        let mut panel = LeftPanel::new(product.depth);
        multiply_windows(kernel, &windows, &mut panel, &packed, &mut sums);
        let mut found = Vec::with_capacity(product.starts.len() * product.columns);
        for row in sums.chunks_exact(packed.stride().max(1)).take(product.starts.len()) {
            let offsets =
                packed.offsets().iter().copied().chain(std::iter::repeat(K::Sum::default()));
            found.extend(row.iter().take(product.columns).zip(offsets).map(|(&sum, offset)| {
                let mut sum = sum;
                sum += offset;
                sum
            }));
        }
        Some(found)
    }

    fn activation(&self, code: u8) -> u8 {
        code.min(self.range.max_activation())
    }

    fn weights(&self) -> Vec<i8> {
        let largest = self.range.max_weight();
        self.product.weights.iter().map(|weight| (*weight).clamp(-largest, largest)).collect()
    }
}

impl Visitor for Compare<'_> {
    type Result = (&'static str, bool);

    fn integer<K: Kernel<Activation: Code, Weight = i8, Sum = i32>>(
        self,
        kernel: K,
    ) -> Self::Result {
        let product = self.product;
        let codes: Vec<u8> = product.map.iter().map(|&code| self.activation(code)).collect();
        let weights = self.weights();
        let rows = self.product.gathered(|code| self.activation(code));
        let wanted =
            oracle::multiply(&rows, &weights, product.starts.len(), product.columns, product.depth);
        let found = self.sums(kernel, &K::Activation::all(&codes), &weights);
        (K::NAME, product.starts.is_empty() || found == Some(wanted))
    }

    /// Whole numbers whose sums have at most 24 bits: those are exact in single precision, too.
    fn float<K: Kernel<Activation = f32, Weight = f32, Sum = f32>>(
        self,
        kernel: K,
    ) -> Self::Result {
        let product = self.product;
        let map: Vec<f32> = product.map.iter().map(|&code| f32::from(code & 15)).collect();
        let weights: Vec<i8> = product.weights.iter().map(|weight| weight % 8).collect();
        let reals: Vec<f32> = weights.iter().map(|&weight| f32::from(weight)).collect();
        let rows = product.gathered(|code| code & 15);
        let wanted =
            oracle::multiply(&rows, &weights, product.starts.len(), product.columns, product.depth);
        let found = self.sums(kernel, &map, &reals);
        let same = found.is_some_and(|found| {
            found.len() == wanted.len() && found.iter().zip(&wanted).all(|(&a, &b)| a == b as f32)
        });
        (K::NAME, product.starts.is_empty() || same)
    }
}

/// Whether requantisation by this machine's vectors equals its definition for `[pixel][channel]`
/// sums: `pixels` rows, `stride` apart, of as many channels as there are scales. Inputs that do not
/// fit one another are not compared.
#[must_use]
pub fn requantisation_is_equal(
    sums: &[i32],
    [pixels, stride]: [usize; 2],
    scales: &[f32],
    bias: i32,
    [zero_point, largest]: [u8; 2],
) -> bool {
    let channels = scales.len();
    let reach = (pixels as u128).max(1) * stride as u128 - stride as u128 + channels as u128;
    let usable = scales.iter().all(|scale| scale.is_finite() && *scale > 0.0);
    if !usable || channels == 0 || channels > stride || reach > sums.len() as u128 {
        return true;
    }
    let how = Requantisation {
        bias: vec![bias; channels],
        scales: scales.to_vec(),
        zero_point: zero_point.min(largest),
        largest,
    };
    let mut codes = vec![0u8; pixels * channels];
    let mut wide = vec![Wide::<8>::of(0); pixels * channels];
    how.apply(sums, stride, &mut codes);
    how.apply(sums, stride, &mut wide);
    (0..pixels).all(|pixel| {
        (0..channels).all(|channel| {
            let sum = sums[pixel * stride + channel].wrapping_add(bias);
            let one = requantise_one(sum, scales[channel], how.zero_point, largest);
            let at = pixel * channels + channel;
            [codes[at], wide[at].code()] == [one; 2]
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_of_a_map_are_compared_on_every_kernel() {
        let map: Vec<u8> = (0..=255).collect();
        let weights: Vec<i8> = (-60..60).collect();
        let product = WindowProduct {
            map: &map,
            starts: &[0, 1, 200],
            sizes: [3, 8, 20],
            weights: &weights,
            columns: 5,
            depth: 24,
        };
        assert!(matches!(product.compare(), Compared::Equal(count) if count >= 4));
        // The last window would end behind the map.
        assert_eq!(WindowProduct { starts: &[209], ..product }.compare(), Compared::Refused);
        assert_eq!(WindowProduct { depth: 25, ..product }.compare(), Compared::Refused);
        let huge = WindowProduct { sizes: [3, 8, usize::MAX / 2], ..product };
        assert_eq!(huge.compare(), Compared::Refused);
        assert!(product.windows_are_right() && huge.windows_are_right());
        let empty = WindowProduct { sizes: [usize::MAX, 0, 0], ..product };
        assert!(empty.windows_are_right());
    }

    #[test]
    fn requantisation_is_compared() {
        let sums: Vec<i32> = (-50..50).map(|sum| sum * 40_000_000).collect();
        assert!(requantisation_is_equal(&sums, [4, 25], &[0.01; 24], 7, [0, 15]));
        assert!(requantisation_is_equal(&sums, [4, 25], &[0.01; 24], 7, [3, 255]));
    }
}
