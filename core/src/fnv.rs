//! FNV-1a with 64 bits (Fowler, Noll, Vo): the digest by which results of different machines are
//! compared.

/// The digest of the bytes taken in so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fnv1a64(u64);

/// The prime of FNV with 64 bits.
const PRIME: u64 = 0x0100_0000_01b3;

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

    /// The digest of `bytes` as little-endian words of eight bytes, the last one filled with zeros: a
    /// word is taken in where the published digest takes in a byte, so this is eight times as quick.
    /// The digests of two sequences that differ in a single word differ: each step is invertible.
    #[must_use]
    pub fn of_words(bytes: &[u8]) -> Self {
        let (words, rest) = bytes.as_chunks::<8>();
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        let last = (!rest.is_empty()).then_some(&last);
        let step = |Self(digest), word: &[u8; 8]| {
            Self((digest ^ u64::from_le_bytes(*word)).wrapping_mul(PRIME))
        };
        words.iter().chain(last).fold(Self::default(), step)
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

    #[test]
    fn words_are_taken_in_as_bytes_are() {
        let step = |digest: u64, word: u64| (digest ^ word).wrapping_mul(PRIME);
        let Fnv1a64(start) = Fnv1a64::default();
        assert_eq!(Fnv1a64::of_words(b""), Fnv1a64(start));
        assert_eq!(Fnv1a64::of_words(&[7]), Fnv1a64::of(&[7]));
        let nine = [1, 0, 0, 0, 0, 0, 0, 2, 3];
        assert_eq!(Fnv1a64::of_words(&nine), Fnv1a64(step(step(start, 2 << 56 | 1), 3)));
    }
}
