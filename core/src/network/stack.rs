//! All layers of a network, packed for one kernel, and the maps between them.

use super::activation::{Activation, Activations};
use super::convolution::{Buffers, OnKernel, Product, Source, WithPairs, convolve, convolve_pairs};
use super::input::Input;
use super::logits::Logits;
use super::map::{Map, pool};
use crate::gemm::pairs::{Filter, Pairs, PairsOnKernel, SumsAre};
use crate::gemm::{Kernel, Kernels, Visitor};
use crate::model::{Convolution, Layer, Model, Parameters, Window};
use crate::quant::Code;

/// The output of a layer, passed to the observer of
/// [`Network::run_observed`](crate::Network::run_observed).
pub struct LayerOutput<'a> {
    /// Number of the layer, from 0.
    pub index: usize,
    /// Rows, columns and channels of its output.
    pub shape: [usize; 3],
    copy: &'a dyn Fn() -> Option<Activations>,
}

impl LayerOutput<'_> {
    /// A copy of the output; `None` for the last layer, whose output is the logits.
    #[must_use]
    pub fn activations(&self) -> Option<Activations> {
        (self.copy)()
    }
}

impl std::fmt::Debug for LayerOutput<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LayerOutput")
            .field("index", &self.index)
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

/// A network whose kernel is only known at run time.
pub(super) trait Engine {
    fn kernel(&self) -> &'static str;
    fn isa(&self) -> &'static str;
    fn run(
        &mut self,
        input: &Input<'_>,
        observe: &mut dyn FnMut(LayerOutput<'_>),
    ) -> Option<Logits>;
}

/// Packs a checked model for the kernel that `kernels` holds for its precision.
pub(super) fn build(model: &Model, kernels: &Kernels) -> Box<dyn Engine + Send> {
    kernels.visit(model.precision.into(), Build(model))
}

struct Build<'a>(&'a Model);

impl Visitor for Build<'_> {
    type Result = Box<dyn Engine + Send>;

    fn integer<K: Kernel<Activation: Code, Weight = i8, Sum = i32>>(
        self,
        kernel: K,
    ) -> Self::Result {
        let pairs = |convolution: &Convolution, height| -> Option<Box<dyn Pairs<_, i32>>> {
            K::POINTS?;
            let Convolution { inputs, outputs, window, .. } = *convolution;
            let filter = Filter { inputs, outputs, kernel: window.kernel, stride: window.stride };
            let Parameters::Integer { weights, .. } = &convolution.parameters else { return None };
            let four_bits = convolution.activation_bits == 4;
            let pairs = || PairsOnKernel::new(kernel, filter, weights, height, SumsAre::Doubled);
            Some(Box::new(four_bits.then(pairs)??))
        };
        Box::new(Stack::on(kernel, self.0, &pairs))
    }

    fn float<K: Kernel<Activation = f32, Weight = f32, Sum = f32>>(
        self,
        kernel: K,
    ) -> Self::Result {
        Box::new(Stack::on(kernel, self.0, &|_, _| None))
    }
}

/// Packs the weights of a convolution. The arguments are the weights, the number of output
/// channels, and the number of stretches in a window with their length.
type Pack<'a, A> =
    dyn Fn(&[<A as Activation>::Weight], usize, [usize; 2]) -> Box<dyn Product<A>> + 'a;

/// The pairs of a convolution, if it has them. The second argument is the number of rows of its
/// output, where it is known.
type MakePairs<'a, A> =
    dyn Fn(&Convolution, Option<usize>) -> Option<Box<dyn Pairs<A, <A as Activation>::Sum>>> + 'a;

/// A width that every window fits: the height of an output does not depend on it.
const ANY_WIDTH: usize = 1 << 16;

/// Rows of each layer's output, where the model has a height. Not generic, so that pages load it
/// once.
#[inline(never)]
fn heights(model: &Model) -> Vec<Option<usize>> {
    let mut height = model.height;
    let layers = model.layers.iter().map(|layer| {
        let (Layer::Convolution(Convolution { window, .. }) | Layer::MaxPool(window)) = layer;
        height = height.and_then(|height| Some(window.output(height, ANY_WIDTH)?.0));
        height
    });
    layers.collect()
}

/// One layer, ready to run.
enum Stage<A: Activation> {
    Convolution {
        window: Window,
        product: Box<dyn Product<A>>,
        finish: A::Finish,
        /// The same two outputs at a time.
        pairs: Option<WithPairs<A>>,
    },
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
    fn on<K>(kernel: K, model: &Model, pairs: &MakePairs<'_, A>) -> Self
    where
        K: Kernel<Activation = A, Weight = A::Weight, Sum = A::Sum>,
    {
        let pack = |weights: &[A::Weight], columns, stretches| -> Box<dyn Product<A>> {
            Box::new(OnKernel::new(kernel, weights, columns, stretches))
        };
        Self::new([K::NAME, K::ISA], model, &pack, pairs)
    }

    fn new(
        [kernel, isa]: [&'static str; 2],
        model: &Model,
        pack: &Pack<'_, A>,
        pairs: &MakePairs<'_, A>,
    ) -> Self {
        let next = |index: usize| {
            model.layers[index..].iter().find_map(|layer| match layer {
                Layer::Convolution(convolution) => Some(convolution),
                Layer::MaxPool(_) => None,
            })
        };
        let heights = heights(model);
        let stages = model.layers.iter().enumerate().filter_map(|(index, layer)| match layer {
            Layer::MaxPool(window) => Some(Stage::MaxPool(*window)),
            Layer::Convolution(convolution) => {
                // `Model::check` refuses parameters that do not match the precision.
                let weights = A::weights(&convolution.parameters)?;
                let [stretches, columns] = convolution.window.kernel;
                let stretches = [stretches, columns * convolution.inputs];
                let product = pack(weights, convolution.outputs, stretches);
                let offsets = product.offsets();
                let finish = A::finish(&convolution.parameters, offsets, next(index + 1))?;
                // The last layer gives its sums as they are.
                let doubled =
                    next(index + 1).filter(|_| A::HAS_PAIRS).and_then(|_| A::doubled(&finish));
                let pairs = doubled
                    .and_then(|doubled| Some((pairs(convolution, heights[index])?, doubled)));
                Some(Stage::Convolution { window: convolution.window, product, finish, pairs })
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

    fn run(
        &mut self,
        input: &Input<'_>,
        observe: &mut dyn FnMut(LayerOutput<'_>),
    ) -> Option<Logits> {
        let Self { input_bits, stages, borders, maps, buffers, .. } = self;
        let [mut from, mut to] = maps.each_mut();
        let (padding, fill) = *borders.first()?;
        from.take(input, *input_bits, padding, fill);
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
                Stage::Convolution { window, product, finish, pairs } => {
                    let (height, width) = window.output(from.height, from.width)?;
                    let source = Source { map: from, window, height, width };
                    let shape = product.shape();
                    // The last layer gives the logits.
                    let mut values = border
                        .is_none()
                        .then(|| A::no_logits(finish, height * width * shape.columns));
                    if values.is_none() {
                        to.reset([height, width, shape.columns], padding, fill);
                    }
                    let pairs =
                        pairs.as_mut().filter(|(pairs, _)| A::HAS_PAIRS && pairs.suit(height));
                    if let Some(pairs) = pairs {
                        convolve_pairs(&source, pairs, &**product, buffers, to);
                    } else {
                        convolve(&source, &mut **product, buffers, |product, first, sums| {
                            let Some(values) = &mut values else {
                                return product.finish(finish, sums, to, first);
                            };
                            for sums in sums.chunks_exact(shape.stride) {
                                A::logits(finish, &sums[..shape.columns], values);
                            }
                        });
                    }
                    logits = values.map(|values| Logits {
                        rows: height,
                        columns: width,
                        classes: shape.columns,
                        values,
                    });
                }
            }
            match &logits {
                Some(logits) => {
                    let shape = [logits.rows, logits.columns, logits.classes];
                    observe(LayerOutput { index, shape, copy: &|| None });
                }
                None => observe(LayerOutput {
                    index,
                    shape: [to.height, to.width, to.channels],
                    copy: &|| Some(A::activations(to.inside())),
                }),
            }
            std::mem::swap(&mut from, &mut to);
        }
        logits
    }
}
