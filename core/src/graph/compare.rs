//! Compares a graph on every kernel with the oracle, on inputs that a caller gives. Fuzzing calls
//! this.

use std::sync::OnceLock;

use super::oracle::{self, Map};
use super::suite::all_kernels;
use super::{Graph, Input, Parameters, RunError, Runner, Values, View};
use crate::Kernels;

impl Graph {
    /// Runs the graph on every kernel of this machine, and compares each tensor with the oracle's.
    /// Returns the number of kernels that ran, or the name of the first node that differs. Tensors
    /// that depend on sums of reals are not compared: the order of these sums differs between
    /// kernels.
    ///
    /// # Errors
    /// As [`Runner::run`].
    ///
    /// # Panics
    /// If the graph does not pass [`Graph::check`].
    pub fn compare(&self, inputs: &[Input<'_>]) -> Result<Result<usize, String>, RunError> {
        static KERNELS: OnceLock<Vec<Kernels>> = OnceLock::new();
        let kernels = KERNELS.get_or_init(all_kernels);
        let is_exact = self.exact_tensors();
        let mut wanted: Option<Vec<Map>> = None;
        for kernels in kernels {
            let mut runner = Runner::with_kernels(self.clone(), kernels).expect("a valid graph");
            if wanted.is_none() {
                // The oracle checks nothing: it runs on what a runner accepts.
                runner.run(inputs)?;
            }
            let wanted = wanted.get_or_insert_with(|| oracle::run(self, inputs));
            let mut different = None;
            runner.run_observed(inputs, &mut |node, view| {
                let tensor = self.nodes[node].output;
                if is_exact[tensor] && !is_same(&view, &wanted[tensor]) {
                    different.get_or_insert_with(|| self.nodes[node].name.clone());
                }
            })?;
            if let Some(node) = different {
                return Ok(Err(node));
            }
        }
        Ok(Ok(kernels.len()))
    }

    /// Which tensors are the same on every kernel.
    fn exact_tensors(&self) -> Vec<bool> {
        let mut is_exact = vec![true; self.tensors.len()];
        for node in &self.nodes {
            is_exact[node.output] = !matches!(node.parameters, Some(Parameters::Real { .. }))
                && node.inputs.iter().all(|&input| is_exact[input]);
        }
        is_exact
    }
}

fn is_same(view: &View<'_>, wanted: &Map) -> bool {
    let shape = [view.shape.rows, view.shape.columns, view.shape.channels];
    let integers = wanted.integers.iter().copied();
    shape == wanted.shape
        && match view.values {
            Values::Codes(codes) => integers.eq(codes.iter().map(|&code| i64::from(code))),
            Values::Sums(sums) => integers.eq(sums.iter().map(|&sum| i64::from(sum))),
            Values::Reals(reals) => {
                let same = |(a, b): (&f32, &f32)| a == b || a.is_nan() && b.is_nan();
                reals.len() == wanted.reals.len() && reals.iter().zip(&wanted.reals).all(same)
            }
        }
}

#[cfg(test)]
mod tests {
    use super::super::random::{self, Random};

    /// Not every random graph takes every size.
    #[test]
    fn random_graphs_are_compared() {
        let mut compared = 0;
        for seed in 0..20 {
            let (graph, inexact) = random::graph(seed);
            let exact: Vec<bool> = inexact.iter().map(|inexact| !inexact).collect();
            assert_eq!(graph.exact_tensors(), exact);
            let mut random = Random::new(seed);
            let sizes = random::sizes(&graph, &mut random);
            let data = random::data(&graph, &sizes, &mut random);
            if let Ok(outcome) = graph.compare(&random::inputs(&data, &sizes)) {
                assert!(outcome.is_ok_and(|kernels| kernels >= 1), "{seed}");
                compared += 1;
            }
        }
        assert!(compared >= 10, "{compared}");
    }
}
