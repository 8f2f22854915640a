//! Networks to be timed: whole, and layer by layer.

use super::{Clock, Plan, Progress, Row, Shape, median, quantile, speed_up};
use crate::Precision;
use crate::model::{Convolution, Layer, Model, Parameters, Window};
use crate::network::{Network, StripError};
use crate::strip::Strip;

/// Runs in one repeat.
const RUNS: usize = 3;

/// One network's times: `layers[layer][repeat]` in milliseconds, the whole run as the last entry.
struct Timed<'a> {
    network: &'a mut Network,
    layers: Vec<Vec<f64>>,
    shapes: Vec<Shape>,
}

impl Timed<'_> {
    /// Runs [`RUNS`] times and, if asked, keeps the fastest time of each layer: a run that was interrupted counts for nothing.
    fn repeat(&mut self, strip: &Strip, clock: &mut Clock<'_>, keep: bool) -> Result<(), StripError> {
        let mut fastest: Vec<f64> = Vec::new();
        for _ in 0..RUNS {
            let layer_ms = self.once(strip, clock)?;
            if fastest.is_empty() {
                fastest = layer_ms;
            } else {
                fastest.iter_mut().zip(layer_ms).for_each(|(best, ms)| *best = best.min(ms));
            }
        }
        if keep {
            self.layers.resize(fastest.len(), Vec::new());
            self.layers.iter_mut().zip(fastest).for_each(|(samples, ms)| samples.push(ms));
        }
        Ok(())
    }

    /// The time of each layer and of the whole.
    fn once(&mut self, strip: &Strip, clock: &mut Clock<'_>) -> Result<Vec<f64>, StripError> {
        let start = clock();
        let (mut last, mut layer_ms, mut outputs) = (start, Vec::new(), Vec::new());
        self.network.run_ticking(strip, &mut |_, shape| {
            let now = clock();
            layer_ms.push(now - last);
            outputs.push(shape);
            last = now;
        })?;
        layer_ms.push(last - start);
        let depths = self.network.model().layers.iter().map(|layer| match layer {
            Layer::Convolution(convolution) => convolution.depth(),
            Layer::MaxPool(_) => 0,
        });
        let shapes = outputs.iter().zip(depths);
        self.shapes = shapes.map(|([h, w, channels], k)| Shape { m: h * w, n: *channels, k }).collect();
        Ok(layer_ms)
    }
}

/// Times `networks` (the one of each precision) on a strip: a row for each layer and one, `total`, for the whole.
///
/// # Errors
/// [`StripError`] where the strip does not suit a network.
pub fn network_rows(
    networks: &mut [Network],
    strip: &Strip,
    plan: &Plan,
    clock: &mut Clock<'_>,
    progress: &mut Progress<'_>,
) -> Result<Vec<Row>, StripError> {
    let mut all: Vec<Timed<'_>> = networks
        .iter_mut()
        .map(|network| Timed { network, layers: Vec::new(), shapes: Vec::new() })
        .collect();
    for timed in &mut all {
        let start = clock();
        timed.repeat(strip, clock, false)?;
        while clock() - start < plan.warm_up_ms {
            timed.repeat(strip, clock, false)?;
        }
    }
    for repeat in 0..plan.repeats.max(1) {
        if !progress(repeat, plan.repeats.max(1)) {
            break;
        }
        for timed in &mut all {
            timed.repeat(strip, clock, true)?;
        }
    }
    progress(plan.repeats.max(1), plan.repeats.max(1));
    let reference = |precision| all.iter().find(|timed| timed.network.precision() == precision);
    let (f32s, u8s) = (reference(Precision::F32), reference(Precision::U8));
    let mut rows = Vec::new();
    for timed in &all {
        let macs = |index: usize| match timed.shapes.get(index) {
            Some(shape) => shape.macs(),
            None => timed.shapes.iter().map(|shape| shape.macs()).sum(),
        };
        for (index, samples) in timed.layers.iter().enumerate() {
            let layer = timed.network.model().layers.get(index);
            let op = match layer {
                Some(Layer::Convolution(convolution)) => convolution.name.clone(),
                Some(Layer::MaxPool(_)) => format!("pool after layer {index}"),
                None => "total".to_owned(),
            };
            let shape = timed.shapes.get(index).copied().unwrap_or(Shape { m: 0, n: 0, k: 0 });
            let mut sorted = samples.clone();
            let ms = median(&mut sorted);
            let quartiles = quantile(&mut sorted, 0.75) - quantile(&mut sorted, 0.25);
            let against = |other: Option<&Timed<'_>>| speed_up(other?.layers.get(index), samples);
            rows.push(Row {
                op,
                m: shape.m,
                n: shape.n,
                k: shape.k,
                precision: timed.network.precision().name().to_owned(),
                kernel: timed.network.kernel().to_owned(),
                isa: timed.network.isa().to_owned(),
                ns: ms * 1e6,
                spread: if ms > 0.0 { quartiles / 2.0 / ms } else { 0.0 },
                gmacs: if ms > 0.0 { macs(index) / ms / 1e6 } else { 0.0 },
                speedup_vs_f32: against(f32s),
                speedup_vs_u8: against(u8s),
            });
        }
    }
    Ok(rows)
}

/// Channels of the synthetic network: about ten times the multiply-adds of the reader's.
const CHANNELS: [usize; 6] = [32, 64, 64, 128, 128, 128];

/// A network larger than the reader's, of the same kind, with weights that mean nothing.
#[must_use]
pub fn synthetic_model(precision: Precision) -> Model {
    let mut state = 12_345_u32;
    let mut within = |largest: i8| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let span = u32::from(largest.unsigned_abs()) * 2 + 1;
        i8::try_from(i64::from((state >> 8) % span) - i64::from(largest)).unwrap_or(0)
    };
    let mut inputs = 1;
    let mut layers = Vec::new();
    for (index, outputs) in CHANNELS.into_iter().chain([38]).enumerate() {
        let last = index == CHANNELS.len();
        // The first layers halve, the one before the last takes all rows that are left (24 / 2 / 2 / 2 = 3).
        let (kernel, stride, padding) = match index {
            0 => ([3, 3], [2, 2], [1, 1]),
            1 | 3 => ([3, 3], [2, 1], [1, 1]),
            2 => ([3, 3], [1, 2], [1, 1]),
            4 => ([3, 3], [1, 1], [0, 1]),
            5 => ([1, 3], [1, 1], [0, 1]),
            _ => ([1, 1], [1, 1], [0, 0]),
        };
        let depth = kernel[0] * kernel[1] * inputs;
        let largest = if precision == Precision::U4 { 7 } else { 127 };
        let weights: Vec<i8> = (0..outputs * depth).map(|_| within(largest)).collect();
        let channels = if last { 1 } else { outputs };
        let parameters = if precision == Precision::F32 {
            let weights = weights.iter().map(|&weight| f32::from(weight) / 2048.0).collect();
            Parameters::Float { weights, bias: vec![0.1; outputs] }
        } else {
            let scale = if precision == Precision::U4 { 0.02 } else { 0.001 };
            Parameters::Integer { weights, bias: vec![3; outputs], scale: vec![scale; channels] }
        };
        layers.push(Layer::Convolution(Convolution {
            name: format!("conv{index}"),
            inputs,
            outputs,
            window: Window { kernel, stride, padding },
            parameters,
            zero_point: 0,
            activation_bits: if precision == Precision::U4 { 4 } else { 8 },
        }));
        inputs = outputs;
    }
    Model {
        precision,
        release: "synthetic".to_owned(),
        hash: String::new(),
        height: 24,
        column_stride: 4,
        alphabet: String::new(),
        blank: 37,
        layers,
    }
}
