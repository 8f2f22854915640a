//! From the network's logits to the lines of a zone.
//!
//! [`Columns`] are class probabilities along a strip. A first look finds where characters stand
//! ([`Lattice`]). Once the line is sampled again on that lattice, [`slots::marginals`] computes the
//! probability of each character in each slot, and [`grammar`] finds the best text under a format,
//! check digits included.

mod columns;
#[cfg(test)]
mod given;
pub(crate) mod grammar;
mod lattice;
pub(crate) mod names;
pub(crate) mod odds;
pub(crate) mod references;
pub(crate) mod rivals;
mod roles;
pub(crate) mod slots;
pub(crate) mod states;

pub(crate) use columns::{Columns, SYMBOLS};
pub(crate) use lattice::{Extent, Lattice};
