//! Reads the zone of a gray picture in the PGM format (binary, P5), which any converter writes.
//!
//! `cargo run --release -p nibble-reader --example read -- picture.pgm`

use nibble_core::Precision;
use nibble_gray::Gray;
use nibble_reader::Reader;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: read PICTURE.pgm")?;
    let picture = pgm(&std::fs::read(path)?).ok_or("this is no binary PGM file of 8 bits")?;
    let reading = Reader::with_bundled_model(Precision::U4)?.read(&picture);
    for line in &reading.lines {
        println!("{line}");
    }
    match &reading.document {
        None => println!("no machine-readable zone"),
        Some(document) => println!("{document:#?}\nvalid: {}", reading.valid),
    }
    Ok(())
}

/// The picture of a binary PGM file without comments: `P5 width height 255`, one white space, pixels.
fn pgm(bytes: &[u8]) -> Option<Gray> {
    let mut rest = bytes.strip_prefix(b"P5")?;
    let mut number = || -> Option<usize> {
        rest = rest.trim_ascii_start();
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, after) = rest.split_at(digits);
        rest = after;
        std::str::from_utf8(digits).ok()?.parse().ok()
    };
    let (width, height, largest) = (number()?, number()?, number()?);
    (largest == 255).then(|| Gray::new(width, height, rest.get(1..)?.to_vec()))?
}
