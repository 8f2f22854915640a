//! Every prefix of small valid files, and every byte of them changed: an error or a result, within
//! the limits of memory, which the targets check with a counting allocator.

use std::collections::BTreeMap;

use nibble_core::Model;
use nibble_fuzz::{model, picture, seeds};
use nibble_picture::{Limits, decode};

/// Files up to this many bytes have each bit of each byte flipped; of larger ones each byte is changed
/// in [`FEW`] ways.
const MAX_WHOLE: usize = 700;
const FEW: [u8; 3] = [0x01, 0x80, 0xFF];

/// `file` with each byte changed in turn.
fn changes(file: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let whole = file.len() <= MAX_WHOLE;
    let flips: Vec<u8> =
        if whole { (0..8).map(|bit| 1 << bit).chain([0xFF]).collect() } else { FEW.to_vec() };
    (0..file.len()).flat_map(move |at| flips.clone().into_iter().map(move |flip| (at, flip))).map(
        |(at, flip)| {
            let mut changed = file.to_vec();
            changed[at] ^= flip;
            changed
        },
    )
}

/// What is tried of one file: prefixes and changes, and how many of them are pictures or models.
fn try_all(
    file: &[u8],
    target: impl Fn(&[u8]),
    is_valid: impl Fn(&[u8]) -> bool,
) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::from([("prefixes", 0), ("changes", 0), ("valid", 0)]);
    let mut count = |what, input: &[u8]| {
        target(input);
        *counts.entry(what).or_default() += 1;
        *counts.entry("valid").or_default() += usize::from(is_valid(input));
    };
    (0..file.len()).for_each(|end| count("prefixes", &file[..end]));
    changes(file).for_each(|changed| count("changes", &changed));
    counts
}

#[test]
fn pictures() {
    for (name, file) in seeds::pictures() {
        let counts = try_all(&file, picture, |file| decode(file, &Limits::BROWSER).is_ok());
        println!("{name}, {} bytes: {counts:?}", file.len());
        // Some bytes are pixels, so some changes give pictures; with checksums none do.
        let tried = counts["prefixes"] + counts["changes"];
        assert!(counts["valid"] < tried, "{name}: {counts:?}");
        assert_eq!(counts["prefixes"], file.len());
    }
}

#[test]
fn models() {
    for (name, file) in seeds::model_files() {
        assert_eq!(Model::parse(&file).map(|_| ()), Ok(()), "{name}");
        let whole = |file: &[u8]| model(&[&[0], file].concat());
        let counts = try_all(&file, whole, |file| Model::parse(file).is_ok());
        println!("{name}, {} bytes: {counts:?}", file.len());
        assert!(counts["valid"] > 0, "{name}: weights may have any value, {counts:?}");
        let whole = (0..file.len()).filter(|&end| Model::parse(&file[..end]).is_ok());
        assert_eq!(whole.count(), 0, "{name}: a prefix lacks weights");
    }
}
