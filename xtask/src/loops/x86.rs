//! x86_64: the inner loops that the compiler emits for native kernels, and V8 for those in
//! WebAssembly, with a lower bound of the cycles of each.
//!
//! The bound is that of `llvm-mca`'s model of Zen 3, whose vector ports are those of its
//! successors: the larger of the time of the busiest port, and of the operations divided by those
//! that can be dispatched per cycle. It is compared with the speed of the kernel on a shape for
//! which packing and requantisation matter least, at the clock measured in the same second.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::mix;
use super::{
    Instruction, Isa, Loop, TABLE, best_loop, filters_in_a_lane, functions, hexadecimal, listing,
    real, row,
};
use crate::native;
use crate::shell::{command, output, root};

const X86: Isa =
    Isa { target: "x86_64-unknown-linux-gnu", comment: "#", multiply_adds, is_stack_access };

/// Rows, columns and depth of the product that is timed: the largest of the grid.
const TIMED: [&str; 3] = ["360", "96", "512"];

/// Kernels whose inner loops must not spill. The 7-bit kernel spills one register, which costs
/// nothing, because it waits for a port.
const WITHOUT_SPILL: [&str; 7] = [
    "avx2::tile_u4",
    "avx2::tile_u8",
    "avx2::tile_f32",
    "avxvnni::tile_dot",
    "sse41::tile_u4",
    "sse41::tile_u8",
    "sse41::tile_f32",
];

/// Multiply-adds of a loop; products with ones, which add neighbours, do not count.
fn multiply_adds(body: &[Instruction]) -> usize {
    let bytes = body.iter().any(|line| line.operation == "vpmaddubsw");
    let of = |line: &Instruction| {
        let wide = if line.operands.contains("ymm") { 2 } else { 1 };
        let lanes = match line.operation.as_str() {
            "vpmaddubsw" | "vpdpbusd" => 16,
            "vpmaddwd" if !bytes => 8,
            "vmulps" => 4,
            operation if operation.starts_with("vfmadd") => 4,
            _ => 0,
        };
        lanes * wide
    };
    body.iter().map(of).sum()
}

fn is_stack_access(line: &Instruction) -> bool {
    let vector = line.operands.contains("mm");
    let stack =
        ["(%rsp)", "(%rbp)", "[rsp", "[rbp"].iter().any(|base| line.operands.contains(base));
    // Arithmetic reads operands from memory on purpose; moves are spills.
    vector && stack && line.operation.starts_with("vmov")
}

/// A loop without its jumps, whose targets are unknown to an assembler.
fn straight(body: &[Instruction]) -> impl Iterator<Item = &Instruction> {
    body.iter().filter(|line| !line.operation.starts_with('j'))
}

/// The compiler's loops by `module::function`.
fn compiled() -> Result<Vec<(String, Loop, String)>> {
    let mut found = Vec::new();
    for (name, code) in functions(&listing(&X86)?, &X86) {
        let Some((best, body)) = best_loop(&code, &X86) else { continue };
        let text =
            straight(body).map(|line| format!("{} {}\n", line.operation, line.operands)).collect();
        found.push((name, best, text));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found.dedup_by(|a, b| a.0 == b.0 && a.1 == b.1);
    Ok(found)
}

/// Fails if an inner loop that must not spill does.
pub(super) fn check() -> Result<()> {
    let found = compiled()?;
    for wanted in WITHOUT_SPILL {
        let Some((name, best, _)) = found.iter().find(|(name, ..)| name == wanted) else {
            bail!("{wanted} is not in the listing");
        };
        ensure!(best.stack == 0, "the inner loop of {name} spills {} times", best.stack);
        println!("    {name}: {:.2} multiply-adds an instruction, no spill", best.ratio());
    }
    Ok(())
}

/// The output of a program for a text on its standard input.
fn piped(program: &str, arguments: &[&str], text: &str) -> Result<String> {
    let mut command = command(program);
    let mut child = command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    child.stdin.take().context("a pipe")?.write_all(text.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{program} failed");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Operations that this CPU dispatches per cycle: eight since Zen 5 (family 26), six before.
fn dispatch() -> &'static str {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let family = cpu.lines().find(|line| line.starts_with("cpu family"));
    if family.is_some_and(|line| line.ends_with(": 26")) { "8" } else { "6" }
}

/// Lower bound of the cycles of a round of the loop.
fn cycles(assembly: &str) -> Result<f64> {
    let dispatch = format!("-dispatch={}", dispatch());
    let report = piped("llvm-mca-16", &["-mtriple=x86_64", "-mcpu=znver3", &dispatch], assembly)?;
    let line = report.lines().find_map(|line| line.strip_prefix("Block RThroughput:"));
    Ok(line.context("llvm-mca gave no throughput")?.trim().parse()?)
}

/// The instructions of each function, as Node prints them.
fn printed(log: &str) -> Vec<Vec<Instruction>> {
    let mut functions: Vec<BTreeMap<u64, Instruction>> = Vec::new();
    for line in log.lines() {
        if line.starts_with("--- WebAssembly code") {
            functions.push(BTreeMap::new());
        }
        // Address, offset, bytes, instruction.
        let mut words = line.split_whitespace();
        let Some(place) = words.next().filter(|word| word.starts_with("0x")).and_then(hexadecimal)
        else {
            continue;
        };
        let (Some(_), Some(bytes), Some(function)) =
            (words.next(), words.next(), functions.last_mut())
        else {
            continue;
        };
        let operation = words.next().unwrap_or_default().to_owned();
        let operands = words.collect::<Vec<_>>().join(" ");
        let jumps = operation.starts_with('j');
        let target = operands.split_whitespace().next().filter(|_| jumps).and_then(hexadecimal);
        let target = target.filter(|&target| target < place);
        function.insert(
            place,
            Instruction { place, operation, operands, bytes: bytes.to_owned(), target },
        );
    }
    functions.into_iter().map(|function| function.into_values().collect()).collect()
}

/// Runs `web/tests/shell.mjs` in this machine's Node, which optimises code from the start.
fn node(options: &[&str], binary: &str, arguments: &[&str]) -> Result<String> {
    // Relaxed SIMD needs a flag in Node 20, which later versions no longer know.
    const FLAG: &str = "--experimental-wasm-relaxed-simd";
    let known = output(command("node").arg("--v8-options")).unwrap_or_default();
    let mut node = command("node");
    node.arg("--no-liftoff").args(known.contains(FLAG).then_some(FLAG)).args(options);
    node.arg(root().join("web/tests/shell.mjs"))
        .arg(root().join("web/pkg"))
        .arg(binary)
        .args(arguments);
    output(&mut node).with_context(|| format!("node failed: {arguments:?}"))
}

/// The clock in GHz, from dependent products (three cycles each) and rotations (one).
#[allow(clippy::cast_precision_loss, reason = "a count of products")]
fn clock() -> f64 {
    const PRODUCTS: u64 = 100_000_000;
    let (begin, mut value) = (Instant::now(), std::hint::black_box(1u64));
    for _ in 0..PRODUCTS {
        value = value.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(7);
    }
    std::hint::black_box(value);
    4.0 * PRODUCTS as f64 / begin.elapsed().as_secs_f64() / 1e9
}

/// The table of bounds, and of how near to them the kernels come.
pub(super) fn bounds() -> Result<String> {
    ensure!(cfg!(target_arch = "x86_64"), "x86_64 is measured on x86_64");
    let mut out = format!(
        "Cycles at least by `llvm-mca-16 -mcpu=znver3 -dispatch={}`; reached: at {} pixels, {} filters, depth {}, packing and requantisation included, at the clock of that second.\n\n\
         | where | kernel {} multiply-adds a cycle at most | reached | of that |\n|---|---|---|---|---|---|---|---|---|\n",
        dispatch(),
        TIMED[0],
        TIMED[1],
        TIMED[2],
        TABLE
    );
    let mut add = |place: &str,
                   name: &str,
                   best: &Loop,
                   assembly: &str,
                   gmacs: f64,
                   clock: f64|
     -> Result<()> {
        let most = real(best.multiply_adds) / cycles(assembly)?;
        row(&mut out, &format!("{place} | {name}"), best);
        let reached = gmacs / clock;
        out.push_str(&format!(" {most:.1} | {reached:.1} | {:.0} % |\n", 100.0 * reached / most));
        Ok(())
    };
    native::build()?;
    let loops = compiled()?;
    for (function, kernel) in [
        ("avx2::tile_f32", "avx2_f32_6x16"),
        ("avx2::tile_u8", "avx2_u8i8_6x16"),
        ("avx2::tile_u7", "avx2_u7i8_6x16"),
        ("avx2::tile_u4", "avx2_u4i4_6x16"),
        ("sse41::tile_f32", "sse41_f32_6x8"),
        ("sse41::tile_u8", "sse41_u8i8_6x8"),
        ("sse41::tile_u4", "sse41_u4i4_6x8"),
    ] {
        let (_, best, assembly) = loops
            .iter()
            .find(|(name, ..)| name == function)
            .with_context(|| format!("no {function}"))?;
        let mut bench = command("target/release/native-bench");
        let (isa, _) = kernel.split_once('_').unwrap_or_default();
        bench.args([
            "gemm", "--json", "--isa", isa, "--m", TIMED[0], "--n", TIMED[1], "--k", TIMED[2],
        ]);
        let clock = clock();
        let report: Value =
            serde_json::from_str(&output(&mut bench).context("native-bench gemm")?)?;
        let rows = report["rows"].as_array().context("rows")?;
        let row =
            rows.iter().find(|row| row["kernel"] == kernel).with_context(|| kernel.to_owned())?;
        add("compiler", kernel, best, assembly, row["gmacs"].as_f64().context("gmacs")?, clock)?;
    }
    for (binary, kernels) in [
        ("simd128", ["simd128_f32_4x8", "simd128_u8i8_4x8", "simd128_u4i4_4x24_pairs"]),
        ("relaxed", ["simd128_f32_4x8", "simd128_u8i8_4x8", "relaxed_u4i4_4x8_dot16"]),
    ] {
        for kernel in kernels {
            let log = node(&["--print-wasm-code"], binary, &["run", kernel])?;
            let functions = printed(&log);
            let loops = functions.iter().filter_map(|code| best_loop(code, &X86));
            let (mut best, body) = loops
                .max_by(|a, b| a.0.ratio().total_cmp(&b.0.ratio()))
                .with_context(|| format!("no inner loop of {kernel}"))?;
            best.multiply_adds *= filters_in_a_lane(kernel);
            let bytes: Vec<String> = straight(body)
                .flat_map(|line| line.bytes.as_bytes().chunks(2))
                .map(|digits| format!("0x{}", String::from_utf8_lossy(digits)))
                .collect();
            let assembly =
                piped("llvm-mc-16", &["--disassemble", "-triple=x86_64"], &bytes.join(" "))?;
            let clock = clock();
            let [m, n, k] = TIMED;
            let gmacs = node(&[], binary, &["time", kernel, m, n, k])?.parse()?;
            add(&format!("V8, {binary}"), kernel, &best, &assembly, gmacs, clock)?;
        }
    }
    out.push_str(&mix::measured(clock));
    Ok(out)
}
