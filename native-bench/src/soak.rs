//! `native-bench soak`: reads films made of pictures for minutes. Memory must stay flat, and every
//! round must give the readings of the first one.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use nibble_core::{Fnv1a64, Kernels, Precision};
use nibble_gray::Gray;
use nibble_picture::{Limits, decode};
use nibble_reader::{Fusion, Reader, Reading};

use crate::print;
use nibble_files::reader_on;

/// Frames of a film: a picture seen from slightly different places, with noise.
const FRAMES: usize = 24;
/// Maximum width of a frame in pixels, near that of a camera's preview.
const MAX_WIDTH: usize = 640;
/// How far the view moves, in pixels.
const MAX_MOVE: usize = 16;
/// Rounds before memory is measured for the first time: buffers have their final size then.
const WARM_UP: usize = 2;
/// Maximum growth of memory over the whole run, in KB. Allocators keep some pages for themselves.
const MAX_GROWTH_KB: u64 = 8 << 10;

/// Reads films of pictures for minutes and checks that nothing changes.
#[derive(Debug, Args)]
pub(crate) struct Soak {
    /// Pictures of which films are made
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// How long to read
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// Read at least so many frames instead, however long that takes
    #[arg(long, conflicts_with = "minutes")]
    frames: Option<u64>,
    /// Arithmetic of the network
    #[arg(long, default_value = "u4", value_parser = ["f32", "u8", "u4"])]
    precision: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What a run found.
#[derive(Debug, serde::Serialize)]
struct Report {
    frames: u64,
    rounds: usize,
    seconds: f64,
    frames_per_second: f64,
    /// Of all readings of a round.
    digest: String,
    /// Whether every round had this digest.
    unchanged: bool,
    /// Memory in use after the first rounds and at the end, where the system tells it.
    first_kb: Option<u64>,
    last_kb: Option<u64>,
    /// Whether it grew by at most 8 MB.
    flat: bool,
}

impl Soak {
    /// Reads, and prints a report. Fails if readings changed or memory grew.
    pub(crate) fn run(&self, kernels: &Kernels) -> ExitCode {
        let report = match self.report(kernels) {
            Ok(report) => report,
            Err(message) => {
                eprintln!("error: {message}");
                return ExitCode::from(2);
            }
        };
        let mut out = std::io::stdout().lock();
        let printed = if self.json {
            let text = serde_json::to_string_pretty(&report).map_err(std::io::Error::from);
            text.and_then(|text| writeln!(out, "{text}"))
        } else {
            report.print(&mut out)
        };
        let good = report.unchanged && report.flat;
        print::finished(printed, if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn report(&self, kernels: &Kernels) -> Result<Report, String> {
        let precision = Precision::from_name(&self.precision).ok_or("no such precision")?;
        let mut reader = reader_on(kernels, precision).map_err(|error| error.to_string())?;
        let length = Duration::try_from_secs_f64(self.minutes * 60.0);
        let length = length.map_err(|error| format!("--minutes: {error}"))?;
        let begin = Instant::now();
        let (mut rounds, mut frames, mut unchanged) = (0, 0, true);
        let (mut digest, mut first_kb) = (None, None);
        // One round more than the warm-up, however short the time.
        let goes_on = |frames| match self.frames {
            Some(wanted) => frames < wanted,
            None => begin.elapsed() < length,
        };
        while rounds <= WARM_UP || goes_on(frames) {
            let found = self.round(&mut reader, &mut frames)?;
            unchanged &= *digest.get_or_insert_with(|| found.clone()) == found;
            rounds += 1;
            if rounds == WARM_UP {
                first_kb = memory_kb();
            }
        }
        let last_kb = memory_kb();
        let seconds = begin.elapsed().as_secs_f64();
        let flat = last_kb.zip(first_kb).is_none_or(|(last, first)| last <= first + MAX_GROWTH_KB);
        #[allow(clippy::cast_precision_loss, reason = "a count of frames")]
        let frames_per_second = frames as f64 / seconds;
        let digest = digest.unwrap_or_default();
        Ok(Report {
            frames,
            rounds,
            seconds,
            frames_per_second,
            digest,
            unchanged,
            first_kb,
            last_kb,
            flat,
        })
    }

    /// Reads the film of each picture, and returns the digest of all readings.
    fn round(&self, reader: &mut Reader, frames: &mut u64) -> Result<String, String> {
        let mut digest = Fnv1a64::default();
        for path in &self.files {
            let named = |error: String| format!("{}: {error}", path.display());
            let file = std::fs::read(path).map_err(|error| named(error.to_string()))?;
            let picture =
                decode(&file, &Limits::NATIVE).map_err(|error| named(error.to_string()))?;
            let width = picture.width().min(MAX_WIDTH);
            let height = (picture.height() * width / picture.width()).max(1);
            let scene = picture.scaled_down(width, height).unwrap_or(picture);
            let mut fusion = Fusion::default();
            for index in 0..FRAMES {
                let frame = frame(&scene, index);
                update(&mut digest, &reader.fuse(&frame, &mut fusion));
                if index == 0 {
                    update(&mut digest, &reader.read(&frame));
                }
                *frames += 1;
            }
        }
        Ok(digest.hex())
    }
}

/// Adds a reading, without its times, to a digest.
fn update(digest: &mut Fnv1a64, reading: &Reading) {
    // The times are 0: nobody passed a clock.
    digest.update(serde_json::to_string(reading).unwrap_or_default().as_bytes());
}

/// The frame of a film: part of a scene, and noise that its number determines.
fn frame(scene: &Gray, index: usize) -> Gray {
    let shift = |times: usize, side: usize| (index * times % MAX_MOVE).min(side.saturating_sub(1));
    let (left, top) = (shift(7, scene.width()), shift(5, scene.height()));
    let mut state = index as u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        u8::try_from(state >> 61).unwrap_or(0)
    };
    let pixels = (top..scene.height()).flat_map(|y| &scene.row(y)[left..]);
    let pixels: Vec<u8> = pixels.map(|&pixel| pixel.saturating_sub(noise())).collect();
    let (width, height) = (scene.width() - left, scene.height() - top);
    Gray::new(width, height, pixels).unwrap_or_else(|| scene.clone())
}

/// Memory of this process in KB; `None` where the system does not tell it.
fn memory_kb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

impl Report {
    fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        let Self { frames, rounds, seconds, frames_per_second, digest, .. } = self;
        writeln!(
            out,
            "{frames} frames in {rounds} rounds, {seconds:.0} s, {frames_per_second:.1} a second"
        )?;
        let verdict = if self.unchanged { "the same in every round" } else { "CHANGED" };
        writeln!(out, "readings: digest {digest}, {verdict}")?;
        match self.first_kb.zip(self.last_kb) {
            Some((first, last)) => {
                let verdict = if self.flat { "flat" } else { "GREW" };
                writeln!(out, "memory: {first} KB at first, {last} KB at the end: {verdict}")
            }
            None => writeln!(out, "memory: this system does not tell"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_differ_and_can_be_repeated() {
        let scene = Gray::new(40, 30, (0..=199).cycle().take(1200).collect());
        let scene = scene.expect("sizes agree");
        assert_ne!(frame(&scene, 1), frame(&scene, 2));
        assert_eq!(frame(&scene, 3), frame(&scene, 3));
        let tiny = Gray::new(1, 1, vec![9]).expect("one pixel");
        assert_eq!(frame(&tiny, 5).pixels().len(), 1);
    }
}
