//! Networks that give maps of pictures of any size, against plain loops: the same integers on
//! every kernel of this machine.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "small random numbers, and the conversions that the format is defined by"
)]

#[path = "support/kernels.rs"]
mod kernels;

use kernels::on_every_kernel;
use nibble_core::model::{Convolution, Layer, Model, Parameters, Window};
use nibble_core::{InputError, Kernels, Network, Precision};

/// Pseudo-random numbers below `bound` (xorshift).
struct Source(u64);

impl Source {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) % bound
    }

    fn within(&mut self, largest: i64) -> i64 {
        i64::try_from(self.below(2 * largest.unsigned_abs() + 1)).expect("small") - largest
    }
}

/// A layer's outputs, kernel, stride, padding and zero point.
type Shape = (usize, [usize; 2], [usize; 2], [usize; 2], u8);

/// The shapes of a locator, and odd ones.
const LOCATOR: [Shape; 5] = [
    (24, [8, 8], [4, 4], [2, 2], 0),
    (24, [3, 3], [2, 2], [1, 1], 0),
    (24, [3, 3], [1, 1], [1, 1], 0),
    (32, [3, 3], [1, 1], [1, 1], 0),
    (9, [1, 1], [1, 1], [0, 0], 0),
];
const ODD: [Shape; 3] = [
    (5, [2, 5], [1, 3], [1, 0], 3),
    (7, [4, 3], [2, 1], [0, 2], 1),
    (3, [2, 2], [1, 1], [1, 1], 0),
];

/// Convolutions of three taps along rows, along columns, and along both, which kernels compute two
/// outputs at a time; sizes that are no multiples of a tile, and zero points.
const THREE_TAPS: [Shape; 6] = [
    (8, [3, 3], [1, 1], [1, 1], 0),
    (24, [3, 3], [2, 1], [1, 1], 2),
    (20, [3, 3], [1, 2], [1, 1], 0),
    (40, [3, 1], [1, 1], [1, 0], 15),
    (16, [1, 3], [1, 1], [0, 1], 1),
    (9, [1, 1], [1, 1], [0, 0], 0),
];

fn model(shapes: &[Shape], precision: Precision, seed: u64) -> Model {
    let mut source = Source(seed);
    let (max_weight, bits) = if precision == Precision::U4 { (7, 4) } else { (127, 8) };
    let mut inputs = 1;
    let layers = shapes.iter().enumerate().map(
        |(index, &(outputs, kernel, stride, padding, zero_point))| {
            let depth = kernel[0] * kernel[1] * inputs;
            let weights = (0..outputs * depth).map(|_| source.within(max_weight) as i8).collect();
            let bias = (0..outputs).map(|_| source.within(60) as i32).collect();
            let spread = 0.7 / (max_weight as f32 * (depth as f32).sqrt());
            let scale = (0..outputs).map(|_| spread * (1 + source.below(7)) as f32 / 3.0).collect();
            inputs = outputs;
            Layer::Convolution(Convolution {
                name: format!("conv{index}"),
                inputs: depth / (kernel[0] * kernel[1]),
                outputs,
                window: Window { kernel, stride, padding },
                parameters: Parameters::Integer { weights, bias, scale },
                zero_point,
                activation_bits: bits,
            })
        },
    );
    let layers = layers.collect();
    let column_stride = shapes.iter().map(|shape| shape.2[1]).product();
    Model {
        precision,
        release: String::new(),
        hash: String::new(),
        height: None,
        column_stride,
        alphabet: String::new(),
        blank: 0,
        layers,
    }
}

/// A map of `channels` values for each cell, and its rows and columns.
struct Cells {
    size: [usize; 2],
    channels: usize,
    values: Vec<i64>,
}

/// The network by its definition in docs/model-file.md; the biases of a `Model` hold the zero
/// points' share, so that padding counts as the zero point.
fn oracle(model: &Model, pixels: &[u8], width: usize) -> Cells {
    let bits = if model.precision == Precision::U4 { 4 } else { 8 };
    let code =
        |&gray: &u8| if bits == 4 { (i64::from(gray) * 15 + 127) / 255 } else { i64::from(gray) };
    let size = [pixels.len() / width, width];
    let mut cells = Cells { size, channels: 1, values: pixels.iter().map(code).collect() };
    for (index, layer) in model.layers.iter().enumerate() {
        let Layer::Convolution(layer) = layer else { unreachable!() };
        let Parameters::Integer { weights, bias, scale } = &layer.parameters else {
            unreachable!()
        };
        let window = &layer.window;
        let (height, width) = window.output(cells.size[0], cells.size[1]).expect("fits");
        let mut values = Vec::new();
        for (y, x, out) in (0..height * width * layer.outputs)
            .map(|i| (i / layer.outputs / width, i / layer.outputs % width, i % layer.outputs))
        {
            let mut sum = i64::from(bias[out]);
            for k in 0..layer.depth() {
                let (dy, dx) =
                    (k / layer.inputs / window.kernel[1], k / layer.inputs % window.kernel[1]);
                let place = |at: usize, axis: usize, offset: usize| {
                    (at * window.stride[axis] + offset).checked_sub(window.padding[axis])
                };
                let inside = match (place(y, 0, dy), place(x, 1, dx)) {
                    (Some(y), Some(x)) if y < cells.size[0] && x < cells.size[1] => Some([y, x]),
                    _ => None,
                };
                let value = inside.map_or(i64::from(layer.zero_point), |[y, x]| {
                    cells.values[(y * cells.size[1] + x) * cells.channels + k % layer.inputs]
                });
                sum += i64::from(weights[out * layer.depth() + k]) * value;
            }
            let next = match model.layers.get(index + 1) {
                Some(Layer::Convolution(next)) => next,
                _ => {
                    values.push(sum);
                    continue;
                }
            };
            let scaled =
                (sum as f32 * scale[out]).round_ties_even() as i64 + i64::from(next.zero_point);
            values.push(scaled.clamp(0, (1 << bits) - 1));
        }
        cells = Cells { size: [height, width], channels: layer.outputs, values };
    }
    cells
}

#[test]
fn maps_are_those_of_plain_loops() {
    for (shapes, sizes) in [
        (&LOCATOR[..], &[[24, 40], [8, 8], [64, 16]]),
        (&ODD[..], &[[8, 9], [10, 33], [4, 6]]),
        (&THREE_TAPS[..], &[[10, 26], [2, 2], [14, 130]]),
    ] {
        for precision in [Precision::U4, Precision::U8] {
            let model = model(shapes, precision, 77);
            for mut network in on_every_kernel(&model) {
                for (round, &[height, width]) in sizes.iter().enumerate() {
                    let mut source = Source(5 + round as u64);
                    let pixels: Vec<u8> =
                        (0..height * width).map(|_| source.below(256) as u8).collect();
                    let expected = oracle(&model, &pixels, width);
                    let found =
                        network.maps(&pixels, width).expect("a size that suits the network");
                    let size = [found.rows(), found.columns()];
                    assert_eq!((size, found.classes()), (expected.size, expected.channels));
                    let integers: Vec<i64> =
                        found.integers().expect("integers").iter().map(|&v| i64::from(v)).collect();
                    assert!(integers == expected.values, "{} {height} x {width}", network.kernel());
                    let Some(Layer::Convolution(last)) = model.layers.last() else {
                        unreachable!()
                    };
                    let Parameters::Integer { scale, .. } = &last.parameters else {
                        unreachable!()
                    };
                    let real = found.to_f32();
                    for (index, value) in real.iter().enumerate() {
                        assert_eq!(*value, integers[index] as f32 * scale[index % scale.len()]);
                    }
                }
            }
        }
    }
}

#[test]
fn sizes_that_do_not_suit_are_errors() {
    let model = model(&LOCATOR, Precision::U4, 1);
    let mut network = Network::with_kernels(model, &Kernels::detect()).expect("a checked model");
    let mut error =
        |height: usize, width: usize| network.maps(&vec![0; height * width], width).unwrap_err();
    assert_eq!(error(0, 16), InputError::Rows { rows: 0, pixels: 0 });
    assert_eq!(error(16, 0), InputError::Rows { rows: 0, pixels: 0 });
    assert_eq!(error(12, 16), InputError::Height { height: 12, multiple: 8 });
    assert_eq!(error(16, 12), InputError::Width { width: 12, multiple: 8 });
    assert_eq!(network.maps(&[0; 8 * 16 + 1], 16), Err(InputError::Rows { rows: 8, pixels: 129 }));
    assert_eq!(network.run(&[0; 8 * 16]), Err(InputError::Kind), "it reads no strips");
    let file = std::fs::read("../models/ocr-u4.safetensors").expect("a committed model");
    let mut strips = Network::from_bytes(&file).expect("a committed model");
    assert_eq!(strips.maps(&[0; 24 * 16], 16), Err(InputError::Kind));
}
