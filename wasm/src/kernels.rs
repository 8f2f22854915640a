//! Which kernels run here: all are tested once, and those of a precision raced before its first network is made. A page that reads with one network waits
//! for one race.

use std::cell::RefCell;

use nibble_core::Precision;
use nibble_core::gemm::{Choice, Task, choose, choose_among};
use wasm_bindgen::prelude::*;

use crate::now;

/// What is known of a precision.
struct Known {
    choice: Choice,
    raced: bool,
}

thread_local! {
    /// Of each precision; empty before the test.
    static KNOWN: RefCell<Vec<Known>> = const { RefCell::new(Vec::new()) };
}

/// Races the kernels of `tasks`. Networks that exist keep theirs.
fn race(known: &mut [Known], tasks: &[Task]) {
    for choice in choose_among(tasks, Some(&mut now), &|_| true) {
        if let Some(known) = known.iter_mut().find(|known| known.choice.precision == choice.precision) {
            known.choice = choice;
            known.raced = true;
        }
    }
}

/// Gives `work` what is known, after the test.
fn with_known<R>(work: impl FnOnce(&mut Vec<Known>) -> R) -> R {
    KNOWN.with_borrow_mut(|known| {
        if known.is_empty() {
            known.extend(choose(None).into_iter().map(|choice| Known { choice, raced: false }));
        }
        work(known)
    })
}

/// Races the kernels of one precision, unless that was done.
pub(crate) fn race_for(precision: Precision) {
    with_known(|known| {
        let task = Task::from(precision);
        if known.iter().any(|known| known.choice.precision == task.name() && !known.raced) {
            race(known, &[task]);
        }
    });
}

/// Races all kernels, again if it was done: at start-up engines may not have compiled all for speed.
pub(crate) fn race_again() {
    with_known(|known| race(known, &Task::ALL));
}

/// The kernels in use, JSON: `precision`, `kernel`, `isa` and the kernels that this engine computes wrongly, in `wrong`. All are tested against the naive product,
/// once. `races` those of precisions without a network, too, which takes some hundredths of a second each; without, theirs are the best guess.
#[wasm_bindgen]
#[must_use]
pub fn choose_kernels(races: bool) -> String {
    if races {
        Precision::ALL.into_iter().for_each(race_for);
    }
    let json = with_known(|known| {
        let choices: Vec<&Choice> = known.iter().map(|known| &known.choice).collect();
        serde_json::to_string(&choices)
    });
    json.unwrap_or_else(|_| "[]".to_owned())
}
