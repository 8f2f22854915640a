//! Running a network: convolutions as matrix products, straight from padded feature maps.
//!
//! A feature map is `[row][column][channel]` with the border that the next convolution needs already around it, so that a window is a few
//! contiguous runs. The windows of some panels of output pixels are multiplied with all filters, read where they lie or packed, as the kernel likes it, and
//! finished (requantised, or rectified in f32) into the next map. The same code runs f32, 8 and 4 bits.

mod activation;
mod convolution;
mod logits;
mod map;

pub use logits::Logits;

use crate::Precision;
use crate::gemm::{Kernel, Visitor, select};
use crate::model::{self, Convolution, Layer, Model, ModelError, Parameters, Window};
use crate::quant::Code;
use crate::strip::Strip;
use activation::Activation;
use convolution::{Buffers, On, Product, Source, convolve};
use map::{Map, pool};

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

/// Packs the weights of a convolution: output channels, and the runs of a window and their activations.
type Pack<'a, A> = dyn Fn(&[<A as Activation>::Weight], usize, [usize; 2]) -> Box<dyn Product<A>> + 'a;

/// One layer, ready to run.
enum Stage<A: Activation> {
    Convolution { window: Window, product: Box<dyn Product<A>>, finish: A::Finish },
    MaxPool(Window),
}

/// All layers, and the two maps that they read and write in turn.
struct Stack<A: Activation> {
    kernel: &'static str,
    isa: &'static str,
    input_bits: u8,
    stages: Vec<Stage<A>>,
    /// Border and fill of the map that each stage reads.
    borders: Vec<([usize; 2], A)>,
    maps: [Map<A>; 2],
    buffers: Buffers<A>,
}

impl<A: Activation> Stack<A> {
    fn on<K>(kernel: K, model: &Model) -> Self
    where
        K: Kernel<Activation = A, Weight = A::Weight, Sum = A::Sum>,
    {
        let pack = |weights: &[A::Weight], columns, runs| -> Box<dyn Product<A>> {
            Box::new(On::new(kernel, weights, columns, runs))
        };
        Self::new([K::NAME, K::ISA], model, &pack)
    }

    fn new([kernel, isa]: [&'static str; 2], model: &Model, pack: &Pack<A>) -> Self {
        let next = |index: usize| {
            model.layers[index..].iter().find_map(|layer| match layer {
                Layer::Convolution(convolution) => Some(convolution),
                Layer::MaxPool(_) => None,
            })
        };
        let stages = model.layers.iter().enumerate().filter_map(|(index, layer)| match layer {
            Layer::MaxPool(window) => Some(Stage::MaxPool(*window)),
            Layer::Convolution(convolution) => {
                let weights = A::weights(&convolution.parameters)?;
                let [runs, columns] = convolution.window.kernel;
                let product = pack(weights, convolution.outputs, [runs, columns * convolution.inputs]);
                let finish = A::finish(&convolution.parameters, product.offsets(), next(index + 1))?;
                Some(Stage::Convolution { window: convolution.window, product, finish })
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
            isa,
            input_bits: next(0).map_or(8, |first: &Convolution| first.activation_bits),
            stages: stages.collect(),
            borders: borders.collect(),
            maps: [Map::empty(), Map::empty()],
            buffers: Buffers::empty(),
        }
    }
}

impl<A: Activation> Engine for Stack<A> {
    fn kernel(&self) -> &'static str {
        self.kernel
    }

    fn isa(&self) -> &'static str {
        self.isa
    }

    fn run(&mut self, strip: &Strip, end: &mut LayerEnd<'_>) -> Option<Logits> {
        let Self { input_bits, stages, borders, maps, buffers, .. } = self;
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
                Stage::Convolution { window, product, finish } => {
                    let (height, width) = window.output(from.height, from.width)?;
                    let source = Source { map: from, window, height, width };
                    let shape = product.shape();
                    // The last layer gives the logits. They have one row: what stands below would belong to no column.
                    let mut values = border.is_none().then(|| A::no_logits(finish, width * shape.columns));
                    if values.is_none() {
                        to.reset([height, width, shape.columns], padding, fill);
                    }
                    convolve(&source, &mut **product, buffers, |product, first, sums| match &mut values {
                        None => product.finish(finish, sums, to, first),
                        Some(values) => {
                            let pixels = sums.chunks_exact(shape.stride).map(|sums| &sums[..shape.columns]);
                            let row = if first[0] == 0 { width - first[1] } else { 0 };
                            pixels.take(row).for_each(|sums| A::logits(finish, sums, values));
                        }
                    });
                    logits = values.map(|values| Logits { columns: width, classes: shape.columns, values });
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

/// Builds the stack of a model on whichever kernel is selected.
struct Build<'a>(&'a Model);

impl Visitor for Build<'_> {
    type Result = Box<dyn Engine + Send>;

    fn integer<K: Kernel<Activation: Code, Weight = i8, Sum = i32>>(self, kernel: K) -> Self::Result {
        Box::new(Stack::on(kernel, self.0))
    }

    fn float<K: Kernel<Activation = f32, Weight = f32, Sum = f32>>(self, kernel: K) -> Self::Result {
        Box::new(Stack::on(kernel, self.0))
    }
}
