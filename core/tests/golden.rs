//! Networks against golden vectors from the integer simulation in NumPy (`train/`): the same
//! integers, layer by layer.

#[path = "support/kernels.rs"]
mod kernels;

use std::path::{Path, PathBuf};

use kernels::on_every_kernel;
use nibble_core::{Activations, InputError, LayerOutput, Logits, Model, Network, Precision};
use safetensors::SafeTensors;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> Vec<u8> {
    std::fs::read(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn strip<'a>(golden: &SafeTensors<'a>) -> &'a [u8] {
    golden.tensor("strip").expect("golden files hold a strip").data()
}

/// Runs a network on the strip or the picture of a golden file.
fn run(
    network: &mut Network,
    golden: &SafeTensors<'_>,
    observe: &mut dyn FnMut(LayerOutput<'_>),
) -> Logits {
    let run = match golden.tensor("picture") {
        Ok(picture) => network.maps_observed(picture.data(), picture.shape()[1], observe),
        Err(_) => network.run_observed(strip(golden), observe),
    };
    run.expect("the input suits the network")
}

/// The network of a model file on every kernel that this machine has.
fn of_file(model: &str) -> Vec<Network> {
    on_every_kernel(&Model::parse(&read(model)).expect("a committed model"))
}

/// Asserts that the codes of every layer, and the logits, are those of the simulation.
fn integers_agree(model: &str, golden: &str, outputs: usize) {
    let networks = of_file(model);
    assert!(!networks.is_empty());
    for network in networks {
        integers_agree_on(network, golden, outputs);
    }
}

fn integers_agree_on(mut network: Network, golden: &str, outputs: usize) {
    let bytes = read(golden);
    let golden = SafeTensors::deserialize(&bytes).expect("a committed golden file");
    let names: Vec<String> = {
        let mut names: Vec<String> = golden
            .names()
            .into_iter()
            .filter(|name| name.ends_with(".output"))
            .map(ToString::to_string)
            .collect();
        // conv0, pool0, conv1, ...: by number, and the convolution first.
        names.sort_by_key(|name| {
            let digits: String = name.chars().filter(char::is_ascii_digit).collect();
            (digits.parse::<usize>().unwrap_or(0), name.clone())
        });
        names
    };
    assert_eq!(names.len(), outputs);
    let kernel = network.kernel();
    let mut seen = 0;
    for _ in 0..2 {
        let logits = run(&mut network, &golden, &mut |layer| {
            let (index, shape) = (layer.index, layer.shape);
            let Some(Activations::Codes(codes)) = layer.activations() else { return };
            let expected = golden.tensor(&names[index]).expect("named above");
            assert_eq!(expected.shape(), shape, "{}", names[index]);
            assert!(expected.data() == codes, "{}: {} differs", kernel, names[index]);
            seen += 1;
        });
        let expected = golden.tensor("logits").or_else(|_| golden.tensor("maps"));
        let expected = expected.expect("golden files hold logits or maps");
        let shape = expected.shape();
        assert_eq!(logits.classes(), shape[shape.len() - 1]);
        assert_eq!(
            logits.rows() * logits.columns() * logits.classes(),
            shape.iter().product::<usize>()
        );
        let expected: Vec<i32> = expected
            .data()
            .as_chunks::<4>()
            .0
            .iter()
            .map(|&value| i32::from_le_bytes(value))
            .collect();
        assert_eq!(logits.integers().expect("an integer network"), expected);
    }
    assert_eq!(seen, 2 * outputs);
}

#[test]
fn four_bits() {
    integers_agree("models/ocr-u4.safetensors", "testdata/golden/u4.safetensors", 6);
}

#[test]
fn eight_bits() {
    integers_agree("models/ocr-u8.safetensors", "testdata/golden/u8.safetensors", 6);
}

#[test]
fn the_locator() {
    integers_agree("models/locate-u4.safetensors", "testdata/golden/locate-u4.safetensors", 6);
}

#[test]
fn odd_shapes_pooling_and_zero_points() {
    integers_agree("testdata/golden/odd-model.safetensors", "testdata/golden/odd.safetensors", 4);
}

#[test]
fn single_precision_within_a_tolerance() {
    let mut network =
        Network::from_bytes(&read("models/ocr-f32.safetensors")).expect("a committed model");
    assert_eq!(network.precision(), Precision::F32);
    let bytes = read("testdata/golden/f32.safetensors");
    let golden = SafeTensors::deserialize(&bytes).expect("a committed golden file");
    let logits = network.run(strip(&golden)).expect("the strip suits the network").to_f32();
    let expected = golden.tensor("logits").expect("golden files hold logits");
    let expected =
        expected.data().as_chunks::<4>().0.iter().map(|&value| f32::from_le_bytes(value));
    for (found, expected) in logits.iter().zip(expected) {
        assert!((found - expected).abs() < 2e-3, "{found} {expected}");
    }
}

#[test]
fn a_strip_of_another_size_is_an_error() {
    let mut network =
        Network::from_bytes(&read("models/ocr-u4.safetensors")).expect("a committed model");
    let mut error = |pixels: usize| network.run(&vec![0; pixels]).expect_err("another size");
    assert_eq!(error(0), InputError::Rows { rows: 24, pixels: 0 });
    assert_eq!(error(64 * 23), InputError::Rows { rows: 24, pixels: 64 * 23 });
    assert_eq!(error(63 * 24), InputError::Width { width: 63, multiple: 4 });
    assert!(network.run(&[0; 24 * 4]).is_ok(), "one column of logits");
}

/// Neither a prefix of a model nor a changed bit makes the reader panic.
#[test]
fn damaged_models_are_errors_or_other_models() {
    let whole = read("models/ocr-u4.safetensors");
    for length in (0..whole.len()).step_by(211).chain(0..64) {
        assert!(Network::from_bytes(&whole[..length]).is_err(), "cut at {length}");
    }
    for position in (0..4000).step_by(3) {
        let mut damaged = whole.clone();
        damaged[position] ^= 1 << (position % 7);
        let _ = Network::from_bytes(&damaged).map(|network| network.precision());
    }
}
