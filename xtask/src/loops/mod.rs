//! Inner loops of kernels: multiply-adds per instruction, and accesses to the stack within. Times on an ARM CPU are not at hand; what compilers and engines emit is.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result, bail, ensure};

use crate::engines::{self, ENGINES};
use crate::shell::{command, output, root, run};

/// Instructions farther apart are no inner loop.
const LONGEST: usize = 1000;

/// An instruction, at an address or a line.
struct Instruction {
    place: u64,
    operation: String,
    operands: String,
    /// Its bits, where they are known: old qemu does not name all of them.
    bits: Option<u32>,
    /// Where it may jump.
    target: Option<u64>,
}

/// What a loop does in one round.
#[derive(Clone, PartialEq)]
struct Loop {
    multiply_adds: usize,
    instructions: usize,
    stack: usize,
    /// Whether it holds the paper's instruction.
    umlal: bool,
}

impl Loop {
    fn ratio(&self) -> f64 {
        let count = |value: usize| f64::from(u32::try_from(value).unwrap_or(u32::MAX));
        count(self.multiply_adds) / count(self.instructions.max(1))
    }
}

/// Multiply-adds of an arm64 instruction.
fn multiply_adds(instruction: &Instruction) -> usize {
    // SDOT and UDOT of bytes by vector or by lane, and the matrix products of bytes.
    let is_dot = |bits: u32| bits & 0xdfe0_fc00 == 0x4e80_9400 || bits & 0xdfc0_f400 == 0x4f80_e000;
    if instruction.bits.is_some_and(is_dot) {
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

/// The loop with most multiply-adds per instruction.
fn best_loop(code: &[Instruction]) -> Option<Loop> {
    let places: BTreeMap<u64, usize> = code.iter().enumerate().map(|(at, line)| (line.place, at)).collect();
    let loops = code.iter().enumerate().filter_map(|(end, last)| {
        let start = *places.get(&last.target?)?;
        let body = code.get(start..=end).filter(|body| body.len() <= LONGEST)?;
        let found = Loop {
            multiply_adds: body.iter().map(multiply_adds).sum(),
            instructions: body.len(),
            stack: body.iter().filter(|line| is_stack_access(line)).count(),
            umlal: body.iter().any(|line| line.operation == "umlal"),
        };
        (found.multiply_adds >= 16).then_some(found)
    });
    loops.max_by(|a, b| a.ratio().total_cmp(&b.ratio()))
}

/// The compiler's listing of the core for arm64.
fn listing() -> Result<String> {
    let target = root().join("target/listing");
    let mut cargo = command("cargo");
    cargo.args(["rustc", "--quiet", "--release", "-p", "nibble-core", "--lib", "--target"]);
    cargo.args(["aarch64-unknown-linux-musl", "--", "--emit", "asm", "-C", "lto=off"]);
    run(cargo.env("CARGO_TARGET_DIR", &target))?;
    let folder = target.join("aarch64-unknown-linux-musl/release/deps");
    let newest = fs::read_dir(folder).context("listing")?.filter_map(|entry| {
        let path = entry.ok()?.path();
        let name = path.file_name()?.to_string_lossy().into_owned();
        (name.starts_with("nibble_core-") && name.ends_with(".s"))
            .then(|| Some((fs::metadata(&path).ok()?.modified().ok()?, path)))?
    });
    let (_, path) = newest.max().context("the compiler left no listing")?;
    fs::read_to_string(path).context("listing")
}

/// Functions of the kernels in a listing: `module::function` and its instructions.
fn functions(listing: &str) -> Vec<(String, Vec<Instruction>)> {
    let mut found: Vec<(String, Vec<Instruction>)> = Vec::new();
    let mut labels = BTreeMap::new();
    let mut jumps = Vec::new();
    let mut inside = false;
    for (place, line) in (0..).zip(listing.lines()) {
        let line = line.split("//").next().unwrap_or_default().trim_end();
        if let Some(name) = kernel_function(line) {
            found.push((name, Vec::new()));
            inside = true;
        } else if line.starts_with(".Lfunc_end") {
            inside = false;
        } else if let Some(label) = line.strip_suffix(':') {
            labels.insert(label.to_owned(), place);
        } else if inside && line.starts_with('\t') && !line.trim_start().starts_with('.') {
            let (operation, operands) = line.trim().split_once('\t').unwrap_or((line.trim(), ""));
            let function = found.len() - 1;
            let code = &mut found[function].1;
            if let Some(label) = operands.rsplit([',', ' ']).next().filter(|word| word.starts_with(".LBB")) {
                jumps.push((function, code.len(), label.to_owned()));
            }
            let (operation, operands) = (operation.to_owned(), operands.to_owned());
            code.push(Instruction { place, operation, operands, bits: None, target: None });
        }
    }
    for (function, at, label) in jumps {
        let Some(&label) = labels.get(&label) else { continue };
        let code = &mut found[function].1;
        // A label stands before the instruction it names; only jumps back make loops.
        let target = code.iter().map(|line| line.place).find(|&place| place > label);
        if let Some(line) = code.get_mut(at) {
            line.target = target.filter(|&target| target <= line.place);
        }
    }
    found
}

/// `module::function` of a label that begins a kernel's tile.
fn kernel_function(line: &str) -> Option<String> {
    let rest = line.strip_prefix("_ZN11nibble_core4gemm")?.strip_suffix(':')?;
    let (module, rest) = identifier(rest)?;
    let (function, _) = identifier(rest)?;
    function.starts_with("tile").then(|| format!("{module}::{function}"))
}

/// A mangled identifier, its length before it, and what follows.
fn identifier(text: &str) -> Option<(&str, &str)> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit())?;
    let length: usize = text[..digits].parse().ok()?;
    text[digits..].split_at_checked(length)
}

const TABLE: &str = "| multiply-adds | instructions | per instruction | stack accesses |\n";

fn row(out: &mut String, name: &str, found: &Loop) {
    let Loop { multiply_adds, instructions, stack, .. } = found;
    // Writing to a string cannot fail.
    let _ = writeln!(out, "| {name} | {multiply_adds} | {instructions} | {:.2} | {stack} |", found.ratio());
}

/// The table of the compiler's loops. Fails where one spills, or the paper's kernel lacks its instruction.
fn compiled() -> Result<String> {
    let mut out = format!("| kernel {TABLE}|---|---|---|---|---|\n");
    let mut seen = Vec::new();
    for (name, code) in functions(&listing()?) {
        let Some(found) = best_loop(&code) else { continue };
        ensure!(found.stack == 0, "the inner loop of {name} spills {} times", found.stack);
        ensure!(!name.starts_with("neon_paper") || found.umlal, "the paper's kernel has lost its UMLAL");
        seen.push((name, found));
    }
    seen.sort_by(|a, b| a.0.cmp(&b.0));
    seen.dedup_by(|a, b| a == b);
    for wanted in ["neon_paper::tile", "neon_pair::tile", "neon::tile_f32", "dotprod::tile", "i8mm::tile"] {
        ensure!(seen.iter().any(|(name, _)| name.starts_with(wanted)), "{wanted} is not in the listing");
    }
    seen.iter().for_each(|(name, found)| row(&mut out, name, found));
    Ok(out)
}

/// The test step: the listing is as it should be.
pub(crate) fn check() -> Result<()> {
    print!("{}", compiled()?);
    Ok(())
}

/// Instructions of qemu's log, in the order of their addresses.
fn translated(log: &str) -> Vec<Instruction> {
    let hexadecimal = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok();
    let lines = log.lines().filter_map(|line| {
        let (address, rest) = line.strip_prefix("0x")?.split_once(":  ")?;
        let (bits, text) = rest.trim_start().split_at_checked(8)?;
        let (operation, operands) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
        let jumps = operation.starts_with("b.") || matches!(operation, "b" | "cbz" | "cbnz" | "tbz" | "tbnz");
        let target = operands.rsplit('#').next().filter(|word| jumps && word.starts_with("0x"));
        let place = hexadecimal(address)?;
        let line = Instruction {
            place,
            operation: operation.to_owned(),
            operands: operands.trim().to_owned(),
            bits: u32::from_str_radix(bits, 16).ok(),
            target: target.and_then(hexadecimal).filter(|&target| target < place),
        };
        Some((place, line))
    });
    lines.collect::<BTreeMap<_, _>>().into_values().collect()
}

/// Products that one instruction makes on lanes of two filters, beyond those that [`multiply_adds`] sees.
fn filters_in_a_lane(kernel: &str) -> usize {
    if kernel.ends_with("_p2") || kernel.ends_with("_pairs") { 2 } else { 1 }
}

/// The table of the loops that the engines emit.
fn emitted() -> Result<String> {
    engines::install()?;
    let mut out = format!("| engine | processor | kernel {TABLE}|---|---|---|---|---|---|---|\n");
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
            let Some(mut found) = best_loop(&translated(&String::from_utf8_lossy(&text))) else {
                bail!("no inner loop of {kernel} in what {} ran", engine.name);
            };
            found.multiply_adds *= filters_in_a_lane(&kernel);
            row(&mut out, &format!("{} | {} | {kernel}", engine.name, engine.cpu), &found);
            fs::remove_file(&log).context("qemu's log")?;
        }
    }
    Ok(out)
}

/// `cargo xtask inner-loops`: writes both tables below `docs/results`.
pub(crate) fn write() -> Result<()> {
    let folder = root().join("docs/results");
    let head = "Written by `cargo xtask inner-loops`: the loop with most multiply-adds per instruction of each kernel.\n\n";
    fs::write(folder.join("inner-loops-aarch64.md"), format!("{head}{}", compiled()?))?;
    fs::write(folder.join("inner-loops-engines.md"), format!("{head}{}", emitted()?))?;
    println!("docs/results/inner-loops-aarch64.md and inner-loops-engines.md are written");
    Ok(())
}
