//! Choosing kernels at start-up: each is compared with the naive product before it is used, and where several suit a machine, a short race decides.
//!
//! WebAssembly hides the CPU. The instruction that is best on a phone is a slow sequence elsewhere, and one engine was seen to compute it wrongly; both can
//! only be found by trying.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "operands and counts are small"
)]

use std::sync::atomic::{AtomicUsize, Ordering};

use super::dispatch::{MOST_CANDIDATES, candidate};
use super::{Kernel, Packed, Task, Visitor, multiply, oracle};
use crate::quant::Code;

/// Per task: the place of the chosen kernel among the candidates.
static CHOSEN: [AtomicUsize; Task::ALL.len()] = [const { AtomicUsize::new(0) }; Task::ALL.len()];

/// What was chosen for a task, and why not others.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Choice {
    /// The task.
    pub precision: &'static str,
    /// The kernel that is used from now on.
    pub kernel: &'static str,
    /// Its instruction set.
    pub isa: &'static str,
    /// Kernels that this machine runs and computes wrongly; empty on a sound one.
    pub wrong: Vec<&'static str>,
}

/// Rows, columns and depth of the product that is compared: beyond the edges of all tiles.
const TEST: [usize; 3] = [13, 37, 75];
/// Those of the product that is raced: a middling layer.
const RACE: [usize; 3] = [24, 48, 288];
/// What each kernel runs for before the race, in milliseconds: engines begin with plain code, and improve in the background what runs long.
const WARM_UP_MS: f64 = 6.0;
/// The race ends after so many rounds in which no kernel got faster than before by `PROGRESS`: until then engines are still compiling. And what each kernel runs for in one.
const QUIET_ROUNDS: usize = 6;
const MOST_ROUNDS: usize = 24;
const PROGRESS: f64 = 1.1;
const SLICE_MS: f64 = 0.5;
/// Steps of the clock that a slice lasts at least: browsers' clocks are coarse, and some add noise.
const SLICE_STEPS: f64 = 3.0;
/// A kernel must be this much faster to be preferred to an earlier one of the list: the best slices of an idle machine differ by less from race to race.
/// Where the choice matters, on phones, the difference is 1.3 to 2.7.
const LEAD: f64 = 1.03;
/// Ends a slice where the clock stands still.
const MOST_RUNS: usize = 1 << 12;

pub(super) fn chosen(task: Task) -> usize {
    CHOSEN[task as usize].load(Ordering::Relaxed)
}

/// One kernel on trial.
struct Trial {
    name: &'static str,
    isa: &'static str,
    exact: bool,
    run: Box<dyn FnMut()>,
}

/// What networks are made of.
const TASKS: [Task; 3] = [Task::F32, Task::U8, Task::U4];

/// Tests every kernel that suits this machine and, given a clock in milliseconds, races those that are exact. Networks made afterwards use the winners.
pub fn choose(clock: Option<&mut dyn FnMut() -> f64>) -> Vec<Choice> {
    choose_among(&TASKS, clock, &|_| true)
}

/// The same for `tasks`, among the kernels whose names are `allowed` and the portable one. Not generic, so that all kernels are compiled in this crate alone.
pub fn choose_among(
    tasks: &[Task],
    mut clock: Option<&mut dyn FnMut() -> f64>,
    allowed: &dyn Fn(&str) -> bool,
) -> Vec<Choice> {
    let choices = tasks.iter().map(|&task| {
        let mut trials: Vec<(usize, Trial)> = (0..MOST_CANDIDATES)
            .filter_map(|place| Some((place, candidate(task, place, OnTrial(task))?)))
            .collect();
        let wrong = trials.iter().filter(|(_, trial)| !trial.exact).map(|(_, trial)| trial.name).collect();
        trials.retain(|(_, trial)| trial.exact);
        // The portable kernel comes last and is only for those who have nothing else.
        let portable = trials.pop();
        trials.retain(|(_, trial)| allowed(trial.name));
        if trials.is_empty() {
            trials.extend(portable);
        }
        let best = match &mut clock {
            Some(clock) if trials.len() > 1 => race(&mut trials, clock),
            _ => 0,
        };
        let (place, trial) = match trials.get(best) {
            Some((place, trial)) => (*place, trial),
            // Not even the portable one is exact: nothing better is known than to use it.
            None => return Choice { precision: task.name(), kernel: "none", isa: "", wrong },
        };
        CHOSEN[task as usize].store(place, Ordering::Relaxed);
        Choice { precision: task.name(), kernel: trial.name, isa: trial.isa, wrong }
    });
    choices.collect()
}

/// The place of the fastest by its best slice. Slices begin at a step of the clock, so that a coarse one measures well too.
fn race(trials: &mut [(usize, Trial)], clock: &mut dyn FnMut() -> f64) -> usize {
    let mut best = vec![0.0f64; trials.len()];
    let slice = SLICE_MS.max(SLICE_STEPS * crate::bench::clock_step(clock));
    let mut quiet = 0;
    for round in 0..=MOST_ROUNDS {
        let slice = if round == 0 { WARM_UP_MS.max(slice) } else { slice };
        let mut progress = false;
        for ((_, trial), best) in trials.iter_mut().zip(&mut best) {
            let rate = rate(trial, slice, clock);
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
    fastest.filter(|(_, rate)| **rate > best[0] * LEAD).map_or(0, |(place, _)| place)
}

/// Runs a millisecond, over a slice of so many milliseconds; 0 where the clock stands still.
fn rate(trial: &mut Trial, slice: f64, clock: &mut dyn FnMut() -> f64) -> f64 {
    let before = clock();
    let start = (0..1 << 20).map(|_| clock()).find(|&now| now > before).unwrap_or(before);
    let mut runs = 0;
    let taken = loop {
        (trial.run)();
        runs += 1;
        let taken = clock() - start;
        if taken >= slice || runs == MOST_RUNS {
            break taken;
        }
    };
    if taken > 0.0 { runs as f64 / taken } else { 0.0 }
}

struct OnTrial(Task);

/// Codes and weights in the range of a task, with both extremes among them.
fn operands(task: Task, [rows, columns, depth]: [usize; 3]) -> (Vec<u8>, Vec<i8>) {
    let (top, largest) = (i32::from(task.largest_activation()), i32::from(task.largest_weight()));
    let code = |place: usize| if place < depth { top } else { (place * 7919 % (top + 1) as usize) as i32 };
    let weight = |place: usize| {
        if place < depth { -largest } else { (place * 6151 % (2 * largest + 1) as usize) as i32 - largest }
    };
    let codes = (0..rows * depth).map(|place| code(place).to_le_bytes()[0]);
    (codes.collect(), (0..columns * depth).map(|place| weight(place) as i8).collect())
}

impl Visitor for OnTrial {
    type Result = Trial;

    fn integer<K: Kernel<Activation: Code, Weight = i8, Sum = i32>>(self, kernel: K) -> Trial {
        let ([rows, columns, depth], [m, n, k]) = (TEST, RACE);
        let (codes, weights) = operands(self.0, TEST);
        let found =
            multiply(kernel, &K::Activation::all(&codes), rows, &Packed::<K>::new(&weights, columns, depth));
        let exact = found == oracle::multiply(&codes, &weights, rows, columns, depth);
        let (codes, weights) = operands(self.0, RACE);
        let (codes, packed) = (K::Activation::all(&codes), Packed::<K>::new(&weights, n, k));
        let run = Box::new(move || drop(std::hint::black_box(multiply(kernel, &codes, m, &packed))));
        Trial { name: K::NAME, isa: K::ISA, exact, run }
    }

    fn float<K: Kernel<Activation = f32, Weight = f32, Sum = f32>>(self, kernel: K) -> Trial {
        let ([rows, columns, depth], [m, n, k]) = (TEST, RACE);
        let reals = |shape| {
            let (codes, weights) = operands(Task::U4, shape);
            let codes: Vec<f32> = codes.into_iter().map(f32::from).collect();
            (codes, weights.into_iter().map(f32::from).collect::<Vec<f32>>())
        };
        let (codes, weights) = reals(TEST);
        let found = multiply(kernel, &codes, rows, &Packed::<K>::new(&weights, columns, depth));
        // Sums of small integers: f32 has them exactly, in any order.
        let exact = found == oracle::multiply_f32(&codes, &weights, rows, columns, depth);
        let (codes, weights) = reals(RACE);
        let packed = Packed::<K>::new(&weights, n, k);
        let run = Box::new(move || drop(std::hint::black_box(multiply(kernel, &codes, m, &packed))));
        Trial { name: K::NAME, isa: K::ISA, exact, run }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A trial that takes `cost` on a shared clock.
    fn trial(name: &'static str, cost: f64, time: &std::rc::Rc<std::cell::Cell<f64>>) -> (usize, Trial) {
        let time = std::rc::Rc::clone(time);
        let run = Box::new(move || time.set(time.get() + cost));
        (0, Trial { name, isa: "", exact: true, run })
    }

    #[test]
    fn the_fastest_wins_by_a_coarse_clock_too() {
        let time = std::rc::Rc::default();
        let mut trials =
            [trial("slow", 0.03, &time), trial("fast", 0.01, &time), trial("middle", 0.02, &time)];
        for step in [0.001, 0.1, 1.0] {
            let mut clock = || {
                time.set(time.get() + 0.0001);
                (time.get() / step).floor() * step
            };
            assert_eq!(race(&mut trials, &mut clock), 1, "clock step {step}");
        }
        assert_eq!(race(&mut trials, &mut || 0.0), 0, "a clock that stands still decides nothing");
    }

    #[test]
    fn an_engine_that_compiles_late_is_waited_for() {
        let time: std::rc::Rc<std::cell::Cell<f64>> = std::rc::Rc::default();
        let late = std::rc::Rc::clone(&time);
        // Slow for the warm-up and the first rounds, then the fastest.
        let run = Box::new(move || late.set(late.get() + if late.get() < 16.5 { 0.05 } else { 0.01 }));
        let first = (0, Trial { name: "late", isa: "", exact: true, run });
        let mut trials = [first, trial("steady", 0.02, &time)];
        let mut clock = || {
            time.set(time.get() + 0.0001);
            time.get()
        };
        assert_eq!(race(&mut trials, &mut clock), 0);
    }

    #[test]
    fn sound_kernels_are_chosen_and_none_is_wrong() {
        for choice in choose(None) {
            assert!(choice.wrong.is_empty(), "{choice:?}");
            assert!(!choice.kernel.is_empty() && choice.kernel != "none", "{choice:?}");
        }
    }
}
