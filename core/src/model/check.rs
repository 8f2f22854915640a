//! The checks that a model must pass before a network is built from it.

use super::{
    Convolution, Layer, MAX_CHANNELS, MAX_LAYERS, MAX_SIDE, Model, ModelError, Parameters, Window,
};
use crate::Precision;

/// The problem of a layer whose sums may not fit 32 bits.
pub(super) const OVERFLOW: &str = "sums could overflow 32 bits";

/// An error about one tensor of a layer.
pub(super) fn bad(layer: &str, part: &str, problem: &'static str) -> ModelError {
    ModelError::Tensor { tensor: format!("{layer}.{part}"), problem }
}

impl Model {
    /// Checks everything that running the model relies on: that layers fit together, that
    /// parameters have the sizes and ranges of the precision, that no sum can overflow, and that
    /// `column_stride` is the product of the horizontal strides. Of strips one row must be left at
    /// the end; maps have no alphabet, and a product of vertical strides of at most 64.
    ///
    /// # Errors
    /// [`ModelError`] names the layer or tensor.
    pub fn check(&self) -> Result<(), ModelError> {
        let description = |reason: &str| Err(ModelError::Description(reason.to_owned()));
        if self.layers.is_empty() || self.layers.len() > MAX_LAYERS {
            return description("a network must have 1 to 256 layers");
        }
        let rows = self.height.is_none_or(|height| (1..=MAX_CHANNELS).contains(&height));
        if !rows || !(1..=MAX_SIDE).contains(&self.column_stride) {
            return description(
                "the input must have 1 to 4096 rows, and a column stride of 1 to 64",
            );
        }
        let (mut channels, mut height, mut stride) = (1, self.height, 1usize);
        let scales = if self.height.is_some() { Scales::Single } else { Scales::EachChannel };
        for (index, layer) in self.layers.iter().enumerate() {
            let name = match layer {
                Layer::Convolution(convolution) => convolution.name.as_str(),
                Layer::MaxPool(_) => "max_pool2d",
            };
            let problem = |problem| ModelError::Layer { layer: name.to_owned(), problem };
            let window = layer.window();
            check_window(window).map_err(problem)?;
            if let Layer::Convolution(convolution) = layer {
                if convolution.inputs != channels {
                    return Err(problem(
                        "its number of inputs differs from the outputs of the layer before",
                    ));
                }
                let last = index + 1 == self.layers.len();
                check_parameters(
                    convolution,
                    self.precision,
                    if last { scales } else { Scales::EachChannel },
                )?;
                channels = convolution.outputs;
            } else if index + 1 == self.layers.len() {
                return Err(problem("the last layer must be a convolution"));
            }
            // Sizes that vary with the input are checked there; this width fits the window.
            if let Some(rows) = &mut height {
                let output = window.output(*rows, window.kernel[1]);
                *rows = output.ok_or_else(|| problem("its window is higher than its input"))?.0;
            }
            stride = stride.saturating_mul(window.stride[1]);
        }
        if stride != self.column_stride {
            return description("column_stride is not the product of the horizontal strides");
        }
        if height.is_none() {
            let plain = self.alphabet.is_empty() && self.blank == 0;
            return match () {
                () if !plain => {
                    description("a network without a height has no alphabet and no blank")
                }
                () if self.row_stride() > MAX_SIDE => {
                    description("the product of the vertical strides must be at most 64")
                }
                () => Ok(()),
            };
        }
        if height != Some(1) {
            return description("the last layer leaves more than one row");
        }
        if channels.checked_sub(1) != Some(self.blank) {
            return description(
                "the last layer must have a class for each character and one for blank",
            );
        }
        Ok(())
    }
}

/// Checks the ranges of kernel, stride and padding; the problem if one is exceeded.
pub(super) fn check_window(window: &Window) -> Result<(), &'static str> {
    let side = 1..=MAX_SIDE;
    let possible = window.kernel.iter().chain(&window.stride).all(|value| side.contains(value))
        && window.padding.iter().all(|&padding| padding <= MAX_SIDE);
    if possible { Ok(()) } else { Err("kernel and stride must be 1 to 64, padding 0 to 64") }
}

/// How many scales a layer has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scales {
    Single,
    EachChannel,
}

impl Scales {
    /// Their number, for a layer of so many outputs.
    pub(super) fn count(self, outputs: usize) -> usize {
        if self == Self::Single { 1 } else { outputs }
    }
}

fn check_parameters(
    convolution: &Convolution,
    precision: Precision,
    scales: Scales,
) -> Result<(), ModelError> {
    let name = convolution.name.as_str();
    let problem = |problem| ModelError::Layer { layer: name.to_owned(), problem };
    let (outputs, depth) = (convolution.outputs, convolution.depth());
    if !(1..=MAX_CHANNELS).contains(&outputs) {
        return Err(problem("a layer must have 1 to 4096 channels"));
    }
    // Packing rounds outputs and depth up to whole tiles, which at most doubles each; a weight has
    // at most 4 bytes.
    let count = outputs.checked_mul(depth);
    if count.and_then(|count| count.checked_mul(16)).is_none_or(|bytes| bytes > isize::MAX as usize)
    {
        return Err(problem("its weights exceed this machine's memory"));
    }
    let (weights, bias) = match &convolution.parameters {
        Parameters::Integer { weights, bias, .. } => (weights.len(), bias.len()),
        Parameters::Float { weights, bias } => (weights.len(), bias.len()),
    };
    if Some(weights) != count {
        return Err(bad(name, "weight", "its number of elements does not match the layer"));
    }
    if bias != outputs {
        return Err(bad(name, "bias", "its number of elements does not match the layer"));
    }
    match (&convolution.parameters, precision) {
        (Parameters::Float { weights, bias }, Precision::F32) => {
            if convolution.zero_point != 0 {
                return Err(problem("the zero point must be 0 in single precision"));
            }
            let finite = |values: &[f32]| values.iter().all(|value| value.is_finite());
            if !finite(weights) || !finite(bias) {
                return Err(bad(name, "weight", "weights and biases must be finite"));
            }
            Ok(())
        }
        (Parameters::Integer { weights, bias, scale }, Precision::U8 | Precision::U4) => {
            let (bits, max_weight) = if precision == Precision::U4 { (4, 7) } else { (8, 127) };
            if convolution.activation_bits != bits {
                return Err(problem("activation_bits must match the precision of the model"));
            }
            if u32::from(convolution.zero_point) >= 1 << bits {
                return Err(problem("the zero point must be a code"));
            }
            if weights.iter().any(|weight| weight.unsigned_abs() > max_weight) {
                let range = "weights must lie within -7..=7 at 4 bits, -127..=127 at 8";
                return Err(bad(name, "weight", range));
            }
            if scale.len() != scales.count(outputs) {
                return Err(bad(name, "scale", "its number of elements does not match the layer"));
            }
            if !scale.iter().all(|scale| scale.is_finite() && *scale > 0.0) {
                return Err(bad(name, "scale", "scales must be finite and above 0"));
            }
            let fits = weights.chunks_exact(depth).zip(bias).all(|(channel, &bias)| {
                let sum: i64 = channel.iter().map(|&weight| i64::from(weight).abs()).sum();
                i64::from(bias).abs() + 255 * sum <= i64::from(i32::MAX)
            });
            if fits { Ok(()) } else { Err(bad(name, "bias", OVERFLOW)) }
        }
        _ => Err(problem("its parameters do not match the precision of the model")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One convolution of 2 classes over 3 rows.
    fn model(parameters: Parameters, precision: Precision) -> Model {
        let window = Window { kernel: [3, 1], stride: [1, 1], padding: [0, 0] };
        let convolution = Convolution {
            name: String::from("only"),
            inputs: 1,
            outputs: 2,
            window,
            parameters,
            zero_point: 0,
            activation_bits: 4,
        };
        Model {
            precision,
            release: String::new(),
            hash: String::new(),
            height: Some(3),
            column_stride: 1,
            alphabet: String::from("a"),
            blank: 1,
            layers: vec![Layer::Convolution(convolution)],
        }
    }

    fn integers() -> Parameters {
        Parameters::Integer { weights: vec![7; 6], bias: vec![0; 2], scale: vec![1.0] }
    }

    #[test]
    fn what_running_relies_on_is_checked() {
        let good = model(integers(), Precision::U4);
        assert_eq!(good.check(), Ok(()));
        let changed = |change: &dyn Fn(&mut Model, &mut Convolution)| {
            let mut bad = good.clone();
            let Layer::Convolution(mut convolution) = bad.layers.remove(0) else { unreachable!() };
            change(&mut bad, &mut convolution);
            bad.layers.push(Layer::Convolution(convolution));
            bad.check()
        };
        assert!(changed(&|_, _| ()).is_ok());
        assert!(changed(&|model, _| model.height = Some(4)).is_err(), "two rows are left");
        assert!(changed(&|model, _| model.height = Some(2)).is_err(), "the window does not fit");
        assert!(changed(&|model, _| model.column_stride = 2).is_err());
        assert!(changed(&|model, _| model.precision = Precision::F32).is_err());
        assert!(changed(&|model, _| model.precision = Precision::U8).is_err(), "of 4 bits");
        assert!(changed(&|model, _| model.blank = 2).is_err());
        assert!(changed(&|model, _| model.height = None).is_err(), "maps have no alphabet");
        assert!(changed(&|_, layer| layer.inputs = 2).is_err());
        assert!(changed(&|_, layer| layer.outputs = 3).is_err());
        assert!(changed(&|_, layer| layer.zero_point = 16).is_err());
        assert!(changed(&|_, layer| layer.window.stride[0] = 0).is_err());
        assert!(changed(&|_, layer| layer.window.padding[0] = usize::MAX).is_err());
        for (weight, bias, scale) in [(8, 0, 1.0), (7, i32::MAX, 1.0), (7, 0, f32::NAN)] {
            let parameters = Parameters::Integer {
                weights: vec![weight; 6],
                bias: vec![bias; 2],
                scale: vec![scale],
            };
            assert!(model(parameters, Precision::U4).check().is_err(), "{weight} {bias} {scale}");
        }
    }

    #[test]
    fn maps_have_a_scale_for_each_channel_and_any_height() {
        let mut maps = model(integers(), Precision::U4);
        (maps.height, maps.alphabet, maps.blank) = (None, String::new(), 0);
        assert!(maps.check().is_err(), "one scale for two channels");
        let scaled = |model: &mut Model, scales: usize, stride: usize| {
            let Layer::Convolution(layer) = &mut model.layers[0] else { unreachable!() };
            let Parameters::Integer { scale, .. } = &mut layer.parameters else { unreachable!() };
            scale.resize(scales, 0.5);
            layer.window.stride[0] = stride;
            model.check()
        };
        assert_eq!(scaled(&mut maps, 2, 1), Ok(()));
        assert_eq!(scaled(&mut maps, 2, 64), Ok(()));
        assert_eq!(maps.row_stride(), 64);
        assert!(scaled(&mut maps, 3, 1).is_err());
        assert_eq!(scaled(&mut maps, 2, 1), Ok(()));
        maps.layers.push(maps.layers[0].clone());
        let Layer::Convolution(layer) = &mut maps.layers[1] else { unreachable!() };
        (layer.inputs, layer.window.kernel) = (2, [1, 3]);
        layer.window.stride[0] = 2;
        if let Parameters::Integer { weights, .. } = &mut layer.parameters {
            weights.resize(12, 1);
        }
        assert_eq!(scaled(&mut maps, 2, 32), Ok(()));
        assert!(scaled(&mut maps, 2, 64).is_err(), "a row for 128 rows");
        maps.blank = 1;
        assert!(scaled(&mut maps, 2, 1).is_err(), "maps have no classes");
    }

    /// 4096 inputs, 64 x 64 windows and 512 outputs are 2^33 weights, which wrap around to 0 in 32
    /// bits.
    #[test]
    fn sizes_beyond_32_bits_do_not_wrap_around() {
        let mut huge = model(integers(), Precision::U4);
        if let Layer::Convolution(layer) = &mut huge.layers[0] {
            layer.window.kernel = [64, 64];
            (layer.inputs, layer.outputs) = (4096, 512);
            if let Parameters::Integer { weights, .. } = &mut layer.parameters {
                weights.clear();
            }
        }
        assert!(huge.check().is_err());
        let Layer::Convolution(layer) = &huge.layers[0] else { unreachable!() };
        let error =
            check_parameters(layer, Precision::U4, Scales::Single).expect_err("no such tensor");
        let too_large =
            matches!(&error, ModelError::Layer { problem, .. } if problem.contains("memory"));
        assert_eq!(too_large, cfg!(target_pointer_width = "32"), "{error}");
    }
}
