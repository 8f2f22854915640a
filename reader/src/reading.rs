//! The result, as the JSON contract has it (`docs/json.md`).

use serde::Serialize;

use crate::candidate::{Candidate, Doubt};
use crate::geometry::Point;
use crate::verdict::NotValid;
use nibble_core::Fnv1a64;
use nibble_core::Network;
use nibble_mrz::{Check, Document};

/// Version of the JSON contract.
const SCHEMA: u32 = 1;

/// The weights that a reading was made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelName {
    /// Release name of the weights.
    pub version: String,
    /// FNV-1a 64 of the model file.
    pub hash: String,
}

/// A character that a person should look at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Review {
    /// Line, from 0; `None` for a note on the whole picture.
    pub line: Option<usize>,
    /// Position in the line, from 0.
    pub pos: Option<usize>,
    /// The character as read.
    pub raw: String,
    /// The character that `lines` has instead, or the most likely alternative.
    pub alt: String,
    /// Probability of the character in `lines`.
    pub confidence: f32,
    /// A remark on the whole picture; `None` where a character is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'static str>,
}

impl Review {
    /// A note that the picture shows a second document.
    pub(super) fn another_document() -> Self {
        Self {
            line: None,
            pos: None,
            raw: String::new(),
            alt: String::new(),
            confidence: 0.0,
            note: Some("more documents are in the picture: see `documents`"),
        }
    }

    /// A note that the search ended early ([`crate::MAX_STRIPS`]).
    pub(super) fn gave_up() -> Self {
        let note = "the picture shows so many lines of text that the search ended early";
        Self { note: Some(note), ..Self::another_document() }
    }
}

/// Duration of the stages, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Milliseconds {
    /// Locating candidates.
    pub locate: f64,
    /// Rectifying, running the network and decoding, for all candidates.
    pub network: f64,
    /// All of the reading: both, what is around them, and the digest of the picture.
    pub total: f64,
}

impl Milliseconds {
    /// Adds a search for zones from `begin` to `located`, and their reading up to `end`.
    pub(super) fn add(&mut self, begin: f64, located: f64, end: f64) {
        self.locate += located - begin;
        self.network += end - located;
    }
}

/// One document of a picture. The keys mean what they mean in [`Reading`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Found {
    /// The lines as decoded.
    pub lines: Vec<String>,
    /// The lines as read, before the grammar.
    pub raw_lines: Vec<String>,
    /// Whether the text can be trusted: there is no reason against it.
    pub valid: bool,
    /// The reasons against it; empty if the reading is valid.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_valid_because: Vec<NotValid>,
    /// The fields.
    pub document: Document,
    /// The result of each check digit, computed from `lines`.
    pub checks: Vec<Check>,
    /// Characters that were changed or are doubtful.
    pub review: Vec<Review>,
    /// Corners of each line in picture pixels, clockwise from the text's top left.
    pub quads: Vec<[Point; 4]>,
    /// Probability of each character of `lines`.
    pub confidences: Vec<Vec<f32>>,
}

impl Found {
    pub(super) fn of(candidate: &Candidate) -> Self {
        let text = |c: u8| char::from(c).to_string();
        let review = |doubt: &Doubt| Review {
            line: Some(doubt.line),
            pos: Some(doubt.position),
            raw: text(doubt.raw),
            alt: text(doubt.alternative),
            confidence: doubt.confidence,
            note: None,
        };
        Self {
            lines: strings(candidate.lines()),
            raw_lines: strings(&candidate.raw_lines()),
            valid: candidate.is_valid(),
            not_valid_because: candidate.not_valid_because().to_vec(),
            document: Document::of(candidate.format(), candidate.lines()),
            checks: candidate.checks().to_vec(),
            review: candidate.doubts().iter().map(review).collect(),
            quads: candidate.quads(),
            confidences: candidate.confidences(),
        }
    }
}

/// What was read in a picture: the document that was read best, and all that were found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reading {
    /// Version of this schema.
    pub schema: u32,
    /// `f32`, `u8` or `u4`.
    pub precision: &'static str,
    /// The weights used.
    pub model: ModelName,
    /// The lines as decoded; empty where no zone was found.
    pub lines: Vec<String>,
    /// The lines as read, before the grammar.
    pub raw_lines: Vec<String>,
    /// Whether the text can be trusted: there is no reason against it.
    pub valid: bool,
    /// The reasons against it; empty if the reading is valid, or if no zone was found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_valid_because: Vec<NotValid>,
    /// The fields; `None` where no zone was found.
    pub document: Option<Document>,
    /// The result of each check digit, computed from `lines`.
    pub checks: Vec<Check>,
    /// Characters that were changed or are doubtful.
    pub review: Vec<Review>,
    /// FNV-1a 64 over the logits of the lines; `None` for f32 or no line.
    pub digest: Option<String>,
    /// FNV-1a 64 over the gray picture in words of eight bytes: [`Fnv1a64::of_words`].
    pub gray_digest: String,
    /// How long it took.
    pub ms: Milliseconds,
    /// Corners of each line in picture pixels, clockwise from the text's top left.
    pub quads: Vec<[Point; 4]>,
    /// Probability of each character of `lines`.
    pub confidences: Vec<Vec<f32>>,
    /// All documents of the picture in reading order, the one above among them. Empty if no zone
    /// was found. [`crate::Reader::fuse`] follows one document, and lists that one alone.
    pub documents: Vec<Found>,
    /// Number of frames whose evidence is combined in `lines`: 1 for a single picture, 0 where no
    /// zone was found.
    pub frames: usize,
    /// Name of the kernel that computed the matrix products.
    pub kernel: &'static str,
    /// Its instruction set.
    pub isa: &'static str,
}

fn strings(lines: &[Vec<u8>]) -> Vec<String> {
    lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect()
}

impl Reading {
    /// The reading of a picture without a zone.
    pub(super) fn empty(network: &Network, gray_digest: String) -> Self {
        let model = network.model();
        Self {
            schema: SCHEMA,
            precision: network.precision().name(),
            model: ModelName { version: model.release.clone(), hash: model.hash.clone() },
            lines: Vec::new(),
            raw_lines: Vec::new(),
            valid: false,
            not_valid_because: Vec::new(),
            document: None,
            checks: Vec::new(),
            review: Vec::new(),
            digest: None,
            gray_digest,
            ms: Milliseconds::default(),
            quads: Vec::new(),
            confidences: Vec::new(),
            documents: Vec::new(),
            frames: 0,
            kernel: network.kernel(),
            isa: network.isa(),
        }
    }

    /// Takes over what the best candidate says.
    pub(super) fn fill(&mut self, candidate: &Candidate) {
        let found = Found::of(candidate);
        self.lines.clone_from(&found.lines);
        self.raw_lines.clone_from(&found.raw_lines);
        self.valid = found.valid;
        self.not_valid_because.clone_from(&found.not_valid_because);
        self.document = Some(found.document.clone());
        self.checks.clone_from(&found.checks);
        self.quads.clone_from(&found.quads);
        self.confidences.clone_from(&found.confidences);
        self.review.clone_from(&found.review);
        self.documents = vec![found];
        self.frames = 1;
        let mut digest = Fnv1a64::default();
        let mut exact = true;
        for logits in candidate.logits() {
            match logits.integers() {
                Some(values) => values.iter().for_each(|value| digest.update(&value.to_le_bytes())),
                None => exact = false,
            }
        }
        self.digest = exact.then(|| digest.hex());
    }
}
