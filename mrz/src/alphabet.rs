//! The characters of a zone (Doc 9303-3, section 4.3) and sets of them.

/// The filler, `<`: it pads a field and stands for a space.
pub const FILLER: u8 = b'<';

/// The 37 characters of a zone, in ASCII.
///
/// The index of a character is its value in a check digit, except that the filler counts 0.
pub const ALPHABET: &[u8; 37] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<";

/// The index of `character` in [`ALPHABET`]; `None` for any other byte.
///
/// ```
/// assert_eq!(nibble_mrz::symbol(b'7'), Some(7));
/// assert_eq!(nibble_mrz::symbol(b'Z'), Some(35));
/// assert_eq!(nibble_mrz::symbol(b'z'), None);
/// ```
#[must_use]
pub const fn symbol(character: u8) -> Option<usize> {
    match character {
        b'0'..=b'9' => Some((character - b'0') as usize),
        b'A'..=b'Z' => Some((character - b'A') as usize + 10),
        FILLER => Some(36),
        _ => None,
    }
}

/// A set of characters: bit `i` stands for `ALPHABET[i]`.
pub type CharacterSet = u64;

/// The ten digits.
pub(crate) const DIGITS: CharacterSet = 0x3ff;
/// The 26 letters.
pub(crate) const LETTERS: CharacterSet = 0x3ff_ffff << 10;
/// The filler alone.
pub(crate) const FILLERS: CharacterSet = 1 << 36;

/// The set of the characters in `text`; bytes outside the alphabet add nothing.
pub(crate) const fn set_of(text: &[u8]) -> CharacterSet {
    let mut set = 0;
    let mut index = 0;
    while index < text.len() {
        if let Some(symbol) = symbol(text[index]) {
            set |= 1 << symbol;
        }
        index += 1;
    }
    set
}

/// Whether `character` is in `set`.
pub(crate) fn contains(set: CharacterSet, character: u8) -> bool {
    symbol(character).is_some_and(|symbol| set & (1 << symbol) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_has_its_index() {
        for (index, &character) in ALPHABET.iter().enumerate() {
            assert_eq!(symbol(character), Some(index));
        }
        let others = (0..=u8::MAX).filter(|byte| !ALPHABET.contains(byte));
        assert_eq!(others.filter_map(symbol).count(), 0);
    }

    #[test]
    fn sets_hold_what_their_names_say() {
        let chosen = |set| -> Vec<u8> {
            ALPHABET.iter().copied().filter(|&character| contains(set, character)).collect()
        };
        assert_eq!(chosen(DIGITS), b"0123456789");
        assert_eq!(chosen(LETTERS), b"ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        assert_eq!(chosen(FILLERS), b"<");
        assert_eq!(chosen(set_of(b"XM-F")), b"FMX");
    }
}
