//! Small numerical functions that several stages share.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a few thousand samples at most"
)]

use std::cmp::Ordering;

/// Fits a parabola to samples `(x, y, weight)` by least squares and returns the coefficients of 1,
/// x and x^2. Fits a line or a constant where the samples do not determine more.
pub(crate) fn parabola(samples: &[(f32, f32, f32)]) -> [f32; 3] {
    let mut a = [[0.0f64; 4]; 3];
    for &(x, y, weight) in samples {
        let (x, y, weight) = (f64::from(x), f64::from(y), f64::from(weight));
        let powers = [1.0, x, x * x];
        for i in 0..3 {
            for j in 0..3 {
                a[i][j] += weight * powers[i] * powers[j];
            }
            a[i][3] += weight * powers[i] * y;
        }
    }
    for terms in (1..=3).rev() {
        if let Some(solution) = solve(&a, terms) {
            return solution.map(|value| value as f32);
        }
    }
    [0.0; 3]
}

/// Solves the leading `terms` equations of a symmetric system by Gaussian elimination; `None` if
/// they are singular.
fn solve(system: &[[f64; 4]; 3], terms: usize) -> Option<[f64; 3]> {
    let mut a = *system;
    for i in 0..terms {
        if a[i][i].abs() < 1e-6 * (1.0 + system[i][i].abs()) {
            return None;
        }
        for j in i + 1..terms {
            let factor = a[j][i] / a[i][i];
            for k in (i..terms).chain([3]) {
                a[j][k] -= factor * a[i][k];
            }
        }
    }
    let mut x = [0.0; 3];
    for i in (0..terms).rev() {
        let known: f64 = (i + 1..terms).map(|k| a[i][k] * x[k]).sum();
        x[i] = (a[i][3] - known) / a[i][i];
    }
    Some(x)
}

/// e to the power of `x`, which is at most 0, accurate to three units in the last place; below -87
/// it is that of -87. Unlike `libm::expf` it has no branch, so loops over it become vector instructions.
/// The bits are the same on every target.
///
/// `x` is split into a whole number of ln 2 and a rest of at most half of it (Cody and Waite, Software
/// Manual for the Elementary Functions, 1980, chapter 6), whose power is its Taylor polynomial.
pub(crate) fn exp(x: f32) -> f32 {
    /// Adding this rounds to a whole number: it leaves no bit for a fraction.
    const ROUND: f32 = 12_582_912.0;
    /// ln 2 in two parts; products of the first with whole numbers up to 126 are exact.
    const LN_2: [f32; 2] = [0.693_145_75, 1.428_606_8e-6];
    const TAYLOR: [f32; 7] = [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
    // Not `f32::max`, which treats NaN apart.
    let x = if x > -87.0 { x } else { -87.0 };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let times = shifted - ROUND;
    let rest = (x - times * LN_2[0]) - times * LN_2[1];
    let power = TAYLOR.iter().fold(0.0, |sum, &term| sum * rest + term);
    // The last bits of `shifted` are the whole number: moved up, they are an exponent.
    let exponent = shifted.to_bits().wrapping_add(127) << 23;
    power * f32::from_bits(exponent)
}

/// Sorts like `items.sort_by`. All element types share one compiled sort; a separate sort for each
/// type would add 7 KB to the page's download.
pub(crate) fn sort_by<T>(items: &mut [T], mut compare: impl FnMut(&T, &T) -> Ordering) {
    let places = sorted_places(items.len(), &mut |a, b| compare(&items[a], &items[b]));
    for to in 0..items.len() {
        // Earlier swaps may have moved the item that belongs here; find where it is now.
        let mut from = places[to];
        while from < to {
            from = places[from];
        }
        items.swap(to, from);
    }
}

/// The indices `0..count`, sorted stably by `compare`.
fn sorted_places(count: usize, compare: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    places.sort_by(|&a, &b| compare(a, b));
    places
}

/// The upper median; `None` if there are no values.
pub(crate) fn median(values: impl Iterator<Item = f32>) -> Option<f32> {
    let mut values: Vec<f32> = values.collect();
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied()
}

/// The upper quartile; `None` if there are no values.
pub(crate) fn upper_quartile(values: impl Iterator<Item = f32>) -> Option<f32> {
    let mut values: Vec<f32> = values.collect();
    sort_by(&mut values, f32::total_cmp);
    values.get(values.len() * 3 / 4).copied()
}

/// For each position, the mean of the `2 * radius + 1` values around it, or of fewer near the ends.
pub(crate) fn running_mean(values: &[f32], radius: usize) -> Vec<f32> {
    let mut sums = vec![0.0; values.len() + 1];
    for (i, value) in values.iter().enumerate() {
        sums[i + 1] = sums[i] + value;
    }
    (0..values.len())
        .map(|i| {
            let (from, to) = (i.saturating_sub(radius), (i + radius + 1).min(values.len()));
            (sums[to] - sums[from]) / (to - from) as f32
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_those_of_the_library() {
        for i in 0..=870_000u32 {
            let x = -(i as f32) / 10_000.0;
            let (own, exact) = (f64::from(exp(x)), libm::exp(f64::from(x)));
            assert!((own / exact - 1.0).abs() < 3.6e-7, "{x}: {own} {exact}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f32::NEG_INFINITY), exp(-87.0));
    }

    #[test]
    fn sorting_is_that_of_the_standard_library() {
        let mut state = 3u32;
        for count in 0..40 {
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state >> 28
            };
            // Few distinct keys, so that the order of equal items is tested.
            let items: Vec<(u32, usize)> = (0..count).map(|place| (next(), place)).collect();
            let (mut ours, mut theirs) = (items.clone(), items);
            sort_by(&mut ours, |a, b| b.0.cmp(&a.0));
            theirs.sort_by_key(|item| std::cmp::Reverse(item.0));
            assert_eq!(ours, theirs);
        }
    }
}
