//! Inner loops of kernels: multiply-adds per instruction and accesses to the stack; on x86 also a
//! lower bound of the cycles. No ARM CPU is at hand to take times, but what compilers and engines
//! emit can be counted.

mod arm64;
mod mix;
mod x86;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result};

use crate::shell::{command, root, run};

/// A loop with more instructions than this is not an inner loop.
const LONGEST: usize = 1000;

/// An instruction, at an address or a line.
struct Instruction {
    place: u64,
    operation: String,
    operands: String,
    /// Its bytes in hexadecimal digits, if they are known.
    bytes: String,
    /// Where it may jump to.
    target: Option<u64>,
}

/// The meaning of instructions on a processor.
struct Isa {
    /// The target whose listing is read.
    target: &'static str,
    /// What begins a comment in a listing.
    comment: &'static str,
    /// Multiply-adds of a loop.
    multiply_adds: fn(&[Instruction]) -> usize,
    /// Whether an instruction moves a vector to or from the stack.
    is_stack_access: fn(&Instruction) -> bool,
}

/// What a loop computes in one round.
#[derive(Clone, PartialEq)]
struct Loop {
    multiply_adds: usize,
    instructions: usize,
    stack: usize,
    /// Whether it contains the paper's instruction.
    umlal: bool,
}

impl Loop {
    fn ratio(&self) -> f64 {
        real(self.multiply_adds) / real(self.instructions.max(1))
    }
}

fn real(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Products that an instruction makes on lanes of two filters, besides those that
/// [`Isa::multiply_adds`] counts.
fn filters_in_a_lane(kernel: &str) -> usize {
    if kernel.ends_with("_p2") || kernel.ends_with("_pairs") { 2 } else { 1 }
}

/// Parses a hexadecimal number, with or without `0x`.
fn hexadecimal(text: &str) -> Option<u64> {
    u64::from_str_radix(text.trim_start_matches("0x"), 16).ok()
}

/// The loop with the most multiply-adds per instruction, and its instructions.
fn best_loop<'a>(code: &'a [Instruction], isa: &Isa) -> Option<(Loop, &'a [Instruction])> {
    let places: BTreeMap<u64, usize> =
        code.iter().enumerate().map(|(at, line)| (line.place, at)).collect();
    let loops = code.iter().enumerate().filter_map(|(end, last)| {
        let start = *places.get(&last.target?)?;
        let body = code.get(start..=end).filter(|body| body.len() <= LONGEST)?;
        let found = Loop {
            multiply_adds: (isa.multiply_adds)(body),
            instructions: body.len(),
            stack: body.iter().filter(|line| (isa.is_stack_access)(line)).count(),
            umlal: body.iter().any(|line| line.operation == "umlal"),
        };
        (found.multiply_adds >= 16).then_some((found, body))
    });
    loops.max_by(|a, b| a.0.ratio().total_cmp(&b.0.ratio()))
}

/// The compiler's listing of the core.
fn listing(isa: &Isa) -> Result<String> {
    let mut cargo = command("cargo");
    cargo.args(["rustc", "--quiet", "--release", "-p", "nibble-core", "--lib"]);
    cargo.args(["--features", "bench", "--target"]);
    cargo.args([isa.target, "--", "--emit", "asm", "-C", "lto=off"]);
    run(&mut cargo)?;
    let folder = root().join("target").join(isa.target).join("release/deps");
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
fn functions(listing: &str, isa: &Isa) -> Vec<(String, Vec<Instruction>)> {
    let mut found: Vec<(String, Vec<Instruction>)> = Vec::new();
    let mut labels = BTreeMap::new();
    let mut jumps = Vec::new();
    let mut inside = false;
    for (place, line) in (0..).zip(listing.lines()) {
        let line = line.split(isa.comment).next().unwrap_or_default().trim_end();
        if let Some(name) = kernel_function(line) {
            found.push((name, Vec::new()));
            inside = true;
        } else if line.starts_with(".Lfunc_end") {
            inside = false;
        } else if let Some(label) = line.strip_suffix(':') {
            labels.insert(label.to_owned(), place);
        } else if inside && line.starts_with('\t') && !line.trim_start().starts_with('.') {
            // The encoding, where there are two, precedes the name.
            let line = line.trim().trim_start_matches("{vex}").trim_start();
            let (operation, operands) = line.split_once('\t').unwrap_or((line, ""));
            let function = found.len() - 1;
            let code = &mut found[function].1;
            if let Some(label) =
                operands.rsplit([',', ' ']).next().filter(|word| word.starts_with(".LBB"))
            {
                jumps.push((function, code.len(), label.to_owned()));
            }
            let (operation, operands) = (operation.to_owned(), operands.to_owned());
            code.push(Instruction {
                place,
                operation,
                operands,
                bytes: String::new(),
                target: None,
            });
        }
    }
    for (function, at, label) in jumps {
        let Some(&label) = labels.get(&label) else { continue };
        let code = &mut found[function].1;
        // A label precedes the instruction that it names; only backward jumps form loops.
        let target = code.iter().map(|line| line.place).find(|&place| place > label);
        if let Some(line) = code.get_mut(at) {
            line.target = target.filter(|&target| target <= line.place);
        }
    }
    found
}

/// `module::function` of a label at which the tile of a kernel begins.
fn kernel_function(line: &str) -> Option<String> {
    let rest = line.strip_prefix("_ZN11nibble_core4gemm4arch")?.strip_suffix(':')?;
    let (module, rest) = identifier(rest)?;
    let (function, _) = identifier(rest)?;
    function.contains("tile").then(|| format!("{module}::{function}"))
}

/// Splits a mangled identifier, preceded by its length, from what follows it.
fn identifier(text: &str) -> Option<(&str, &str)> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit())?;
    let length: usize = text[..digits].parse().ok()?;
    text[digits..].split_at_checked(length)
}

const TABLE: &str = "| multiply-adds | instructions | per instruction | stack accesses |";

fn row(out: &mut String, name: &str, found: &Loop) {
    let Loop { multiply_adds, instructions, stack, .. } = found;
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "| {name} | {multiply_adds} | {instructions} | {:.2} | {stack} |",
        found.ratio()
    );
}

/// The test step: fails if a listing has a loop that spills or lacks its instruction.
pub(crate) fn check() -> Result<()> {
    print!("{}", arm64::compiled()?);
    x86::check()
}

/// `cargo xtask inner-loops`: writes the tables below `docs/results`.
pub(crate) fn write() -> Result<()> {
    let folder = root().join("docs/results");
    let head = "Written by `cargo xtask inner-loops`: the loop with most multiply-adds per instruction of each kernel.";
    fs::write(folder.join("inner-loops-aarch64.md"), format!("{head}\n\n{}", arm64::compiled()?))?;
    fs::write(folder.join("inner-loops-engines.md"), format!("{head}\n\n{}", arm64::emitted()?))?;
    fs::write(folder.join("inner-loops-x86_64.md"), format!("{head} {}", x86::bounds()?))?;
    println!("docs/results/inner-loops-{{aarch64,engines,x86_64}}.md are written");
    Ok(())
}
