//! FNV-1a with 64 bits (Fowler, Noll, Vo): the digest by which results of different machines are
//! compared.

/// The digest of the bytes taken in so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fnv1a64(u64);

/// The prime of FNV with 64 bits.
const PRIME: u64 = 0x0100_0000_01b3;

/// Digests of [`Fnv1a64::of_words`] that are computed at a time.
const LANES: usize = 4;

impl Default for Fnv1a64 {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv1a64 {
    /// Takes in `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(PRIME);
        }
    }

    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut digest = Self::default();
        digest.update(bytes);
        digest
    }

    /// The digest of `bytes` as little-endian words of eight bytes, the last one filled with zeros.
    /// Word `i` is taken in, as the published digest takes in a byte, by digest `i % 4` of four, and
    /// those are taken in one after the other at the end: a processor computes them at a time. The
    /// digests of two sequences that differ in a single word differ: each step is invertible.
    #[must_use]
    pub fn of_words(bytes: &[u8]) -> Self {
        let mut lanes = [Self::default(); LANES];
        let (rounds, rest) = bytes.as_chunks::<{ 8 * LANES }>();
        for round in rounds {
            let words = round.as_chunks::<8>().0;
            lanes.iter_mut().zip(words).for_each(|(lane, word)| lane.update_word(*word));
        }
        for (lane, word) in lanes.iter_mut().zip(rest.chunks(8)) {
            let mut filled = [0; 8];
            filled[..word.len()].copy_from_slice(word);
            lane.update_word(filled);
        }
        let mut digest = Self::default();
        lanes.iter().for_each(|lane| digest.update_word(lane.0.to_le_bytes()));
        digest
    }

    /// Takes in a word at once.
    #[inline]
    fn update_word(&mut self, word: [u8; 8]) {
        self.0 = (self.0 ^ u64::from_le_bytes(word)).wrapping_mul(PRIME);
    }

    /// As 16 hexadecimal digits.
    #[must_use]
    pub fn hex(self) -> String {
        format!("{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_vectors() {
        assert_eq!(Fnv1a64::of(b"").hex(), "cbf29ce484222325");
        assert_eq!(Fnv1a64::of(b"a").hex(), "af63dc4c8601ec8c");
        assert_eq!(Fnv1a64::of(b"foobar").hex(), "85944171f73967e8");
    }

    /// The definition, word by word.
    #[test]
    fn words_are_taken_in_by_four_digests_in_turn() {
        let bytes: Vec<u8> = (0..203u8).map(|i| i.wrapping_mul(91)).collect();
        let step = |digest: u64, word: u64| (digest ^ word).wrapping_mul(PRIME);
        let Fnv1a64(start) = Fnv1a64::default();
        for len in 0..bytes.len() {
            let mut lanes = [start; 4];
            for (index, byte) in bytes[..len].iter().enumerate().step_by(8) {
                let word = bytes[index..len.min(index + 8)].iter().rev();
                let word = word.fold(0, |word, &byte| word << 8 | u64::from(byte));
                assert_eq!(word & 0xff, u64::from(*byte));
                lanes[index / 8 % 4] = step(lanes[index / 8 % 4], word);
            }
            let expected = lanes.into_iter().fold(start, step);
            assert_eq!(Fnv1a64::of_words(&bytes[..len]), Fnv1a64(expected), "{len} bytes");
        }
    }
}
