//! `native-bench read`: pictures in, the JSON of the contract or a summary out.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Instant;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use nibble_core::{Kernels, Model, ModelError, Network, Precision};
use nibble_picture::{Limits, decode};
use nibble_reader::{Reader, Reading};
use serde_json::{Value, json};

use crate::models;

/// Exit code where a file is unreadable or no picture.
const SOME_UNREADABLE: u8 = 2;

#[derive(Args)]
pub(crate) struct Options {
    /// Pictures: JPEG, PNG, WebP, BMP or TIFF, told by their content.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Arithmetic of the network.
    #[arg(long, default_value = "u4", value_parser = ["f32", "u8", "u4"])]
    precision: String,
    /// Print one JSON array instead of a summary.
    #[arg(long)]
    json: bool,
    /// Pictures read at a time; 0 takes every core.
    #[arg(long, default_value_t = 0)]
    jobs: usize,
}

/// One file, read or not.
struct Outcome {
    file: String,
    result: Result<Read, Failure>,
}

struct Read {
    reading: Reading,
    decode_ms: f64,
}

/// Why a file was not read: a code for programs and words for people.
struct Failure {
    code: &'static str,
    message: String,
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// A reader with the bundled network of a precision, on the kernels that were chosen.
fn reader_on(kernels: &Kernels, precision: Precision) -> Result<Reader, ModelError> {
    Reader::with_network(Network::with_kernels(Model::parse(models::bytes(precision))?, kernels)?)
}

fn read(reader: &mut Reader, path: &Path) -> Result<Read, Failure> {
    let begin = Instant::now();
    let bytes = std::fs::read(path).map_err(|error| Failure {
        code: "Unreadable",
        message: format!("the file cannot be read: {error}"),
    })?;
    let gray = decode(&bytes, &Limits::NATIVE)
        .map_err(|error| Failure { code: error.code(), message: error.to_string() })?;
    drop(bytes);
    let decode_ms = milliseconds(begin);
    let reading = reader.read_timed(&gray, &mut || milliseconds(begin));
    Ok(Read { reading, decode_ms })
}

impl Outcome {
    fn json(&self, reader: &Reader) -> Value {
        let (mut value, error) = match &self.result {
            Ok(read) => {
                let mut value = serde_json::to_value(&read.reading).unwrap_or_default();
                value["ms"]["decode"] = json!(read.decode_ms);
                value["ms"]["total"] = json!(read.decode_ms + read.reading.ms.total);
                (value, Value::Null)
            }
            Err(failure) => {
                let mut value = serde_json::to_value(reader.nothing()).unwrap_or_default();
                value["gray_digest"] = Value::Null;
                (value, json!({"code": failure.code, "message": failure.message}))
            }
        };
        value["file"] = json!(self.file);
        value["error"] = error;
        value
    }

    fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        match &self.result {
            Err(failure) => writeln!(out, "{}: {} ({})", self.file, failure.message, failure.code),
            Ok(Read { reading, .. }) if reading.lines.is_empty() => {
                writeln!(out, "{}: no machine-readable zone", self.file)
            }
            Ok(Read { reading, .. }) => {
                let verdict = if reading.valid { "valid" } else { "not verified" };
                writeln!(out, "{}: {verdict}, {:.0} ms", self.file, reading.ms.total)?;
                reading.lines.iter().try_for_each(|line| writeln!(out, "    {line}"))
            }
        }
    }
}

/// Reads all files with `jobs` readers and returns the outcomes in the files' order.
fn read_all(options: &Options, precision: Precision, kernels: &Kernels) -> Vec<Outcome> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let jobs = if options.jobs == 0 { cores } else { options.jobs }.min(options.files.len());
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    let bar = progress(options.files.len());
    let mut outcomes: Vec<Option<Outcome>> = options.files.iter().map(|_| None).collect();
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                let Ok(mut reader) = reader_on(kernels, precision) else { return };
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(path) = options.files.get(index) else { return };
                    let outcome =
                        Outcome { file: path.display().to_string(), result: read(&mut reader, path) };
                    if sender.send((index, outcome)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for (index, outcome) in receiver {
            outcomes[index] = Some(outcome);
            bar.inc(1);
        }
    });
    bar.finish_and_clear();
    outcomes.into_iter().flatten().collect()
}

/// A bar where a person is watching, nothing otherwise.
fn progress(files: usize) -> ProgressBar {
    if files < 2 || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("reading {wide_bar} {pos}/{len} {eta}");
    ProgressBar::new(files as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Reads the files and prints what was found.
pub(crate) fn run(options: &Options, kernels: &Kernels) -> ExitCode {
    let Some(precision) = Precision::from_name(&options.precision) else { return ExitCode::FAILURE };
    let reader = match reader_on(kernels, precision) {
        Ok(reader) => reader,
        Err(error) => {
            eprintln!("the bundled model cannot be used: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcomes = read_all(options, precision, kernels);
    let mut out = std::io::stdout().lock();
    let printed = if options.json {
        let values: Vec<Value> = outcomes.iter().map(|outcome| outcome.json(&reader)).collect();
        serde_json::to_writer_pretty(&mut out, &values)
            .map_err(std::io::Error::from)
            .and_then(|()| writeln!(out))
    } else {
        outcomes.iter().try_for_each(|outcome| outcome.print(&mut out))
    };
    // A closed pipe (`| head`) is no failure of ours.
    if let Err(error) = printed
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        eprintln!("the result cannot be written: {error}");
        return ExitCode::FAILURE;
    }
    let unreadable = outcomes.iter().any(|outcome| outcome.result.is_err());
    if unreadable { ExitCode::from(SOME_UNREADABLE) } else { ExitCode::SUCCESS }
}
