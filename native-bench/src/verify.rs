//! `native-bench verify`: every kernel of this CPU against the naive product, bit for bit.

use std::process::ExitCode;

use nibble_bench::verify;

/// Prints a line for each kernel; fails if one differs.
pub(crate) fn run() -> ExitCode {
    let verdicts = verify();
    for seen in &verdicts {
        let verdict = if seen.exact { "equal" } else { "DIFFERENT" };
        println!("{verdict:9} {:24} {:3} {}", seen.kernel, seen.precision, seen.isa);
    }
    if verdicts.iter().all(|seen| seen.exact) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
