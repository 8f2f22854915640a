//! Running a network: convolutions as matrix products, straight from padded feature maps.
//!
//! A feature map is `[row][column][channel]` and includes the border that the next layer needs, so
//! a window is a few stretches of contiguous values. The windows of some panels of output pixels
//! are multiplied by all filters; kernels read them from the map or packed. Their sums are finished
//! (requantised, or rectified in f32) and stored in the next map. The same code runs all
//! precisions. At 4 bits, convolutions of three taps compute two outputs at a time where the kernel
//! can ([`crate::gemm::pairs`]).

mod activation;
mod convolution;
mod input;
mod logits;
mod map;
mod stack;

pub use activation::Activations;
pub use input::InputError;
pub use logits::Logits;
pub use stack::LayerOutput;

use crate::Precision;
use crate::gemm::Kernels;
use crate::model::{Layer, Model, ModelError, Parameters, RunLimits};
use input::Input;
use stack::Engine;

/// A network that is ready to run, with its buffers.
pub struct Network {
    model: Model,
    engine: Box<dyn Engine + Send>,
    limits: RunLimits,
}

impl Network {
    /// Reads a model file and packs its weights for this machine, by the kernels of
    /// [`Kernels::detect`].
    ///
    /// # Errors
    /// [`ModelError`] if the file cannot be used.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        Self::with_kernels(Model::parse(bytes)?, &Kernels::detect())
    }

    /// Packs the weights of `model` for the kernel that `kernels` holds for its precision.
    ///
    /// # Errors
    /// [`ModelError`] if `model` does not pass [`Model::check`], as one that was parsed from a file
    /// always does.
    pub fn with_kernels(mut model: Model, kernels: &Kernels) -> Result<Self, ModelError> {
        model.check()?;
        let engine = stack::build(&model, kernels);
        // The engine has its own copy in the kernel's layout.
        for layer in &mut model.layers {
            if let Layer::Convolution(convolution) = layer {
                match &mut convolution.parameters {
                    Parameters::Integer { weights, .. } => *weights = Vec::new(),
                    Parameters::Float { weights, .. } => *weights = Vec::new(),
                }
            }
        }
        Ok(Self { model, engine, limits: RunLimits::DEFAULT })
    }

    /// The same network with other limits on the memory and the work of one run.
    #[must_use]
    pub fn with_limits(self, limits: RunLimits) -> Self {
        Self { limits, ..self }
    }

    /// The arithmetic.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.model.precision
    }

    /// The model, without its weights: the network holds them packed.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Name of the kernel in use.
    #[must_use]
    pub fn kernel(&self) -> &'static str {
        self.engine.kernel()
    }

    /// Instruction set of the kernel in use, for people.
    #[must_use]
    pub fn isa(&self) -> &'static str {
        self.engine.isa()
    }

    /// Computes the logits of one input: `[height][width]` gray codes, row by row, where `height`
    /// is the model's and `width` a multiple of its column stride. Buffers are kept for the next
    /// input.
    ///
    /// # Errors
    /// [`InputError`] if the size does not suit the network, or if the run is beyond the network's
    /// [`RunLimits`].
    pub fn run(&mut self, pixels: &[u8]) -> Result<Logits, InputError> {
        self.run_observed(pixels, &mut |_| {})
    }

    /// As [`Network::run`], but calls `observe` after each layer: to measure times, or to look at
    /// the layers' outputs.
    ///
    /// # Errors
    /// As [`Network::run`].
    pub fn run_observed(
        &mut self,
        pixels: &[u8],
        observe: &mut dyn FnMut(LayerOutput<'_>),
    ) -> Result<Logits, InputError> {
        let input = Input::strip(pixels, &self.model, &self.limits)?;
        self.engine.run(&input, observe).ok_or(InputError::TooSmall)
    }

    /// Computes the maps of a picture, `[height][width]` gray codes, row by row: the result of a
    /// network whose model has no height. `width` is a multiple of the model's column stride, the
    /// height of its row stride.
    ///
    /// # Errors
    /// [`InputError`] if the size does not suit the network, if it reads strips, or if the run is
    /// beyond the network's [`RunLimits`].
    pub fn maps(&mut self, pixels: &[u8], width: usize) -> Result<Logits, InputError> {
        self.maps_observed(pixels, width, &mut |_| {})
    }

    /// As [`Network::maps`], but calls `observe` after each layer.
    ///
    /// # Errors
    /// As [`Network::maps`].
    pub fn maps_observed(
        &mut self,
        pixels: &[u8],
        width: usize,
        observe: &mut dyn FnMut(LayerOutput<'_>),
    ) -> Result<Logits, InputError> {
        let input = Input::picture(pixels, width, &self.model, &self.limits)?;
        self.engine.run(&input, observe).ok_or(InputError::TooSmall)
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
