//! The exact arithmetic of `docs/model-file.md`: requantisation, tables of functions, and the
//! exponential.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "requantisation is defined by these conversions; results are clamped, then narrowed"
)]
#![allow(
    clippy::inline_always,
    reason = "compiled for the vectors of the machine, which a call would lose"
)]

use super::{Activation, Codes, Op};
use crate::quant::Requantisation;

/// 1.5 * 2^23: adding it to an f32 of magnitude below 2^22 rounds to an integer, ties to even,
/// which then stands in the low bits.
const ROUNDER: f32 = 12_582_912.0;

/// How sums of rows of channels become codes:
/// `clamp(rte(f32(sum + bias) * scale) + zero_point, low, high)`.
#[derive(Debug, Clone)]
pub(super) struct Rescale {
    how: Requantisation,
    low: u8,
}

impl Rescale {
    /// The rescaling to `codes` with this bias and scale for each channel.
    pub(super) fn new(
        bias: Vec<i32>,
        scales: Vec<f32>,
        codes: &Codes,
        activation: Activation,
    ) -> Self {
        let (low, high) = range(codes, activation);
        let zero_point = codes.zero_point(0);
        Self { how: Requantisation { bias, scales, zero_point, largest: high }, low }
    }

    /// Channels of a row.
    pub(super) fn channels(&self) -> usize {
        self.how.bias.len()
    }

    /// Requantises the sums of pixels, `stride` apart, to `[pixel][channel]`. Call it compiled for
    /// the machine's vectors ([`super::vectors::Vectors::run`]).
    #[inline(always)]
    pub(super) fn apply(&self, sums: &[i32], stride: usize, codes: &mut [u8]) {
        let Requantisation { bias, scales, zero_point, largest } = &self.how;
        if (*zero_point, self.low) == (0, 0) {
            self.how.apply(sums, stride, codes);
            return;
        }
        let channels = bias.len().max(1);
        let step = Step::new(*zero_point, self.low, *largest);
        for (codes, sums) in codes.chunks_exact_mut(channels).zip(sums.chunks(stride.max(1))) {
            let parts = sums.iter().zip(bias).zip(scales);
            for (code, ((sum, bias), scale)) in codes.iter_mut().zip(parts) {
                *code = step.code(sum.wrapping_add(*bias), *scale);
            }
        }
    }
}

/// The last step of requantisation, with its bounds moved before the rounding: they are integers,
/// so the result is the same.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    low: f32,
    high: f32,
    zero_point: u8,
}

impl Step {
    pub(super) fn new(zero_point: u8, low: u8, high: u8) -> Self {
        let zero = f32::from(zero_point);
        Self { low: f32::from(low) - zero, high: f32::from(high) - zero, zero_point }
    }

    /// Towards `codes`, with an activation.
    pub(super) fn towards(codes: &Codes, activation: Activation) -> Self {
        let (low, high) = range(codes, activation);
        Self::new(codes.zero_point(0), low, high)
    }

    /// `clamp(rte(f32(sum) * scale) + zero_point, low, high)`.
    #[inline(always)]
    pub(super) fn code(self, sum: i32, scale: f32) -> u8 {
        self.rounded(sum as f32 * scale)
    }

    /// `clamp(rte(value) + zero_point, low, high)`. NaN becomes the lowest code.
    #[inline(always)]
    pub(super) fn rounded(self, value: f32) -> u8 {
        // `f32::max` treats NaN specially, which takes several instructions.
        let value = if value > self.low { value } else { self.low };
        let value = if value < self.high { value } else { self.high };
        let bits = (value + ROUNDER).to_bits();
        bits.wrapping_add(u32::from(self.zero_point)) as u8
    }
}

/// The smallest and the largest code behind an activation.
fn range(codes: &Codes, activation: Activation) -> (u8, u8) {
    let (zero_point, top) = (codes.zero_point(0), codes.top());
    match activation {
        Activation::None => (0, top),
        Activation::Relu => (zero_point, top),
        Activation::Relu6 => {
            let six = (6.0 / codes.scale).round_ties_even() + f32::from(zero_point);
            (zero_point, six.min(f32::from(top)) as u8)
        }
    }
}

/// Applies an activation to a real number; NaN becomes 0 where there is one.
#[inline(always)]
pub(super) fn activate(value: f32, activation: Activation) -> f32 {
    let positive = if value > 0.0 { value } else { 0.0 };
    match activation {
        Activation::None => value,
        Activation::Relu => positive,
        Activation::Relu6 if positive < 6.0 => positive,
        Activation::Relu6 => 6.0,
    }
}

/// A function of one value; `identity` for operations that are none.
pub(super) fn function(op: &Op, x: f32) -> f32 {
    let gate = |x: f32| activate(x + 3.0, Activation::Relu6);
    match op {
        Op::Relu => activate(x, Activation::Relu),
        Op::Relu6 => activate(x, Activation::Relu6),
        Op::HardSigmoid => gate(x) / 6.0,
        Op::HardSwish => x * gate(x) / 6.0,
        _ => x,
    }
}

/// The real number that a code stands for.
#[inline(always)]
pub(super) fn real(code: u8, zero_point: u8, scale: f32) -> f32 {
    f32::from(i16::from(code) - i16::from(zero_point)) * scale
}

/// The real number that a sum stands for, with `step` the value of 1.
#[inline(always)]
pub(super) fn real_of_sum(sum: i32, step: f32) -> f32 {
    sum as f32 * step
}

/// A number of positions, at most 2^23.
pub(super) fn real_of_count(count: usize) -> f32 {
    count as f32
}

/// The code of a real number; NaN becomes 0.
pub(super) fn quantise(x: f32, codes: &Codes) -> u8 {
    Step::towards(codes, Activation::None).rounded(x / codes.scale)
}

/// A function of codes: the result for each of them.
#[derive(Debug, Clone)]
pub(super) enum Table {
    /// Every code is its own result.
    Copy,
    /// Results by code.
    Codes(Box<[u8; 256]>),
}

impl Table {
    /// The table of `op`, from the codes of a channel of `from` to those of `to`.
    pub(super) fn new(op: &Op, from: &Codes, channel: usize, to: &Codes) -> Self {
        let zero_point = from.zero_point(channel);
        let same = (from.bits, from.scale, zero_point) == (to.bits, to.scale, to.zero_point(0));
        if same && matches!(op, Op::Identity | Op::Concat) {
            return Self::Copy;
        }
        let mut table = Box::new([0; 256]);
        for (code, result) in (0..=from.top()).zip(&mut *table) {
            *result = quantise(function(op, real(code, zero_point, from.scale)), to);
        }
        Self::Codes(table)
    }

    /// Looks up every code of `from`.
    pub(super) fn apply(&self, from: &[u8], to: &mut [u8]) {
        match self {
            Self::Copy => to.copy_from_slice(from),
            Self::Codes(table) => {
                for (to, &from) in to.iter_mut().zip(from) {
                    *to = table[usize::from(from)];
                }
            }
        }
    }
}

/// The addition of two tensors of codes: multipliers of both, and the scale of the sum.
#[derive(Debug, Clone, Copy)]
pub(super) struct Addition {
    pub(super) multipliers: [i32; 2],
    pub(super) scale: f32,
}

/// The multiplier of the larger scale of an addition.
const UNIT: f32 = 16_384.0;

impl Addition {
    pub(super) fn new(a: &Codes, b: &Codes, to: &Codes) -> Self {
        let larger = a.scale.max(b.scale);
        let multiplier = |scale: f32| (scale / larger * UNIT).round_ties_even() as i32;
        Self {
            multipliers: [multiplier(a.scale), multiplier(b.scale)],
            scale: larger / to.scale / UNIT,
        }
    }
}

/// Below this, the exponential is 0.
const MIN_EXPONENT: f32 = -86.0;

/// `e^x` for `x` up to 0, by the polynomial of Cephes: the same bits everywhere, unlike the
/// standard library's.
#[allow(clippy::excessive_precision, reason = "the polynomial as published")]
pub(super) fn exponential(x: f32) -> f32 {
    if x.is_nan() || x < MIN_EXPONENT {
        return 0.0;
    }
    let n = (x * std::f32::consts::LOG2_E).round_ties_even();
    let f = (x - n * 0.693_359_375) + n * 2.121_944_4e-4;
    let p = 1.987_569_15e-4 * f + 1.398_199_95e-3;
    let p = p * f + 8.333_451_91e-3;
    let p = p * f + 4.166_579_59e-2;
    let p = p * f + 0.166_666_655;
    let p = p * f + 0.5;
    let near_one = (p * (f * f) + f) + 1.0;
    // 2^n by its bits; n is at least -125.
    near_one * f32::from_bits(((n as i32 + 127) as u32) << 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods, reason = "compared with a tolerance")]
    fn the_exponential_is_near_the_standard_one() {
        for at in 0..86_000 {
            let x = -(at as f32) / 1000.0;
            let (found, wanted) = (f64::from(exponential(x)), f64::from(x).exp());
            assert!((found / wanted - 1.0).abs() < 2e-7, "{x}: {found} {wanted}");
        }
        assert_eq!(
            [0.0, -87.0, f32::NAN, f32::NEG_INFINITY].map(exponential),
            [1.0, 0.0, 0.0, 0.0]
        );
    }

    #[test]
    fn steps_round_to_even_and_clamp() {
        let step = Step::new(3, 3, 15);
        assert_eq!([-9, 1, 3, 5, 99].map(|sum| step.code(sum, 0.5)), [3, 3, 5, 5, 15]);
        let step = Step::new(200, 0, 255);
        assert_eq!([i32::MIN, -7, 0, i32::MAX].map(|sum| step.code(sum, 1.0)), [0, 193, 200, 255]);
        assert_eq!(step.rounded(f32::NAN), 0);
        assert_eq!(step.rounded(f32::INFINITY), 255);
    }
}
