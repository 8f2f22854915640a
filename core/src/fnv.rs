//! FNV-1a with 64 bits (Fowler, Noll, Vo): the digest by which results of different machines are
//! compared.

/// The digest of the bytes taken in so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fnv1a64(u64);

impl Default for Fnv1a64 {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv1a64 {
    /// Takes in `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut digest = Self::default();
        digest.update(bytes);
        digest
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
}
