//! The network that reads strips, with a limit on how many it reads in one picture.
//!
//! The limit is a number of strips, not a time, so every machine gives up at the same strip and
//! results stay the same bits.

use nibble_core::{Logits, Model, Network};

/// A network and the strips that it may still read in this picture.
#[derive(Debug)]
pub(crate) struct Strips {
    network: Network,
    max: usize,
    left: usize,
    /// Whether a strip was asked for when none was left.
    refused: bool,
    /// Whether other pictures of the document follow.
    in_film: bool,
}

impl Strips {
    /// At most `max` strips a picture.
    pub(crate) fn new(network: Network, max: usize) -> Self {
        Self { network, max, left: max, refused: false, in_film: false }
    }

    /// The same network with another limit.
    pub(crate) fn with_max(self, max: usize) -> Self {
        Self::new(self.network, max)
    }

    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    pub(crate) fn model(&self) -> &Model {
        self.network.model()
    }

    /// Begins another picture. If it is `in_film`, other pictures of the document follow.
    pub(crate) fn begin(&mut self, in_film: bool) {
        (self.left, self.refused, self.in_film) = (self.max, false, in_film);
    }

    /// Whether other pictures of the document follow, which show more than a second look at this one.
    pub(crate) fn in_film(&self) -> bool {
        self.in_film
    }

    /// Whether a strip of this picture was not read because of the limit.
    pub(crate) fn refused(&self) -> bool {
        self.refused
    }

    /// The logits of a strip; `None` if it does not suit the network or is beyond the limit.
    pub(crate) fn run(&mut self, pixels: &[u8]) -> Option<Logits> {
        let Some(left) = self.left.checked_sub(1) else {
            self.refused = true;
            return None;
        };
        self.left = left;
        self.network.run(pixels).ok()
    }
}

#[cfg(test)]
mod tests {
    use crate::{Fusion, Reader};
    use nibble_core::Precision;
    use nibble_picture::{Limits, decode};

    /// Strips that were read in the latest picture.
    fn spent(reader: &Reader) -> usize {
        reader.strips.max - reader.strips.left
    }

    /// A printed digit is wrong: no look at the picture makes the check digits agree.
    #[test]
    fn frames_of_a_film_are_not_looked_at_again_and_again() {
        let path = "../testdata/specimens/passport-wrong-check.jpg";
        let file = std::fs::read(path).expect("a specimen");
        let picture = decode(&file, &Limits::NATIVE).expect("a JPEG");
        let mut reader = Reader::with_bundled_model(Precision::U4).expect("the bundled model");
        assert!(!reader.read(&picture).valid);
        let of_still = spent(&reader);
        let mut fusion = Fusion::default();
        let frames = [(); 3].map(|()| {
            let reading = reader.fuse(&picture, &mut fusion);
            assert!(reading.lines.len() == 2 && !reading.valid);
            spent(&reader)
        });
        // The first frame is searched thoroughly.
        assert!(frames[0] > 2 * frames[1], "{frames:?}");
        assert!(of_still > 2 * frames[1] && frames[2] == frames[1], "{of_still}, {frames:?}");
        assert!(frames[1] >= 4, "each of two lines is found, then read: {frames:?}");
    }
}
