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
use super::race::{Pace, Run, race};
use super::winograd_check::{PairsProduct, pairs_equal};
use super::{Kernel, OperandRange, Packed, Visitor, multiply, oracle};
use crate::Precision;
use crate::clock::Clock;
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
        let pace = clock.as_deref_mut().and_then(Pace::of);
        let mut race = |range, kernels: &[Tested]| match (&mut clock, &pace) {
            (Some(clock), Some(pace)) => {
                let run = |kernel: &Tested| candidate(range, kernel.place, Race(range));
                let mut runs: Vec<Run> = kernels.iter().filter_map(run).collect();
                race(&mut runs, pace, clock)
            }
            _ => 0,
        };
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
/// The instruction set that the portable kernel reports.
const PORTABLE: &str = "portable";

/// A kernel that was compared with the naive product.
struct Tested {
    place: usize,
    name: &'static str,
    isa: &'static str,
    exact: bool,
}

/// Tests the kernels for `range` and chooses an exact one: its place in the list, and the report.
/// `race` gives the place of the fastest kernel of a list.
fn choose_one(
    range: OperandRange,
    race: &mut dyn FnMut(OperandRange, &[Tested]) -> usize,
    allowed: &dyn Fn(&str) -> bool,
) -> (usize, Choice) {
    let expected = Expected::of(range);
    let mut kernels: Vec<Tested> = (0..MAX_CANDIDATES)
        .filter_map(|place| candidate(range, place, Test { place, expected: &expected }))
        .collect();
    let last = kernels.last().map_or(0, |portable| portable.place);
    let inexact = kernels.iter().filter(|kernel| !kernel.exact);
    let wrong = inexact.map(|kernel| kernel.name).collect();
    kernels.retain(|kernel| kernel.exact);
    // The portable kernel is used only where there is no other.
    if kernels.iter().any(|kernel| kernel.isa != PORTABLE && allowed(kernel.name)) {
        kernels.retain(|kernel| kernel.isa != PORTABLE && allowed(kernel.name));
    } else {
        kernels.retain(|kernel| kernel.isa == PORTABLE);
    }
    let best = if kernels.len() > 1 { race(range, &kernels) } else { 0 };
    let precision = range.name();
    match kernels.get(best) {
        Some(&Tested { place, name, isa, .. }) => {
            (place, Choice { precision, kernel: name, isa, wrong })
        }
        // Not even the portable kernel is exact, but there is nothing better to use.
        None => (last, Choice { precision, kernel: "none", isa: "", wrong }),
    }
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

/// [`operands`] in f32: small integers, whose sums f32 holds exactly, in any order.
fn reals(shape: [usize; 3]) -> (Vec<f32>, Vec<f32>) {
    let (codes, weights) = operands(OperandRange::U4, shape);
    let weights = weights.into_iter().map(f32::from).collect();
    (codes.into_iter().map(f32::from).collect(), weights)
}

/// Operands of a range, and the naive product that every kernel must give.
struct Expected {
    range: OperandRange,
    codes: Vec<u8>,
    weights: Vec<i8>,
    sums: Vec<i32>,
}

impl Expected {
    fn of(range: OperandRange) -> Self {
        // The float kernels multiply small integers.
        let values = if range == OperandRange::F32 { OperandRange::U4 } else { range };
        let (codes, weights) = operands(values, TEST);
        let [rows, columns, depth] = TEST;
        let sums = oracle::multiply(&codes, &weights, rows, columns, depth);
        Self { range, codes, weights, sums }
    }
}

/// Compares a kernel with the naive product.
struct Test<'a> {
    place: usize,
    expected: &'a Expected,
}

impl Visitor for Test<'_> {
    type Result = Tested;

    fn integer<K: Kernel<Activation: Code, Weight = i8, Sum = i32>>(self, kernel: K) -> Tested {
        let Expected { range, codes, weights, sums } = self.expected;
        let [rows, columns, depth] = TEST;
        let packed = Packed::<K>::new(weights, columns, depth);
        let exact = multiply(kernel, &K::Activation::all(codes), rows, &packed) == *sums
            && (*range != OperandRange::U4
                || pairs_equal(kernel, PAIRS_TEST, codes, weights) != Some(false));
        Tested { place: self.place, name: K::NAME, isa: K::ISA, exact }
    }

    fn float<K: Kernel<Activation = f32, Weight = f32, Sum = f32>>(self, kernel: K) -> Tested {
        let [rows, columns, depth] = TEST;
        let (codes, weights) = reals(TEST);
        let packed = Packed::<K>::new(&weights, columns, depth);
        let found = multiply(kernel, &codes, rows, &packed);
        let sums = self.expected.sums.iter().map(|&sum| sum as f32);
        let exact = sums.eq(found);
        Tested { place: self.place, name: K::NAME, isa: K::ISA, exact }
    }
}

/// Prepares what a kernel for a range repeats in a race.
struct Race(OperandRange);

impl Visitor for Race {
    type Result = Run;

    fn integer<K: Kernel<Activation: Code, Weight = i8, Sum = i32>>(self, kernel: K) -> Run {
        let [rows, columns, depth] = RACE;
        let (codes, weights) = operands(self.0, RACE);
        let pairs = (self.0 == OperandRange::U4)
            .then(|| PairsProduct::new(kernel, PAIRS_RACE, &codes, &weights));
        if let Some(mut pairs) = pairs.flatten() {
            return Box::new(move || {
                std::hint::black_box(pairs.run());
            });
        }
        let codes = K::Activation::all(&codes);
        let packed = Packed::<K>::new(&weights, columns, depth);
        Box::new(move || drop(std::hint::black_box(multiply(kernel, &codes, rows, &packed))))
    }

    fn float<K: Kernel<Activation = f32, Weight = f32, Sum = f32>>(self, kernel: K) -> Run {
        let [rows, columns, depth] = RACE;
        let (codes, weights) = reals(RACE);
        let packed = Packed::<K>::new(&weights, columns, depth);
        Box::new(move || drop(std::hint::black_box(multiply(kernel, &codes, rows, &packed))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
