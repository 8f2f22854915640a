//! Chooses the kernels. All kernels are tested once. Those for a precision race before the first
//! network of a bench or of a model file is made; a reader begins with the best guess, and its kernels
//! race when it has nothing to read. So nobody waits for a race who only wants to read.

use std::cell::RefCell;

use nibble_core::{Choice, Kernels, OperandRange, Precision};
use wasm_bindgen::prelude::*;

use crate::clock::now;

/// What is known about the kernels in this browser.
struct Known {
    kernels: Kernels,
    /// The choice for each precision, and whether a race decided it.
    choices: Vec<(Choice, bool)>,
}

thread_local! {
    /// `None` until the kernels are tested.
    static KNOWN: RefCell<Option<Known>> = const { RefCell::new(None) };
}

impl Known {
    /// Tests all kernels.
    fn tested() -> Self {
        let mut kernels = Kernels::detect();
        let choices = kernels.choose(&Precision::ALL, None, &|_| true);
        Self { kernels, choices: choices.into_iter().map(|choice| (choice, false)).collect() }
    }

    /// Races the kernels for `ranges`. Existing networks keep their kernels.
    fn race(&mut self, ranges: &[OperandRange]) {
        for choice in self.kernels.choose_ranges(ranges, Some(&mut now), &|_| true) {
            let known =
                self.choices.iter_mut().find(|(known, _)| known.precision == choice.precision);
            if let Some(known) = known {
                *known = (choice, true);
            }
        }
    }

    /// Races the kernels for one precision, unless a race has been held.
    fn race_once(&mut self, precision: Precision) {
        let name = precision.name();
        if self.choices.iter().any(|(choice, raced)| choice.precision == name && !raced) {
            self.race(&[precision.into()]);
        }
    }
}

/// Calls `work` with what is known, testing the kernels first if necessary.
fn with_known<R>(work: impl FnOnce(&mut Known) -> R) -> R {
    KNOWN.with_borrow_mut(|known| work(known.get_or_insert_with(Known::tested)))
}

/// The kernels as they are known now: those of a precision without a race are the best guess that is
/// exact.
#[cfg(feature = "read")]
pub(crate) fn tested() -> Kernels {
    with_known(|known| known.kernels)
}

/// The kernels for networks of `precisions`, each raced once.
pub(crate) fn raced(precisions: &[Precision]) -> Kernels {
    with_known(|known| {
        precisions.iter().for_each(|&precision| known.race_once(precision));
        known.kernels
    })
}

/// The kernels after a race for every precision. It is held even if there were races before: at
/// start-up, the engine may not have optimised all code yet.
#[cfg(feature = "bench")]
pub(crate) fn raced_again() -> Kernels {
    with_known(|known| {
        known.race(&OperandRange::ALL);
        known.kernels
    })
}

/// The kernels in use, as JSON: `precision`, `kernel`, `isa`, and in `wrong` the kernels that
/// compute wrongly in this engine. All kernels are tested once against the naive product.
///
/// With `races`, precisions without a network are raced too, which takes some hundredths of a
/// second each. Otherwise the kernels reported for them are a best guess.
#[wasm_bindgen]
#[must_use]
pub fn choose_kernels(races: bool) -> String {
    let json = with_known(|known| {
        if races {
            Precision::ALL.into_iter().for_each(|precision| known.race_once(precision));
        }
        let choices: Vec<&Choice> = known.choices.iter().map(|(choice, _)| choice).collect();
        serde_json::to_string(&choices)
    });
    json.unwrap_or_else(|_| "[]".to_owned())
}
