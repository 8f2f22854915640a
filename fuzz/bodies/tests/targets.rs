//! The fuzz targets on stable Rust: seeds, regression files, and a bounded number of changed seeds.

use std::fs;
use std::path::Path;

use nibble_fuzz::{TARGETS, seeds};

/// Changed seeds of each target. Readings take longest.
const ROUNDS: [(&str, usize); 8] = [
    ("fusion", 12),
    ("graph", 1_500),
    ("model", 1_500),
    ("picture", 4_000),
    ("products", 1_500),
    ("reading", 24),
    ("windows", 3_000),
    ("zone", 3_000),
];

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        usize::try_from((mixed ^ (mixed >> 27)) >> 16).unwrap_or(0) % end.max(1)
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap_or(0)
    }

    /// A seed with a few bytes replaced, removed, or repeated.
    fn changed(&mut self, seed: &[u8]) -> Vec<u8> {
        let mut input = seed.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(input.len());
            match self.below(5) {
                0 | 1 if !input.is_empty() => input[at] = self.byte(),
                2 if !input.is_empty() => input[at] ^= 1 << self.below(8),
                3 => input.truncate(at),
                _ => {
                    let end = at + self.below(40).min(input.len() - at);
                    let piece = input[at..end].to_vec();
                    input.splice(at..at, piece);
                }
            }
        }
        input
    }
}

#[test]
fn every_target_has_seeds_and_passes_on_them() {
    for (name, target) in TARGETS {
        let seeds = seeds::of(name);
        assert!(seeds.len() >= 6, "{name}");
        target(&[]);
        for (_, seed) in seeds {
            target(&seed);
        }
    }
    assert!(seeds::of("none").is_empty());
}

/// Each file under `testdata/fuzz/TARGET` made its target panic once.
#[test]
fn what_was_found_once_stays_mended() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/fuzz");
    let mut count = 0;
    for (name, target) in TARGETS {
        let Ok(files) = fs::read_dir(folder.join(name)) else { continue };
        for file in files {
            let path = file.expect("a file").path();
            println!("{}", path.display());
            target(&fs::read(&path).expect("it can be read"));
            count += 1;
        }
    }
    println!("{count} regression files");
}

#[test]
fn changed_seeds_break_nothing() {
    for (name, target) in TARGETS {
        let rounds = ROUNDS.iter().find(|(known, _)| *known == name).expect("a number").1;
        let seeds = seeds::of(name);
        let mut random = Random(7);
        for round in 0..rounds {
            let input = random.changed(&seeds[round % seeds.len()].1);
            let outcome = std::panic::catch_unwind(|| target(&input));
            assert!(outcome.is_ok(), "{name}, round {round}: {input:02x?}");
        }
    }
}

/// Fuzzing would otherwise exercise errors alone.
#[test]
fn scenes_are_read() {
    for specimen in nibble_fuzz::specimens() {
        let mut reader =
            nibble_reader::Reader::with_bundled_model(nibble_core::Precision::U4).expect("bundled");
        let reading = reader.read(specimen);
        assert!(reading.valid, "{:?}", reading.lines);
    }
}

#[test]
fn seeds_of_pictures_are_pictures() {
    use nibble_picture::{Limits, decode};
    for (name, file) in seeds::pictures() {
        let gray = decode(&file, &Limits::BROWSER);
        assert!(gray.is_ok(), "{name}: {gray:?}");
    }
}
