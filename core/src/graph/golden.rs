//! Golden vectors of random graphs, for checks of other implementations.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the oracle's integers are in the range of their tensors"
)]

use safetensors::Dtype;
use safetensors::tensor::TensorView;

use super::oracle;
use super::random::{self, Random, data, inputs, sizes};
use super::{InputValues, Kind, Runner};

/// A random graph as a file, and its golden vectors as another: every input and every tensor. `None`
/// where the input that goes with the seed does not suit the graph.
///
/// The metadata `inexact` lists tensors that depend on the order of sums of reals.
pub fn golden(seed: u64) -> Option<[Vec<u8>; 2]> {
    let (graph, inexact) = random::graph(seed);
    let mut random = Random::new(seed + 1_000_000);
    let sizes = sizes(&graph, &mut random);
    let data = data(&graph, &sizes, &mut random);
    let inputs = inputs(&data, &sizes);
    Runner::new(graph.clone()).ok()?.run(&inputs).ok()?;
    let maps = oracle::run(&graph, &inputs);
    let mut tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
    for (source, input) in graph.inputs.iter().zip(&inputs) {
        let (kind, bytes) = match input.values {
            InputValues::Bytes(bytes) => (Dtype::U8, bytes.to_vec()),
            InputValues::Reals(reals) => {
                (Dtype::F32, reals.iter().flat_map(|real| real.to_le_bytes()).collect())
            }
        };
        let name = format!("input.{}", graph.tensors[source.tensor].name);
        tensors.push((name, kind, vec![input.height, input.width, source.channels], bytes));
    }
    for (tensor, map) in graph.tensors.iter().zip(&maps) {
        let integers = map.integers.iter();
        let (kind, bytes) = match tensor.kind {
            Kind::Codes(_) => (Dtype::U8, integers.map(|&code| code as u8).collect()),
            Kind::Sums => {
                (Dtype::I32, integers.flat_map(|&sum| (sum as i32).to_le_bytes()).collect())
            }
            Kind::Reals => {
                (Dtype::F32, map.reals.iter().flat_map(|real| real.to_le_bytes()).collect())
            }
        };
        tensors.push((tensor.name.clone(), kind, map.shape.to_vec(), bytes));
    }
    let views = tensors.iter().map(|(name, kind, shape, bytes)| {
        (name, TensorView::new(*kind, shape.clone(), bytes).expect("as many bytes as elements"))
    });
    let names = graph.tensors.iter().zip(&inexact).filter(|(_, inexact)| **inexact);
    let names: Vec<&str> = names.map(|(tensor, _)| tensor.name.as_str()).collect();
    let metadata = [(String::from("inexact"), names.join(","))].into_iter().collect();
    let golden = safetensors::serialize(views, Some(metadata)).expect("names are unique");
    Some([graph.to_bytes().ok()?, golden])
}
