//! A line read on its lattice: evidence for each character, ink, and how glyphs fit.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of characters and slots"
)]

use crate::decode::references::Leads;
use crate::decode::slots::{Grid, Slot, UNSEEN, ink, marginals, most_likely, of_sums, with_gains};
use crate::decode::{Columns, SYMBOLS};
use crate::glyphs::fits;
use crate::look::{TEMPERATURE, run};
use crate::path::LinePath;
use crate::pyramid::Pyramid;
use crate::rectify::PITCH;
use crate::strips::Strips;
use nibble_core::Logits;

/// Margin at either end of a line whose lattice is known, in characters.
pub(super) const READ_MARGIN: f32 = 1.0;
/// By how many columns of its strip a second look is shifted: half a stride of the network.
const SECOND_LOOK: f32 = 2.0;
/// Share of each of two looks at one picture in the log probabilities of both together: their mean.
/// They err alike, so two that agree are no surer than one; where they differ is noise.
const LOOK_SHARE: f32 = 0.5;
/// Minimum probability that a look gives a character: no look rules out what the other shows.
const MIN_PROBABILITY: f32 = 1e-6;

/// A line read on its lattice.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) path: LinePath,
    pub(super) slots: Vec<Slot>,
    /// Probability that anything is printed in each slot, 0 to 1, times how sound its glyph is
    /// ([`crate::glyphs`]).
    pub(super) ink: Vec<f32>,
    /// By how much each glyph fits its character better than lookalikes.
    pub(super) leads: Vec<Leads>,
    pub(super) logits: Logits,
}

impl Line {
    /// Reads a line along its path, one character per slot.
    pub(super) fn at(network: &mut Strips, picture: &Pyramid, path: &LinePath) -> Option<Self> {
        Self::with_margin(network, picture, path, READ_MARGIN)
    }

    /// The same line, with the evidence of a second look at the same picture. That look is sampled
    /// half a stride of the network to the side, so that pixels and the network's codes are rounded
    /// differently. The first look's logits are kept.
    pub(super) fn looked_again(&self, network: &mut Strips, picture: &Pyramid) -> Option<Self> {
        let margin = READ_MARGIN + SECOND_LOOK / PITCH;
        let other = Self::with_margin(network, picture, &self.path, margin)?;
        let slots = self.slots.iter().zip(&other.slots).map(|(one, other)| together(one, other));
        let ink = self.ink.iter().zip(&other.ink).map(|(one, other)| one.min(*other));
        Some(self.with_slots(slots.collect(), ink.collect()))
    }

    /// The same line, with other probabilities and ink of the same length.
    pub(super) fn with_slots(&self, slots: Vec<Slot>, ink: Vec<f32>) -> Self {
        let Self { path, leads, logits, .. } = self;
        Self { path: *path, slots, ink, leads: leads.clone(), logits: logits.clone() }
    }

    fn with_margin(
        network: &mut Strips,
        picture: &Pyramid,
        path: &LinePath,
        margin: f32,
    ) -> Option<Self> {
        let (rectified, logits) = run(network, picture, path, margin)?;
        let columns = Columns::from_logits(&logits.to_f32(), TEMPERATURE);
        let grid = Grid {
            first: rectified.column(0.0),
            step: rectified.pitch(),
            slots: path.length as usize,
        };
        let (mut slots, mut ink) = (marginals(&columns, &grid), ink(&columns, &grid));
        let read: Vec<usize> = slots.iter().map(most_likely).collect();
        let fits = fits(&rectified.strip, margin * PITCH, &read);
        for (index, ((slot, ink), fit)) in slots.iter_mut().zip(&mut ink).zip(&fits).enumerate() {
            *ink *= fit.sound;
            *slot = with_gains(slot, &fit.gains);
            if !picture.shows(path, index as f32 + 0.5) {
                (*slot, *ink) = (UNSEEN, 0.0);
            }
        }
        let leads = fits.into_iter().map(|fit| fit.leads).collect();
        Some(Self { path: *path, slots, ink, leads, logits })
    }
}

/// The probabilities that two looks at one character give together.
fn together(one: &Slot, other: &Slot) -> Slot {
    let log = |probability: f32| libm::logf(probability.max(MIN_PROBABILITY));
    let mut sums: Slot = [0.0; SYMBOLS];
    for ((sum, one), other) in sums.iter_mut().zip(one).zip(other) {
        *sum = log(*one) + log(*other);
    }
    of_sums(&sums, LOOK_SHARE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A slot with two likely characters.
    fn slot(first: f32) -> Slot {
        let mut slot = [0.001; SYMBOLS];
        (slot[0], slot[24]) = (first, 0.965 - first);
        slot
    }

    #[test]
    fn looks_that_agree_are_no_surer_together_and_others_cancel() {
        let odds = |slot: &Slot| slot[0] / slot[24];
        let agreeing = together(&slot(0.9), &slot(0.9));
        assert!((odds(&agreeing) / odds(&slot(0.9)) - 1.0).abs() < 1e-4);
        let cancelled = together(&slot(0.9), &slot(0.065));
        assert!((odds(&cancelled) - 1.0).abs() < 1e-4);
        assert!((agreeing.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
}
