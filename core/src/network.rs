//! Running a network: convolutions as matrix products, activations packed straight from padded feature maps.
//!
//! A feature map is `[row][column][channel]` with the border that the next convolution needs already around it, so that a window is a few
//! contiguous runs. For each panel of output pixels the windows are gathered into the kernel's layout, multiplied with all filters, and
//! finished (requantised, or rectified in f32) into the next map. The same code runs f32, 8 and 4 bits.

use crate::Precision;
use crate::gemm::{
    Kernel, LeftPanel, Number, Packed, Visitor, Windows, multiply_windows, select, window_length,
};
use crate::model::{self, Convolution, Layer, Model, ModelError, Parameters, Window};
use crate::quant::{gray_to_u4, rectify, requantise, requantise_one};
use crate::strip::Strip;

/// Class scores of each column of a strip.
#[derive(Debug, Clone, PartialEq)]
pub struct Logits {
    columns: usize,
    classes: usize,
    values: Values,
}

#[derive(Debug, Clone, PartialEq)]
enum Values {
    Integer { values: Vec<i32>, scale: f32 },
    Float(Vec<f32>),
}

impl Default for Logits {
    /// No columns.
    fn default() -> Self {
        Self { columns: 0, classes: 0, values: Values::Float(Vec::new()) }
    }
}

impl Logits {
    /// Columns.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The exact logits, `[column][class]`; `None` for f32.
    #[must_use]
    pub fn integers(&self) -> Option<&[i32]> {
        match &self.values {
            Values::Integer { values, .. } => Some(values),
            Values::Float(_) => None,
        }
    }

    /// The logits as log odds, `[column][class]`.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "logits are compared, not computed with, from here on")]
    pub fn to_f32(&self) -> Vec<f32> {
        match &self.values {
            Values::Integer { values, scale } => values.iter().map(|&value| value as f32 * scale).collect(),
            Values::Float(values) => values.clone(),
        }
    }
}

/// Why a strip cannot be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StripError {
    /// The strip has another number of rows than the network.
    Height {
        /// Rows of the network's input.
        wanted: usize,
        /// Rows of the strip.
        found: usize,
    },
    /// The strip is too small for the network's windows, or its width is no multiple of the column stride.
    Width,
}

impl std::fmt::Display for StripError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Height { wanted, found } => write!(f, "the strip has {found} rows instead of {wanted}"),
            Self::Width => f.write_str("the strip's width does not suit the network"),
        }
    }
}

impl std::error::Error for StripError {}

/// Sees the output of a layer: its number, rows, columns, channels, and the codes.
pub type LayerHook<'a> = dyn FnMut(usize, [usize; 3], &[u8]) + 'a;

/// A copy of a layer's output, `[row][column][channel]`.
#[derive(Debug, Clone, PartialEq)]
pub enum Activations {
    /// Codes of an integer network.
    Codes(Vec<u8>),
    /// Values of an f32 network.
    Reals(Vec<f32>),
}

/// Told of each layer as it ends: its number, rows, columns and channels of its output, and how to get a copy of it; the last layer's are the logits.
type LayerEnd<'a> = dyn FnMut(usize, [usize; 3], &dyn Fn() -> Option<Activations>) + 'a;

/// A network ready to run, with the buffers it runs in.
pub struct Network {
    model: Model,
    engine: Box<dyn Engine + Send>,
}

impl Network {
    /// Reads a model file and packs its weights for this machine's best kernel.
    ///
    /// # Errors
    /// [`ModelError`] where the file cannot be used.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        Ok(Self::from_model(model::parse(bytes)?))
    }

    /// Packs the weights of `model` for this machine's best kernel.
    ///
    /// # Panics
    /// If parameters do not have the sizes that the layers state; those from a file always do.
    #[must_use]
    pub fn from_model(mut model: Model) -> Self {
        let engine = select(model.precision.into(), Build(&model));
        // The engine has its own copy in the kernel's layout.
        for layer in &mut model.layers {
            if let Layer::Convolution(convolution) = layer {
                match &mut convolution.parameters {
                    Parameters::Integer { weights, .. } => *weights = Vec::new(),
                    Parameters::Float { weights, .. } => *weights = Vec::new(),
                }
            }
        }
        Self { model, engine }
    }

    /// The arithmetic.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.model.precision
    }

    /// What the file says of itself; weights are left out.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Name of the kernel in use.
    #[must_use]
    pub fn kernel(&self) -> &'static str {
        self.engine.kernel()
    }

    /// Instruction set of the kernel, for people.
    #[must_use]
    pub fn isa(&self) -> &'static str {
        self.engine.isa()
    }

    /// Reads a strip. Buffers are kept for the next one.
    ///
    /// # Errors
    /// [`StripError`] where the strip's size does not suit the network.
    pub fn run(&mut self, strip: &Strip) -> Result<Logits, StripError> {
        self.run_observed(strip, &mut |_, _, _| {})
    }

    /// The same, telling `tick` the number of each layer as it ends: for measurements.
    ///
    /// # Errors
    /// As [`Network::run`].
    pub fn run_ticking(
        &mut self,
        strip: &Strip,
        tick: &mut dyn FnMut(usize, [usize; 3]),
    ) -> Result<Logits, StripError> {
        self.run_observed(strip, &mut |index, shape, _| tick(index, shape))
    }

    /// The same, showing every integer layer's output but the last to `hook`.
    ///
    /// # Errors
    /// As [`Network::run`].
    pub fn run_watched(&mut self, strip: &Strip, hook: &mut LayerHook<'_>) -> Result<Logits, StripError> {
        self.run_observed(strip, &mut |index, shape, output| {
            if let Some(Activations::Codes(codes)) = output() {
                hook(index, shape, &codes);
            }
        })
    }

    /// The output of one layer, by its number, with its rows, columns and channels; `None` if the network has no such layer, or it is the last.
    ///
    /// # Errors
    /// As [`Network::run`].
    pub fn output_of(
        &mut self,
        layer: usize,
        strip: &Strip,
    ) -> Result<Option<([usize; 3], Activations)>, StripError> {
        let mut found = None;
        self.run_observed(strip, &mut |index, shape, output| {
            if index == layer {
                found = output().map(|output| (shape, output));
            }
        })?;
        Ok(found)
    }

    fn run_observed(&mut self, strip: &Strip, end: &mut LayerEnd<'_>) -> Result<Logits, StripError> {
        if strip.height() != self.model.height {
            return Err(StripError::Height { wanted: self.model.height, found: strip.height() });
        }
        if !strip.width().is_multiple_of(self.model.column_stride) {
            return Err(StripError::Width);
        }
        self.engine.run(strip, end).ok_or(StripError::Width)
    }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network")
            .field("precision", &self.precision())
            .field("kernel", &self.kernel())
            .finish()
    }
}

trait Engine {
    fn kernel(&self) -> &'static str;
    fn isa(&self) -> &'static str;
    fn run(&mut self, strip: &Strip, end: &mut LayerEnd<'_>) -> Option<Logits>;
}

/// What distinguishes codes from reals: how a strip becomes activations, and sums the activations of the next layer.
trait Activation: Number {
    type Weight: Number;
    type Sum: Number;
    /// What finishes a convolution.
    type Finish: Send;

    fn weights(parameters: &Parameters) -> Option<&[Self::Weight]>;
    /// `offsets` belong to the sums of each channel, where there are any; `next` is the convolution that reads the result, `None` for the logits.
    fn finish(
        parameters: &Parameters,
        offsets: &[Self::Sum],
        next: Option<&Convolution>,
    ) -> Option<Self::Finish>;
    fn of_gray(gray: u8, bits: u8) -> Self;
    fn of_zero_point(zero_point: u8) -> Self;
    fn larger(self, other: Self) -> Self;
    /// One pixel's sums to activations.
    fn apply(finish: &Self::Finish, sums: &[Self::Sum], out: &mut [Self]);
    /// One column's sums to logits.
    fn logits(finish: &Self::Finish, sums: &[Self::Sum], out: &mut Values);
    /// Room for so many logits.
    fn no_logits(finish: &Self::Finish, count: usize) -> Values;
    fn activations(map: Vec<Self>) -> Activations;
}

/// Requantisation of one layer's sums.
struct Requantise {
    bias: Vec<i32>,
    scale: Vec<f32>,
    zero_point: u8,
    largest: u8,
}

impl Activation for u8 {
    type Weight = i8;
    type Sum = i32;
    type Finish = Requantise;

    fn weights(parameters: &Parameters) -> Option<&[i8]> {
        match parameters {
            Parameters::Integer { weights, .. } => Some(weights),
            Parameters::Float { .. } => None,
        }
    }

    fn finish(parameters: &Parameters, offsets: &[i32], next: Option<&Convolution>) -> Option<Requantise> {
        let Parameters::Integer { bias, scale, .. } = parameters else { return None };
        let mut bias = bias.clone();
        bias.iter_mut().zip(offsets).for_each(|(bias, offset)| *bias = bias.wrapping_add(*offset));
        let (zero_point, bits) = next.map_or((0, 8), |next| (next.zero_point, next.activation_bits));
        Some(Requantise { bias, scale: scale.clone(), zero_point, largest: u8::MAX >> (8 - bits) })
    }

    fn of_gray(gray: u8, bits: u8) -> u8 {
        if bits == 4 { gray_to_u4(gray) } else { gray }
    }

    fn of_zero_point(zero_point: u8) -> u8 {
        zero_point
    }

    fn larger(self, other: u8) -> u8 {
        self.max(other)
    }

    #[inline]
    fn apply(finish: &Requantise, sums: &[i32], out: &mut [u8]) {
        if finish.zero_point == 0 {
            return requantise(sums, &finish.bias, &finish.scale, finish.largest, out);
        }
        for (((out, sum), bias), &scale) in out.iter_mut().zip(sums).zip(&finish.bias).zip(&finish.scale) {
            *out = requantise_one(sum.wrapping_add(*bias), scale, finish.zero_point, finish.largest);
        }
    }

    fn logits(finish: &Requantise, sums: &[i32], out: &mut Values) {
        if let Values::Integer { values, .. } = out {
            values.extend(sums.iter().zip(&finish.bias).map(|(sum, bias)| sum.wrapping_add(*bias)));
        }
    }

    fn no_logits(finish: &Requantise, count: usize) -> Values {
        Values::Integer {
            values: Vec::with_capacity(count),
            scale: finish.scale.first().copied().unwrap_or(1.0),
        }
    }

    fn activations(map: Vec<u8>) -> Activations {
        Activations::Codes(map)
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

    fn finish(parameters: &Parameters, _offsets: &[f32], _next: Option<&Convolution>) -> Option<Vec<f32>> {
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
    fn apply(bias: &Vec<f32>, sums: &[f32], out: &mut [f32]) {
        rectify(sums, bias, out);
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

/// A feature map with the border that its reader needs.
struct Map<A> {
    height: usize,
    width: usize,
    channels: usize,
    padding: [usize; 2],
    values: Vec<A>,
}

impl<A: Activation> Map<A> {
    const fn empty() -> Self {
        Self { height: 0, width: 0, channels: 0, padding: [0, 0], values: Vec::new() }
    }

    /// Takes a new size, all border and inside filled with `fill`; no allocation once the largest size has been seen.
    fn reset(&mut self, [height, width, channels]: [usize; 3], padding: [usize; 2], fill: A) {
        (self.height, self.width, self.channels, self.padding) = (height, width, channels, padding);
        self.values.clear();
        // Chunks of the last window may end beyond it.
        self.values.resize((height + 2 * padding[0]) * (width + 2 * padding[1]) * channels + CHUNK, fill);
    }

    /// The codes of a strip. One copy for all kernels: what a page loads counts.
    #[inline(never)]
    fn take(&mut self, strip: &Strip, bits: u8, padding: [usize; 2], fill: A) {
        self.reset([strip.height(), strip.width(), 1], padding, fill);
        for (y, row) in strip.pixels().chunks_exact(strip.width()).enumerate() {
            for (x, &gray) in row.iter().enumerate() {
                self.pixel_mut(y, x)[0] = A::of_gray(gray, bits);
            }
        }
    }

    /// Where the values of padded row `y`, column `x` begin.
    fn index(&self, y: usize, x: usize) -> usize {
        (y * (self.width + 2 * self.padding[1]) + x) * self.channels
    }

    /// The values of a pixel inside.
    fn pixel_mut(&mut self, y: usize, x: usize) -> &mut [A] {
        let (index, channels) = (self.index(y + self.padding[0], x + self.padding[1]), self.channels);
        &mut self.values[index..][..channels]
    }

    /// The values inside, without the border.
    fn inside(&self) -> Vec<A> {
        (0..self.height)
            .flat_map(|y| {
                let from = self.index(y + self.padding[0], self.padding[1]);
                self.values[from..][..self.width * self.channels].iter().copied()
            })
            .collect()
    }
}

/// One layer, ready to run.
enum Stage<K: Kernel<Activation: Activation>> {
    Convolution {
        window: Window,
        packed: Packed<K>,
        panel: LeftPanel<K>,
        finish: <K::Activation as Activation>::Finish,
    },
    MaxPool(Window),
}

/// All layers, and the two maps that they read and write in turn.
struct Stack<K: Kernel<Activation: Activation>> {
    kernel: K,
    input_bits: u8,
    stages: Vec<Stage<K>>,
    /// Border and fill of the map that each stage reads.
    borders: Vec<([usize; 2], K::Activation)>,
    maps: [Map<K::Activation>; 2],
    buffers: Buffers<K>,
}

/// What convolutions keep between panels and layers.
struct Buffers<K: Kernel> {
    /// Sums of a panel.
    sums: Vec<K::Sum>,
    /// Windows of a panel, where they are gathered.
    gathered: Vec<K::Activation>,
    /// Where the windows of a panel begin in the map.
    starts: Vec<usize>,
}

impl<K, A> Stack<K>
where
    K: Kernel<Activation = A, Weight = A::Weight, Sum = A::Sum>,
    A: Activation,
{
    fn new(kernel: K, model: &Model) -> Self {
        let next = |index: usize| {
            model.layers[index..].iter().find_map(|layer| match layer {
                Layer::Convolution(convolution) => Some(convolution),
                Layer::MaxPool(_) => None,
            })
        };
        let stages = model.layers.iter().enumerate().filter_map(|(index, layer)| match layer {
            Layer::MaxPool(window) => Some(Stage::MaxPool(*window)),
            Layer::Convolution(convolution) => {
                let packed = Packed::new(
                    A::weights(&convolution.parameters)?,
                    convolution.outputs,
                    convolution.depth(),
                );
                let finish = A::finish(&convolution.parameters, packed.offsets(), next(index + 1))?;
                let panel = LeftPanel::new(convolution.depth());
                Some(Stage::Convolution { window: convolution.window, packed, panel, finish })
            }
        });
        let borders = model.layers.iter().map(|layer| match layer {
            Layer::Convolution(convolution) => {
                (convolution.window.padding, A::of_zero_point(convolution.zero_point))
            }
            Layer::MaxPool(_) => ([0, 0], A::default()),
        });
        Self {
            kernel,
            input_bits: next(0).map_or(8, |first| first.activation_bits),
            stages: stages.collect(),
            borders: borders.collect(),
            maps: [Map::empty(), Map::empty()],
            buffers: Buffers { sums: Vec::new(), gathered: Vec::new(), starts: Vec::new() },
        }
    }
}

impl<K, A> Engine for Stack<K>
where
    K: Kernel<Activation = A, Weight = A::Weight, Sum = A::Sum>,
    A: Activation,
{
    fn kernel(&self) -> &'static str {
        K::NAME
    }

    fn isa(&self) -> &'static str {
        K::ISA
    }

    fn run(&mut self, strip: &Strip, end: &mut LayerEnd<'_>) -> Option<Logits> {
        let Self { kernel, input_bits, stages, borders, maps, buffers } = self;
        let [mut from, mut to] = maps.each_mut();
        let (padding, fill) = *borders.first()?;
        from.take(strip, *input_bits, padding, fill);
        let mut logits = None;
        for (index, stage) in stages.iter_mut().enumerate() {
            let border = borders.get(index + 1);
            let (padding, fill) = border.copied().unwrap_or(([0, 0], A::default()));
            match stage {
                Stage::MaxPool(window) => {
                    let (height, width) = window.output(from.height, from.width)?;
                    to.reset([height, width, from.channels], padding, fill);
                    pool(from, to, window);
                }
                Stage::Convolution { window, packed, panel, finish } => {
                    let (height, width) = window.output(from.height, from.width)?;
                    let source = Source { map: from, window, height, width };
                    // The last layer gives the logits. They have one row: what stands below would belong to no column.
                    let mut values = border.is_none().then(|| A::no_logits(finish, width * packed.columns()));
                    if values.is_none() {
                        to.reset([height, width, packed.columns()], padding, fill);
                    }
                    convolve(*kernel, &source, packed, panel, buffers, |[y, x], sums| match &mut values {
                        None => A::apply(finish, sums, to.pixel_mut(y, x)),
                        Some(values) if y == 0 => A::logits(finish, sums, values),
                        Some(_) => {}
                    });
                    logits =
                        values.map(|values| Logits { columns: width, classes: packed.columns(), values });
                }
            }
            match &logits {
                Some(logits) => end(index, [1, logits.columns, logits.classes], &|| None),
                None => end(index, [to.height, to.width, to.channels], &|| Some(A::activations(to.inside()))),
            }
            std::mem::swap(&mut from, &mut to);
        }
        logits
    }
}

/// What a convolution reads, and the size of what it writes.
struct Source<'a, A> {
    map: &'a Map<A>,
    window: &'a Window,
    height: usize,
    width: usize,
}

/// Elements of the chunks that windows are gathered in: copies of a known length are a load and a store.
const CHUNK: usize = 16;

/// Multiplies the windows of all output pixels with all filters, a panel at a time, and hands each pixel's row, column and sums to `visit`.
fn convolve<K: Kernel<Activation: Activation>>(
    kernel: K,
    source: &Source<'_, K::Activation>,
    packed: &Packed<K>,
    panel: &mut LeftPanel<K>,
    buffers: &mut Buffers<K>,
    mut visit: impl FnMut([usize; 2], &[K::Sum]),
) {
    let Source { map, window, height, width } = *source;
    let Buffers { sums, gathered, starts } = buffers;
    let stride = packed.stride();
    sums.resize(K::MR * stride, K::Sum::default());
    let (runs, run, pitch) = (window.kernel[0], window.kernel[1] * map.channels, map.index(1, 0));
    // Runs that end within a group, or are shorter than a vector, are laid side by side first: then a window is one run.
    let gathers = !run.is_multiple_of(K::GROUP) || run < CHUNK;
    let length = window_length(packed.depth());
    if gathers {
        gathered.resize(K::MR * length + CHUNK, K::Activation::default());
    }
    // Counted along, because two divisions a pixel would be felt.
    let next = |[y, x]: [usize; 2]| if x + 1 == width { [y + 1, 0] } else { [y, x + 1] };
    let mut first = [0, 0];
    let mut left = height * width;
    while left > 0 {
        let count = K::MR.min(left);
        // Where the windows of a panel begin; beyond the last pixel the last one is repeated.
        starts.clear();
        let mut pixel = first;
        for row in 0..K::MR {
            starts.push(map.index(pixel[0] * window.stride[0], pixel[1] * window.stride[1]));
            if row + 1 < count {
                pixel = next(pixel);
            }
        }
        if gathers {
            for (row, start) in starts.iter_mut().enumerate() {
                gather(map, [*start, runs, run, pitch], &mut gathered[row * length..]);
                *start = row * length;
            }
            let windows = Windows { map: gathered, starts, runs: 1, run: length, pitch: 0 };
            multiply_windows(kernel, &windows, panel, packed, sums);
        } else {
            let windows = Windows { map: &map.values, starts, runs, run, pitch };
            multiply_windows(kernel, &windows, panel, packed, sums);
        }
        kernel.vectorised(
            #[inline(always)]
            || {
                for sums in sums.chunks_exact(stride).take(count) {
                    visit(first, &sums[..packed.columns()]);
                    first = next(first);
                }
            },
        );
        left -= count;
    }
}

/// Lays the runs of a window side by side, in chunks that may run over: the next run, or the next window, overwrites what is too much.
#[inline]
fn gather<A: Activation>(map: &Map<A>, [start, runs, run, pitch]: [usize; 4], out: &mut [A]) {
    for index in 0..runs {
        let (from, to) = (&map.values[start + index * pitch..], &mut out[index * run..]);
        for at in (0..run).step_by(CHUNK) {
            to[at..at + CHUNK].copy_from_slice(&from[at..at + CHUNK]);
        }
    }
}

/// One copy for all kernels: what a page loads counts.
#[inline(never)]
fn pool<A: Activation>(from: &Map<A>, to: &mut Map<A>, window: &Window) {
    let channels = from.channels;
    for y in 0..to.height {
        for x in 0..to.width {
            let (top, left) = (y * window.stride[0], x * window.stride[1]);
            let out = to.pixel_mut(y, x);
            out.copy_from_slice(&from.values[from.index(top, left)..][..channels]);
            for dy in 0..window.kernel[0] {
                for dx in 0..window.kernel[1] {
                    let values = &from.values[from.index(top + dy, left + dx)..][..channels];
                    for (out, &value) in out.iter_mut().zip(values) {
                        *out = out.larger(value);
                    }
                }
            }
        }
    }
}

/// Builds the stack of a model on whichever kernel is selected.
struct Build<'a>(&'a Model);

impl Visitor for Build<'_> {
    type Result = Box<dyn Engine + Send>;

    fn integer<K: Kernel<Activation = u8, Weight = i8, Sum = i32>>(self, kernel: K) -> Self::Result {
        Box::new(Stack::new(kernel, self.0))
    }

    fn float<K: Kernel<Activation = f32, Weight = f32, Sum = f32>>(self, kernel: K) -> Self::Result {
        Box::new(Stack::new(kernel, self.0))
    }
}
