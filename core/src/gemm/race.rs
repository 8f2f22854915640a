//! A short race among kernels that suit a machine.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "counts are small"
)]

use crate::clock::{COARSE_MS, Clock, MAX_READS, clock_step, next_step};

/// Milliseconds that each kernel runs before the race: engines start with unoptimised code, and
/// recompile in the background what runs for long.
const WARM_UP_MS: f64 = 6.0;
/// The race ends after this many rounds in a row without progress: while there is progress, an
/// engine may still be compiling.
const QUIET_ROUNDS: usize = 6;
/// The race never has more rounds than this.
const MAX_ROUNDS: usize = 24;
/// A kernel has made progress when a slice is faster than its best one by this factor.
const PROGRESS: f64 = 1.1;
/// Milliseconds that one kernel runs in one round: a slice.
const SLICE_MS: f64 = 0.5;
/// Minimum length of a slice in steps of a fine clock; browsers add noise to single steps.
const FINE_STEPS: f64 = 3.0;
/// Milliseconds that a race with a coarse clock may take, so that it does not delay start-up.
const MAX_RACE_MS: f64 = 220.0;
/// A kernel must be faster by this factor to be preferred to an earlier one in the list. From race
/// to race, best slices on an idle machine differ by less.
const LEAD: f64 = 1.03;

/// What a kernel repeats in a race: one product.
pub(super) type Run = Box<dyn FnMut()>;

/// How long slices last, and how many rounds there are.
pub(super) struct Pace {
    step_ms: f64,
    slice_ms: f64,
    coarse: bool,
}

impl Pace {
    /// The pace for a clock; `None` if a race by it would take too long.
    pub(super) fn of(clock: &mut Clock<'_>) -> Option<Self> {
        let step_ms = clock_step(clock)?;
        let coarse = step_ms >= COARSE_MS;
        // With a coarse clock slices last one step: they begin and end when it moves, so their
        // length is known even so.
        let steps = if coarse { 1.0 } else { FINE_STEPS };
        // Half a step less, so that rounding does not add a step.
        let slice_ms = SLICE_MS.max((steps - 0.5) * step_ms);
        (step_ms < MAX_RACE_MS / 4.0).then_some(Self { step_ms, slice_ms, coarse })
    }

    /// Maximum number of rounds after the warm-up; 0 if there is no time for any.
    fn max_rounds(&self, kernels: usize) -> usize {
        if !self.coarse {
            return MAX_ROUNDS;
        }
        let rounds = MAX_RACE_MS / (self.step_ms * kernels as f64);
        (rounds as usize).saturating_sub(1).min(MAX_ROUNDS)
    }
}

/// Index of the run with the fastest slice; 0, the best guess, if nothing can be measured.
pub(super) fn race(runs: &mut [Run], pace: &Pace, clock: &mut Clock<'_>) -> usize {
    let mut best = vec![0.0f64; runs.len()];
    let max_rounds = pace.max_rounds(runs.len());
    if max_rounds == 0 {
        return 0;
    }
    let (mut quiet, mut last_step) = (0, None);
    for round in 0..=max_rounds {
        let slice = if round == 0 { WARM_UP_MS.max(pace.slice_ms) } else { pace.slice_ms };
        let mut progress = false;
        for (run, best) in runs.iter_mut().zip(&mut best) {
            // Waiting for the next step of a coarse clock would cost as much as the slice.
            let begin = if pace.coarse { last_step } else { None };
            let Some((rate, end)) = rate(run, slice, begin, clock) else { return 0 };
            last_step = Some(end);
            if round > 0 {
                progress |= rate > *best * PROGRESS;
                *best = best.max(rate);
            }
        }
        quiet = if progress || round == 0 { 0 } else { quiet + 1 };
        if quiet == QUIET_ROUNDS {
            break;
        }
    }
    let fastest = best.iter().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b));
    fastest.filter(|(_, rate)| **rate > best[0] * LEAD).map_or(0, |(index, _)| index)
}

/// Runs per millisecond over a slice, and the time at which it ended. The slice begins at `begin`,
/// a step that the clock has just made, or else at the next step. `None` if the clock stands still.
fn rate(
    run: &mut Run,
    slice_ms: f64,
    begin: Option<f64>,
    clock: &mut Clock<'_>,
) -> Option<(f64, f64)> {
    let before = clock();
    let start = begin.or_else(|| next_step(clock, before))?;
    let mut runs = 0;
    loop {
        run();
        runs += 1;
        let now = clock();
        let taken = now - start;
        if taken >= slice_ms {
            return Some((runs as f64 / taken, now));
        }
        if runs == MAX_READS {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::rc::Rc;

    /// A run that takes `cost` milliseconds on a shared clock.
    fn run(cost: f64, time: &Rc<Cell<f64>>) -> Run {
        let time = Rc::clone(time);
        Box::new(move || time.set(time.get() + cost))
    }

    /// Races as `choose_ranges` does; a clock read takes a tenth of a microsecond.
    fn raced(runs: &mut [Run], step: f64, time: &Rc<Cell<f64>>) -> usize {
        let mut clock = || {
            time.set(time.get() + 0.0001);
            (time.get() / step).floor() * step
        };
        let Some(pace) = Pace::of(&mut clock) else { return 0 };
        race(runs, &pace, &mut clock)
    }

    #[test]
    fn the_fastest_wins_by_a_coarse_clock_too() {
        // As fast as byte dot products on a desktop, timed by the clocks of browsers, of browsers
        // that resist fingerprinting, and of Windows.
        for step in [0.001, 0.1, 1.0, 15.6, 16.67] {
            for scale in [1.0, 0.1] {
                let time = Rc::default();
                let mut runs = [0.03, 0.01, 0.02].map(|cost| run(cost * scale, &time));
                assert_eq!(raced(&mut runs, step, &time), 1, "clock step {step}, {scale}");
            }
        }
    }

    #[test]
    fn a_clock_too_coarse_to_race_by_leaves_the_best_guess() {
        let time = Rc::default();
        let mut runs = [run(0.002, &time), run(0.001, &time)];
        assert_eq!(raced(&mut runs, 100.0, &time), 0);
        assert_eq!(raced(&mut runs, f64::INFINITY, &time), 0, "a clock that stands still");
    }

    #[test]
    fn start_up_is_not_blocked_by_a_coarse_clock() {
        for step in [15.6, 16.67, 33.4, 60.0, 100.0, 250.0] {
            let time = Rc::default();
            let mut runs = [0.003, 0.002, 0.0015, 0.001].map(|cost| run(cost, &time));
            raced(&mut runs, step, &time);
            assert!(time.get() < 300.0 + 2.0 * step, "clock step {step}: {} ms", time.get());
            if step <= 100.0 {
                assert!(time.get() < 300.0, "clock step {step}: {} ms", time.get());
            }
        }
    }

    #[test]
    fn an_engine_that_compiles_late_is_waited_for() {
        let time: Rc<Cell<f64>> = Rc::default();
        let late = Rc::clone(&time);
        // Slow during the warm-up and the first rounds, then the fastest.
        let first: Run =
            Box::new(move || late.set(late.get() + if late.get() < 16.5 { 0.05 } else { 0.01 }));
        let mut runs = [first, run(0.02, &time)];
        let mut clock = || {
            time.set(time.get() + 0.0001);
            time.get()
        };
        let pace = Pace::of(&mut clock).expect("a fine clock");
        assert_eq!(race(&mut runs, &pace, &mut clock), 0);
    }
}
