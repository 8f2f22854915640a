//! From a gray picture to a [`Reading`]: the stages in order, and the choice among candidates.

mod candidate;
mod fusion;
mod reading;

pub use fusion::Fusion;
pub use reading::{Milliseconds, ModelName, Reading, Review};

use crate::Precision;
use crate::digest::Fnv1a64;
use crate::gray::Gray;
use crate::locate::locate;
use crate::model::{self, Model, ModelError};
use crate::mrz::ALPHABET;
use crate::network::Network;
use crate::numeric::sort_by;
use crate::pyramid::Pyramid;
use candidate::Candidate;

/// Zones that are looked at before the picture is said to have none.
const MOST_ZONES: usize = 8;

/// Reads machine-readable zones with one network.
#[derive(Debug)]
pub struct Reader {
    network: Network,
}

impl Reader {
    /// A reader with the network of a model file.
    ///
    /// # Errors
    /// [`ModelError`] where the file cannot be used or its classes are not those of a machine-readable zone.
    pub fn new(model: &[u8]) -> Result<Self, ModelError> {
        Self::from_model(model::parse(model)?)
    }

    /// A reader with a network.
    ///
    /// # Errors
    /// [`ModelError`] where its classes are others.
    pub fn from_model(model: Model) -> Result<Self, ModelError> {
        let network = Network::from_model(model);
        if network.model().alphabet.as_bytes() != ALPHABET {
            return Err(ModelError::Description(String::from(
                "the classes are not the 37 characters of a machine-readable zone",
            )));
        }
        Ok(Self { network })
    }

    /// The arithmetic of the network.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.network.precision()
    }

    /// The network.
    pub fn network(&mut self) -> &mut Network {
        &mut self.network
    }

    /// What is reported of a file that holds no picture: a reading without lines.
    #[must_use]
    pub fn nothing(&self) -> Reading {
        Reading::empty(&self.network, String::new())
    }

    /// Reads a picture. `clock` tells milliseconds and is used for [`Reading::ms`] alone.
    pub fn read(&mut self, gray: &Gray, clock: &mut dyn FnMut() -> f64) -> Reading {
        let (mut reading, found) = self.find(gray, clock);
        if let Some((best, others)) = found.split_first() {
            reading.fill(best);
            if others.iter().any(|other| other.is_valid() && other.lines() != best.lines()) {
                reading.review.push(Review::another_document());
            }
        }
        reading
    }

    /// Reads one more frame of the document that `fusion` has evidence of, and answers for all its frames. [`Reading::quads`] and [`Reading::digest`] are this frame's: empty
    /// where it shows nothing.
    pub fn fuse(&mut self, gray: &Gray, fusion: &mut Fusion, clock: &mut dyn FnMut() -> f64) -> Reading {
        let (mut reading, found) = self.find(gray, clock);
        let shown = found.into_iter().next().is_some_and(|best| fusion.add(best));
        if let Some(fused) = fusion.candidate() {
            reading.fill(&fused);
        }
        reading.frames = fusion.frames();
        if !shown {
            reading.quads.clear();
            reading.digest = None;
        }
        reading
    }

    /// An empty reading of the picture and the candidates in it, best first.
    fn find(&mut self, gray: &Gray, clock: &mut dyn FnMut() -> f64) -> (Reading, Vec<Candidate>) {
        let begin = clock();
        let zones = locate(gray);
        let located = clock();
        let picture = Pyramid::of(gray);
        let mut found: Vec<Candidate> = Vec::new();
        for zone in zones.iter().take(MOST_ZONES) {
            found.extend(candidate::read_zone(&mut self.network, &picture, zone));
            if found.iter().any(Candidate::is_certain) {
                break;
            }
        }
        sort_by(&mut found, |a, b| b.rank().total_cmp(&a.rank()));
        let end = clock();
        let mut reading = Reading::empty(&self.network, Fnv1a64::of(gray.pixels()).hex());
        reading.ms = Milliseconds { locate: located - begin, network: end - located, total: end - begin };
        (reading, found)
    }
}
