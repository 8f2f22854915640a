//! Errors of models.

use std::fmt;

/// Why a model file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelError {
    /// The file is not a safetensors file, or is cut off; with the reader's message.
    Container(String),
    /// The file is not a model of this project, or its layout is unknown to this version.
    Format {
        /// The metadata key.
        key: &'static str,
        /// Its value; empty if the key is missing.
        found: String,
    },
    /// The description of the network is invalid; with the reason.
    Description(String),
    /// The description of a layer is invalid.
    Layer {
        /// The layer's name.
        layer: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A tensor is missing, has the wrong type or size, or holds values out of range.
    Tensor {
        /// The tensor's name.
        tensor: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Container(reason) => {
                write!(f, "the model is not a complete safetensors file: {reason}")
            }
            Self::Format { key, found } if found.is_empty() => {
                write!(f, "the model's metadata lacks `{key}`")
            }
            Self::Format { key, found } => {
                write!(f, "the model's `{key}` is `{found}`, which this version does not know")
            }
            Self::Description(reason) => write!(f, "the model's description is invalid: {reason}"),
            Self::Layer { layer, problem } => write!(f, "layer `{layer}`: {problem}"),
            Self::Tensor { tensor, problem } => write!(f, "tensor `{tensor}`: {problem}"),
        }
    }
}

impl std::error::Error for ModelError {}
