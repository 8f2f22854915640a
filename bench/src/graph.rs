//! Timing graphs beside their twins, as a whole and node by node.

use super::{Clock, Plan, Row, median, quantile, speed_up};
use nibble_core::graph::{Graph, Input, Kind, RunError, Runner};
use nibble_core::{Kernels, ModelError, Precision};

/// Runs in a repeat; the fastest counts, because an interrupted run says nothing.
const RUNS: usize = 3;

/// Why a graph cannot be measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GraphBenchError {
    /// The graph, or a twin of it, is invalid.
    Model(ModelError),
    /// It cannot run on inputs of this size.
    Run(RunError),
}

impl std::fmt::Display for GraphBenchError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Model(error) => error.fmt(f),
            Self::Run(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for GraphBenchError {}

impl From<ModelError> for GraphBenchError {
    fn from(error: ModelError) -> Self {
        Self::Model(error)
    }
}

impl From<RunError> for GraphBenchError {
    fn from(error: RunError) -> Self {
        Self::Run(error)
    }
}

/// A graph of one precision with its times: `nodes[node][repeat]` in milliseconds, with the whole
/// run as the last entry.
struct Timed {
    precision: Precision,
    runner: Runner,
    macs: Vec<u64>,
    shapes: Vec<[usize; 2]>,
    nodes: Vec<Vec<f64>>,
}

impl Timed {
    /// Runs once, and returns the time of each node and of the whole run.
    fn once(&mut self, inputs: &[Input<'_>], clock: &mut Clock<'_>) -> Result<Vec<f64>, RunError> {
        let start = clock();
        let (mut last, mut times, mut shapes) = (start, Vec::new(), Vec::new());
        self.runner.run_observed(inputs, &mut |_, view| {
            let now = clock();
            times.push(now - last);
            shapes.push([view.shape.rows * view.shape.columns, view.shape.channels]);
            last = now;
        })?;
        times.push(last - start);
        self.shapes = shapes;
        Ok(times)
    }

    /// The samples of the node of this name.
    fn of(&self, name: Option<&str>) -> Option<&Vec<f64>> {
        let nodes = &self.runner.graph().nodes;
        let index = match name {
            Some(name) => nodes.iter().position(|node| node.name == name)?,
            None => nodes.len(),
        };
        self.nodes.get(index)
    }
}

/// A measurement of a graph beside its twins in 8 bits and in single precision.
pub struct GraphBench {
    all: Vec<Timed>,
    inputs: Vec<(Vec<u8>, Vec<f32>)>,
    sizes: Vec<[usize; 2]>,
}

impl GraphBench {
    /// Prepares the measurement on inputs of these rows and columns: makes the twins, and warms all
    /// up.
    ///
    /// # Errors
    /// [`GraphBenchError`] if the graph is invalid or does not take these inputs.
    pub fn new(
        graph: &Graph,
        kernels: &Kernels,
        sizes: &[[usize; 2]],
        plan: &Plan,
        clock: &mut Clock<'_>,
    ) -> Result<Self, GraphBenchError> {
        let own = graph.narrowest();
        let mut all = Vec::new();
        for precision in Precision::ALL {
            let graph =
                if precision == own { Some(graph.clone()) } else { graph.twin(precision)? };
            let Some(graph) = graph else { continue };
            let runner = Runner::with_kernels(graph, kernels)?;
            let macs = runner.macs(sizes)?;
            let (shapes, nodes) = (Vec::new(), vec![Vec::new(); macs.len() + 1]);
            all.push(Timed { precision, runner, macs, shapes, nodes });
        }
        let inputs = graph.inputs.iter().zip(sizes).map(|(source, [height, width])| {
            let pattern = (0..height * width * source.channels)
                .map(|i| (i % 65_521 * 7919 % 251).to_le_bytes()[0]);
            match graph.tensors[source.tensor].kind {
                Kind::Codes(_) => (pattern.collect(), Vec::new()),
                _ => (Vec::new(), pattern.map(|byte| f32::from(byte) / 251.0).collect()),
            }
        });
        let mut bench = Self { inputs: inputs.collect(), all, sizes: sizes.to_vec() };
        for index in 0..bench.all.len() {
            let (start, mut runs) = (clock(), 0);
            while runs < RUNS || clock() - start < plan.warm_up_ms {
                bench.once(index, clock)?;
                runs += 1;
            }
        }
        Ok(bench)
    }

    fn once(&mut self, index: usize, clock: &mut Clock<'_>) -> Result<Vec<f64>, RunError> {
        let inputs = self.inputs.iter().zip(&self.sizes).map(|((bytes, reals), size)| {
            let [height, width] = *size;
            if bytes.is_empty() {
                Input::reals(reals, height, width)
            } else {
                Input::bytes(bytes, height, width)
            }
        });
        let inputs: Vec<Input<'_>> = inputs.collect();
        self.all[index].once(&inputs, clock)
    }

    /// Times the graph and its twins once more.
    ///
    /// # Errors
    /// As [`GraphBench::new`].
    pub fn repeat(&mut self, clock: &mut Clock<'_>) -> Result<(), GraphBenchError> {
        for index in 0..self.all.len() {
            let mut best = self.once(index, clock)?;
            for _ in 1..RUNS {
                let next = self.once(index, clock)?;
                best.iter_mut().zip(next).for_each(|(best, ms)| *best = best.min(ms));
            }
            let nodes = &mut self.all[index].nodes;
            nodes.iter_mut().zip(best).for_each(|(samples, ms)| samples.push(ms));
        }
        Ok(())
    }

    /// Bytes of tensors and buffers that a run keeps, for each precision.
    #[must_use]
    pub fn peak_bytes(&self) -> Vec<(Precision, usize)> {
        let peak =
            |timed: &Timed| Some((timed.precision, timed.runner.peak_bytes(&self.sizes).ok()?));
        self.all.iter().filter_map(peak).collect()
    }

    /// A row for each node, and one for the whole run, called `total`; `name` and a space precede
    /// each name. Rows without a kernel are no convolutions, and have no multiply-adds.
    #[must_use]
    pub fn rows(&self, name: &str) -> Vec<Row> {
        let reference = |precision| self.all.iter().find(|timed| timed.precision == precision);
        let (f32s, u8s) = (reference(Precision::F32), reference(Precision::U8));
        let mut rows = Vec::new();
        for timed in &self.all {
            let nodes = &timed.runner.graph().nodes;
            // The kernel that does most of the work stands for the whole.
            let busiest = (0..nodes.len()).max_by_key(|&index| timed.macs[index]).unwrap_or(0);
            for (index, samples) in timed.nodes.iter().enumerate() {
                let node = nodes.get(index);
                let mut sorted = samples.clone();
                let ms = median(&mut sorted);
                let quartiles = quantile(&mut sorted, 0.75) - quantile(&mut sorted, 0.25);
                let macs = match node {
                    Some(_) => timed.macs[index],
                    None => timed.macs.iter().sum(),
                };
                let [m, n] = timed.shapes.get(index).copied().unwrap_or([0, 0]);
                let depth = node.and_then(|node| node.op.convolution());
                let kernel = timed.runner.kernel(if node.is_some() { index } else { busiest });
                let own = node.map(|node| node.name.as_str());
                let against = |other: Option<&Timed>| speed_up(other?.of(own), samples);
                rows.push(Row {
                    op: format!("{name} {}", own.unwrap_or("total")),
                    m,
                    n,
                    k: depth.map_or(0, |convolution| convolution.depth()),
                    precision: timed.precision.name().to_owned(),
                    kernel: kernel.unwrap_or("").to_owned(),
                    isa: String::new(),
                    ns: ms * 1e6,
                    spread: if ms > 0.0 { quartiles / 2.0 / ms } else { 0.0 },
                    gmacs: if ms > 0.0 { macs as f64 / ms / 1e6 } else { 0.0 },
                    speedup_vs_f32: against(f32s),
                    speedup_vs_u8: against(u8s),
                });
            }
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_is_measured_beside_its_twins() {
        let file = std::fs::read("../models/ocr-u4.safetensors").expect("a committed model");
        let graph = Graph::parse(&file).expect("version 1 is read");
        let mut now = 0.0;
        let mut clock = || {
            now += 1.0;
            now
        };
        let plan = Plan { repeats: 2, sample_ms: 0.0, warm_up_ms: 0.0, ..Plan::default() };
        let kernels = Kernels::detect();
        let mut bench = GraphBench::new(&graph, &kernels, &[[24, 64]], &plan, &mut clock)
            .expect("a size that suits");
        for _ in 0..plan.repeats {
            bench.repeat(&mut clock).expect("it has run before");
        }
        let rows = bench.rows("ocr");
        let totals: Vec<&Row> = rows.iter().filter(|row| row.op == "ocr total").collect();
        let precisions: Vec<&str> = totals.iter().map(|row| row.precision.as_str()).collect();
        assert_eq!(precisions, ["f32", "u8", "u4"]);
        // The clock ticks once for each node; the twin of reals has one more, for its input.
        let nodes = graph.nodes.len() as f64;
        assert_eq!(totals[2].ns, nodes * 1e6);
        let speedup = totals[2].speedup_vs_f32.expect("there is a twin");
        assert!((speedup - (nodes + 1.0) / nodes).abs() < 1e-9, "{speedup}");
        assert_eq!(bench.peak_bytes().len(), 3);
        let error = GraphBench::new(&graph, &kernels, &[[23, 64]], &plan, &mut clock).err();
        assert!(matches!(error, Some(GraphBenchError::Run(RunError::Input { .. }))), "{error:?}");
    }
}
