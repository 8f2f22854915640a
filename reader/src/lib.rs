//! Reads the machine-readable zones of passports, identity cards and visas in gray pictures, on the
//! device.
//!
//! ```
//! use nibble_core::Precision;
//! use nibble_gray::Gray;
//! use nibble_reader::Reader;
//!
//! let mut reader = Reader::with_bundled_model(Precision::U4)?;
//! let picture = Gray::new(640, 480, vec![255; 640 * 480]).expect("a pixel for each place");
//! let reading = reader.read(&picture);
//! assert!(reading.lines.is_empty(), "a white picture has no zone");
//! assert!(!reading.valid);
//! # Ok::<(), nibble_core::ModelError>(())
//! ```
//!
//! The crate takes gray pixels, so callers that already have pixels need no decoder.
//! `examples/read.rs` reads picture files.
//!
//! # Stages
//! Data flows one way, with a type for each stage:
//!
//! ```text
//! Gray -locate-> Zone (courses of its lines) -rectify-> strip -network-> Logits
//!      -decode-> probabilities of characters, and the likeliest text -> Reading
//! ```
//!
//! # Glossary
//! | word | meaning |
//! |---|---|
//! | *zone* | the lines of a machine-readable zone that were located in a picture |
//! | *path* | the course of one line: where each character is, and how tall |
//! | *strip* | a line resampled to the rows that the network reads |
//! | *column* | one column of logits; it stands for a few columns of the strip |
//! | *look* | a rough reading of a line, to find its lattice |
//! | *lattice* | where the characters of a strip are, measured on its columns |
//! | *extent* | a range of a lattice: the characters of one line |
//! | *slot* | one character position of a line, with the probability of each character |
//! | *candidate* | a zone read under one format |
//! | *document* | the best candidate of one place in a picture |
//! | *reading* | the result reported for a picture |
//!
//! # The same bits
//! All arithmetic is on integers, or consists of `f32` and `f64` additions, products, divisions and
//! square roots in a fixed order. Exponentials and logarithms come from the `libm` crate, which
//! computes them from these. So with networks in 4 and 8 bits, lines, confidences and digests are
//! the same bits on every target.
#![forbid(unsafe_code)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;

#[cfg(all(test, feature = "bundled-models"))]
mod calibrate;
mod candidate;
mod decode;
mod documents;
mod fusion;
mod geometry;
mod glyphs;
mod line;
mod locate;
mod look;
mod measure;
mod numeric;
mod path;
mod pyramid;
mod reading;
mod rectify;
mod sample;
mod strips;
mod verdict;
mod zone;

pub use fusion::Fusion;
pub use geometry::Point;
pub use reading::{Found, Milliseconds, ModelName, Reading, Review};
pub use rectify::strip_of_quad;
pub use verdict::NotValid;

use nibble_core::{Clock, Fnv1a64, ModelError, Network};
use nibble_gray::Gray;
use nibble_mrz::ALPHABET;

use candidate::Candidate;
use documents::apart;
use locate::{Locator, fill, locate, zones_of};
use numeric::sort_by;
use pyramid::Pyramid;
use strips::Strips;

/// Maximum strips that are read in a picture; a strip is one line of text, read once. Of 334 frames
/// and pictures, 329 take at most 60, and one, which shows no zone, takes more than 100. Pages full of
/// text would take more, and then the search ends with a note in [`Reading::review`].
/// [`Reader::with_max_strips`] sets another maximum.
pub const MAX_STRIPS: usize = 100;

/// Minimum shorter side of a picture that is searched, in pixels: no line can be read in less.
const MIN_SIDE: usize = 8;

/// Maximum zones that are read in a picture.
const MAX_ZONES: usize = 8;

/// Maximum zones that are read in a proposal of the locator's network.
const MAX_ZONES_OF_PROPOSAL: usize = 2;

/// Once a document was read with certainty, other zones are read only if they score at least this
/// share of the best zone.
const MIN_FURTHER_SCORE: f32 = 0.4;

/// Which documents of a picture are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// All of them.
    All,
    /// The one that is read best.
    Best,
}

/// Reads machine-readable zones with one network. A second one finds them; without it, or where it
/// finds none, they are searched for in the picture at several scales, which takes longer.
#[derive(Debug)]
pub struct Reader {
    strips: Strips,
    locator: Option<Locator>,
}

impl Reader {
    /// A reader with the bundled network of a precision.
    ///
    /// # Errors
    /// None with the committed models. The return type is that of [`Reader::new`].
    #[cfg(feature = "bundled-models")]
    pub fn with_bundled_model(precision: nibble_core::Precision) -> Result<Self, ModelError> {
        use nibble_core::Precision;
        let reader = Self::new(match precision {
            Precision::F32 => nibble_models::OCR_F32,
            Precision::U8 => nibble_models::OCR_U8,
            Precision::U4 => nibble_models::OCR_U4,
        })?;
        reader.with_locator(Network::from_bytes(nibble_models::LOCATE_U4)?)
    }

    /// A reader with the network of a model file.
    ///
    /// # Errors
    /// [`ModelError`] if the file cannot be used, or if its classes are not the 37 characters of a
    /// machine-readable zone.
    pub fn new(model: &[u8]) -> Result<Self, ModelError> {
        Self::with_network(Network::from_bytes(model)?)
    }

    /// A reader with a given network, for example one that runs on chosen kernels.
    ///
    /// # Errors
    /// [`ModelError`] if its classes are not the 37 characters of a machine-readable zone.
    pub fn with_network(network: Network) -> Result<Self, ModelError> {
        if network.model().alphabet.as_bytes() != ALPHABET {
            return Err(ModelError::Description(String::from(
                "the classes are not the 37 characters of a machine-readable zone",
            )));
        }
        Ok(Self { strips: Strips::new(network, MAX_STRIPS), locator: None })
    }

    /// The same reader, with a network that finds zones.
    ///
    /// # Errors
    /// [`ModelError`] if the network does not give the maps of a locator.
    pub fn with_locator(self, network: Network) -> Result<Self, ModelError> {
        Ok(Self { locator: Some(Locator::new(network)?), ..self })
    }

    /// The same reader, which reads at most `max` strips in a picture.
    #[must_use]
    pub fn with_max_strips(self, max: usize) -> Self {
        Self { strips: self.strips.with_max(max), ..self }
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &Network {
        self.strips.network()
    }

    /// The reading reported for a file that is not a picture: it has no lines.
    #[must_use]
    pub fn nothing(&self) -> Reading {
        Reading::empty(self.network(), String::new())
    }

    /// Reads a picture. [`Reading::ms`] stays 0.
    pub fn read(&mut self, gray: &Gray) -> Reading {
        self.read_timed(gray, &mut || 0.0)
    }

    /// Reads a picture and fills [`Reading::ms`]. `clock` returns milliseconds since any fixed
    /// point.
    pub fn read_timed(&mut self, gray: &Gray, clock: &mut Clock<'_>) -> Reading {
        let begin = clock();
        let (mut reading, found) = self.find(gray, Wanted::All, true, clock);
        if let Some(best) = found.first() {
            reading.fill(best);
            let documents = apart(&found);
            // A single document is the one that fills the reading.
            if documents.len() > 1 {
                reading.review.push(Review::another_document());
                reading.documents = documents.into_iter().map(Found::of).collect();
            }
        }
        if self.strips.refused() {
            reading.review.push(Review::gave_up());
        }
        reading.ms.total = clock() - begin;
        reading
    }

    /// Reads one more frame of a document and adds it to `fusion`. The reading is that of all
    /// frames so far. Only [`Reading::quads`] and [`Reading::digest`] describe this frame; they are
    /// empty if the frame adds nothing.
    pub fn fuse(&mut self, gray: &Gray, fusion: &mut Fusion) -> Reading {
        self.fuse_timed(gray, fusion, &mut || 0.0)
    }

    /// Like [`Reader::fuse`], but fills [`Reading::ms`] as [`Reader::read_timed`] does.
    pub fn fuse_timed(
        &mut self,
        gray: &Gray,
        fusion: &mut Fusion,
        clock: &mut Clock<'_>,
    ) -> Reading {
        let begin = clock();
        let thorough = fusion.next_is_thorough();
        let (mut reading, found) = self.find(gray, Wanted::Best, thorough, clock);
        let shown = found.into_iter().next().is_some_and(|best| fusion.add(best));
        if let Some(fused) = fusion.candidate() {
            reading.fill(&fused);
        }
        reading.frames = fusion.frames();
        if !shown {
            reading.quads.clear();
            reading.digest = None;
        }
        reading.ms.total = clock() - begin;
        reading
    }

    /// An empty reading of the picture, and the candidates found in it, best first. A `thorough`
    /// search does not end where the locator's network finds nothing.
    fn find(
        &mut self,
        gray: &Gray,
        wanted: Wanted,
        thorough: bool,
        clock: &mut Clock<'_>,
    ) -> (Reading, Vec<Candidate>) {
        let mut ms = Milliseconds::default();
        // A thorough frame is read like a still picture.
        self.strips.begin(wanted == Wanted::Best && !thorough);
        let mut found = self.search(gray, wanted, thorough, &mut ms, clock);
        // Screens and some cards print light characters on a dark ground.
        let dark = !self.strips.refused() && !found.iter().any(Candidate::reads_fairly);
        if wanted == Wanted::All && dark {
            found.extend(self.search(&gray.inverted(), wanted, thorough, &mut ms, clock));
        }
        sort_by(&mut found, |a, b| b.rank().total_cmp(&a.rank()));
        let digest = Fnv1a64::of_words(gray.pixels()).hex();
        let mut reading = Reading::empty(self.network(), digest);
        reading.ms = ms;
        (reading, found)
    }

    /// The candidates in a picture with dark characters on a light ground. Adds the durations to
    /// `ms`.
    fn search(
        &mut self,
        gray: &Gray,
        wanted: Wanted,
        thorough: bool,
        ms: &mut Milliseconds,
        clock: &mut Clock<'_>,
    ) -> Vec<Candidate> {
        let mut found = Vec::new();
        if gray.width().min(gray.height()) < MIN_SIDE {
            return found;
        }
        let picture = Pyramid::of(gray);
        if self.locator.is_some() {
            found = self.read_proposals(&picture, wanted, ms, clock);
            let ended = !thorough || self.strips.refused();
            let read = |read: &Candidate| match wanted {
                Wanted::All => read.is_valid() || read.reads_well(),
                // In a film, other frames follow.
                Wanted::Best => read.reads_fairly(),
            };
            if ended || found.iter().any(read) {
                return found;
            }
        }
        let begin = clock();
        let mut zones = fill(&picture);
        zones.extend(locate(&picture));
        let located = clock();
        let best = zones.first().map_or(0.0, |zone| zone.score);
        for zone in zones.iter().take(MAX_ZONES) {
            if self.strips.refused() || self.is_enough(&found, wanted, zone.score / best) {
                break;
            }
            found.extend(zone::read_zone(&mut self.strips, &picture, zone));
        }
        let end = clock();
        ms.add(begin, located, end);
        found
    }

    /// Whether no further zone need be read: one document was read with certainty, and either no other
    /// is wanted, or the next zone scores too low, as a share of the best.
    fn is_enough(&self, found: &[Candidate], wanted: Wanted, share: f32) -> bool {
        let ended = found.iter().any(|read| read.ends_search(&self.strips));
        ended && (wanted == Wanted::Best || share < MIN_FURTHER_SCORE)
    }

    /// The candidates of the zones that the locator's network proposes. Adds the durations to `ms`.
    fn read_proposals(
        &mut self,
        picture: &Pyramid,
        wanted: Wanted,
        ms: &mut Milliseconds,
        clock: &mut Clock<'_>,
    ) -> Vec<Candidate> {
        let Some(locator) = &mut self.locator else { return Vec::new() };
        let mut found: Vec<Candidate> = Vec::new();
        let mut begin = clock();
        let proposals = locator.proposals(picture);
        let best = proposals.first().map_or(0.0, |proposal| proposal.score);
        for proposal in &proposals {
            if self.strips.refused() || self.is_enough(&found, wanted, proposal.score / best) {
                break;
            }
            let zones = zones_of(picture, proposal);
            let located = clock();
            for zone in zones.iter().take(MAX_ZONES_OF_PROPOSAL) {
                found.extend(zone::read_zone(&mut self.strips, picture, zone));
                if self.strips.refused() || found.iter().any(|read| read.ends_search(&self.strips))
                {
                    break;
                }
            }
            let end = clock();
            ms.add(begin, located, end);
            begin = end;
        }
        if proposals.is_empty() {
            let end = clock();
            ms.add(begin, end, end);
        }
        found
    }
}
