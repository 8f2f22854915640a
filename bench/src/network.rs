//! Timing networks, as a whole and layer by layer.

use super::{Clock, Plan, Row, Shape, median, quantile, speed_up};
use nibble_core::model::{Convolution, Layer, Parameters, Window};
use nibble_core::{InputError, Model, Network, Precision};

/// Minimum number of runs in a repeat.
const MIN_RUNS: usize = 3;

/// The times of one network: `layers[layer][repeat]` in milliseconds, with the whole run as the
/// last entry.
struct Timed {
    network: Network,
    /// Number of runs in a repeat.
    runs: usize,
    layers: Vec<Vec<f64>>,
    shapes: Vec<Shape>,
}

impl Timed {
    /// Runs a few times, and returns the time of each layer. With a fine clock that is the fastest
    /// one, because an interrupted run says nothing; with a coarse clock the mean, because its
    /// steps average out only over many runs.
    fn repeat(
        &mut self,
        strip: &[u8],
        plan: &Plan,
        clock: &mut Clock<'_>,
    ) -> Result<Vec<f64>, InputError> {
        let mut layers = self.once(strip, clock)?;
        for _ in 1..self.runs {
            let next = self.once(strip, clock)?;
            for (known, ms) in layers.iter_mut().zip(next) {
                *known = if plan.coarse_clock { *known + ms } else { known.min(ms) };
            }
        }
        if plan.coarse_clock {
            layers.iter_mut().for_each(|ms| *ms /= self.runs as f64);
        }
        Ok(layers)
    }

    /// Runs once, and returns the time of each layer and of the whole run.
    fn once(&mut self, strip: &[u8], clock: &mut Clock<'_>) -> Result<Vec<f64>, InputError> {
        let start = clock();
        let (mut last, mut layer_ms, mut outputs) = (start, Vec::new(), Vec::new());
        self.network.run_observed(strip, &mut |layer| {
            let now = clock();
            layer_ms.push(now - last);
            outputs.push(layer.shape);
            last = now;
        })?;
        layer_ms.push(last - start);
        let depths = self.network.model().layers.iter().map(|layer| match layer {
            Layer::Convolution(convolution) => convolution.depth(),
            Layer::MaxPool(_) => 0,
        });
        let shapes = outputs.iter().zip(depths);
        self.shapes =
            shapes.map(|([h, w, channels], k)| Shape { m: h * w, n: *channels, k }).collect();
        Ok(layer_ms)
    }

    /// Warms up, and sets the number of runs that a sample needs.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small positive count"
    )]
    fn warm_up(
        &mut self,
        strip: &[u8],
        plan: &Plan,
        clock: &mut Clock<'_>,
    ) -> Result<(), InputError> {
        let (start, mut runs) = (clock(), 0);
        while runs < MIN_RUNS || clock() - start < plan.warm_up_ms {
            self.once(strip, clock)?;
            runs += 1;
        }
        let mean = (clock() - start) / runs as f64;
        let wanted =
            if plan.coarse_clock && mean > 0.0 { (plan.sample_ms / mean).min(1e3) } else { 0.0 };
        self.runs = MIN_RUNS.max(wanted.ceil() as usize);
        Ok(())
    }
}

/// A measurement of networks, one of each precision, on one strip, repeat by repeat.
pub struct NetworkBench {
    all: Vec<Timed>,
    strip: Vec<u8>,
    plan: Plan,
}

impl NetworkBench {
    /// Prepares the measurement: warms up all `networks`.
    ///
    /// # Errors
    /// [`InputError`] if the strip does not suit a network.
    pub fn new(
        networks: Vec<Network>,
        strip: Vec<u8>,
        plan: Plan,
        clock: &mut Clock<'_>,
    ) -> Result<Self, InputError> {
        let timed =
            |network| Timed { network, runs: MIN_RUNS, layers: Vec::new(), shapes: Vec::new() };
        let mut all: Vec<Timed> = networks.into_iter().map(timed).collect();
        for timed in &mut all {
            timed.warm_up(&strip, &plan, clock)?;
        }
        Ok(Self { all, strip, plan })
    }

    /// Times every network once more.
    ///
    /// # Errors
    /// As [`NetworkBench::new`].
    pub fn repeat(&mut self, clock: &mut Clock<'_>) -> Result<(), InputError> {
        for timed in &mut self.all {
            let layers = timed.repeat(&self.strip, &self.plan, clock)?;
            timed.layers.resize(layers.len(), Vec::new());
            timed.layers.iter_mut().zip(layers).for_each(|(samples, ms)| samples.push(ms));
        }
        Ok(())
    }

    /// A row for each layer, and one for the whole network, called `total`; `name` and a space
    /// precede each name.
    #[must_use]
    pub fn rows(&self, name: &str) -> Vec<Row> {
        let reference =
            |precision| self.all.iter().find(|timed| timed.network.precision() == precision);
        let (f32s, u8s) = (reference(Precision::F32), reference(Precision::U8));
        let mut rows = Vec::new();
        for timed in &self.all {
            let macs = |index: usize| match timed.shapes.get(index) {
                Some(shape) => shape.macs(),
                None => timed.shapes.iter().map(|shape| shape.macs()).sum(),
            };
            for (index, samples) in timed.layers.iter().enumerate() {
                let op = match timed.network.model().layers.get(index) {
                    Some(Layer::Convolution(convolution)) => convolution.name.clone(),
                    Some(Layer::MaxPool(_)) => format!("pool after layer {index}"),
                    None => "total".to_owned(),
                };
                let shape = timed.shapes.get(index).copied().unwrap_or(Shape { m: 0, n: 0, k: 0 });
                let mut sorted = samples.clone();
                let ms = median(&mut sorted);
                let quartiles = quantile(&mut sorted, 0.75) - quantile(&mut sorted, 0.25);
                let against = |other: Option<&Timed>| speed_up(other?.layers.get(index), samples);
                rows.push(Row {
                    op: format!("{name} {op}"),
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
        rows
    }
}

/// Rows of [`pattern_strip`] and of the synthetic network.
const HEIGHT: usize = 24;
/// Columns of the input per column of logits in the synthetic network.
const COLUMN_STRIDE: usize = 4;

/// A strip of 24 rows and `width` columns, rounded up to a multiple of 4, with an arbitrary
/// pattern. `None` if `width` is 0 or too large.
#[must_use]
pub fn pattern_strip(width: usize) -> Option<Vec<u8>> {
    let width = width.checked_next_multiple_of(COLUMN_STRIDE)?;
    let pixels = HEIGHT.checked_mul(width).filter(|&pixels| (1..=MAX_PIXELS).contains(&pixels))?;
    Some((0..pixels).map(|i| u8::try_from(i.wrapping_mul(7919) % 251).unwrap_or(0)).collect())
}

/// Largest number of pixels of a pattern, far beyond any line of text.
const MAX_PIXELS: usize = 1 << 24;

/// Channels of the synthetic network, which has about ten times the multiply-adds of the reader's.
const CHANNELS: [usize; 6] = [32, 64, 64, 128, 128, 128];

/// A network of the same kind as the reader's, but larger, with arbitrary weights.
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
        // Three layers halve the height; layer 4 reads all rows that are left (24 / 2 / 2 / 2 = 3).
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
        height: Some(HEIGHT),
        column_stride: COLUMN_STRIDE,
        alphabet: String::new(),
        blank: 37,
        layers,
    }
}
