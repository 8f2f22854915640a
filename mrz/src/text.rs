//! Texts of fields.

use crate::alphabet::FILLER;
use crate::kinds::Format;
use crate::layout::FieldKind;

/// Text with a single space for each run of fillers and none at the ends.
pub(crate) fn plain(characters: &[u8]) -> String {
    characters
        .split(|&character| character == FILLER)
        .filter(|part| !part.is_empty())
        .map(String::from_utf8_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The characters of the first field of `kind`; empty where the format or the lines lack it.
pub(crate) fn field<L: AsRef<[u8]>>(format: Format, lines: &[L], kind: FieldKind) -> &[u8] {
    format.layout().span(kind).map_or(&[], |span| span.of(lines))
}
