//! Models of a few kilobytes that ask for gigabytes or minutes are refused before they run.

use nibble_core::model::{Convolution, Layer, Parameters, Window};
use nibble_core::{InputError, Model, Network, Precision, RunLimits};

const POINT: Window = Window { kernel: [1, 1], stride: [1, 1], padding: [0, 0] };

/// A layer of 4-bit weights of 1.
fn layer(inputs: usize, outputs: usize, window: Window, last: bool) -> Layer {
    let depth = window.kernel[0] * window.kernel[1] * inputs;
    let parameters = Parameters::Integer {
        weights: vec![1; outputs * depth],
        bias: vec![0; outputs],
        scale: vec![0.01; if last { 1 } else { outputs }],
    };
    Layer::Convolution(Convolution {
        name: String::from("layer"),
        inputs,
        outputs,
        window,
        parameters,
        zero_point: 0,
        activation_bits: 4,
    })
}

/// A network that reads strips of `height` rows, of layers with these outputs and windows, and a
/// last layer that leaves one row of two classes.
fn network(height: usize, layers: &[(usize, Window)]) -> Network {
    let (mut rows, mut inputs, mut all) = (height, 1, Vec::new());
    for &(outputs, window) in layers {
        all.push(layer(inputs, outputs, window, false));
        (rows, inputs) = (window.output(rows, 64).expect("it fits").0, outputs);
    }
    // A window has at most 64 rows, and a stride as large leaves few.
    while rows > 1 {
        let window = Window { kernel: [rows.min(64), 1], stride: [64, 1], padding: [0, 0] };
        rows = window.output(rows, 1).expect("it fits").0;
        all.push(layer(inputs, if rows > 1 { 1 } else { 2 }, window, rows == 1));
        inputs = 1;
    }
    let model = Model {
        precision: Precision::U4,
        release: String::new(),
        hash: String::new(),
        height: Some(height),
        column_stride: 1,
        alphabet: String::from("A"),
        blank: 1,
        layers: all,
    };
    Network::with_kernels(model, &nibble_core::Kernels::detect()).expect("the model is valid")
}

/// The error for a white strip of so many columns.
fn error_of(network: &mut Network, height: usize, columns: usize) -> Option<InputError> {
    network.run(&vec![255; height * columns]).err()
}

#[test]
fn padding_and_channels_that_take_gigabytes_are_refused() {
    let padded = Window { padding: [64, 64], ..POINT };
    let mut wide = network(24, &[(4096, padded)]);
    let found = error_of(&mut wide, 24, 120);
    assert!(matches!(found, Some(InputError::TooMuchMemory { needed, .. }) if needed > 500 << 20));
    let mut tall = network(4096, &[(4096, POINT)]);
    // A map of 4096 x 120 pixels, 4096 channels and eight bytes does not fit 32 address bits.
    let found = error_of(&mut tall, 4096, 120);
    if usize::BITS == 32 {
        assert_eq!(found, Some(InputError::TooLarge));
    } else {
        assert!(matches!(found, Some(InputError::TooMuchMemory { .. })));
    }
}

#[test]
fn layers_that_take_minutes_are_refused() {
    let padded = Window { padding: [64, 64], ..POINT };
    let mut long = network(24, &vec![(1, padded); 250]);
    assert!(error_of(&mut long, 24, 120).is_some());
    // Memory may be plenty and the work too much all the same.
    let large = Window { kernel: [64, 64], padding: [63, 63], ..POINT };
    let mut deep = network(24, &[(8, large), (8, large), (8, large)]);
    let found = error_of(&mut deep, 24, 120);
    assert!(matches!(found, Some(InputError::TooMuchWork { needed, .. }) if needed > 1 << 32));
}

#[test]
fn the_limit_is_the_callers() {
    let window = Window { kernel: [3, 3], stride: [1, 1], padding: [1, 1] };
    let run = |limits| {
        let mut network = network(24, &[(16, window)]).with_limits(limits);
        network.run(&[200; 24 * 64])
    };
    let logits = run(RunLimits::DEFAULT).expect("a small network");
    // 24 x 64 windows of 9 products, which count as 16, and 16 channels; then 64 windows of 24 x 16.
    let work = 24 * 64 * 16 * 16 + 64 * 24 * 16 * 16;
    // The input with its border, and the map; then the map and the logits.
    let bytes = 4 * (26 * 66 + 24 * 64 * 16);
    let exact = RunLimits { max_work: work, max_bytes: bytes };
    assert_eq!(run(exact).as_ref(), Ok(&logits));
    assert_eq!(
        run(RunLimits { max_work: work - 1, ..exact }),
        Err(InputError::TooMuchWork { needed: work, allowed: work - 1 })
    );
    assert_eq!(
        run(RunLimits { max_bytes: bytes - 1, ..exact }),
        Err(InputError::TooMuchMemory { needed: bytes, allowed: bytes - 1 })
    );
    assert_eq!(run(RunLimits::NONE), Ok(logits));
}

/// The bundled networks on the largest strips and pictures that a reader gives them: the limits
/// leave them room.
#[test]
fn the_limits_are_far_from_the_bundled_networks() {
    let default = RunLimits::DEFAULT;
    let tight = RunLimits { max_work: default.max_work / 20, max_bytes: default.max_bytes / 10 };
    for name in ["ocr-f32", "ocr-u8", "ocr-u4"] {
        let file = std::fs::read(format!("../models/{name}.safetensors")).expect("committed");
        let mut network = Network::from_bytes(&file).expect("valid").with_limits(tight);
        // 80 characters and a margin of three at either end, 15 columns each, rounded up.
        assert_eq!(network.run(&vec![255; 24 * 1292]).err(), None, "{name}");
    }
    let file = std::fs::read("../models/locate-u4.safetensors").expect("committed");
    let mut network = Network::from_bytes(&file).expect("valid").with_limits(tight);
    assert_eq!(network.maps(&vec![255; 512 * 512], 512).err(), None);
}
