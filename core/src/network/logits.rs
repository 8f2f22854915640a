//! The result of a network.

/// Scores of all classes for each column of a strip, or all channels of each cell of maps.
#[derive(Debug, Clone, PartialEq)]
pub struct Logits {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) classes: usize,
    pub(super) values: Values,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Values {
    Integer { values: Vec<i32>, scale: Scale },
    Float(Vec<f32>),
}

/// The value of one unit of an integer logit.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scale {
    /// The same for all classes.
    Single(f32),
    /// One for each channel.
    EachChannel(Vec<f32>),
}

impl Default for Logits {
    /// No columns.
    fn default() -> Self {
        Self { rows: 0, columns: 0, classes: 0, values: Values::Float(Vec::new()) }
    }
}

impl Logits {
    /// Number of rows: 1, or for maps the height of the input divided by the model's row stride.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns: the width of the input divided by the model's column stride.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Number of classes, or of channels.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The exact logits of an integer network, `[row][column][class]`; `None` in single precision.
    #[must_use]
    pub fn integers(&self) -> Option<&[i32]> {
        match &self.values {
            Values::Integer { values, .. } => Some(values),
            Values::Float(_) => None,
        }
    }

    /// The logits, `[row][column][class]`, scaled: a softmax of those of a strip gives
    /// probabilities.
    #[must_use]
    #[allow(
        clippy::cast_precision_loss,
        reason = "logits are compared, not computed with, from here on"
    )]
    pub fn to_f32(&self) -> Vec<f32> {
        match &self.values {
            Values::Integer { values, scale: Scale::Single(scale) } => {
                values.iter().map(|&value| value as f32 * scale).collect()
            }
            Values::Integer { values, scale: Scale::EachChannel(scales) } => values
                .iter()
                .zip(scales.iter().cycle())
                .map(|(&value, scale)| value as f32 * scale)
                .collect(),
            Values::Float(values) => values.clone(),
        }
    }
}
