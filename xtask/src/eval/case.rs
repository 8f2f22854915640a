//! Pictures with their texts, what was read in them, and counts of both.

use serde_json::Value;

/// Height of the outline of a line, in capital heights (`reader/src/path.rs`).
const QUAD_HEIGHT: f64 = 1.3;

/// One picture of the index, and what was read in it.
pub(super) struct Case {
    pub(super) file: String,
    /// The document's format.
    pub(super) document: String,
    pub(super) kind: String,
    pub(super) wanted: Vec<String>,
    pub(super) reading: Value,
}

/// The stage that lost a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// No zone was found.
    Locating,
    /// A line differs.
    Reading,
    /// The lines are right but were parsed as those of another format.
    Parsing,
}

impl Case {
    pub(super) fn loss(&self) -> Option<Loss> {
        if self.wanted.is_empty() {
            return None;
        }
        let format = self.reading["document"]["format"].as_str().unwrap_or_default();
        match () {
            () if self.found().is_empty() => Some(Loss::Locating),
            () if !self.is_exact() => Some(Loss::Reading),
            () if format != self.document => Some(Loss::Parsing),
            () => None,
        }
    }

    pub(super) fn found(&self) -> Vec<&str> {
        self.reading["lines"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }

    pub(super) fn is_exact(&self) -> bool {
        self.found() == self.wanted
    }

    pub(super) fn is_wrong_but_valid(&self) -> bool {
        !self.is_exact() && self.reading["valid"] == true
    }

    /// Whether only the line of the name differs, which has no check digits.
    pub(super) fn is_wrong_in_name_only(&self) -> bool {
        let name = if self.wanted.len() == 3 { 2 } else { 0 };
        let found = self.found();
        found.len() == self.wanted.len()
            && (0..found.len()).all(|line| line == name || found[line] == self.wanted[line])
    }

    pub(super) fn lines_exact(&self) -> usize {
        self.wanted.iter().zip(self.found()).filter(|(wanted, found)| wanted == found).count()
    }

    /// Height of the capitals of the first line found, in pixels; `None` if no zone was found.
    pub(super) fn capital_height(&self) -> Option<f64> {
        let corner = |index: usize| {
            let corner = &self.reading["quads"][0][index];
            Some((corner[0].as_f64()?, corner[1].as_f64()?))
        };
        let ((ax, ay), (bx, by)) = (corner(0)?, corner(3)?);
        let (x, y) = (ax - bx, ay - by);
        Some((x * x + y * y).sqrt() / QUAD_HEIGHT)
    }

    pub(super) fn milliseconds(&self) -> f64 {
        ["locate", "network"].iter().filter_map(|stage| self.reading["ms"][stage].as_f64()).sum()
    }
}

/// The counts of one kind.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) documents: usize,
    pub(super) exact: usize,
    pub(super) lines: usize,
    pub(super) lines_exact: usize,
    pub(super) characters: usize,
    pub(super) edits: usize,
    pub(super) valid: usize,
    pub(super) wrong_but_valid: usize,
    pub(super) wrong_in_name: usize,
    /// Documents lost, by [`Loss`].
    pub(super) lost: [usize; 3],
    pub(super) milliseconds: Vec<f64>,
}

impl Tally {
    pub(super) fn add(&mut self, case: &Case) {
        self.documents += 1;
        self.exact += usize::from(case.is_exact());
        self.lines += case.wanted.len();
        self.lines_exact += case.lines_exact();
        self.characters += case.wanted.iter().map(String::len).sum::<usize>();
        self.edits += edits(&case.wanted.concat(), &case.found().concat());
        self.valid += usize::from(case.reading["valid"] == true);
        self.wrong_but_valid += usize::from(case.is_wrong_but_valid());
        self.wrong_in_name +=
            usize::from(case.is_wrong_but_valid() && case.is_wrong_in_name_only());
        if let Some(loss) = case.loss() {
            self.lost[loss as usize] += 1;
        }
        self.milliseconds.push(case.milliseconds());
    }

    /// Limits of the 95 % interval of the share of exact documents, in percent (Wilson 1927, eq.
    /// 5).
    #[allow(clippy::cast_precision_loss, reason = "counts of documents")]
    pub(super) fn interval(&self) -> (f64, f64) {
        const Z: f64 = 1.96;
        let n = self.documents.max(1) as f64;
        let share = self.exact as f64 / n;
        let middle = share + Z * Z / (2.0 * n);
        let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        let scale = 100.0 / (1.0 + Z * Z / n);
        (scale * (middle - half), scale * (middle + half))
    }

    pub(super) fn times(&self) -> (f64, f64) {
        let mut sorted = self.milliseconds.clone();
        sorted.sort_by(f64::total_cmp);
        (
            sorted.get(sorted.len() / 2).copied().unwrap_or(0.0),
            sorted.last().copied().unwrap_or(0.0),
        )
    }

    #[allow(clippy::cast_precision_loss, reason = "counts of characters")]
    pub(super) fn accuracy(&self) -> f64 {
        100.0 * (1.0 - self.edits as f64 / self.characters.max(1) as f64)
    }
}

/// Levenshtein distance.
pub(super) fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        assert_eq!(edits("KITTEN", "SITTING"), 3);
        assert_eq!(edits("", "AB"), 2);
    }
}
