//! JavaScript bindings of `nibble-reader`, `nibble-bench` and the graphs of `nibble-core`.
//!
//! The npm package around them (`wasm/npm`) queues calls, loads files and declares the types. It has
//! them in three modules, by the features `read`, `bench` and `network`: a page that reads loads
//! neither what measures nor what runs other networks. Image files are decoded by modules of their
//! own, `wasm/picture`.

#[cfg(feature = "bench")]
mod bench;
mod clock;
mod error;
#[cfg(feature = "read")]
mod explain;
mod kernels;
#[cfg(feature = "network")]
mod network;
#[cfg(feature = "read")]
mod reading;
mod restart;
#[cfg(feature = "read")]
mod text;

use wasm_bindgen::prelude::*;

#[cfg(feature = "bench")]
pub use bench::{Bench, Product};
#[cfg(feature = "read")]
pub use explain::{Explainer, LayerOutput};
pub use kernels::choose_kernels;
#[cfg(feature = "network")]
pub use network::GraphNetwork;
#[cfg(feature = "read")]
pub use reading::{Engine, gray_of};
pub use restart::restart;
#[cfg(feature = "read")]
pub use text::parse_text;

/// Makes panics appear on the console with their message, not only as `unreachable`.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
}
