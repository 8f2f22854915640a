//! What the fuzz targets do with an input, as plain functions: `cargo xtask fuzz` calls them with
//! inputs that libFuzzer makes, and the tests of this crate call them with seeds and regression files.
//!
//! Each function panics if a promise of `docs/reliability.md` is broken, and returns otherwise.

mod alloc;
mod bytes;
mod fusion;
mod graph;
mod model;
mod picture;
mod products;
mod reading;
mod scene;
pub mod seeds;
mod windows;
mod zone;

pub use fusion::fusion;
pub use graph::graph;
pub use model::model;
pub use picture::picture;
pub use products::products;
pub use reading::reading;
pub use scene::specimens;
pub use windows::windows;
pub use zone::zone;

/// A fuzz target: its name, and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// All targets, by name.
pub const TARGETS: [Target; 8] = [
    ("fusion", fusion),
    ("graph", graph),
    ("model", model),
    ("picture", picture),
    ("products", products),
    ("reading", reading),
    ("windows", windows),
    ("zone", zone),
];
