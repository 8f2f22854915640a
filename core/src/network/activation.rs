//! What differs between integer and float networks, apart from their kernels: how activations are
//! made and stored.

use super::logits::{Scale, Values};
use crate::gemm::Number;
use crate::model::{Convolution, Parameters};
use crate::quant::{Code, Requantisation, gray_to_u4, rectify};

/// A copy of a layer's output, `[row][column][channel]`.
#[derive(Debug, Clone, PartialEq)]
pub enum Activations {
    /// Codes of an integer network.
    Codes(Vec<u8>),
    /// Values of an f32 network.
    Reals(Vec<f32>),
}

/// An activation: how it is made from an input, and from the sums of a layer.
pub(super) trait Activation: Number {
    type Weight: Number;
    type Sum: Number;
    /// What turns the sums of a convolution into activations.
    type Finish: Send;

    fn weights(parameters: &Parameters) -> Option<&[Self::Weight]>;
    /// The [`Activation::Finish`] of a convolution. `offsets`, if not empty, are added to the sums
    /// of each channel; `next` is the convolution that reads the result, `None` for the last one.
    /// Returns `None` if the parameters are of another precision.
    fn finish(
        parameters: &Parameters,
        offsets: &[Self::Sum],
        next: Option<&Convolution>,
    ) -> Option<Self::Finish>;
    /// Whether any kernel computes pairs of outputs of such activations.
    const HAS_PAIRS: bool = false;

    /// The [`Activation::Finish`] of sums that are twice as large, with the same result. `None`
    /// where there is none.
    fn doubled(_finish: &Self::Finish) -> Option<Self::Finish> {
        None
    }
    fn of_gray(gray: u8, bits: u8) -> Self;
    fn of_zero_point(zero_point: u8) -> Self;
    fn larger(self, other: Self) -> Self;
    /// Turns the sums of pixels, `stride` apart, into activations, `[pixel][channel]`.
    fn apply(finish: &Self::Finish, sums: &[Self::Sum], stride: usize, out: &mut [Self]);
    /// Appends the logits of one column or cell, computed from its sums.
    fn logits(finish: &Self::Finish, sums: &[Self::Sum], out: &mut Values);
    /// No logits yet, with room for `count` of them.
    fn no_logits(finish: &Self::Finish, count: usize) -> Values;
    fn activations(map: Vec<Self>) -> Activations;
}

impl<C: Code + Number> Activation for C {
    type Weight = i8;
    type Sum = i32;
    type Finish = Requantisation;
    const HAS_PAIRS: bool = C::HAS_PAIRS;

    fn weights(parameters: &Parameters) -> Option<&[i8]> {
        match parameters {
            Parameters::Integer { weights, .. } => Some(weights),
            Parameters::Float { .. } => None,
        }
    }

    fn finish(
        parameters: &Parameters,
        offsets: &[i32],
        next: Option<&Convolution>,
    ) -> Option<Requantisation> {
        let Parameters::Integer { bias, scale, .. } = parameters else { return None };
        let mut bias = bias.clone();
        bias.iter_mut().zip(offsets).for_each(|(bias, offset)| *bias = bias.wrapping_add(*offset));
        let (zero_point, bits) =
            next.map_or((0, 8), |next| (next.zero_point, next.activation_bits));
        Some(Requantisation {
            bias,
            scales: scale.clone(),
            zero_point,
            largest: u8::MAX >> (8 - bits),
        })
    }

    fn doubled(finish: &Requantisation) -> Option<Requantisation> {
        finish.doubled()
    }

    fn of_gray(gray: u8, bits: u8) -> C {
        C::of(if bits == 4 { gray_to_u4(gray) } else { gray })
    }

    fn of_zero_point(zero_point: u8) -> C {
        C::of(zero_point)
    }

    fn larger(self, other: C) -> C {
        self.max(other)
    }

    #[inline]
    fn apply(finish: &Requantisation, sums: &[i32], stride: usize, out: &mut [C]) {
        finish.apply(sums, stride, out);
    }

    fn logits(finish: &Requantisation, sums: &[i32], out: &mut Values) {
        if let Values::Integer { values, .. } = out {
            values.extend(sums.iter().zip(&finish.bias).map(|(sum, bias)| sum.wrapping_add(*bias)));
        }
    }

    fn no_logits(finish: &Requantisation, count: usize) -> Values {
        let scale = match finish.scales[..] {
            [scale] => Scale::Single(scale),
            _ => Scale::EachChannel(finish.scales.clone()),
        };
        Values::Integer { values: Vec::with_capacity(count), scale }
    }

    fn activations(map: Vec<C>) -> Activations {
        Activations::Codes(map.into_iter().map(C::code).collect())
    }
}

impl Activation for f32 {
    type Weight = f32;
    type Sum = f32;
    type Finish = Vec<f32>;

    fn weights(parameters: &Parameters) -> Option<&[f32]> {
        match parameters {
            Parameters::Float { weights, .. } => Some(weights),
            Parameters::Integer { .. } => None,
        }
    }

    fn finish(
        parameters: &Parameters,
        _offsets: &[f32],
        _next: Option<&Convolution>,
    ) -> Option<Vec<f32>> {
        match parameters {
            Parameters::Float { bias, .. } => Some(bias.clone()),
            Parameters::Integer { .. } => None,
        }
    }

    fn of_gray(gray: u8, _bits: u8) -> f32 {
        f32::from(gray) / 255.0
    }

    fn of_zero_point(_zero_point: u8) -> f32 {
        0.0
    }

    fn larger(self, other: f32) -> f32 {
        self.max(other)
    }

    #[inline]
    fn apply(bias: &Vec<f32>, sums: &[f32], stride: usize, out: &mut [f32]) {
        rectify(sums, stride, bias, out);
    }

    fn logits(bias: &Vec<f32>, sums: &[f32], out: &mut Values) {
        if let Values::Float(values) = out {
            values.extend(sums.iter().zip(bias).map(|(sum, bias)| sum + bias));
        }
    }

    fn no_logits(_bias: &Vec<f32>, count: usize) -> Values {
        Values::Float(Vec::with_capacity(count))
    }

    fn activations(map: Vec<f32>) -> Activations {
        Activations::Reals(map)
    }
}
