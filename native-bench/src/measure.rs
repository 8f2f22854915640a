//! `native-bench gemm` and `native-bench network`: times of kernels and networks, as a table, as
//! JSON, or as a plot.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use nibble_bench::{
    GraphBench, Mean, NetworkBench, Plan, Row, Shape, gemm_rows, noisy, paper_grid, pattern_strip,
    summary, synthetic_model, whole,
};
use nibble_core::graph::{Graph, Source};
use nibble_core::{Kernels, Model, ModelError, Network, Precision};
use serde::Serialize;

use crate::device::{self, Device};
use crate::{peers, plot, print, verify};

/// Options for how to measure and what to print.
#[derive(Debug, Args)]
pub(crate) struct Measuring {
    /// Number of repeats; each of them runs every case in turn
    #[arg(long, default_value_t = 15)]
    repeats: usize,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    /// Also draw a bar chart to this SVG file
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

/// Times matrix products, including activation packing and requantisation.
#[derive(Debug, Args)]
pub(crate) struct Gemm {
    /// Rows (pixels); with --n and --k, replaces the sizes from the papers
    #[arg(long, requires_all = ["n", "k"])]
    m: Option<usize>,
    /// Columns (filters)
    #[arg(long, requires = "m")]
    n: Option<usize>,
    /// Depth
    #[arg(long, requires = "m")]
    k: Option<usize>,
    /// Time all kernels that this machine can run, not only the chosen ones
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    measuring: Measuring,
}

/// Times the reader's network and a larger synthetic one, or that of a file, whole and layer by
/// layer.
#[derive(Debug, Args)]
pub(crate) struct NetworkArgs {
    /// Width of the strip in pixels; 640 fits a line of 44 characters
    #[arg(long, default_value_t = 640, conflicts_with = "model")]
    width: usize,
    /// Time the network of this file instead, at its precision and beside its twins in 8 bits and
    /// single precision
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Rows and columns of its input, where the file leaves them open
    #[arg(long, num_args = 2, value_names = ["H", "W"], requires = "model")]
    input: Option<Vec<usize>>,
    #[command(flatten)]
    measuring: Measuring,
}

#[derive(Serialize)]
struct Report {
    device: Device,
    rows: Vec<Row>,
    summary: Vec<Mean>,
}

impl Gemm {
    /// Measures and prints.
    pub(crate) fn run(&self, kernels: &Kernels) -> ExitCode {
        let shapes = match (self.m, self.n, self.k) {
            (Some(m), Some(n), Some(k)) => vec![Shape { m, n, k }],
            _ => paper_grid(),
        };
        if shapes.iter().any(|shape| shape.m == 0 || shape.n == 0 || shape.k == 0) {
            eprintln!("error: sizes must be at least 1");
            return ExitCode::from(2);
        }
        self.measuring.report(|plan, clock, progress| {
            gemm_rows(kernels, &shapes, self.all, plan, clock, progress, &mut peers::cases)
        })
    }
}

impl NetworkArgs {
    /// Measures and prints.
    pub(crate) fn run(&self, kernels: &Kernels) -> ExitCode {
        if let Some(model) = &self.model {
            return self.run_file(model, kernels);
        }
        let Some(strip) = pattern_strip(self.width) else {
            eprintln!("error: the width must be at least 1");
            return ExitCode::from(2);
        };
        let network = |model: Result<Model, ModelError>| {
            model.and_then(|model| Network::with_kernels(model, kernels))
        };
        let own = |precision| network(Model::parse(nibble_files::model(precision)));
        let synthetic = |precision| network(Ok(synthetic_model(precision)));
        let all =
            Precision::ALL.into_iter().map(own).collect::<Result<Vec<_>, _>>().and_then(|own| {
                let synthetic =
                    Precision::ALL.into_iter().map(synthetic).collect::<Result<Vec<_>, _>>()?;
                Ok((own, synthetic))
            });
        let (own, synthetic) = match all {
            Ok(networks) => networks,
            Err(error) => {
                eprintln!("error: {error}");
                return ExitCode::FAILURE;
            }
        };
        let mut named = Some([("ocr", own), ("synthetic", synthetic)]);
        self.measuring.report(|plan, clock, progress| {
            let mut all = Vec::new();
            let total = 2 * plan.repeats;
            for (index, (name, networks)) in named.take().into_iter().flatten().enumerate() {
                // The strip suits both networks: they are 24 rows high, and its width is a multiple
                // of their column strides.
                let Ok(mut bench) = NetworkBench::new(networks, strip.clone(), *plan, clock) else {
                    continue;
                };
                for repeat in 0..plan.repeats {
                    progress(index * plan.repeats + repeat, total);
                    if bench.repeat(clock).is_err() {
                        break;
                    }
                }
                all.append(&mut bench.rows(name));
            }
            progress(total, total);
            all
        })
    }
}

/// Rows and columns where neither the file nor the command line says any.
const DEFAULT_SIDE: usize = 224;

impl NetworkArgs {
    /// Measures the network of a file.
    fn run_file(&self, model: &Path, kernels: &Kernels) -> ExitCode {
        let failed = |error: &dyn std::fmt::Display| {
            eprintln!("error: {}: {error}", model.display());
            ExitCode::from(2)
        };
        let graph = match std::fs::read(model) {
            Ok(bytes) => match Graph::parse(&bytes) {
                Ok(graph) => graph,
                Err(error) => return failed(&error),
            },
            Err(error) => return failed(&error),
        };
        let [height, width] = match self.input.as_deref() {
            Some(&[height, width]) => [height, width],
            _ => [DEFAULT_SIDE; 2],
        };
        let size = |source: &Source| {
            if self.input.is_some() {
                [height, width]
            } else {
                [source.height.unwrap_or(height), source.width.unwrap_or(width)]
            }
        };
        let sizes: Vec<[usize; 2]> = graph.inputs.iter().map(size).collect();
        // Errors are found before anything is measured.
        let plan = Plan { warm_up_ms: 0.0, ..Plan::default() };
        let memory = match GraphBench::new(&graph, kernels, &sizes, &plan, &mut || 0.0) {
            Ok(bench) => bench.peak_bytes(),
            Err(error) => return failed(&error),
        };
        let name = model.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
        if !self.measuring.json {
            let sides: Vec<String> = sizes.iter().map(|[h, w]| format!("{h} x {w}")).collect();
            let bytes: Vec<String> =
                memory.iter().map(|(precision, bytes)| format!("{precision} {bytes}")).collect();
            eprintln!("{name}: input {}; bytes of a run: {}", sides.join(", "), bytes.join(", "));
        }
        self.measuring.report(|plan, clock, progress| {
            let Ok(mut bench) = GraphBench::new(&graph, kernels, &sizes, plan, clock) else {
                return Vec::new();
            };
            for repeat in 0..plan.repeats {
                progress(repeat, plan.repeats);
                if bench.repeat(clock).is_err() {
                    break;
                }
            }
            progress(plan.repeats, plan.repeats);
            bench.rows(&name)
        })
    }
}

type Measure<'a> = dyn FnMut(&Plan, &mut dyn FnMut() -> f64, &mut dyn FnMut(usize, usize) -> bool) -> Vec<Row>
    + 'a;

impl Measuring {
    fn report(
        &self,
        mut measure: impl FnMut(
            &Plan,
            &mut dyn FnMut() -> f64,
            &mut dyn FnMut(usize, usize) -> bool,
        ) -> Vec<Row>,
    ) -> ExitCode {
        let measure: &mut Measure<'_> = &mut measure;
        let device = device::detect();
        let mut out = io::stdout().lock();
        if device.emulated {
            let title =
                "Multiply-adds per instruction in the inner loops, from the compiler's listing";
            if writeln!(out, "{title}:\n\n{INNER_LOOPS}").is_ok() {
                verify::run(&mut out);
            }
            eprintln!(
                "\nThis is an emulator: its times say nothing about a CPU, so no speeds are measured."
            );
            return ExitCode::from(3);
        }
        let start = Instant::now();
        let mut clock = || start.elapsed().as_secs_f64() * 1e3;
        let plan = Plan { repeats: self.repeats.max(1), ..Plan::default() };
        // indicatif draws only on terminals.
        let bar = ProgressBar::new(0).with_style(style());
        let rows = measure(&plan, &mut clock, &mut |done, of| {
            bar.set_length(of as u64);
            bar.set_position(done as u64);
            true
        });
        bar.finish_and_clear();
        let summary = summary(&rows);
        if noisy(&rows) {
            eprintln!(
                "warning: times vary by more than 10 %: the machine is busy or throttles its CPU"
            );
        }
        if let Some(path) = &self.plot
            && let Err(error) =
                std::fs::write(path, plot::svg(&device.cpu, &whole(&rows), &summary))
        {
            eprintln!("error: {}: {error}", path.display());
            return ExitCode::from(2);
        }
        let report = Report { device, rows, summary };
        let printed = if self.json {
            serde_json::to_writer_pretty(&mut out, &report)
                .map_err(io::Error::from)
                .and_then(|()| writeln!(out))
        } else {
            table(&mut out, &report)
        };
        print::finished(printed.and_then(|()| out.flush()), ExitCode::SUCCESS)
    }
}

/// The instruction counts of the inner loops, which need no clock.
const INNER_LOOPS: &str = include_str!("../../docs/results/inner-loops-aarch64.md");

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:40} {pos}/{len} {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn ratio(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"))
}

fn table(out: &mut impl Write, report: &Report) -> io::Result<()> {
    let device = &report.device;
    writeln!(out, "{} ({}, {} threads, one used)", device.cpu, device.arch, device.threads)?;
    writeln!(out, "features: {}", device.features.join(" "))?;
    writeln!(
        out,
        "\n{:<18} {:>6} {:>5} {:>5}  {:<4} {:<28} {:>11} {:>6} {:>8} {:>7} {:>7}",
        "op", "m", "n", "k", "", "kernel", "ns", "+-%", "GMAC/s", "/f32", "/u8"
    )?;
    for row in &report.rows {
        writeln!(
            out,
            "{:<18} {:>6} {:>5} {:>5}  {:<4} {:<28} {:>11.0} {:>6.1} {:>8.1} {:>7} {:>7}",
            row.op,
            row.m,
            row.n,
            row.k,
            row.precision,
            row.kernel,
            row.ns,
            row.spread * 100.0,
            row.gmacs,
            ratio(row.speedup_vs_f32),
            ratio(row.speedup_vs_u8)
        )?;
    }
    writeln!(out, "\ngeometric means")?;
    for mean in &report.summary {
        writeln!(
            out,
            "{:<4} {:<28} {:>8.1} GMAC/s   {:>5} of f32   {:>5} of 8-bit",
            mean.precision,
            mean.kernel,
            mean.gmacs,
            ratio(mean.speedup_vs_f32),
            ratio(mean.speedup_vs_u8)
        )?;
    }
    if device.features.contains(&"avx512vnni") || device.features.contains(&"avxvnni") {
        writeln!(
            out,
            "\nThis CPU has VNNI, with which 8 bits run as fast as 4; `--isa avx2` compares the kernels of CPUs without it."
        )?;
    }
    Ok(())
}
