//! arm64: the inner loops that the compiler emits for native kernels, and V8 and JavaScriptCore for
//! those in WebAssembly.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, bail, ensure};

use super::{
    Instruction, Isa, TABLE, best_loop, filters_in_a_lane, functions, hexadecimal, listing, row,
};
use crate::engines::{self, ENGINES};
use crate::shell::output;

const ARM64: Isa = Isa {
    target: "aarch64-unknown-linux-musl",
    comment: "//",
    multiply_adds: |body| body.iter().map(multiply_adds).sum(),
    is_stack_access,
};

/// Multiply-adds of an arm64 instruction.
fn multiply_adds(instruction: &Instruction) -> usize {
    // SDOT and UDOT of bytes, by vector or by lane, and the matrix products of bytes.
    let is_dot = |bits: u32| bits & 0xdfe0_fc00 == 0x4e80_9400 || bits & 0xdfc0_f400 == 0x4f80_e000;
    // Old versions of qemu do not name all instructions.
    if u32::from_str_radix(&instruction.bytes, 16).is_ok_and(is_dot) {
        return 16;
    }
    let lanes = instruction.operands.split(',').next().unwrap_or_default();
    let has = |shape: &str| lanes.contains(shape);
    match instruction.operation.as_str() {
        "sdot" | "udot" => 16,
        "usmmla" | "smmla" | "ummla" => 32,
        "mul" | "mla" | "fmla" | "fmul" => [(".16b", 16), (".8h", 8), (".4s", 4)]
            .into_iter()
            .find(|(shape, _)| has(shape))
            .map_or(0, |(_, n)| n),
        "smull" | "smull2" | "umull" | "umull2" | "smlal" | "smlal2" | "umlal" | "umlal2" => {
            [(".8h", 8), (".4s", 4)].into_iter().find(|(shape, _)| has(shape)).map_or(0, |(_, n)| n)
        }
        _ => 0,
    }
}

fn is_stack_access(instruction: &Instruction) -> bool {
    let Instruction { operation, operands, .. } = instruction;
    let vector = operands.starts_with(['q', 'd']);
    vector
        && matches!(operation.as_str(), "str" | "stp" | "ldr" | "ldp" | "stur" | "ldur")
        && operands.contains("[sp")
}

/// The table of the compiler's loops. Fails if one spills, or if the paper's kernel lacks its
/// instruction.
pub(super) fn compiled() -> Result<String> {
    let mut out = format!("| kernel {TABLE}\n|---|---|---|---|---|\n");
    let mut seen = Vec::new();
    for (name, code) in functions(&listing(&ARM64)?, &ARM64) {
        let Some((found, _)) = best_loop(&code, &ARM64) else { continue };
        ensure!(found.stack == 0, "the inner loop of {name} spills {} times", found.stack);
        ensure!(
            !name.starts_with("neon_paper") || found.umlal,
            "the paper's kernel has lost its UMLAL"
        );
        seen.push((name, found));
    }
    seen.sort_by(|a, b| a.0.cmp(&b.0));
    seen.dedup_by(|a, b| a == b);
    for wanted in
        ["neon_paper::tile", "neon_pair::tile", "neon::tile_f32", "dotprod::tile", "i8mm::tile"]
    {
        ensure!(
            seen.iter().any(|(name, _)| name.starts_with(wanted)),
            "{wanted} is not in the listing"
        );
    }
    for (name, found) in &seen {
        row(&mut out, name, found);
        out.push('\n');
    }
    Ok(out)
}

/// The instructions in qemu's log, in order of their addresses.
fn translated(log: &str) -> Vec<Instruction> {
    let lines = log.lines().filter_map(|line| {
        let (address, rest) = line.strip_prefix("0x")?.split_once(":  ")?;
        let (bits, text) = rest.trim_start().split_at_checked(8)?;
        let (operation, operands) =
            text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
        let jumps = operation.starts_with("b.")
            || matches!(operation, "b" | "cbz" | "cbnz" | "tbz" | "tbnz");
        let target = operands.rsplit('#').next().filter(|word| jumps && word.starts_with("0x"));
        let place = hexadecimal(address)?;
        let line = Instruction {
            place,
            operation: operation.to_owned(),
            operands: operands.trim().to_owned(),
            bytes: bits.to_owned(),
            target: target.and_then(hexadecimal).filter(|&target| target < place),
        };
        Some((place, line))
    });
    lines.collect::<BTreeMap<_, _>>().into_values().collect()
}

/// The table of the loops that the engines emit.
pub(super) fn emitted() -> Result<String> {
    engines::install()?;
    let mut out = format!("| engine | processor | kernel {TABLE}\n|---|---|---|---|---|---|---|\n");
    for engine in &ENGINES {
        let mut kernels = engines::kernels(engine)?;
        kernels.retain(|(kernel, _)| !kernel.starts_with("portable"));
        kernels.sort();
        kernels.dedup_by(|a, b| a.0 == b.0);
        for (kernel, _) in kernels {
            println!("    {}, {}, {}: {kernel}", engine.name, engine.cpu, engine.binary);
            let log = engines::log();
            let options = ["-d", "in_asm", "-D", &log.to_string_lossy()];
            ensure!(
                output(&mut engine.shell(&options, true, &["run", &kernel])).is_some(),
                "{} could not run {kernel}",
                engine.name
            );
            let text = fs::read(&log).context("qemu's log")?;
            let code = translated(&String::from_utf8_lossy(&text));
            let Some((mut found, _)) = best_loop(&code, &ARM64) else {
                bail!("no inner loop of {kernel} in what {} ran", engine.name);
            };
            found.multiply_adds *= filters_in_a_lane(&kernel);
            row(&mut out, &format!("{} | {} | {kernel}", engine.name, engine.cpu), &found);
            out.push('\n');
            fs::remove_file(&log).context("qemu's log")?;
        }
    }
    Ok(out)
}
