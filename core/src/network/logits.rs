//! The result of a network.

/// Scores of all classes for each column.
#[derive(Debug, Clone, PartialEq)]
pub struct Logits {
    pub(super) columns: usize,
    pub(super) classes: usize,
    pub(super) values: Values,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Values {
    Integer { values: Vec<i32>, scale: f32 },
    Float(Vec<f32>),
}

impl Default for Logits {
    /// No columns.
    fn default() -> Self {
        Self { columns: 0, classes: 0, values: Values::Float(Vec::new()) }
    }
}

impl Logits {
    /// Number of columns: the width of the input divided by the model's column stride.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The exact logits of an integer network, `[column][class]`; `None` in single precision.
    #[must_use]
    pub fn integers(&self) -> Option<&[i32]> {
        match &self.values {
            Values::Integer { values, .. } => Some(values),
            Values::Float(_) => None,
        }
    }

    /// The logits, `[column][class]`, scaled so that a softmax of them gives probabilities.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "logits are compared, not computed with, from here on")]
    pub fn to_f32(&self) -> Vec<f32> {
        match &self.values {
            Values::Integer { values, scale } => values.iter().map(|&value| value as f32 * scale).collect(),
            Values::Float(values) => values.clone(),
        }
    }
}
