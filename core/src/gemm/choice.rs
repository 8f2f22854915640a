//! Choosing kernels at start-up: each is compared with the naive product before it is used, and
//! where several suit a machine, a short race decides.
//!
//! WebAssembly hides the CPU. An instruction that is fast on a phone becomes a slow sequence
//! elsewhere, and one engine was seen to compute it wrongly. Only trying reveals either.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "operands and counts are small"
)]

use super::dispatch::{MAX_CANDIDATES, candidate};
use super::winograd_check::{PairsProduct, pairs_equal};
use super::{Kernel, OperandRange, Packed, Visitor, multiply, oracle};
use crate::Precision;
use crate::clock::{COARSE_MS, Clock, MAX_READS, clock_step, next_step};
use crate::quant::Code;

/// Which kernel multiplies at each precision: a value that networks are made with.
///
/// [`Kernels::detect`] gives the best guess for this machine; [`Kernels::choose`] tests and races.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernels {
    /// Place of the chosen kernel among the candidates of each range.
    places: [usize; OperandRange::ALL.len()],
}

/// The kernel that was chosen for a range of operands, and the kernels that failed their test.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Choice {
    /// Name of the range: `f32`, `u8`, `u7` or `u4`.
    pub precision: &'static str,
    /// Name of the chosen kernel; `none` if not even the portable one is exact.
    pub kernel: &'static str,
    /// Its instruction set.
    pub isa: &'static str,
    /// Names of kernels that give wrong results on this machine; empty on a sound one.
    pub wrong: Vec<&'static str>,
}

impl Kernels {
    /// The best guess for this machine: of each list, the first kernel whose instructions it has.
    /// Nothing is tested.
    #[must_use]
    pub fn detect() -> Self {
        let first =
            |range| (0..MAX_CANDIDATES).find(|&place| candidate(range, place, Describe).is_some());
        Self { places: OperandRange::ALL.map(|range| first(range).unwrap_or(0)) }
    }

    /// Tests every kernel that this machine can run at `precisions` and, given a clock in
    /// milliseconds, races those that are exact. Only kernels whose names are `allowed` are
    /// candidates; if none of them is left, the portable kernel is used.
    pub fn choose(
        &mut self,
        precisions: &[Precision],
        clock: Option<&mut Clock<'_>>,
        allowed: &dyn Fn(&str) -> bool,
    ) -> Vec<Choice> {
        let ranges: Vec<OperandRange> =
            precisions.iter().map(|&precision| precision.into()).collect();
        self.choose_ranges(&ranges, clock, allowed)
    }

    /// As [`Kernels::choose`], for ranges of operands. Not generic, so that all kernels are
    /// compiled in this crate alone.
    pub fn choose_ranges(
        &mut self,
        ranges: &[OperandRange],
        mut clock: Option<&mut Clock<'_>>,
        allowed: &dyn Fn(&str) -> bool,
    ) -> Vec<Choice> {
        // A clock that is too coarse for a race is treated as none.
        let step = clock.as_deref_mut().and_then(|clock| Pace::of(clock_step(clock)?));
        let race = |trials: &mut [Trial]| match (&mut clock, &step) {
            (Some(clock), Some(pace)) if trials.len() > 1 => race(trials, pace, clock),
            _ => 0,
        };
        let mut race = race;
        let mut choices = Vec::with_capacity(ranges.len());
        for &range in ranges {
            let (place, choice) = choose_one(range, &mut race, allowed);
            self.places[range as usize] = place;
            choices.push(choice);
        }
        choices
    }

    /// Name of the kernel in use at a precision.
    #[must_use]
    pub fn name(&self, precision: Precision) -> &'static str {
        self.visit(precision.into(), Describe).name
    }

    /// Names of all kernels that this machine can run at a precision, best guess first.
    #[must_use]
    pub fn names(precision: Precision) -> Vec<&'static str> {
        let name = |place| candidate(precision.into(), place, Describe).map(|kernel| kernel.name);
        (0..MAX_CANDIDATES).filter_map(name).collect()
    }

    /// Visits the kernel that was chosen for `range`.
    pub(crate) fn visit<V: Visitor>(&self, range: OperandRange, visitor: V) -> V::Result {
        self.visit_where(range, visitor, |_| true)
    }

    /// Visits the kernel that was chosen for `range` if it `suits`, or else the next one in its
    /// list that does.
    pub(crate) fn visit_where<V: Visitor>(
        &self,
        range: OperandRange,
        visitor: V,
        suits: impl Fn(Description) -> bool,
    ) -> V::Result {
        let mut visitor = Some(visitor);
        for place in self.places[range as usize]..MAX_CANDIDATES {
            if candidate(range, place, Describe).is_some_and(&suits)
                && let Some(result) =
                    visitor.take().and_then(|visitor| candidate(range, place, visitor))
            {
                return result;
            }
        }
        unreachable!("the portable kernel ends every list, runs everywhere and suits everything")
    }
}

impl Default for Kernels {
    fn default() -> Self {
        Self::detect()
    }
}

/// What is known about a kernel without running it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Description {
    name: &'static str,
    #[cfg_attr(not(feature = "bench"), allow(dead_code, reason = "for zero points"))]
    pub(crate) min_weight: i8,
}

struct Describe;

impl Visitor for Describe {
    type Result = Description;

    fn integer<K: Kernel<Activation: Code, Weight = i8, Sum = i32>>(self, _: K) -> Description {
        Description { name: K::NAME, min_weight: K::MIN_WEIGHT }
    }

    fn float<K: Kernel<Activation = f32, Weight = f32, Sum = f32>>(self, _: K) -> Description {
        Description { name: K::NAME, min_weight: K::MIN_WEIGHT }
    }
}

/// Rows, columns and depth of the product that is compared with the naive one: not a multiple of
/// any tile.
const TEST: [usize; 3] = [13, 37, 75];
/// Windows, columns and depth of the pairs of outputs that are compared with the naive product. Their
/// operands are among those of [`TEST`].
const PAIRS_TEST: [usize; 3] = [5, 37, 16];
/// Rows, columns and depth of the product that kernels race on: a layer of medium size.
const RACE: [usize; 3] = [24, 48, 288];
/// The same layer for kernels that compute pairs of outputs, which networks then use: windows of
/// two rows, columns, and a third of the depth for each of three taps. Operands are among those of
/// [`RACE`].
const PAIRS_RACE: [usize; 3] = [RACE[0] / 2, RACE[1], RACE[2] / 3];
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

/// The instruction set that the portable kernel reports.
const PORTABLE: &str = "portable";

/// One kernel on trial.
struct Trial {
    place: usize,
    name: &'static str,
    isa: &'static str,
    exact: bool,
    run: Box<dyn FnMut()>,
}

/// Tests the kernels for `range` and chooses an exact one: its place in the list, and the report.
fn choose_one(
    range: OperandRange,
    race: &mut dyn FnMut(&mut [Trial]) -> usize,
    allowed: &dyn Fn(&str) -> bool,
) -> (usize, Choice) {
    let mut trials: Vec<Trial> = (0..MAX_CANDIDATES)
        .filter_map(|place| candidate(range, place, OnTrial { range, place }))
        .collect();
    let last = trials.last().map_or(0, |portable| portable.place);
    let inexact = trials.iter().filter(|trial| !trial.exact);
    let wrong = inexact.map(|trial| trial.name).collect();
    trials.retain(|trial| trial.exact);
    // The portable kernel is used only where there is no other.
    if trials.iter().any(|trial| trial.isa != PORTABLE && allowed(trial.name)) {
        trials.retain(|trial| trial.isa != PORTABLE && allowed(trial.name));
    } else {
        trials.retain(|trial| trial.isa == PORTABLE);
    }
    let best = race(&mut trials);
    let precision = range.name();
    match trials.get(best) {
        Some(&Trial { place, name, isa, .. }) => {
            (place, Choice { precision, kernel: name, isa, wrong })
        }
        // Not even the portable kernel is exact, but there is nothing better to use.
        None => (last, Choice { precision, kernel: "none", isa: "", wrong }),
    }
}

/// How long slices last, and how many rounds there are.
struct Pace {
    step_ms: f64,
    slice_ms: f64,
    coarse: bool,
}

impl Pace {
    /// The pace for a clock of this step; `None` if a race would take too long.
    fn of(step_ms: f64) -> Option<Self> {
        let coarse = step_ms >= COARSE_MS;
        // With a coarse clock slices last one step: they begin and end when it moves, so their
        // length is known even so.
        let steps = if coarse { 1.0 } else { FINE_STEPS };
        // Half a step less, so that rounding does not add a step.
        let slice_ms = SLICE_MS.max((steps - 0.5) * step_ms);
        (step_ms < MAX_RACE_MS / 4.0).then_some(Self { step_ms, slice_ms, coarse })
    }

    /// Maximum number of rounds after the warm-up; 0 if there is no time for any.
    fn max_rounds(&self, trials: usize) -> usize {
        if !self.coarse {
            return MAX_ROUNDS;
        }
        let rounds = MAX_RACE_MS / (self.step_ms * trials as f64);
        (rounds as usize).saturating_sub(1).min(MAX_ROUNDS)
    }
}

/// Index of the trial with the fastest slice; 0, the best guess, if nothing can be measured.
fn race(trials: &mut [Trial], pace: &Pace, clock: &mut Clock<'_>) -> usize {
    let mut best = vec![0.0f64; trials.len()];
    let max_rounds = pace.max_rounds(trials.len());
    if max_rounds == 0 {
        return 0;
    }
    let (mut quiet, mut last_step) = (0, None);
    for round in 0..=max_rounds {
        let slice = if round == 0 { WARM_UP_MS.max(pace.slice_ms) } else { pace.slice_ms };
        let mut progress = false;
        for (trial, best) in trials.iter_mut().zip(&mut best) {
            // Waiting for the next step of a coarse clock would cost as much as the slice.
            let begin = if pace.coarse { last_step } else { None };
            let Some((rate, end)) = rate(trial, slice, begin, clock) else { return 0 };
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
    trial: &mut Trial,
    slice_ms: f64,
    begin: Option<f64>,
    clock: &mut Clock<'_>,
) -> Option<(f64, f64)> {
    let before = clock();
    let start = begin.or_else(|| next_step(clock, before))?;
    let mut runs = 0;
    loop {
        (trial.run)();
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

struct OnTrial {
    range: OperandRange,
    place: usize,
}

/// Codes and weights over the whole range of the operands, extremes included.
fn operands(range: OperandRange, [rows, columns, depth]: [usize; 3]) -> (Vec<u8>, Vec<i8>) {
    let (top, largest) = (i32::from(range.max_activation()), i32::from(range.max_weight()));
    let code = |at: usize| {
        if at < depth { top } else { (at * 7919 % (top + 1) as usize) as i32 }
    };
    let weight = |at: usize| {
        if at < depth {
            -largest
        } else {
            (at * 6151 % (2 * largest + 1) as usize) as i32 - largest
        }
    };
    let codes = (0..rows * depth).map(|at| code(at).to_le_bytes()[0]);
    (codes.collect(), (0..columns * depth).map(|at| weight(at) as i8).collect())
}

impl Visitor for OnTrial {
    type Result = Trial;

    fn integer<K: Kernel<Activation: Code, Weight = i8, Sum = i32>>(self, kernel: K) -> Trial {
        let ([rows, columns, depth], [m, n, k]) = (TEST, RACE);
        let (codes, weights) = operands(self.range, TEST);
        let packed = Packed::<K>::new(&weights, columns, depth);
        let found = multiply(kernel, &K::Activation::all(&codes), rows, &packed);
        let exact = found == oracle::multiply(&codes, &weights, rows, columns, depth)
            && (self.range != OperandRange::U4
                || pairs_equal(kernel, PAIRS_TEST, &codes, &weights) != Some(false));
        let (codes, weights) = operands(self.range, RACE);
        let pairs = (self.range == OperandRange::U4)
            .then(|| PairsProduct::new(kernel, PAIRS_RACE, &codes, &weights));
        let run: Box<dyn FnMut()> = if let Some(mut pairs) = pairs.flatten() {
            Box::new(move || {
                std::hint::black_box(pairs.run());
            })
        } else {
            let codes = K::Activation::all(&codes);
            let packed = Packed::<K>::new(&weights, n, k);
            Box::new(move || drop(std::hint::black_box(multiply(kernel, &codes, m, &packed))))
        };
        Trial { place: self.place, name: K::NAME, isa: K::ISA, exact, run }
    }

    fn float<K: Kernel<Activation = f32, Weight = f32, Sum = f32>>(self, kernel: K) -> Trial {
        let ([rows, columns, depth], [m, n, k]) = (TEST, RACE);
        let reals = |shape| {
            let (codes, weights) = operands(OperandRange::U4, shape);
            let codes: Vec<f32> = codes.into_iter().map(f32::from).collect();
            (codes, weights.into_iter().map(f32::from).collect::<Vec<f32>>())
        };
        let (codes, weights) = reals(TEST);
        let packed = Packed::<K>::new(&weights, columns, depth);
        let found = multiply(kernel, &codes, rows, &packed);
        // Sums of small integers: f32 holds them exactly, in any order.
        let exact = found == oracle::multiply_f32(&codes, &weights, rows, columns, depth);
        let (codes, weights) = reals(RACE);
        let packed = Packed::<K>::new(&weights, n, k);
        let run = Box::new(move || {
            drop(std::hint::black_box(multiply(kernel, &codes, m, &packed)));
        });
        Trial { place: self.place, name: K::NAME, isa: K::ISA, exact, run }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::rc::Rc;

    /// A trial that takes `cost` milliseconds on a shared clock.
    fn trial(name: &'static str, cost: f64, time: &Rc<Cell<f64>>) -> Trial {
        let time = Rc::clone(time);
        let run = Box::new(move || time.set(time.get() + cost));
        Trial { place: 0, name, isa: "", exact: true, run }
    }

    /// Races as `choose_ranges` does; a clock read takes a tenth of a microsecond.
    fn raced(trials: &mut [Trial], step: f64, time: &Rc<Cell<f64>>) -> usize {
        let mut clock = || {
            time.set(time.get() + 0.0001);
            (time.get() / step).floor() * step
        };
        let Some(pace) = clock_step(&mut clock).and_then(Pace::of) else { return 0 };
        race(trials, &pace, &mut clock)
    }

    #[test]
    fn the_fastest_wins_by_a_coarse_clock_too() {
        // As fast as byte dot products on a desktop, timed by the clocks of browsers, of browsers
        // that resist fingerprinting, and of Windows.
        for step in [0.001, 0.1, 1.0, 15.6, 16.67] {
            for scale in [1.0, 0.1] {
                let time = Rc::default();
                let mut trials = [
                    trial("slow", 0.03 * scale, &time),
                    trial("fast", 0.01 * scale, &time),
                    trial("middle", 0.02 * scale, &time),
                ];
                assert_eq!(raced(&mut trials, step, &time), 1, "clock step {step}, {scale}");
            }
        }
    }

    #[test]
    fn a_clock_too_coarse_to_race_by_leaves_the_best_guess() {
        let time = Rc::default();
        let mut trials = [trial("guess", 0.002, &time), trial("fast", 0.001, &time)];
        assert_eq!(raced(&mut trials, 100.0, &time), 0);
        assert_eq!(raced(&mut trials, f64::INFINITY, &time), 0, "a clock that stands still");
    }

    #[test]
    fn start_up_is_not_blocked_by_a_coarse_clock() {
        for step in [15.6, 16.67, 33.4, 60.0, 100.0, 250.0] {
            let time = Rc::default();
            let mut trials: Vec<Trial> =
                [0.003, 0.002, 0.0015, 0.001].map(|cost| trial("", cost, &time)).into();
            raced(&mut trials, step, &time);
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
        let run =
            Box::new(move || late.set(late.get() + if late.get() < 16.5 { 0.05 } else { 0.01 }));
        let first = Trial { place: 0, name: "late", isa: "", exact: true, run };
        let mut trials = [first, trial("steady", 0.02, &time)];
        let mut clock = || {
            time.set(time.get() + 0.0001);
            time.get()
        };
        let pace = Pace::of(0.0001).expect("a fine clock");
        assert_eq!(race(&mut trials, &pace, &mut clock), 0);
    }

    #[test]
    fn sound_kernels_are_chosen_and_none_is_wrong() {
        for choice in Kernels::detect().choose_ranges(&OperandRange::ALL, None, &|_| true) {
            assert!(choice.wrong.is_empty(), "{choice:?}");
            assert!(!choice.kernel.is_empty() && choice.kernel != "none", "{choice:?}");
        }
    }

    #[test]
    fn a_choice_is_a_value() {
        let portable = |name: &str| name.starts_with("portable");
        let mut one = Kernels::detect();
        let other = one;
        one.choose(&[Precision::U4], None, &portable);
        assert_eq!(one.name(Precision::U4), "portable_u8i8_4x4");
        assert_eq!(other.name(Precision::U4), Kernels::names(Precision::U4)[0]);
        assert_eq!(one.name(Precision::F32), other.name(Precision::F32));
    }
}
