//! The benchmark of `native-bench` in the browser: the same cases, statistics and schema, in steps
//! short enough to show progress and to be cancelled.

use std::collections::VecDeque;

use nibble_bench::{
    Case, Mean, NetworkBench, Plan, Row, SeenKernel, Shape, case_of_kernel, gemm_rows, noisy,
    paper_grid, pattern_strip, step_ms, summary, synthetic_model, verify,
};
use nibble_core::{Kernels, Model, Network, Precision};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::clock::now;
use crate::error::thrown;
use crate::kernels::{raced, raced_again};

/// Width in pixels of the strip on which networks are timed: it fits a line of 44 characters.
const STRIP_WIDTH: usize = 640;

/// One step of a benchmark.
enum Step {
    Verify,
    Gemm(Shape),
    /// Warms up the networks with this name.
    Prepare(&'static str),
    /// Times each network once, in turn.
    Repeat,
    /// Adds the rows of the networks with this name.
    Finish(&'static str),
}

/// The report, to which the page adds its device.
#[derive(Serialize)]
struct Report<'a> {
    rows: &'a [Row],
    summary: Vec<Mean>,
    verify: &'a [SeenKernel],
    noisy: bool,
    clock_step_ms: f64,
}

/// A benchmark in progress.
#[wasm_bindgen]
pub struct Bench {
    plan: Plan,
    clock_step_ms: f64,
    all_kernels: bool,
    kernels: Kernels,
    steps: VecDeque<Step>,
    models: Vec<Network>,
    networks: Option<NetworkBench>,
    rows: Vec<Row>,
    verified: Vec<SeenKernel>,
}

#[wasm_bindgen]
impl Bench {
    /// Starts a benchmark: `gemm`, `network` or `verify`. With 0 repeats, the default number is
    /// used.
    /// `network` needs a call of [`Bench::add_model`] for each precision before its first step.
    ///
    /// # Errors
    /// An `Error` with `code` `Internal` for any other name.
    #[wasm_bindgen(constructor)]
    pub fn new(what: &str, all_kernels: bool, repeats: usize) -> Result<Bench, JsValue> {
        let clock_step_ms = step_ms(&mut now);
        let mut plan = Plan::for_clock(clock_step_ms);
        if repeats > 0 {
            plan.repeats = repeats;
        }
        let kernels;
        let steps = match what {
            "verify" => {
                kernels = Kernels::detect();
                VecDeque::from([Step::Verify])
            }
            "gemm" => {
                kernels = raced_again();
                paper_grid().into_iter().map(Step::Gemm).collect()
            }
            "network" => {
                kernels = raced(&Precision::ALL);
                ["ocr", "synthetic"]
                    .into_iter()
                    .flat_map(|name| {
                        let repeats = (0..plan.repeats).map(|_| Step::Repeat);
                        std::iter::once(Step::Prepare(name))
                            .chain(repeats)
                            .chain([Step::Finish(name)])
                    })
                    .collect()
            }
            _ => return Err(thrown("Internal", &format!("no bench is called {what}"))),
        };
        Ok(Self {
            plan,
            clock_step_ms,
            all_kernels,
            kernels,
            steps,
            models: Vec::new(),
            networks: None,
            rows: Vec::new(),
            verified: Vec::new(),
        })
    }

    /// Adds the reader's network of one precision.
    ///
    /// # Errors
    /// An `Error` with `code` `ModelInvalid` if the file cannot be used.
    pub fn add_model(&mut self, model: &[u8]) -> Result<(), JsValue> {
        let model = Model::parse(model);
        let network = model.and_then(|model| Network::with_kernels(model, &self.kernels));
        self.models.push(network.map_err(|error| thrown("ModelInvalid", &error))?);
        Ok(())
    }

    /// Number of steps left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.steps.len()
    }

    /// Runs the next step, which takes a few tenths of a second at most.
    ///
    /// # Errors
    /// An `Error` with `code` `Internal` if a network cannot be run.
    pub fn step(&mut self) -> Result<(), JsValue> {
        match self.steps.pop_front() {
            None => {}
            Some(Step::Verify) => self.verified = verify(),
            Some(Step::Gemm(shape)) => {
                let mut no_peers = |_| Vec::new();
                let mut rows = gemm_rows(
                    &self.kernels,
                    &[shape],
                    self.all_kernels,
                    &self.plan,
                    &mut now,
                    &mut |_, _| true,
                    &mut no_peers,
                );
                self.rows.append(&mut rows);
            }
            Some(Step::Prepare(name)) => {
                let networks = if name == "ocr" {
                    std::mem::take(&mut self.models)
                } else {
                    let network = |precision| {
                        Network::with_kernels(synthetic_model(precision), &self.kernels)
                    };
                    let networks: Result<_, _> = Precision::ALL.into_iter().map(network).collect();
                    networks.map_err(|error| thrown("Internal", &error))?
                };
                let strip =
                    pattern_strip(STRIP_WIDTH).ok_or_else(|| thrown("Internal", &"no strip"))?;
                let bench = NetworkBench::new(networks, strip, self.plan, &mut now);
                self.networks = Some(bench.map_err(|error| thrown("Internal", &error))?);
            }
            Some(Step::Repeat) => {
                if let Some(networks) = &mut self.networks {
                    networks.repeat(&mut now).map_err(|error| thrown("Internal", &error))?;
                }
            }
            Some(Step::Finish(name)) => {
                if let Some(networks) = self.networks.take() {
                    self.rows.append(&mut networks.rows(name));
                }
            }
        }
        Ok(())
    }

    /// The results so far, as JSON: `rows`, `summary`, `verify`, `noisy`, `clock_step_ms`.
    ///
    /// # Errors
    /// An `Error` with `code` `Internal` if the JSON cannot be written.
    pub fn report(&self) -> Result<String, JsValue> {
        let report = Report {
            rows: &self.rows,
            summary: summary(&self.rows),
            verify: &self.verified,
            noisy: noisy(&self.rows),
            clock_step_ms: self.clock_step_ms,
        };
        serde_json::to_string(&report).map_err(|error| thrown("Internal", &error))
    }
}

/// A matrix product by one kernel, to compare with other libraries or to count its instructions.
#[wasm_bindgen]
pub struct Product(Case);

#[wasm_bindgen]
impl Product {
    /// The product of `m` pixels and `n` filters at depth `k`, by the kernel with this name.
    ///
    /// # Errors
    /// An `Error` with `code` `Internal` if this binary has no such kernel.
    #[wasm_bindgen(constructor)]
    pub fn new(kernel: &str, m: usize, n: usize, k: usize) -> Result<Product, JsValue> {
        let case = case_of_kernel(kernel, Shape { m, n, k });
        case.map(Self).ok_or_else(|| thrown("Internal", &format!("no kernel is called {kernel}")))
    }

    /// Runs the product `runs` times: packing, multiplication and requantisation.
    pub fn run(&mut self, runs: usize) {
        (0..runs).for_each(|_| (self.0.run)());
    }
}

impl std::fmt::Debug for Product {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Product").field(&self.0.kernel).finish()
    }
}

impl std::fmt::Debug for Bench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bench").field("left", &self.left()).finish_non_exhaustive()
    }
}
