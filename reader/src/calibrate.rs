//! Derives the corrections of `decode::odds` from renders whose text is known.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of slots"
)]

#[path = "../tests/support/graymap.rs"]
mod graymap;

use std::collections::BTreeMap;
use std::path::Path;

use nibble_core::Precision;
use nibble_mrz::{ALPHABET, FILLER, symbol};

use super::{Reader, Wanted};
use crate::decode::odds::network_odds;
use crate::decode::slots::most_likely;
use crate::glyphs::Means;
use crate::pyramid::Pyramid;
use graymap::renders;

/// Maximum log odds of a slot that counts: beyond them, a slot says nothing about an offset.
const MAX_ODDS: f32 = 12.0;
/// Minimum number of slots misread in this way, or expected to be, for an entry of the table.
const MIN_MISREAD: usize = 12;
/// Minimum correction worth an entry.
const MIN_CORRECTION: f32 = 1.0;
/// Misread slots added where fewer were misread than expected: a few may be missing by chance.
const SPARE: usize = 2;

/// The constant that must be added to the log odds of the character read, so that as many slots are
/// misread as the odds say; found by bisection. `odds` of slots that hold either character.
fn correction(odds: &[f32], misread: usize) -> f32 {
    let expected =
        |added: f32| odds.iter().map(|odds| 1.0 / (1.0 + libm::expf(odds + added))).sum::<f32>();
    let (mut low, mut high) = (-MAX_ODDS, MAX_ODDS);
    for _ in 0..40 {
        let middle = f32::midpoint(low, high);
        if expected(middle) > misread as f32 { low = middle } else { high = middle }
    }
    low
}

#[test]
fn as_many_are_misread_as_the_corrected_odds_say() {
    // Of a hundred slots at 3 to 1, 50 are misread: the odds should have been 1 to 1.
    assert!((correction(&[libm::logf(3.0); 100], 50) + libm::logf(3.0)).abs() < 1e-3);
    assert!(correction(&[0.0; 100], 50).abs() < 1e-3);
}

/// Writes `glyphs.bin`: `NIBBLE_RENDERS=DIR:DIR cargo test --release -p nibble-reader --lib mean_glyphs --
/// --ignored`, with renders of `tests/renders.py` (clean 500 201, zeros 1000 202).
#[test]
#[ignore = "needs renders of tests/renders.py in NIBBLE_RENDERS"]
fn mean_glyphs() {
    let mut reader = Reader::with_bundled_model(Precision::F32).expect("the bundled network");
    let mut means = Means::new();
    for (_, gray, wanted) in renders() {
        let (_, found) = reader.find(&gray, Wanted::Best, false, &mut || 0.0);
        let Some(best) = found
            .first()
            .filter(|best| best.lines().iter().eq(wanted.iter().map(String::as_bytes)))
        else {
            continue;
        };
        for ((strip, left), line) in best.strips(&Pyramid::of(&gray)).iter().zip(&wanted) {
            let known: Vec<Option<usize>> = line.bytes().map(symbol).collect();
            means.add(strip, *left, &known);
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/glyphs.bin");
    std::fs::write(path, means.bytes()).expect("a file of the source");
}

/// Prints the table. `NIBBLE_RENDERS=DIR:DIR cargo test --release -p nibble-reader --lib corrections --
/// --ignored --nocapture`, with renders of `tests/renders.py` that are not judged by.
#[test]
#[ignore = "needs renders of tests/renders.py in NIBBLE_RENDERS"]
fn corrections_of_odds() {
    let mut readers = [Precision::U4, Precision::U8, Precision::F32]
        .map(|precision| Reader::with_bundled_model(precision).expect("the bundled network"));
    // By the character read and another: odds of the slots that hold either, and how many hold the
    // other.
    let mut slots_of: BTreeMap<(u8, u8), (Vec<f32>, usize)> = BTreeMap::new();
    for (_, gray, wanted) in renders() {
        for reader in &mut readers {
            let (_, found) = reader.find(&gray, Wanted::Best, false, &mut || 0.0);
            let Some(best) = found.first() else { continue };
            if !best.lines().iter().map(Vec::len).eq(wanted.iter().map(String::len)) {
                continue;
            }
            let ink: Vec<&[f32]> = best.ink().collect();
            for (line, slots) in best.slots().into_iter().enumerate() {
                for (position, slot) in slots.iter().enumerate() {
                    let read = most_likely(slot);
                    let truth = symbol(wanted[line].as_bytes()[position]).expect("in the alphabet");
                    for (other, odds) in network_odds(slot, ink[line][position], read) {
                        if truth != read && truth != other || odds > MAX_ODDS {
                            continue;
                        }
                        let entry = slots_of.entry((ALPHABET[read], ALPHABET[other])).or_default();
                        entry.0.push(odds);
                        entry.1 += usize::from(truth == other);
                    }
                }
            }
        }
    }
    for ((read, other), (odds, misread)) in slots_of {
        let expected: f32 = odds.iter().map(|odds| 1.0 / (1.0 + libm::expf(*odds))).sum();
        let spare = if expected > misread as f32 { SPARE } else { 0 };
        let more = correction(&odds, misread + spare);
        if read != FILLER
            && misread.max(expected as usize) >= MIN_MISREAD
            && more.abs() >= MIN_CORRECTION
        {
            let rounded = (2.0 * more).round() / 2.0;
            println!(
                "    (b'{}', b'{}', {rounded:.1}), // {misread} misread, {expected:.1} expected",
                char::from(read),
                char::from(other)
            );
        }
    }
}
