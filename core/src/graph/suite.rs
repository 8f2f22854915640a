//! Random graphs on every kernel of this machine, against the oracle.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "test values are small"
)]

use std::collections::BTreeMap;

use super::oracle::{self, Map};
use super::random::{self, Random, data, inputs, sizes};
use super::{Kind, Runner, Shape, Values, View};
use crate::{Kernels, Precision};

/// Random graphs of the test.
#[cfg(test)]
const GRAPHS: u64 = 2000;
/// The same in an emulator, which is ten times slower.
#[cfg(test)]
const GRAPHS_EMULATED: u64 = 300;

/// Kernels such that each one of this machine is in some of them.
pub(super) fn all_kernels() -> Vec<Kernels> {
    let names = Precision::ALL.map(Kernels::names);
    let most = names.iter().map(Vec::len).max().unwrap_or(0);
    (0..most)
        .map(|index| {
            let mut kernels = Kernels::detect();
            for (precision, names) in Precision::ALL.into_iter().zip(&names) {
                let name = names[index.min(names.len() - 1)];
                kernels.choose(&[precision], None, &|known| known == name);
            }
            kernels
        })
        .collect()
}

/// Asserts that a tensor is what the oracle computed.
fn assert_same(view: &View<'_>, wanted: &Map, inexact: bool, context: &str) {
    let Shape { rows, columns, channels } = view.shape;
    assert_eq!([rows, columns, channels], wanted.shape, "{context}");
    match view.values {
        Values::Codes(codes) => {
            let found: Vec<i64> = codes.iter().map(|&code| i64::from(code)).collect();
            assert_eq!(found, wanted.integers, "{context}");
        }
        Values::Sums(sums) => {
            let found: Vec<i64> = sums.iter().map(|&sum| i64::from(sum)).collect();
            assert_eq!(found, wanted.integers, "{context}");
        }
        Values::Reals(reals) => {
            assert_eq!(reals.len(), wanted.reals.len());
            let largest = wanted.reals.iter().fold(1.0f32, |largest, x| largest.max(x.abs()));
            for (found, wanted) in reals.iter().zip(&wanted.reals) {
                let same = if inexact {
                    (found - wanted).abs() <= 1e-4 * largest
                } else {
                    found == wanted
                };
                assert!(same, "{context}: {found} {wanted}");
            }
        }
    }
}

/// Runs the random graphs of some seeds on every kernel of this machine, and compares every tensor
/// with the oracle's. Returns how often each operation was compared, by the type of its output.
///
/// # Panics
/// If a tensor differs.
#[cfg_attr(not(feature = "bench"), allow(unreachable_pub, reason = "a test alone calls it"))]
pub fn verify(seeds: std::ops::Range<u64>) -> BTreeMap<(&'static str, String), usize> {
    let kernels = all_kernels();
    let mut ops: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for seed in seeds {
        let (graph, inexact) = random::graph(seed);
        graph.check().unwrap_or_else(|error| panic!("{seed}: {error}"));
        for node in &graph.nodes {
            let kind = match &graph.tensors[node.output].kind {
                Kind::Codes(codes) => format!("u{}", codes.bits),
                kind => format!("{kind:?}"),
            };
            *ops.entry((node.op.name(), kind)).or_default() += 1;
        }
        // Inputs without a size in the file come in two sizes.
        let mut random = Random::new(seed + 1_000_000);
        let runs: Vec<_> = (0..2)
            .map(|_| {
                let sizes = sizes(&graph, &mut random);
                let data = data(&graph, &sizes, &mut random);
                (sizes, data)
            })
            .collect();
        for (index, kernels) in kernels.iter().enumerate() {
            let mut runner = Runner::with_kernels(graph.clone(), kernels).expect("checked");
            for (sizes, data) in &runs {
                let inputs = inputs(data, sizes);
                if runner.peak_bytes(sizes).is_err() {
                    // Not every graph takes every size.
                    assert!(runner.run(&inputs).is_err());
                    continue;
                }
                let wanted = oracle::run(&graph, &inputs);
                // Twice, because the second run finds the buffers full.
                for _ in 0..2 {
                    let names: Vec<usize> = graph.nodes.iter().map(|node| node.output).collect();
                    let outputs = runner.run_observed(&inputs, &mut |node, view| {
                        let tensor = names[node];
                        let context =
                            format!("seed {seed}, kernels {index}, {:?}", graph.nodes[node].op);
                        assert_same(&view, &wanted[tensor], inexact[tensor], &context);
                    });
                    let outputs = outputs.expect("planned");
                    for (place, &tensor) in graph.outputs.iter().enumerate() {
                        let context = format!("seed {seed}, output {place}");
                        assert_same(&outputs.at(place), &wanted[tensor], inexact[tensor], &context);
                    }
                }
            }
        }
    }
    ops
}

#[test]
fn random_graphs_equal_the_oracle_on_every_kernel() {
    // The steps that run tests in an emulator set the variable.
    let is_emulated = std::env::var_os("NIBBLE_REQUIRE_KERNELS").is_some();
    let ops = verify(0..if is_emulated { GRAPHS_EMULATED } else { GRAPHS });
    println!("{ops:?}");
    let seen: std::collections::BTreeSet<&str> = ops.keys().map(|(op, _)| *op).collect();
    assert_eq!(seen.len(), 18, "every operation was tried");
}
