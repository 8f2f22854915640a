//! `cargo xtask miri`: runs tests in Miri, which notices undefined behaviour: reads and writes out of
//! bounds, of freed or uninitialised memory, of wrong alignment.
//!
//! Once for this machine and once for s390x, a big-endian target without kernels of its own, where the
//! portable ones run. Instructions of one architecture are tested under AddressSanitizer instead
//! (`cargo xtask fuzz --target products`).

use anyhow::{Result, bail, ensure};

use crate::fuzz::{nightly, toolchain};
use crate::shell::{output, root, run, step};

/// A big-endian target.
const BIG_ENDIAN: &str = "s390x-unknown-linux-gnu";

/// What is run: a package with its options, and the tests whose names contain one of these words. The
/// others race kernels, or take hours in an interpreter.
const TESTS: [(&[&str], &[&str]); 5] = [
    (
        &["-p", "nibble-core", "--features", "bench", "--lib"],
        &["arithmetic", "bounds", "compare", "fnv", "model", "oracle", "quant", "windows"],
    ),
    (&["-p", "nibble-capi", "--lib"], &[]),
    (&["-p", "nibble-wasm-sheet", "--lib"], &["pixels", "no_place"]),
    (&["-p", "nibble-mrz", "--lib"], &[]),
    (&["-p", "nibble-wasm-picture", "--lib"], &["failures", "too_long"]),
];

/// Runs the tests on both targets.
pub(crate) fn miri(options: &[&str]) -> Result<()> {
    ensure!(options.is_empty(), "cargo xtask miri has no options");
    toolchain(&["miri", "rust-src"])?;
    let Some(host) = output(nightly().args(["-vV"])) else { bail!("cargo does not run") };
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    for target in [host, BIG_ENDIAN] {
        for (package, words) in TESTS {
            step(&format!("Miri {target}: {}", package.join(" ")), || {
                let mut cargo = nightly();
                cargo.args(["miri", "test", "--quiet", "--target", target]).args(package);
                cargo.arg("--").args(words);
                // Tests read files of the repository.
                cargo.env("MIRIFLAGS", "-Zmiri-disable-isolation");
                run(cargo.env("CARGO_TARGET_DIR", root().join("target/miri")))
            })?;
        }
    }
    Ok(())
}
