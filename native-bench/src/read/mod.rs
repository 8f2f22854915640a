//! `native-bench read`: reads pictures and prints readable fields, JSON or a table.

mod output;
mod sources;
mod work;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use nibble_core::{Kernels, Precision};
use nibble_files::Files;

use crate::print;
use output::Format;
use sources::Sources;
use work::{How, Outcome};

/// Exit code if a file is unreadable or not a picture.
const SOME_UNREADABLE: u8 = 2;

/// Reads the machine-readable zones of pictures.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  native-bench read passport.jpg                 fields and verdict, for people
  native-bench read --csv scans/ > table.csv     all pictures in a folder, for a spreadsheet
  find . -name '*.jpg' | native-bench read --ndjson --files-from -
                                                 one line of JSON per picture, as it is read
The exit code is 0 if every file could be decoded, and 2 if a file is unreadable or not a picture.")]
pub(crate) struct Options {
    /// Pictures (JPEG, PNG, WebP, BMP, TIFF or GIF, detected by content), folders, or - for a picture on
    /// standard input. In folders, hidden files and files that are not pictures are left out
    #[arg(required_unless_present = "files_from")]
    files: Vec<PathBuf>,
    /// Read the names of more pictures and folders from a file, one per line; - is standard input
    #[arg(long, value_name = "FILE")]
    files_from: Option<PathBuf>,
    /// Arithmetic of the network
    #[arg(long, default_value = "u4", value_parser = ["f32", "u8", "u4"])]
    precision: String,
    /// Print a JSON array with an element for each picture
    #[arg(long, group = "format")]
    json: bool,
    /// Print one JSON object per line, each as soon as its picture and those before it are read
    #[arg(long, group = "format")]
    ndjson: bool,
    /// Print a table of comma-separated values
    #[arg(long, group = "format")]
    csv: bool,
    /// Pictures are the frames of one film, in order: each result is what all frames so far show
    /// together
    #[arg(long, conflicts_with = "jobs")]
    film: bool,
    /// Number of pictures read at a time; 0 uses every core
    #[arg(long, default_value_t = 0)]
    jobs: usize,
}

impl Options {
    fn format(&self) -> Format {
        match (self.json, self.ndjson, self.csv) {
            (true, ..) => Format::Json,
            (_, true, _) => Format::JsonLines,
            (.., true) => Format::Csv,
            _ => Format::Text,
        }
    }

    fn workers(&self) -> usize {
        if self.film {
            return 1;
        }
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        if self.jobs == 0 { cores } else { self.jobs.min(MAX_JOBS) }
    }
}

/// Maximum pictures read at a time: more do not help on any machine.
const MAX_JOBS: usize = 256;

/// A progress bar, or a counter if the number of files is unknown; hidden for a single file.
fn progress(files: Option<usize>) -> ProgressBar {
    let (bar, template) = match files {
        Some(files) if files < 2 => return ProgressBar::hidden(),
        Some(files) => (ProgressBar::new(files as u64), "reading {wide_bar} {pos}/{len} {eta}"),
        None => (ProgressBar::new_spinner(), "reading {pos} {elapsed}"),
    };
    // indicatif draws only if standard error is a terminal.
    let style = ProgressStyle::with_template(template);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Reads the files and prints the results.
pub(crate) fn run(options: &Options, kernels: &Kernels) -> ExitCode {
    let Some(precision) = Precision::from_name(&options.precision) else {
        return ExitCode::FAILURE;
    };
    let nothing = match Files::new(*kernels, precision).nothing() {
        Ok(nothing) => nothing,
        Err(error) => {
            eprintln!("error: the bundled model cannot be used: {error}");
            return ExitCode::FAILURE;
        }
    };
    let sources = match Sources::new(&options.files, options.files_from.as_deref()) {
        Ok(sources) => sources,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(SOME_UNREADABLE);
        }
    };
    let bar = progress(sources.known_count());
    let mut printer = output::Printer::new(options.format(), nothing, std::io::stdout().lock());
    let (mut unreadable, mut left_out) = (false, 0usize);
    let printed = printer.begin().and_then(|()| {
        let how = How { precision, kernels, workers: options.workers(), film: options.film };
        work::read_all(sources, how, &mut |outcome: Outcome| {
            bar.inc(1);
            if outcome.is_left_out() {
                left_out += 1;
                return Ok(());
            }
            unreadable |= outcome.result.is_err();
            // Standard output and the bar on standard error may share a terminal.
            bar.suspend(|| printer.print(&outcome))
        })?;
        printer.end()
    });
    bar.finish_and_clear();
    if left_out > 0 {
        // If this message cannot be written, nothing important is lost.
        let _ = writeln!(
            std::io::stderr(),
            "left out of the folders: {left_out} {}",
            if left_out == 1 {
                "file that is not a picture"
            } else {
                "files that are not pictures"
            },
        );
    }
    let code = if unreadable { ExitCode::from(SOME_UNREADABLE) } else { ExitCode::SUCCESS };
    print::finished(printed, code)
}
