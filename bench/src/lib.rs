//! Measuring kernels and networks: cases, interleaved repeats and their statistics. The clock is
//! passed in, so that the command line and the page share both the code and the schema of reports.
//!
//! Machines get hot, and other programs slow them down. Therefore every case runs once per repeat,
//! speed-ups are ratios *within* a repeat, and medians are reported together with their spread.
#![forbid(unsafe_code)]
#![allow(
    clippy::cast_precision_loss,
    reason = "counts of operations are far below 2^53, and times are estimates"
)]

mod graph;
mod network;

pub use graph::{GraphBench, GraphBenchError};
pub use network::{NetworkBench, pattern_strip, synthetic_model};
pub use nibble_core::products::{Operands, SeenKernel, Shape, requantisation_is_exact, verify};
pub use nibble_core::{Clock, OperandRange};

use nibble_core::products::{self, Product};
use nibble_core::{Kernels, clock_step};
use serde::Serialize;

/// Called with the number of steps done and of all steps; returns `false` to end the measurement.
pub type Progress<'a> = dyn FnMut(usize, usize) -> bool + 'a;

/// The grid of the paper (arXiv 2009.06488): four numbers of pixels, each with its number of
/// filters, at three depths.
#[must_use]
pub fn paper_grid() -> Vec<Shape> {
    let sizes = [(72, 24), (120, 48), (240, 72), (360, 96)];
    sizes.into_iter().flat_map(|(m, n)| [128, 256, 512].map(|k| Shape { m, n, k })).collect()
}

/// How long to measure.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Number of repeats; each runs all cases in turn.
    pub repeats: usize,
    /// Minimum length of a sample in milliseconds, because the clocks of browsers are coarse.
    pub sample_ms: f64,
    /// Milliseconds that every case runs before it is measured, so that engines have compiled it
    /// and the CPU has raised its clock.
    pub warm_up_ms: f64,
    /// Whether one step of the clock is too long to time a layer of a network, as in browsers.
    pub coarse_clock: bool,
}

impl Plan {
    /// A plan for a clock that moves in steps of `step_ms`: a sample lasts at least 20 of them.
    #[must_use]
    pub fn for_clock(step_ms: f64) -> Self {
        let plan = Self::default();
        Self {
            sample_ms: plan.sample_ms.max(20.0 * step_ms),
            coarse_clock: step_ms > 0.001,
            ..plan
        }
    }
}

impl Default for Plan {
    fn default() -> Self {
        Self { repeats: 15, sample_ms: 1.0, warm_up_ms: 20.0, coarse_clock: false }
    }
}

/// The measurement of one case, in the schema that the command line and the page share.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// `gemm`, or the name of a network followed by that of a layer or by `total`.
    pub op: String,
    /// Rows (pixels).
    pub m: usize,
    /// Columns (filters).
    pub n: usize,
    /// Depth.
    pub k: usize,
    /// The table's column: `f32`, `u8`, `u7` (7-bit activations, 8-bit weights), `u4` or `u4z` (4
    /// bits with zero points on both sides).
    pub precision: String,
    /// The kernel's name.
    pub kernel: String,
    /// Its instruction set.
    pub isa: String,
    /// Median time of one run in nanoseconds.
    pub ns: f64,
    /// Half the distance between the quartiles of the time, divided by its median.
    pub spread: f64,
    /// 10^9 multiply-adds per second.
    pub gmacs: f64,
    /// Speed compared with this project's f32 case: the median of the ratios within each repeat.
    pub speedup_vs_f32: Option<f64>,
    /// The same for its 8-bit case.
    pub speedup_vs_u8: Option<f64>,
}

/// Geometric means of one kernel over all shapes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mean {
    /// The precision.
    pub precision: String,
    /// The kernel.
    pub kernel: String,
    /// Number of shapes.
    pub shapes: usize,
    /// 10^9 multiply-adds per second.
    pub gmacs: f64,
    /// Speed compared with f32.
    pub speedup_vs_f32: Option<f64>,
    /// Speed compared with 8 bits.
    pub speedup_vs_u8: Option<f64>,
}

/// A case to be timed.
pub struct Case {
    /// The table's column: the name of a range of operands, or of a variant.
    pub column: &'static str,
    /// Name of the kernel, or of another library's product.
    pub kernel: String,
    /// Its instruction set, for people.
    pub isa: String,
    /// Whether this is the case of its column with which others are compared.
    pub reference: bool,
    /// Does the work once.
    pub run: Box<dyn FnMut()>,
}

impl From<Product> for Case {
    /// A case of one of this project's kernels, with which others are compared.
    fn from(product: Product) -> Self {
        let Product { column, kernel, isa, run } = product;
        Self { column, kernel: kernel.to_owned(), isa: isa.to_owned(), reference: true, run }
    }
}

/// The step of a clock in milliseconds; 1 if the clock stands still.
pub fn step_ms(clock: &mut Clock<'_>) -> f64 {
    clock_step(clock).unwrap_or(1.0)
}

/// A case of each chosen kernel, one for every column of the table. With `all_kernels`, those of
/// all other kernels that this machine can run follow.
#[must_use]
pub fn gemm_cases(kernels: &Kernels, shape: Shape, all_kernels: bool) -> Vec<Case> {
    let mut cases: Vec<Case> =
        products::chosen(kernels, shape).into_iter().map(Case::from).collect();
    if all_kernels {
        for product in products::every(shape) {
            let known = cases
                .iter()
                .any(|case| case.kernel == product.kernel && case.column == product.column);
            if !known {
                cases.push(Case { reference: false, ..product.into() });
            }
        }
    }
    cases
}

/// A case of the kernel of this name, if this machine can run it. Used to count a kernel's
/// instructions.
#[must_use]
pub fn case_of_kernel(name: &str, shape: Shape) -> Option<Case> {
    products::of_kernel(name, shape).map(Case::from)
}

/// Median of `values`, which are sorted in place; 0 if there are none.
fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

/// Quantile `at` (0 to 1) of `values`, which are sorted in place, interpolated; 0 if there are
/// none.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index within the slice"
)]
fn quantile(values: &mut [f64], at: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else { return 0.0 };
    let place = at * last as f64;
    let (below, above) = (values[place as usize], values[(place as usize + 1).min(last)]);
    below + (above - below) * (place - place.floor())
}

/// Times all cases: `samples[case][repeat]` in milliseconds per run.
fn sample(cases: &mut [Case], plan: &Plan, clock: &mut Clock<'_>) -> Vec<Vec<f64>> {
    let runs: Vec<usize> = cases
        .iter_mut()
        .map(|case| {
            let (start, mut warm) = (clock(), 0usize);
            while warm < 2 || clock() - start < plan.warm_up_ms {
                (case.run)();
                warm += 1;
            }
            let mut runs = 1;
            loop {
                // The shortest of three, lest a pause of the machine be taken for a long sample.
                let shortest = (0..3).fold(f64::INFINITY, |shortest, _| {
                    let start = clock();
                    (0..runs).for_each(|_| (case.run)());
                    shortest.min(clock() - start)
                });
                if shortest >= plan.sample_ms || runs >= 1 << 20 {
                    break runs;
                }
                runs *= 2;
            }
        })
        .collect();
    let mut samples = vec![Vec::with_capacity(plan.repeats); cases.len()];
    for _ in 0..plan.repeats.max(1) {
        for ((case, &runs), samples) in cases.iter_mut().zip(&runs).zip(&mut samples) {
            let start = clock();
            (0..runs).for_each(|_| (case.run)());
            samples.push((clock() - start) / runs as f64);
        }
    }
    samples
}

/// Median of `reference / samples` over the repeats; `None` if nothing can be compared.
fn speed_up(reference: Option<&Vec<f64>>, samples: &[f64]) -> Option<f64> {
    let mut ratios: Vec<f64> = reference?
        .iter()
        .zip(samples)
        .filter(|(_, own)| **own > 0.0)
        .map(|(theirs, own)| theirs / own)
        .collect();
    (!ratios.is_empty()).then(|| median(&mut ratios))
}

/// Times `cases` of one shape, and returns a row for each.
pub fn measure(
    op: &str,
    shape: Shape,
    cases: &mut [Case],
    plan: &Plan,
    clock: &mut Clock<'_>,
) -> Vec<Row> {
    let samples = sample(cases, plan, clock);
    let reference = |range: OperandRange| {
        let index = cases.iter().position(|case| case.reference && case.column == range.name())?;
        samples.get(index)
    };
    let (f32s, u8s) = (reference(OperandRange::F32), reference(OperandRange::U8));
    let rows = cases.iter().zip(&samples).map(|(case, samples)| {
        let mut sorted = samples.clone();
        let ms = median(&mut sorted);
        let quartiles = quantile(&mut sorted, 0.75) - quantile(&mut sorted, 0.25);
        Row {
            op: op.to_owned(),
            m: shape.m,
            n: shape.n,
            k: shape.k,
            precision: case.column.to_owned(),
            kernel: case.kernel.clone(),
            isa: case.isa.clone(),
            ns: ms * 1e6,
            spread: if ms > 0.0 { quartiles / 2.0 / ms } else { 0.0 },
            gmacs: if ms > 0.0 { shape.macs() / ms / 1e6 } else { 0.0 },
            speedup_vs_f32: speed_up(f32s, samples),
            speedup_vs_u8: speed_up(u8s, samples),
        }
    });
    rows.collect()
}

/// Measures this machine's kernels on `shapes`: packing of activations, product and requantisation.
/// `peers` returns further cases for a shape.
///
/// When `progress` returns `false`, the rows measured so far are returned.
pub fn gemm_rows(
    kernels: &Kernels,
    shapes: &[Shape],
    all_kernels: bool,
    plan: &Plan,
    clock: &mut Clock<'_>,
    progress: &mut Progress<'_>,
    peers: &mut dyn FnMut(Shape) -> Vec<Case>,
) -> Vec<Row> {
    let mut rows = Vec::new();
    for (done, &shape) in shapes.iter().enumerate() {
        if !progress(done, shapes.len()) {
            return rows;
        }
        let mut cases = gemm_cases(kernels, shape, all_kernels);
        cases.extend(peers(shape));
        rows.extend(measure("gemm", shape, &mut cases, plan, clock));
    }
    progress(shapes.len(), shapes.len());
    rows
}

/// Geometric means of `rows` per kernel, in the order of their first appearance.
#[must_use]
pub fn means(rows: &[Row]) -> Vec<Mean> {
    let mut kernels: Vec<(&str, &str)> = Vec::new();
    for row in rows {
        let key = (row.precision.as_str(), row.kernel.as_str());
        if !kernels.contains(&key) {
            kernels.push(key);
        }
    }
    let mean_of = |(precision, kernel): (&str, &str)| {
        let own: Vec<&Row> =
            rows.iter().filter(|row| row.precision == precision && row.kernel == kernel).collect();
        let mean = |value: &dyn Fn(&Row) -> Option<f64>| {
            let logs: Option<f64> = own.iter().map(|row| value(row).map(libm::log)).sum();
            logs.map(|sum| libm::exp(sum / own.len() as f64))
        };
        Mean {
            precision: precision.to_owned(),
            kernel: kernel.to_owned(),
            shapes: own.len(),
            gmacs: mean(&|row| Some(row.gmacs)).unwrap_or(0.0),
            speedup_vs_f32: mean(&|row| row.speedup_vs_f32),
            speedup_vs_u8: mean(&|row| row.speedup_vs_u8),
        }
    };
    kernels.into_iter().map(mean_of).collect()
}

/// The means that a report ends with: over products and whole networks. A network's layers are no
/// shapes to average over.
#[must_use]
pub fn summary(rows: &[Row]) -> Vec<Mean> {
    means(&whole(rows))
}

/// The rows of products and of whole networks, without those of layers.
#[must_use]
pub fn whole(rows: &[Row]) -> Vec<Row> {
    rows.iter().filter(|row| row.op == "gemm" || row.op.ends_with("total")).cloned().collect()
}

/// Spread beyond which a figure deserves a warning: the machine was busy, or has throttled itself.
pub const NOISY: f64 = 0.1;

/// Whether at least a tenth of `rows` has a spread beyond [`NOISY`].
#[must_use]
pub fn noisy(rows: &[Row]) -> bool {
    let wide = rows.iter().filter(|row| row.spread > NOISY).count();
    wide > 0 && wide * 10 >= rows.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_quantiles() {
        assert!((median(&mut [3.0, 1.0, 2.0]) - 2.0).abs() < 1e-12);
        assert!((median(&mut [4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-12);
        assert!(median(&mut []).abs() < 1e-12);
        assert!((quantile(&mut [0.0, 10.0], 0.25) - 2.5).abs() < 1e-12);
    }

    /// Each run advances the clock by a known time, which the statistics must reproduce.
    #[test]
    fn a_known_clock_gives_known_ratios() {
        use std::cell::Cell;
        use std::rc::Rc;
        let time = Rc::new(Cell::new(0.0f64));
        let case = |range: OperandRange, cost: f64| {
            let time = Rc::clone(&time);
            let run = Box::new(move || time.set(time.get() + cost));
            Case {
                column: range.name(),
                kernel: range.name().to_owned(),
                isa: String::new(),
                reference: true,
                run,
            }
        };
        let mut cases = vec![
            case(OperandRange::F32, 6.0),
            case(OperandRange::U8, 3.0),
            case(OperandRange::U4, 1.5),
        ];
        let shape = Shape { m: 10, n: 10, k: 10 };
        let rows = measure("gemm", shape, &mut cases, &Plan::default(), &mut || time.get());
        assert!((rows[2].ns - 1.5e6).abs() < 1.0 && rows[2].spread < 1e-9);
        assert!(rows[2].speedup_vs_f32.is_some_and(|ratio| (ratio - 4.0).abs() < 1e-9));
        assert!(rows[2].speedup_vs_u8.is_some_and(|ratio| (ratio - 2.0).abs() < 1e-9));
        let means = means(&rows);
        assert_eq!(means.len(), 3);
        assert!(means[0].speedup_vs_u8.is_some_and(|ratio| (ratio - 0.5).abs() < 1e-9));
        assert!(!noisy(&rows));
    }

    #[test]
    fn a_bench_of_all_kernels_measures_each() {
        let mut now = 0.0;
        let mut clock = || {
            now += 1.0;
            now
        };
        let plan = Plan { repeats: 2, sample_ms: 0.0, warm_up_ms: 0.0, ..Plan::default() };
        let shapes = [Shape { m: 7, n: 5, k: 9 }];
        let rows = gemm_rows(
            &Kernels::detect(),
            &shapes,
            true,
            &plan,
            &mut clock,
            &mut |_, _| true,
            &mut |_| Vec::new(),
        );
        assert!(rows.len() >= 3);
        assert!(verify().iter().all(|seen| seen.exact), "{:?}", verify());
    }
}
