//! The commands of this repository: `cargo xtask demo`, `cargo xtask test`, and their parts.

#[cfg(test)]
mod architecture;
mod book;
mod cache;
mod capi;
mod deny;
mod devices;
mod digests;
mod dist;
mod engines;
mod eval;
#[cfg(test)]
mod figures;
mod frames;
mod fuzz;
mod loops;
mod machines;
mod miri;
mod msrv;
mod native;
mod networks;
mod nightly;
mod notices;
mod package;
mod page;
mod phone;
mod python;
mod sbom;
mod setup;
mod shell;
mod test;
mod times;
mod unsafety;
mod version;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::setup::Need::{Arm64, Chromium, Lighthouse, LlvmMca, Node, Qemu, WasmPack, X86};

const USAGE: &str = "\
cargo xtask demo [--port N] [--lan] [--build-only]
    builds everything, serves the page on http://localhost:8080 and prints the address;
    --lan serves it over HTTPS to phones in the same network and shows a code to scan;
    --build-only leaves the finished static site in web/dist
cargo xtask test [--only NAME]... [--list]
    runs every test, or the named steps; --list names them
cargo xtask eval [DIR] [(--warped N | --films N | --kinds N) [--seed S]] [--film-folder DIR] [--midv500 DIR] [--by kind|format|height] [--precision f32|u8|u4|all] [--json] [--html FILE] [--write]
    reads the pictures listed in DIR/index.csv and counts how many are exact; --warped reads N frames
    instead, made from the scans and renders as a hand-held phone sees them; --films makes N films
    of them and counts the frames until a reading is valid; --film-folder does so for the films in
    DIR; --kinds renders N pictures of each kind that readers lose, and reads them; --midv500 reads
    the frames of MIDV-500, MIDV-2019 or MIDV-2020 in DIR; --by groups the table; --html writes a
    page of the failures; --write records the figures in docs/results and the README
cargo xtask times [--write]
    reads camera frames, 12-megapixel photographs and films, natively and in Chromium in turn, starts
    the page, and prints the median times; --write records them in docs/results
cargo xtask soak [--minutes N]
    reads camera frames in Chromium for N minutes (10): memory must stay flat; prints frames per second
    at each precision
cargo xtask arrival [--write]
    builds the page and prints how long a first visit to it takes over a slow network; --write
    records it in docs/results
cargo xtask lighthouse
    builds the page and prints Lighthouse's scores, among them performance on its mid-range phone
cargo xtask fuzz [--minutes N] [--target NAME]...
    runs the fuzz targets, or those that are named, for N minutes altogether (6); corpus and tally
    are kept in the cache folder of the user
cargo xtask fuzz --total [--write]
    prints the sums of all sessions; --write puts them into docs/results/fuzz.json and
    docs/reliability.md
cargo xtask machines [--write]
    reads the specimens in emulators of other processors, 32-bit and big-endian ones among them: all must
    give the same bits and pass the golden vectors; --write records it in docs/results
cargo xtask miri
    runs tests in Miri, which notices undefined behaviour, for this machine and for a big-endian one
cargo xtask nightly [--fuzz-minutes N] [--soak-minutes N] [--only NAME]...
    runs what takes too long for every change: fuzz (60 minutes), soak and soak-native (10 minutes
    each), machines, miri, capi (arm64 and the header), torch (the tests that need PyTorch),
    archives, try (dist, then --try), dist (--check); a check that fails does not stop the others
cargo xtask unsafe [--write]
    counts the lines of unsafe code, crate by crate; --write records them in docs/results
cargo xtask sizes
    prints how much a first visit to the built page loads
cargo xtask digests
    writes the digests of this machine's readings of the specimens, with which the bench view compares
    browsers
cargo xtask notices
    writes THIRD-PARTY.txt, the licences of everything that page, package and command line contain
cargo xtask capi [--header] [--check-header] [--arm64]
    builds the library for C into target/capi; --header writes its header anew, --check-header says
    whether it is what cbindgen writes; --arm64 runs the test's program for arm64 under qemu, too
cargo xtask archives [--measure]
    runs the examples for archives with Ray, Spark and threads on two workers; --measure counts pictures a
    second, and writes docs/results/archives.json
cargo xtask book
    builds the documentation as a book in target/book/html, with the interfaces of all packages
cargo xtask devices [--write]
    checks what people measured with native-bench paper; --write lays it side by side in
    docs/results/devices/README.md
cargo xtask dist [--check] [--only PART]... | --try
    makes the files of a release in target/dist, or only some parts: npm, site, crates, programs,
    python, training, c, notices; --check makes each part a second time, in a clone in another
    folder, compares the bytes, and goes on where an earlier check of the same commit ended; --try
    uses the files as a new user would, in an empty folder, and does the dry runs of publishing to
    npm and PyPI
cargo xtask version [NEW]
    prints the version of what is released, or writes a new one into every manifest
cargo xtask phone
    builds native-bench as one static file for arm64 phones, and prints how to run it
cargo xtask bench-peers [--repeats N] [--rows FACTOR]
    measures the same products by this project, onnxruntime-web and tfjs-wasm in one page of Chromium
cargo xtask networks [--peers] [--write]
    measures common networks at three precisions beside onnxruntime, natively and in Chromium;
    --peers adds tract and rten natively, which take minutes to compile; --write records the tables
    in docs/results
cargo xtask inner-loops
    counts multiply-adds per instruction of every kernel for x86-64 and arm64, as compiled and as V8 and
    JavaScriptCore emit it, and writes the counts to docs/results
cargo xtask setup
    installs what `demo` and `test` need, and stops";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.split_first() {
        Some((&"demo", options)) => demo(options),
        Some((&"test", options)) => test::run(options),
        Some((&"eval", options)) => eval::run(options),
        Some((&"times", options)) => times::run_all(options),
        Some((&"soak", options)) => soak(options),
        Some((&"arrival", options)) => {
            setup::install(&[WasmPack, Node, Chromium])?;
            page::build()?;
            page::arrival(options)
        }
        Some((&"lighthouse", [])) => {
            setup::install(&[WasmPack, Node, Chromium, Lighthouse])?;
            page::build()?;
            page::lighthouse(true)
        }
        Some((&"fuzz", options)) => fuzz::fuzz(options),
        Some((&"machines", options)) => machines::compare(options),
        Some((&"miri", options)) => miri::miri(options),
        Some((&"nightly", options)) => nightly::nightly(options),
        Some((&"unsafe", options)) => unsafety::count(options),
        Some((&"sizes", [])) => page::sizes(false),
        Some((&"digests", [])) => digests::write(),
        Some((&"notices", [])) => notices::write(),
        Some((&"networks", options)) => networks::measure(options),
        Some((&"capi", options)) => capi::capi(options),
        Some((&"archives", options)) => python::archives(options),
        Some((&"book", [])) => {
            setup::install(&[WasmPack, Node])?;
            page::package()?;
            let folder = book::build()?;
            println!("the book is in {}", folder.display());
            Ok(())
        }
        Some((&"devices", options)) => devices::devices(options),
        Some((&"dist", options)) => dist::run_all(options),
        Some((&"version", [])) => {
            println!("{}", version::VERSION);
            Ok(())
        }
        Some((&"version", [new])) => version::write(new),
        Some((&"phone", [])) => phone::phone(),
        Some((&"bench-peers", options)) => phone::bench_peers(options),
        Some((&"inner-loops", [])) => {
            setup::install(&[WasmPack, Node, Arm64, X86, Qemu, LlvmMca])?;
            page::package()?;
            loops::write()
        }
        Some((&"setup", [])) => setup::install(setup::EVERYTHING),
        Some((&("help" | "--help" | "-h"), _)) => {
            println!("{USAGE}");
            Ok(())
        }
        _ => bail!("name one of these commands:\n{USAGE}"),
    }
}

fn demo(options: &[&str]) -> Result<()> {
    let mut port = 8080;
    let (mut build_only, mut lan) = (false, false);
    let mut rest = options.iter();
    while let Some(&option) = rest.next() {
        match (option, option.strip_prefix("--port=")) {
            ("--build-only", _) => build_only = true,
            ("--lan", _) => lan = true,
            ("--port", _) => port = number(rest.next().copied())?,
            (_, Some(value)) => port = number(Some(value))?,
            _ => bail!("unknown option {option}\n{USAGE}"),
        }
    }
    setup::install(setup::PAGE)?;
    page::build()?;
    if build_only {
        println!("the site is in web/dist: any static host serves it, under any path");
        return Ok(());
    }
    let folder = shell::root().join("web/dist");
    if !lan {
        return nibble_serve::forever(&folder, port);
    }
    let mut cargo = shell::command("cargo");
    cargo.args(["run", "--quiet", "-p", "nibble-lan", "--"]).arg(folder).arg(port.to_string());
    shell::run(&mut cargo)
}

fn soak(options: &[&str]) -> Result<()> {
    let minutes = match options {
        [] => "10",
        ["--minutes", minutes] if minutes.parse::<f32>().is_ok_and(|number| number > 0.0) => {
            minutes
        }
        _ => bail!("--minutes needs a number above zero, and is the only option\n{USAGE}"),
    };
    setup::install(&[WasmPack, Node, Chromium])?;
    page::build()?;
    page::soak(minutes)
}

fn number(value: Option<&str>) -> Result<u16> {
    match value.and_then(|value| value.parse().ok()) {
        Some(number) => Ok(number),
        None => bail!("--port needs a number from 0 to 65535"),
    }
}
