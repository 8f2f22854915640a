//! Reads the pictures of `renders.py`.

use std::path::PathBuf;

use nibble_gray::Gray;

/// A binary portable graymap as `renders.py` writes it: `P5`, width, height and 255, each before one
/// space or line end.
fn graymap(bytes: &[u8]) -> Option<Gray> {
    let mut parts = bytes.splitn(4, |byte| byte.is_ascii_whitespace());
    let magic = parts.next()?;
    let mut number = || std::str::from_utf8(parts.next()?).ok()?.parse::<usize>().ok();
    let (width, height) = (number()?, number()?);
    let pixels = parts.next()?.strip_prefix(b"255\n")?;
    (magic == b"P5").then(|| Gray::new(width, height, pixels.to_vec()))?
}

/// The pictures of the folders that `NIBBLE_RENDERS` names, `DIR:DIR`: file, picture, and the lines of its
/// zone.
pub(crate) fn renders() -> impl Iterator<Item = (String, Gray, Vec<String>)> {
    let folders = std::env::var("NIBBLE_RENDERS").expect("NIBBLE_RENDERS names folders");
    let folders: Vec<PathBuf> = folders.split(':').map(PathBuf::from).collect();
    folders.into_iter().flat_map(|folder| {
        let index = std::fs::read_to_string(folder.join("index.tsv")).expect("the folder's index");
        let rows: Vec<String> = index.lines().map(str::to_owned).collect();
        rows.into_iter().map(move |row| {
            let (file, zone) = row.split_once('\t').expect("a file and its lines");
            let bytes = std::fs::read(folder.join(file)).expect("a picture of the index");
            let gray = graymap(&bytes).expect("a graymap");
            (file.to_owned(), gray, zone.split('|').map(str::to_owned).collect())
        })
    })
}
