//! `native-bench verify`: compares every kernel with the naive product, bit for bit.

use std::io::Write;
use std::process::ExitCode;

use nibble_bench::verify;

use crate::print;

/// Prints a line for each kernel that this CPU can run. Fails if one differs.
pub(crate) fn run(out: &mut impl Write) -> ExitCode {
    let verdicts = verify();
    let exact = verdicts.iter().all(|seen| seen.exact);
    let printed = verdicts.iter().try_for_each(|seen| {
        let verdict = if seen.exact { "equal" } else { "DIFFERENT" };
        writeln!(out, "{verdict:9} {:24} {:3} {}", seen.kernel, seen.precision, seen.isa)
    });
    print::finished(printed, if exact { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
