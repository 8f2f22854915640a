//! From the network's logits to the lines of a zone.
//!
//! [`Columns`] are class probabilities along a strip. A first reading finds where characters stand ([`Lattice`]); once the strip is laid
//! out on that lattice, [`slots::marginals`] gives the probability of each character at each place, and [`grammar`] the best text
//! that a format allows, check digits included.

mod columns;
pub(crate) mod grammar;
mod lattice;
pub(crate) mod rivals;
pub(crate) mod slots;

pub(crate) use columns::{Columns, SYMBOLS};
pub(crate) use lattice::{Lattice, Window};
