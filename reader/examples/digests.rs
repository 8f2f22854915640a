//! Prints digests of pictures as this machine reads them, for comparison with other machines.
//!
//! `cargo run --release -p nibble-reader --example digests -- testdata/specimens/*.jpg`
//!
//! A line for each file and precision: the file's name, the precision, the digest of the gray picture,
//! the digest of the network's output (`-` where no line was found), and the digest of everything else
//! that is reported: lines, confidences, corners, fields, check digits and reasons.

use nibble_core::{Fnv1a64, Precision};
use nibble_picture::{Limits, decode};
use nibble_reader::Reader;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for precision in [Precision::U8, Precision::U4] {
        let mut reader = Reader::with_bundled_model(precision)?;
        for path in std::env::args().skip(1) {
            let picture = decode(&std::fs::read(&path)?, &Limits::BROWSER)?;
            let reading = reader.read(&picture);
            let mut rest = Fnv1a64::default();
            for part in [
                format!("{:?} {:?} {:?}", reading.lines, reading.raw_lines, reading.valid),
                format!("{:?} {:?}", reading.document, reading.checks),
                format!("{:?} {:?}", reading.not_valid_because, reading.review),
            ] {
                rest.update(part.as_bytes());
            }
            // The bits of floats, not their decimals.
            let confidences = reading.confidences.iter().flatten();
            confidences.for_each(|value| rest.update(&value.to_bits().to_le_bytes()));
            for corner in reading.quads.iter().flatten() {
                rest.update(&corner.x.to_bits().to_le_bytes());
                rest.update(&corner.y.to_bits().to_le_bytes());
            }
            let file = path.rsplit('/').next().unwrap_or(&path);
            let digest = reading.digest.as_deref().unwrap_or("-");
            println!("{file} {} {} {digest} {}", precision.name(), reading.gray_digest, rest.hex());
        }
    }
    Ok(())
}
