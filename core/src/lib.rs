//! An engine for 4-bit convolutional networks on CPUs, with exact integers: every target computes
//! the same bits.
//!
//! The method is that of "Fast Implementation of 4-bit Convolutional Neural Networks for Mobile
//! Devices" (arXiv 2009.06488). A network comes as a model file ([`Model`], described in
//! `docs/model-file.md`) and runs in 4 bits, in 8 bits, or in single precision.
//!
//! ```
//! use nibble_core::{Kernels, Model, Network};
//!
//! # let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
//! # std::env::set_current_dir(root).unwrap();
//! let file = std::fs::read("models/ocr-u4.safetensors")?;
//! let mut network = Network::from_bytes(&file)?;
//!
//! // This network reads 24 rows of gray values, row by row, any multiple of 4 columns wide.
//! let (height, width) = (24, 320);
//! let logits = network.run(&vec![255; height * width])?;
//! assert_eq!((logits.rows(), logits.columns(), logits.classes()), (1, 80, 38));
//! let scores: &[i32] = logits.integers().expect("a 4-bit network has exact logits");
//! assert_eq!(scores.len(), 80 * 38);
//!
//! // Where the CPU is not to be trusted, every kernel can be tested before it is used.
//! let mut kernels = Kernels::detect();
//! let choices = kernels.choose(&[network.precision()], None, &|_| true);
//! assert!(choices.iter().all(|choice| choice.wrong.is_empty()));
//! let network = Network::with_kernels(Model::parse(&file)?, &kernels)?;
//! assert_eq!(network.kernel(), choices[0].kernel);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The parts
//! | type | what it is |
//! |---|---|
//! | [`Model`] | a model file, parsed and checked |
//! | [`Network`] | a model packed for this machine's kernels, with the buffers it runs in |
//! | [`Logits`] | what a network computes: class scores for each column of logits |
//! | [`Kernels`] | the kernel that multiplies at each precision: a value, not a global |
//! | [`graph`] | networks of any shape, as graphs of operations |
//! | [`Fnv1a64`] | the digest by which results of different machines are compared |
//!
//! # The same bits
//! Integer networks (4 and 8 bits) compute the same logits on every CPU, in every browser, with
//! every kernel. The only float operations between input and logits are those of requantisation:
//! for each value one conversion, one product and one rounding, never fused. In single precision,
//! results depend on the order of the sums, and are compared with a tolerance.
//!
//! Nothing here does I/O or reads a clock.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;

mod bounds;
mod clock;
mod fnv;
mod gemm;
pub mod graph;
pub mod model;
mod network;
mod precision;
mod quant;

pub use clock::{Clock, clock_step};
pub use fnv::Fnv1a64;
pub use gemm::{Choice, Kernels, OperandRange};
pub use model::{Model, ModelError, RunLimits};
pub use network::{Activations, InputError, LayerOutput, Logits, Network};
pub use precision::Precision;

/// Products prepared for benches and for checks of kernels. Not part of the stable API.
#[cfg(feature = "bench")]
pub mod products {
    pub use crate::gemm::compare::{Compared, WindowProduct, requantisation_is_equal};
    pub use crate::gemm::products::{
        Operands, Product, SeenKernel, Shape, chosen, every, of_kernel, requantisation_is_exact,
        verify,
    };
}
