//! `cargo xtask machines`: reads the specimens on machines that are not at hand, in emulators: other
//! processors, 32 bits, big-endian. All must give the same bits. Then the engine's golden vectors
//! are compared on each, layer by layer.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::setup::{self, Need};
use crate::shell::{command, output, root, run, step};
use crate::{cache, page};

const RESULT: &str = "docs/results/parity.md";

/// A kind of machine.
struct Machine {
    name: &'static str,
    /// The target of rustc; none for that of this machine.
    target: Option<&'static str>,
    /// What runs its programs here, and the processor that it plays; none for a program that this
    /// machine runs itself.
    emulator: Option<(&'static str, &'static str)>,
    /// A linker other than the one in `.cargo/config.toml`.
    linker: Option<&'static str>,
}

const MACHINES: [Machine; 6] = [
    Machine { name: "this machine", target: None, emulator: None, linker: None },
    Machine {
        name: "i686, 32 bits, portable kernels",
        target: Some("i686-unknown-linux-musl"),
        emulator: None,
        linker: None,
    },
    Machine {
        name: "armv7, 32 bits, portable kernels",
        target: Some("armv7-unknown-linux-gnueabihf"),
        emulator: Some(("qemu-arm-static", "cortex-a7")),
        linker: Some("arm-linux-gnueabihf-gcc"),
    },
    Machine {
        name: "arm64, Cortex-A53: NEON",
        target: Some("aarch64-unknown-linux-musl"),
        emulator: Some(("qemu-aarch64-static", "cortex-a53")),
        linker: None,
    },
    Machine {
        name: "arm64 with dotprod",
        target: Some("aarch64-unknown-linux-musl"),
        emulator: Some(("qemu-aarch64-static", "neoverse-n1")),
        linker: None,
    },
    Machine {
        name: "s390x, big-endian, portable kernels",
        target: Some("s390x-unknown-linux-gnu"),
        emulator: Some(("qemu-s390x-static", "max")),
        linker: Some("s390x-linux-gnu-gcc"),
    },
];

/// Reads on every machine and fails if one differs; with `--write` writes the table.
pub(crate) fn compare(options: &[&str]) -> Result<()> {
    let write = match options {
        [] => false,
        ["--write"] => true,
        _ => bail!("cargo xtask machines [--write]"),
    };
    setup::install(&[Need::Machines])?;
    let mut table = String::from(
        "# The same bits\n\nWritten by `cargo xtask machines --write`. Every specimen, read in 8 and in 4 \
         bits: the digests of the\ngray picture, of the network's output, and of all else that is reported \
         (lines, confidences, corners,\nfields, check digits, reasons) are those of the first \
         row.\nGolden vectors hold the integers of every layer of networks and graphs, from a \
         simulation\nin NumPy; the tests `golden` and `graph_golden` of `nibble-core` compare \
         them.\n\n\
         | machine | run by | digests | equal | golden vectors |\n|---|---|---|---|---|\n",
    );
    let (mut expected, mut different) = (None::<String>, Vec::new());
    for machine in &MACHINES {
        let mut digests = String::new();
        step(machine.name, || {
            digests = machine.digests()?;
            machine.golden()
        })?;
        let expected = expected.get_or_insert_with(|| digests.clone());
        let total = digests.lines().count() * DIGESTS;
        let equal = equal(expected, &digests);
        if *expected != digests {
            different.push(machine.name);
        }
        let by = machine.emulator.map_or_else(
            || String::from("itself"),
            |(emulator, cpu)| format!("{}, {cpu}", emulator.trim_end_matches("-static")),
        );
        // Writing to a string cannot fail.
        let _ = writeln!(table, "| {} | {by} | {total} | {equal} | equal |", machine.name);
    }
    table.push_str(&in_runtimes(&mut different)?);
    print!("{table}");
    ensure!(different.is_empty(), "other bits: {}", different.join("; "));
    if write {
        fs::write(root().join(RESULT), table).context(RESULT)?;
    }
    Ok(())
}

/// The version of Deno, which npm has.
const DENO: &str = "2.9.6";

/// The rows of engines that run the npm package without a browser.
fn in_runtimes(different: &mut Vec<&'static str>) -> Result<String> {
    setup::install(setup::PAGE)?;
    page::build()?;
    let deno = cache::install("deno", DENO, |folder| {
        let mut npm = command("npm");
        npm.args(["install", "--silent", "--prefix"]).arg(folder).arg(format!("deno@{DENO}"));
        run(&mut npm)
    })?;
    let deno = deno.join("node_modules/.bin/deno").to_string_lossy().into_owned();
    let runtimes: [(&str, &str, &[&str]); 2] = [
        ("WebAssembly, the npm package", "Node", &["node"]),
        (
            "WebAssembly, the npm package in Deno",
            "Deno",
            &[&deno, "run", "--quiet", "--allow-read"],
        ),
    ];
    let mut rows = String::new();
    for (name, by, arguments) in runtimes {
        let (program, options) = arguments.split_first().context("a program")?;
        let mut running = command(program);
        running.args(options).arg("tests/digests.mjs").current_dir(root().join("web"));
        let mut counted = Value::Null;
        step(name, || {
            let printed = output(&mut running).with_context(|| format!("{by} does not read"))?;
            counted = serde_json::from_str(&printed)?;
            Ok(())
        })?;
        let (digests, equal) = (&counted["digests"], &counted["equal"]);
        ensure!(digests.as_u64().is_some_and(|count| count > 0), "{by} has read nothing");
        if digests != equal {
            different.push(by);
        }
        // Writing to a string cannot fail.
        let _ = writeln!(rows, "| {name} | {by} | {digests} | {equal} | step `page-package` |");
    }
    Ok(rows)
}

/// Digests in a line: of the gray picture, of the network's output, and of the rest.
const DIGESTS: usize = 3;

/// How many digests are the same, line by line.
fn equal(expected: &str, found: &str) -> usize {
    let words = |text: &str| -> Vec<String> {
        let last = |line: &str| -> Vec<String> {
            let words = line.split(' ').rev().take(DIGESTS);
            words.map(str::to_owned).collect()
        };
        text.lines().flat_map(last).collect()
    };
    words(expected).iter().zip(words(found)).filter(|(a, b)| **a == *b).count()
}

impl Machine {
    /// A cargo that builds for this machine, and runs what it builds in the emulator.
    fn cargo(&self, verb: &str) -> Command {
        let mut cargo = command("cargo");
        cargo.args([verb, "--quiet", "--profile", "emulated"]);
        let Some(target) = self.target else { return cargo };
        cargo.args(["--target", target]);
        let name = target.to_uppercase().replace('-', "_");
        if let Some(linker) = self.linker {
            cargo.env(format!("CARGO_TARGET_{name}_LINKER"), linker);
        }
        if let Some((emulator, cpu)) = self.emulator {
            let runner = format!("{emulator} -cpu {cpu} -L {}", self.libraries());
            cargo.env(format!("CARGO_TARGET_{name}_RUNNER"), runner);
        }
        cargo
    }

    /// The libraries of Debian's cross compiler, for programs that are not static.
    fn libraries(&self) -> String {
        let name = self.linker.and_then(|linker| linker.strip_suffix("-gcc"));
        format!("/usr/{}", name.unwrap_or_default())
    }

    /// Compares the engine with its golden vectors.
    fn golden(&self) -> Result<()> {
        let mut cargo = self.cargo("test");
        cargo.args(["-p", "nibble-core", "--test", "golden", "--test", "graph_golden"]);
        run(&mut cargo)
    }

    /// What the example `digests` of the reader prints for all specimens.
    fn digests(&self) -> Result<String> {
        run(self.cargo("build").args(["-p", "nibble-reader", "--example", "digests"]))?;
        let target = self.target.unwrap_or_default();
        let program = root().join("target").join(target).join("emulated/examples/digests");
        let mut running = match self.emulator {
            None => command(&program.to_string_lossy()),
            Some((emulator, cpu)) => {
                let mut emulated = command(emulator);
                emulated.args(["-cpu", cpu, "-L", &self.libraries()]).arg(&program);
                emulated
            }
        };
        let mut files = Vec::new();
        for entry in fs::read_dir(root().join("testdata/specimens")).context("the specimens")? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension != "csv") {
                files.push(path);
            }
        }
        files.sort();
        output(running.args(files)).with_context(|| format!("{} does not read", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differing_digests_are_counted() {
        let one = "a.jpg u8 1 2 3\nb.jpg u8 4 - 6";
        assert_eq!(equal(one, one), 6);
        assert_eq!(equal(one, "a.jpg u8 1 2 4\nb.jpg u8 4 5 6"), 4);
        assert_eq!(equal(one, ""), 0);
    }
}
