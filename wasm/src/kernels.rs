//! Which kernels run here: all are tested once, and those of a precision raced before its first
//! network is made. A page that reads with one network waits for one race.

use std::cell::RefCell;

use nibble_core::{Choice, Kernels, OperandRange, Precision};
use wasm_bindgen::prelude::*;

use crate::clock::now;

/// What is known of this browser's kernels.
struct Known {
    kernels: Kernels,
    /// One choice for each precision, and whether a race decided it.
    choices: Vec<(Choice, bool)>,
}

thread_local! {
    /// `None` before the test.
    static KNOWN: RefCell<Option<Known>> = const { RefCell::new(None) };
}

impl Known {
    /// Tests all kernels.
    fn tested() -> Self {
        let mut kernels = Kernels::detect();
        let choices = kernels.choose(&Precision::ALL, None, &|_| true);
        Self { kernels, choices: choices.into_iter().map(|choice| (choice, false)).collect() }
    }

    /// Races the kernels for `ranges`. Networks that exist keep theirs.
    fn race(&mut self, ranges: &[OperandRange]) {
        for choice in self.kernels.choose_ranges(ranges, Some(&mut now), &|_| true) {
            let known = self.choices.iter_mut().find(|(known, _)| known.precision == choice.precision);
            if let Some(known) = known {
                *known = (choice, true);
            }
        }
    }

    /// Races the kernels of one precision, unless that was done.
    fn race_once(&mut self, precision: Precision) {
        let name = precision.name();
        if self.choices.iter().any(|(choice, raced)| choice.precision == name && !raced) {
            self.race(&[precision.into()]);
        }
    }
}

/// Gives `work` what is known, after the test.
fn with_known<R>(work: impl FnOnce(&mut Known) -> R) -> R {
    KNOWN.with_borrow_mut(|known| work(known.get_or_insert_with(Known::tested)))
}

/// The kernels for networks of some precisions, each raced once.
pub(crate) fn raced(precisions: &[Precision]) -> Kernels {
    with_known(|known| {
        precisions.iter().for_each(|&precision| known.race_once(precision));
        known.kernels
    })
}

/// The kernels after a race of all, which is held again if there was one: at start-up, engines may
/// not have compiled all for speed.
pub(crate) fn raced_again() -> Kernels {
    with_known(|known| {
        known.race(&OperandRange::ALL);
        known.kernels
    })
}

/// The kernels in use, as JSON: `precision`, `kernel`, `isa` and the kernels that this engine computes
/// wrongly, in `wrong`. All are tested against the naive product, once. `races` says whether to race
/// those of precisions without a network too, which takes some hundredths of a second each; without
/// it, theirs are the best guess.
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
