//! Reads the pictures of `renders.py`.

use nibble_gray::Gray;

/// A binary portable graymap as `renders.py` writes it: `P5`, width, height and 255, each before one
/// space or line end.
pub(crate) fn graymap(bytes: &[u8]) -> Option<Gray> {
    let mut parts = bytes.splitn(4, |byte| byte.is_ascii_whitespace());
    let magic = parts.next()?;
    let mut number = || std::str::from_utf8(parts.next()?).ok()?.parse::<usize>().ok();
    let (width, height) = (number()?, number()?);
    let pixels = parts.next()?.strip_prefix(b"255\n")?;
    (magic == b"P5").then(|| Gray::new(width, height, pixels.to_vec()))?
}
