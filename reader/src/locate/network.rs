//! Locating by a network: it reads a small picture and proposes zones, whose lines are then measured.

use super::contrast::contrast;
use super::lines::{self, Line};
use super::proposals::{CHANNELS, Proposal, proposals};
use super::rows::hints;
use super::zones::{self, Zone};
use crate::measure::Sign;
use crate::numeric::sort_by;
use crate::pyramid::Pyramid;
use nibble_core::{ModelError, Network};

/// Maximum longer side of the level that the network reads.
const MAX_SIDE: usize = 512;
/// Where no proposal is this sure, the next level is read too: a zone that fills the picture is
/// larger than what the network sees at once.
const SURE: f32 = 0.7;
/// Minimum longer side of a level that is read in addition.
const MIN_FURTHER_SIDE: usize = 96;

/// The zones of a proposal, best first, with their lines measured.
pub(crate) fn zones_of(picture: &Pyramid, proposal: &Proposal) -> Vec<Zone> {
    let hints = hints(picture, proposal);
    let measured: Vec<Line> =
        hints.iter().filter_map(|hint| lines::measure(picture, hint, Sign::Change)).collect();
    let mut zones = zones::group(measured);
    zones.iter_mut().for_each(|zone| zones::foreshorten(&mut zone.lines));
    zones
}

/// A network that proposes zones.
#[derive(Debug)]
pub(crate) struct Locator {
    network: Network,
}

impl Locator {
    /// A locator with a network.
    ///
    /// # Errors
    /// [`ModelError`] if the network does not give the maps of a locator.
    pub(crate) fn new(network: Network) -> Result<Self, ModelError> {
        let model = network.model();
        let cells = model.height.is_none() && model.row_stride() == 8 && model.column_stride == 8;
        let channels = model.layers.last().map(|layer| match layer {
            nibble_core::model::Layer::Convolution(last) => last.outputs,
            nibble_core::model::Layer::MaxPool(_) => 0,
        });
        if !cells || channels != Some(CHANNELS) {
            return Err(ModelError::Description(String::from("the network does not locate zones")));
        }
        Ok(Self { network })
    }

    /// Where zones may be, best first, in pixels of the picture.
    pub(crate) fn proposals(&mut self, picture: &Pyramid) -> Vec<Proposal> {
        let Some(times) = picture.times_within(MAX_SIDE) else { return Vec::new() };
        let mut found = self.proposals_at(picture, times);
        let level = picture.level(times);
        let further = level.width().max(level.height()) / 2 >= MIN_FURTHER_SIDE;
        if further && found.iter().all(|proposal| proposal.score < SURE) {
            for other in self.proposals_at(picture, times + 1) {
                match found.iter_mut().find(|proposal| proposal.overlaps(&other)) {
                    Some(known) if known.score < other.score => *known = other,
                    Some(_) => {}
                    None => found.push(other),
                }
            }
            sort_by(&mut found, |a, b| b.score.total_cmp(&a.score));
        }
        found
    }

    fn proposals_at(&mut self, picture: &Pyramid, times: usize) -> Vec<Proposal> {
        let contrast = contrast(picture.level(times));
        // The size suits the network: its sides are multiples of 8.
        let Ok(maps) = self.network.maps(&contrast.pixels, contrast.width) else {
            return Vec::new();
        };
        let scale = picture.scale(times);
        proposals(&maps.to_f32(), maps.columns())
            .iter()
            .map(|proposal| proposal.scaled(scale))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_reads_lines_does_not_locate() {
        let network = |file| Network::from_bytes(file).expect("a committed model");
        assert!(Locator::new(network(nibble_models::OCR_U4)).is_err());
        assert!(Locator::new(network(nibble_models::LOCATE_U4)).is_ok());
    }

    #[test]
    fn pictures_of_any_size_have_proposals_or_none() {
        let network = Network::from_bytes(nibble_models::LOCATE_U4).expect("a committed model");
        let mut locator = Locator::new(network).expect("a locator");
        for (width, height) in [(1, 1), (3, 900), (7, 8), (385, 2), (1000, 701)] {
            let gray = nibble_gray::Gray::new(width, height, vec![90; width * height])
                .expect("sizes agree");
            assert!(
                locator.proposals(&Pyramid::of(&gray)).is_empty(),
                "a flat picture of {width} x {height}"
            );
        }
        let empty = nibble_gray::Gray::new(0, 0, Vec::new()).expect("sizes agree");
        assert!(locator.proposals(&Pyramid::of(&empty)).is_empty());
    }
}
