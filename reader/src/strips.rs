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
}

impl Strips {
    /// At most `max` strips a picture.
    pub(crate) fn new(network: Network, max: usize) -> Self {
        Self { network, max, left: max, refused: false }
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

    /// Begins another picture.
    pub(crate) fn begin(&mut self) {
        (self.left, self.refused) = (self.max, false);
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
