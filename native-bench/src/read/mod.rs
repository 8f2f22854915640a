//! `native-bench read`: pictures in; fields for people, JSON or a table out.

mod output;
mod sources;
mod work;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use nibble_core::{Kernels, Precision};

use crate::print;
use output::Format;
use sources::Sources;
use work::{Outcome, reader_on};

/// Exit code where a file is unreadable or no picture.
const SOME_UNREADABLE: u8 = 2;

/// Reads the machine-readable zones of pictures.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  native-bench read passport.jpg                 fields and verdict, for people
  native-bench read --csv scans/ > table.csv     every picture of a folder, for a spreadsheet
  find . -name '*.jpg' | native-bench read --ndjson --files-from -
                                                 one line of JSON a picture, as it is read
Ends with 0 if every file could be decoded, with 2 if a file is unreadable or not a picture.")]
pub(crate) struct Options {
    /// Pictures (JPEG, PNG, WebP, BMP, TIFF, told by their content), folders, or - for a picture on
    /// standard input. Of folders, hidden files and files that are no pictures are left out
    #[arg(required_unless_present = "files_from")]
    files: Vec<PathBuf>,
    /// Read the names of further pictures and folders from a file, one a line; - is standard input
    #[arg(long, value_name = "FILE")]
    files_from: Option<PathBuf>,
    /// Arithmetic of the network
    #[arg(long, default_value = "u4", value_parser = ["f32", "u8", "u4"])]
    precision: String,
    /// Print one JSON array, an element a picture
    #[arg(long, group = "format")]
    json: bool,
    /// Print one JSON object a line, each as soon as its picture and those before it are read
    #[arg(long, group = "format")]
    ndjson: bool,
    /// Print a table of comma-separated values
    #[arg(long, group = "format")]
    csv: bool,
    /// Pictures read at a time; 0 uses every core
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
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        if self.jobs == 0 { cores } else { self.jobs.min(MAX_JOBS) }
    }
}

/// More readers than this do not help any machine.
const MAX_JOBS: usize = 256;

/// A bar, or a count where the number of files is not known; nothing where nobody watches.
fn progress(files: Option<usize>) -> ProgressBar {
    let (bar, template) = match files {
        Some(files) if files < 2 => return ProgressBar::hidden(),
        Some(files) => (ProgressBar::new(files as u64), "reading {wide_bar} {pos}/{len} {eta}"),
        None => (ProgressBar::new_spinner(), "reading {pos} {elapsed}"),
    };
    // Hidden where standard error is no terminal: indicatif draws on terminals only.
    let style = ProgressStyle::with_template(template);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Reads the files and prints what was found.
pub(crate) fn run(options: &Options, kernels: &Kernels) -> ExitCode {
    let Some(precision) = Precision::from_name(&options.precision) else {
        return ExitCode::FAILURE;
    };
    let nothing = match reader_on(kernels, precision) {
        Ok(reader) => reader.nothing(),
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
        work::read_all(sources, precision, kernels, options.workers(), &mut |outcome: Outcome| {
            bar.inc(1);
            if outcome.is_left_out() {
                left_out += 1;
                return Ok(());
            }
            unreadable |= outcome.result.is_err();
            // Lines on standard output and a bar on standard error may share a terminal.
            bar.suspend(|| printer.print(&outcome))
        })?;
        printer.end()
    });
    bar.finish_and_clear();
    if left_out > 0 {
        // A count on standard error can be lost without harm.
        let _ = writeln!(
            std::io::stderr(),
            "left out of the folders: {left_out} file{} that {} no picture",
            if left_out == 1 { "" } else { "s" },
            if left_out == 1 { "is" } else { "are" },
        );
    }
    let code = if unreadable { ExitCode::from(SOME_UNREADABLE) } else { ExitCode::SUCCESS };
    print::finished(printed, code)
}
