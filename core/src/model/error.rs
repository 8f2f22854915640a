//! Why a model cannot be used.

use std::fmt;

/// Why a model file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelError {
    /// Not a safetensors file, or one that is cut off: what the container's reader said.
    Container(String),
    /// No model of this project, or a layout that this version does not know.
    Format {
        /// The metadata key.
        key: &'static str,
        /// What it holds; empty where it is missing.
        found: String,
    },
    /// The network's description cannot be read: what its parser said.
    Description(String),
    /// The description asks for what cannot be.
    Layer {
        /// The layer's name.
        layer: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A tensor is missing, has another type or shape, or holds values out of range.
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
            Self::Container(reason) => write!(f, "the model is not a whole safetensors file: {reason}"),
            Self::Format { key, found } if found.is_empty() => {
                write!(f, "the model's metadata lacks `{key}`")
            }
            Self::Format { key, found } => {
                write!(f, "the model's `{key}` is `{found}`, which this version does not know")
            }
            Self::Description(reason) => write!(f, "the model's description cannot be read: {reason}"),
            Self::Layer { layer, problem } => write!(f, "layer `{layer}`: {problem}"),
            Self::Tensor { tensor, problem } => write!(f, "tensor `{tensor}`: {problem}"),
        }
    }
}

impl std::error::Error for ModelError {}
