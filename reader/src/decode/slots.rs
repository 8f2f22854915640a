//! The probability of each character in each slot of a line of known length: the marginals of
//! connectionist temporal classification (Graves et al. 2006) over all alignments that put exactly
//! one character into each slot, near its middle.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "column and slot counts of one line: a few hundred"
)]

use super::columns::{BLANK, Columns, SYMBOLS};

/// Minimum probability of a character: lower values are noise of the network.
pub(super) const MIN_PROBABILITY: f32 = 1e-5;

/// Maximum distance of a character from the middle of its slot, in slots.
const REACH: f32 = 0.8;
/// Added to every probability, so that no alignment is impossible.
const FLOOR: f64 = 1e-9;

/// Shapes raise the probability of a lookalike to this share of the likeliest character's at most.
const MAX_OF_LOOKALIKE: f32 = 0.5;

/// Probabilities of the 37 characters in one slot; they sum to 1.
pub(crate) type Slot = [f32; SYMBOLS];

/// The likeliest character of a slot, as an index into the alphabet.
#[must_use]
pub(crate) fn most_likely(slot: &Slot) -> usize {
    (0..SYMBOLS).max_by(|&a, &b| slot[a].total_cmp(&slot[b])).unwrap_or(0)
}

/// A slot of which nothing is seen: all characters are equally likely.
pub(crate) const UNSEEN: Slot = [1.0 / SYMBOLS as f32; SYMBOLS];

/// Whether nothing is seen in a slot.
pub(crate) fn is_unseen(slot: &Slot) -> bool {
    slot.iter().all(|probability| *probability < 1.5 / SYMBOLS as f32)
}

/// Slots at equal distances along the columns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid {
    /// Column coordinate of the left edge of the first slot.
    pub first: f32,
    /// Columns per slot.
    pub step: f32,
    /// Number of slots.
    pub slots: usize,
}

impl Grid {
    /// The columns in which slot `i` may be emitted, as a half-open range.
    fn columns(&self, i: usize, count: usize) -> std::ops::Range<usize> {
        let middle = self.first + (i as f32 + 0.5) * self.step;
        let reach = REACH * self.step;
        // Conversions saturate, so that an absurd grid has no columns.
        let from = (middle - reach - 0.5).max(0.0) as usize;
        let from = from.saturating_add(usize::from(middle - reach > 0.5)).min(count);
        let to = ((middle + reach + 0.5).max(0.0) as usize).min(count);
        from..to.max(from)
    }
}

/// The states after each column. After column `t - 1` an alignment is either in blank with `i`
/// characters emitted, or in the character of slot `i`; the latter only for the few slots that the
/// column may belong to.
struct Band {
    columns: usize,
    slots: usize,
    /// Slots that must have been emitted before column `t`.
    low: Vec<usize>,
    /// Slots that may have been entered by column `t`.
    high: Vec<usize>,
}

impl Band {
    fn new(grid: &Grid, columns: usize) -> Self {
        let ranges: Vec<_> = (0..grid.slots).map(|i| grid.columns(i, columns)).collect();
        let low = (0..columns)
            .map(|t| ranges.iter().take_while(|range| range.end <= t).count())
            .collect();
        let high = (0..columns)
            .map(|t| ranges.iter().take_while(|range| range.start <= t).count())
            .collect();
        Self { columns, slots: grid.slots, low, high }
    }

    /// Slots that column `t` may belong to.
    fn active(&self, t: usize) -> std::ops::Range<usize> {
        self.low[t]..self.high[t].max(self.low[t])
    }

    /// Numbers of emitted characters that are possible around column `t`.
    fn emitted(&self, t: usize) -> std::ops::RangeInclusive<usize> {
        self.low[t]..=self.high[t].max(self.low[t]).min(self.slots)
    }
}

/// Probability masses of the states after one column; inactive slots have none.
#[derive(Clone)]
struct Layer {
    blank: Vec<f64>,
    first: usize,
    symbol: Vec<[f64; SYMBOLS]>,
}

const NO_SYMBOL: [f64; SYMBOLS] = [0.0; SYMBOLS];

impl Layer {
    /// The layer after column `t`; before the first column where `t` is `None`.
    fn zero(band: &Band, t: Option<usize>) -> Self {
        let active = t.map_or(0..0, |t| band.active(t));
        Self {
            blank: vec![0.0; band.slots + 1],
            first: active.start,
            symbol: vec![NO_SYMBOL; active.len()],
        }
    }

    fn symbol(&self, slot: usize) -> &[f64; SYMBOLS] {
        slot.checked_sub(self.first).and_then(|k| self.symbol.get(k)).unwrap_or(&NO_SYMBOL)
    }

    fn rescale(&mut self) {
        let total = self.blank.iter().sum::<f64>() + self.symbol.iter().flatten().sum::<f64>();
        if total > 0.0 {
            let factor = 1.0 / total;
            self.blank.iter_mut().for_each(|mass| *mass *= factor);
            self.symbol.iter_mut().flatten().for_each(|mass| *mass *= factor);
        }
    }

    /// The mass of all alignments that pass through these states, given the masses after them.
    fn meeting(&self, after: &Self) -> f64 {
        let blank: f64 = self.blank.iter().zip(&after.blank).map(|(a, b)| a * b).sum();
        let symbol: f64 = self
            .symbol
            .iter()
            .flatten()
            .zip(after.symbol.iter().flatten())
            .map(|(a, b)| a * b)
            .sum();
        blank + symbol
    }
}

/// The probability of each class in a column, none of them zero.
fn floored(columns: &Columns, t: usize) -> [f64; SYMBOLS + 1] {
    columns.at(t).map(|probability| f64::from(probability) + FLOOR)
}

/// `layers[t]`: the mass of all continuations from column `t` on.
fn backward(columns: &Columns, band: &Band) -> Vec<Layer> {
    let count = band.columns;
    let mut layers: Vec<Layer> = (0..=count).map(|t| Layer::zero(band, t.checked_sub(1))).collect();
    layers[count].blank[band.slots] = 1.0;
    if let Some(k) = (band.slots - 1).checked_sub(layers[count].first)
        && let Some(last) = layers[count].symbol.get_mut(k)
    {
        *last = [1.0; SYMBOLS];
    }
    for t in (0..count).rev() {
        let (head, tail) = layers.split_at_mut(t + 1);
        let (here, next) = (&mut head[t], &tail[0]);
        let column = floored(columns, t);
        // Mass of entering a slot in this column, by character.
        let entering = |slot: usize| -> [f64; SYMBOLS] {
            let symbol = next.symbol(slot);
            std::array::from_fn(|c| column[c] * symbol[c])
        };
        for emitted in band.emitted(t) {
            here.blank[emitted] =
                column[BLANK] * next.blank[emitted] + entering(emitted).iter().sum::<f64>();
        }
        for (k, symbol) in here.symbol.iter_mut().enumerate() {
            let slot = here.first + k;
            let (stay, enter) = (entering(slot), entering(slot + 1));
            let leave = column[BLANK] * next.blank[slot + 1] + enter.iter().sum::<f64>();
            // The same character again needs a blank in between.
            *symbol = std::array::from_fn(|c| stay[c] + (leave - enter[c]).max(0.0));
        }
        here.rescale();
    }
    layers
}

/// Marginal probabilities of every slot of `grid`. The mass of `c` in slot `i` is that of all
/// alignments that enter `c` there, summed over the columns in which they do. Slots that no column
/// belongs to are uniform.
#[must_use]
pub(crate) fn marginals(columns: &Columns, grid: &Grid) -> Vec<Slot> {
    if grid.slots == 0 {
        return Vec::new();
    }
    let band = Band::new(grid, columns.len());
    let after = backward(columns, &band);
    let mut totals = vec![NO_SYMBOL; grid.slots];
    let mut before = Layer::zero(&band, None);
    before.blank[0] = 1.0;
    for t in 0..band.columns {
        let column = floored(columns, t);
        let mut here = Layer::zero(&band, Some(t));
        for emitted in band.emitted(t) {
            let ended: f64 =
                emitted.checked_sub(1).map_or(0.0, |slot| before.symbol(slot).iter().sum());
            here.blank[emitted] = column[BLANK] * (before.blank[emitted] + ended);
        }
        let mut entered = vec![NO_SYMBOL; here.symbol.len()];
        for (k, symbol) in here.symbol.iter_mut().enumerate() {
            let slot = here.first + k;
            let previous = slot.checked_sub(1).map_or(&NO_SYMBOL, |slot| before.symbol(slot));
            let ended: f64 = previous.iter().sum();
            let held = before.symbol(slot);
            for c in 0..SYMBOLS {
                entered[k][c] = column[c] * (before.blank[slot] + (ended - previous[c]).max(0.0));
                symbol[c] = entered[k][c] + column[c] * held[c];
            }
        }
        // Every alignment passes here once. So but for rescaling, this total is the same in each
        // column.
        let all = here.meeting(&after[t + 1]);
        if all > 0.0 {
            for (k, enter) in entered.iter().enumerate() {
                let rest = after[t + 1].symbol(here.first + k);
                for c in 0..SYMBOLS {
                    totals[here.first + k][c] += enter[c] * rest[c] / all;
                }
            }
        }
        here.rescale();
        before = here;
    }
    totals.iter().map(normalised).collect()
}

/// Probability that anything is printed in each slot: the largest probability, over the columns
/// around the middle of the slot, that a column is not blank. The marginals cannot tell: they put a
/// character into every slot.
#[must_use]
pub(crate) fn ink(columns: &Columns, grid: &Grid) -> Vec<f32> {
    let at = |i: usize| {
        let middle = grid.first + (i as f32 + 0.5) * grid.step;
        let (from, to) = (
            (middle - 0.5 * grid.step).max(0.0) as usize,
            ((middle + 0.5 * grid.step).max(0.0) as usize).min(columns.len()),
        );
        (from..to).map(|t| columns.at(t)[..BLANK].iter().sum()).fold(0.0, f32::max)
    };
    (0..grid.slots).map(at).collect()
}

/// The probabilities of a slot, each times the weight of its symbol.
#[must_use]
pub(super) fn weighed(slot: &Slot, mut weight: impl FnMut(usize) -> f32) -> Slot {
    let mut weighed = *slot;
    for (symbol, probability) in weighed.iter_mut().enumerate() {
        *probability *= weight(symbol);
    }
    let sum: f32 = weighed.iter().sum();
    weighed.map(|probability| probability / sum)
}

/// The probabilities of a slot after the log odds of some symbols grew. The likeliest one stays so:
/// its lookalikes grow to half of it at most.
#[must_use]
pub(crate) fn with_gains(slot: &Slot, gains: &[(usize, f32)]) -> Slot {
    if gains.is_empty() {
        return *slot;
    }
    let mut slot = *slot;
    let most = MAX_OF_LOOKALIKE * slot[most_likely(&slot)];
    for &(symbol, gain) in gains {
        let grown = slot[symbol].max(MIN_PROBABILITY) * libm::expf(gain);
        slot[symbol] = grown.min(most).max(slot[symbol]);
    }
    weighed(&slot, |_| 1.0)
}

/// Probabilities from sums of log probabilities, of which a `share` counts.
#[must_use]
pub(crate) fn of_sums(sums: &Slot, share: f32) -> Slot {
    let largest = sums.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights = sums.map(|sum| libm::expf((sum - largest) * share));
    let total: f32 = weights.iter().sum();
    weights.map(|weight| weight / total)
}

fn normalised(total: &[f64; SYMBOLS]) -> Slot {
    let sum: f64 = total.iter().sum();
    if sum > 0.0 { total.map(|mass| (mass / sum) as f32) } else { [1.0 / SYMBOLS as f32; SYMBOLS] }
}

#[cfg(test)]
mod tests {
    use super::super::columns::CLASSES;
    use super::*;

    /// All alignments one by one: paths of classes that collapse to one character per slot, within
    /// the columns of that slot.
    fn naive(columns: &Columns, grid: &Grid) -> Vec<Slot> {
        fn walk(
            t: usize,
            path: &mut Vec<usize>,
            mass: f64,
            (columns, grid): (&Columns, &Grid),
            totals: &mut [[f64; SYMBOLS]],
        ) {
            if t == columns.len() {
                let mut text: Vec<(usize, Vec<usize>)> = Vec::new();
                let mut last = BLANK;
                for (t, &class) in path.iter().enumerate() {
                    if class != BLANK && class == last {
                        if let Some((_, held)) = text.last_mut() {
                            held.push(t);
                        }
                    } else if class != BLANK {
                        text.push((class, vec![t]));
                    }
                    last = class;
                }
                let fits = text.len() == grid.slots
                    && text.iter().enumerate().all(|(i, (_, held))| {
                        held.iter().all(|t| grid.columns(i, columns.len()).contains(t))
                    });
                if fits {
                    for (i, &(class, _)) in text.iter().enumerate() {
                        totals[i][class] += mass;
                    }
                }
                return;
            }
            // Three characters and blank cover every case.
            for class in [0, 1, 2, BLANK] {
                path.push(class);
                walk(t + 1, path, mass * floored(columns, t)[class], (columns, grid), totals);
                path.pop();
            }
        }
        let mut totals = vec![NO_SYMBOL; grid.slots];
        walk(0, &mut Vec::new(), 1.0, (columns, grid), &mut totals);
        totals.iter().map(normalised).collect()
    }

    #[test]
    fn marginals_are_those_of_all_alignments() {
        let mut state = 1u32;
        for case in 0..20 {
            let mut logits = vec![-60.0f32; 8 * CLASSES];
            for column in logits.chunks_mut(CLASSES) {
                for class in [0, 1, 2, BLANK] {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    column[class] = (state >> 24) as f32 / 40.0;
                }
            }
            let columns = Columns::from_logits(&logits, 1.0);
            let grid = Grid { first: 0.3, step: 2.5 - 0.1 * (case % 3) as f32, slots: 3 };
            for (fast, slow) in marginals(&columns, &grid).iter().zip(naive(&columns, &grid)) {
                for c in 0..SYMBOLS {
                    assert!(
                        (fast[c] - slow[c]).abs() < 1e-5,
                        "case {case} symbol {c}: {} {}",
                        fast[c],
                        slow[c]
                    );
                }
            }
        }
    }

    #[test]
    fn what_lies_outside_the_columns_is_uniform() {
        let columns = Columns::from_logits(&[0.0; CLASSES * 4], 1.0);
        let far = marginals(&columns, &Grid { first: 100.0, step: 3.0, slots: 2 });
        assert!(far.iter().flatten().all(|p| (p - 1.0 / SYMBOLS as f32).abs() < 1e-6));
        assert!(marginals(&columns, &Grid { first: 0.0, step: 3.0, slots: 0 }).is_empty());
        assert_eq!(
            marginals(&Columns::from_logits(&[], 1.0), &Grid { first: 0.0, step: 3.0, slots: 1 })
                .len(),
            1
        );
    }
    #[test]
    fn absurd_grids_end() {
        let columns = Columns::from_logits(&[0.5; CLASSES * 6], 1.0);
        let absurd = [0.0, -1.0, 1e-30, 1e30, -1e30, f32::MAX, f32::INFINITY, f32::NAN];
        for first in absurd {
            for step in absurd {
                let grid = Grid { first, step, slots: 3 };
                let slots = marginals(&columns, &grid);
                assert_eq!(slots.len(), 3);
                for slot in slots {
                    let sum: f32 = slot.iter().sum();
                    assert!((sum - 1.0).abs() < 1e-4, "{grid:?}: {sum}");
                }
                let share = |ink: f32| (0.0..=1.0001).contains(&ink);
                assert!(ink(&columns, &grid).into_iter().all(share), "{grid:?}");
            }
        }
    }
}
