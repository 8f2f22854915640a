//! Class probabilities of each column of a strip.

use crate::numeric::exp;
use nibble_mrz::ALPHABET;

/// Number of characters in the alphabet.
pub(crate) const SYMBOLS: usize = ALPHABET.len();
/// Number of classes of the network: the characters, then blank.
pub(super) const CLASSES: usize = SYMBOLS + 1;
/// Index of the blank class, which means "no character here".
pub(super) const BLANK: usize = SYMBOLS;

/// For each column of a strip, the probability of every character and of blank.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Columns {
    probabilities: Vec<[f32; CLASSES]>,
}

impl Columns {
    /// Softmax over each column's `CLASSES` logits, divided by `temperature`. Logits after the last
    /// whole column are ignored.
    #[must_use]
    pub(crate) fn from_logits(logits: &[f32], temperature: f32) -> Self {
        let (columns, _) = logits.as_chunks::<CLASSES>();
        Self { probabilities: columns.iter().map(|column| softmax(column, temperature)).collect() }
    }

    /// Number of columns.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.probabilities.len()
    }

    /// Probabilities of column `t`; all zero beyond the last column.
    #[must_use]
    pub(crate) fn at(&self, t: usize) -> &[f32; CLASSES] {
        const NONE: &[f32; CLASSES] = &[0.0; CLASSES];
        self.probabilities.get(t).unwrap_or(NONE)
    }

    /// Probability of the likeliest character in column `t`, blank excluded; 0 beyond the last
    /// column.
    #[must_use]
    pub(crate) fn certainty(&self, t: usize) -> f32 {
        self.at(t)[..BLANK].iter().copied().fold(0.0, f32::max)
    }

    /// The likeliest class of column `t`, which may be blank.
    #[must_use]
    pub(crate) fn best(&self, t: usize) -> usize {
        let column = self.at(t);
        (0..CLASSES).max_by(|&a, &b| column[a].total_cmp(&column[b])).unwrap_or(BLANK)
    }
}

fn softmax(logits: &[f32; CLASSES], temperature: f32) -> [f32; CLASSES] {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut column = logits.map(|logit| exp((logit - largest) / temperature));
    let sum: f32 = column.iter().sum();
    for probability in &mut column {
        *probability /= sum;
    }
    column
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_sums_to_one_and_keeps_its_order() {
        let mut logits = [0.0f32; CLASSES];
        logits[5] = 4.0;
        logits[BLANK] = 3.0;
        let columns = Columns::from_logits(&logits, 1.0);
        assert_eq!(columns.len(), 1);
        assert!((columns.at(0).iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert_eq!(columns.best(0), 5);
        assert!(columns.at(0)[5] > columns.at(0)[BLANK]);
        let soft = Columns::from_logits(&logits, 2.0);
        assert!(soft.at(0)[5] < columns.at(0)[5]);
    }

    #[test]
    fn part_of_a_column_is_none() {
        assert_eq!(Columns::from_logits(&[1.0; CLASSES - 1], 1.0).len(), 0);
    }
}
