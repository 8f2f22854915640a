//! `native-bench paper`: the speeds that `docs/paper.md` compares with arXiv 2009.06488, measured
//! in one run and written to one file of JSON. `docs/results/devices/README.md` lays such files
//! side by side.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use nibble_bench::{
    Mean, NetworkBench, Plan, Row, gemm_rows, noisy, paper_grid, pattern_strip, summary, whole,
};
use nibble_core::{Kernels, Model, ModelError, Network, Precision};
use nibble_files::{Files, model};
use serde::Serialize;

use crate::device::{self, Device};
use crate::print;

/// Version of the file's schema.
const SCHEMA: u32 = 1;
/// Width of the strip of a line of 44 characters, as the reader makes it.
const STRIP: usize = 684;
/// Lines of the picture.
const LINES: f64 = 2.0;
/// The picture whose reading is timed: the rendered passport of an invented person.
const PICTURE: &[u8] = include_bytes!("../../testdata/specimens/passport.jpg");
/// What the paper reports, in its order: products against f32 and 8 bits, the whole network's time
/// saved in 4 and 8 bits.
const PAPER: [f64; 4] = [2.9, 1.5, 0.48, 0.39];

/// Times products, the reader's network and the reading of a picture; writes one file.
///
/// These are the speeds that docs/paper.md compares with arXiv 2009.06488. Accuracy is not
/// measured. docs/results/devices/README.md says how to add the file.
#[derive(Debug, Args)]
pub(crate) struct Paper {
    /// The file to write
    #[arg(long, value_name = "FILE", default_value = "nibble-paper.json")]
    output: PathBuf,
    /// Number of repeats; each of them runs every case in turn
    #[arg(long, default_value_t = 15)]
    repeats: usize,
    /// What people call the device, such as `Raspberry Pi 4`
    #[arg(long, value_name = "NAME", default_value = "")]
    name: String,
}

/// The file.
#[derive(Debug, Serialize)]
struct Report {
    schema: u32,
    /// What people call the device; may be empty.
    name: String,
    device: Device,
    /// The kernels that this machine can run at each precision, best guess first.
    kernels: BTreeMap<&'static str, Vec<&'static str>>,
    /// Geometric means of products over the paper's grid: of the chosen kernels, then of all
    /// others.
    gemm: Vec<Mean>,
    gemm_rows: Vec<Row>,
    /// The reader's network on a line of 44 characters: layers, and `ocr total`.
    network_rows: Vec<Row>,
    /// The reading of a picture of 1280 x 960 pixels, for each precision.
    frame: Vec<Frame>,
    /// Whether times varied by more than 10 %.
    noisy: bool,
}

/// Medians of a picture's reading, in milliseconds.
#[derive(Debug, Serialize)]
struct Frame {
    precision: &'static str,
    decode_ms: f64,
    locate_ms: f64,
    /// Rectifying, the network and decoding its columns.
    network_ms: f64,
    total_ms: f64,
    /// The network's own time for the picture's two lines, divided by the total.
    network_share: f64,
}

impl Paper {
    /// Measures, writes the file, and prints a table.
    pub(crate) fn run(&self, kernels: &Kernels) -> ExitCode {
        let device = device::detect();
        if device.emulated {
            eprintln!(
                "This is an emulator: its times say nothing about a CPU, so nothing is measured."
            );
            return ExitCode::from(3);
        }
        let report = match self.measure(device, kernels) {
            Ok(report) => report,
            Err(error) => {
                eprintln!("error: {error}");
                return ExitCode::FAILURE;
            }
        };
        if let Err(error) = write(&self.output, &report) {
            eprintln!("error: {}: {error}", self.output.display());
            return ExitCode::from(2);
        }
        let mut out = io::stdout().lock();
        let printed = table(&mut out, &report).and_then(|()| {
            let file = self.output.display();
            writeln!(out, "\nwritten to {file}; docs/results/devices/README.md says how to add it")
        });
        print::finished(printed, ExitCode::SUCCESS)
    }

    fn measure(&self, device: Device, kernels: &Kernels) -> Result<Report, ModelError> {
        let start = Instant::now();
        let mut clock = || start.elapsed().as_secs_f64() * 1e3;
        let plan = Plan { repeats: self.repeats.max(1), ..Plan::default() };
        let style = ProgressStyle::with_template("{msg:10} {bar:40} {pos}/{len}");
        let bar = ProgressBar::new(0)
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
            .with_message("products");
        let mut progress = |done: usize, of: usize| {
            bar.set_length(of as u64);
            bar.set_position(done as u64);
            true
        };
        let grid = paper_grid();
        let none = &mut |_| Vec::new();
        let gemm_rows = gemm_rows(kernels, &grid, true, &plan, &mut clock, &mut progress, none);
        bar.set_message("network");
        let network_rows = network(kernels, &plan, &mut clock, &mut progress)?;
        bar.set_message("picture");
        let frame = frames(kernels, plan.repeats, &network_rows, &mut progress);
        bar.finish_and_clear();
        Ok(Report {
            schema: SCHEMA,
            name: self.name.clone(),
            device,
            kernels: Precision::ALL.map(|of| (of.name(), Kernels::names(of))).into(),
            gemm: summary(&gemm_rows),
            noisy: noisy(&gemm_rows) || noisy(&network_rows),
            gemm_rows,
            network_rows,
            frame,
        })
    }
}

/// Times the reader's network.
fn network(
    kernels: &Kernels,
    plan: &Plan,
    clock: &mut dyn FnMut() -> f64,
    progress: &mut dyn FnMut(usize, usize) -> bool,
) -> Result<Vec<Row>, ModelError> {
    let network = |precision| Network::with_kernels(Model::parse(model(precision))?, kernels);
    let all = Precision::ALL.into_iter().map(network).collect::<Result<Vec<_>, _>>()?;
    let Some(strip) = pattern_strip(STRIP) else { return Ok(Vec::new()) };
    // The strip suits the network, as that of a line.
    let Ok(mut bench) = NetworkBench::new(all, strip, *plan, clock) else { return Ok(Vec::new()) };
    for repeat in 0..plan.repeats {
        progress(repeat, plan.repeats);
        if bench.repeat(clock).is_err() {
            break;
        }
    }
    Ok(bench.rows("ocr"))
}

/// Times the reading of the picture, with every precision in turn.
fn frames(
    kernels: &Kernels,
    repeats: usize,
    network: &[Row],
    progress: &mut dyn FnMut(usize, usize) -> bool,
) -> Vec<Frame> {
    let mut readers = Precision::ALL.map(|precision| (precision, Files::new(*kernels, precision)));
    let mut samples = readers.each_ref().map(|_| Vec::new());
    for repeat in 0..=repeats {
        progress(repeat, repeats);
        for ((_, reader), samples) in readers.iter_mut().zip(&mut samples) {
            // The first time, memory is taken.
            if let (Ok(read), 1..) = (reader.read(|| Ok(PICTURE)), repeat) {
                let ms = read.reading.ms;
                samples.push([read.decode_ms, ms.locate, ms.network, read.decode_ms + ms.total]);
            }
        }
    }
    let frame = |((precision, _), samples): (&(Precision, Files), &Vec<[f64; 4]>)| {
        let median = |place: usize| {
            let mut times: Vec<f64> = samples.iter().map(|sample| sample[place]).collect();
            times.sort_by(f64::total_cmp);
            times.get(times.len() / 2).copied().unwrap_or(0.0)
        };
        let total_ms = median(3);
        let line = whole(network)
            .iter()
            .find(|row| row.precision == precision.name())
            .map_or(0.0, |row| row.ns / 1e6);
        Frame {
            precision: precision.name(),
            decode_ms: median(0),
            locate_ms: median(1),
            network_ms: median(2),
            total_ms,
            network_share: if total_ms > 0.0 { LINES * line / total_ms } else { 0.0 },
        }
    };
    readers.iter().zip(&samples).map(frame).collect()
}

fn write(path: &Path, report: &Report) -> io::Result<()> {
    let text = serde_json::to_string_pretty(report)?;
    std::fs::write(path, text + "\n")
}

/// The paper's figures and this device's.
fn table(out: &mut impl Write, report: &Report) -> io::Result<()> {
    writeln!(out, "{}\n", report.device.cpu)?;
    let mean = report.gemm.iter().find(|mean| mean.precision == "u4");
    let total = |precision: &str| {
        whole(&report.network_rows).into_iter().find(|row| row.precision == precision)
    };
    let saved = |precision| total(precision)?.speedup_vs_f32.map(|speed| 1.0 - 1.0 / speed);
    let rows = [
        ("4-bit products against f32", mean.and_then(|mean| mean.speedup_vs_f32)),
        ("4-bit products against 8 bits", mean.and_then(|mean| mean.speedup_vs_u8)),
        ("time of the network saved by 4 bits", saved("u4")),
        ("time of the network saved by 8 bits", saved("u8")),
    ];
    writeln!(out, "{:38} {:>8} {:>8}", "", "paper", "here")?;
    for ((label, here), paper) in rows.into_iter().zip(PAPER) {
        let shown = |value: f64| {
            if value < 1.0 && paper < 1.0 {
                format!("{:.0} %", value * 100.0)
            } else {
                format!("{value:.2}x")
            }
        };
        let here = here.map_or_else(|| "-".to_owned(), shown);
        writeln!(out, "{label:38} {:>8} {here:>8}", shown(paper))?;
    }
    writeln!(out, "\n{:38} {:>8} {:>8} {:>8}", "reading a picture", "f32", "u8", "u4")?;
    let row = |name: &str, value: &dyn Fn(&Frame) -> String| {
        let cells: String =
            report.frame.iter().map(|frame| format!(" {:>8}", value(frame))).collect();
        format!("{name:38}{cells}")
    };
    writeln!(out, "{}", row("decoding the file, ms", &|frame| format!("{:.1}", frame.decode_ms)))?;
    writeln!(out, "{}", row("locating, ms", &|frame| format!("{:.1}", frame.locate_ms)))?;
    writeln!(out, "{}", row("reading, ms", &|frame| format!("{:.1}", frame.network_ms)))?;
    let share = |frame: &Frame| format!("{:.0} %", frame.network_share * 100.0);
    writeln!(out, "{}", row("share of the network for two lines", &share))?;
    if report.noisy {
        writeln!(
            out,
            "\nTimes vary by more than 10 %: the machine is busy or throttles its CPU. Try again."
        )?;
    }
    Ok(())
}
