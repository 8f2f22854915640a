//! Reads documents and measures kernels natively: the binary an ARM phone runs.
#![deny(unsafe_code)]

mod device;
mod measure;
mod models;
mod peers;
mod plot;
mod print;
mod read;
mod verify;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use nibble_core::{Kernels, OperandRange};

/// Reads machine-readable zones of passports, identity cards and visas on this machine, and measures
/// what 4-bit convolutional networks buy on it.
#[derive(Parser)]
#[command(
    version,
    arg_required_else_help = true,
    after_help = "\
Examples:
  native-bench read passport.jpg     read a picture: fields, check digits, verdict
  native-bench gemm                  time products in f32, 8 and 4 bits on this CPU
  native-bench verify                compare every kernel with the naive product, bit for bit
Everything runs on this machine; nothing is sent anywhere."
)]
struct Arguments {
    /// Use only kernels whose names begin with PREFIX, such as `avx2` on a CPU with VNNI or `neon` on one with dotprod
    #[arg(long, global = true, value_name = "PREFIX", default_value = "")]
    isa: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Read the machine-readable zones of pictures.
    Read(read::Options),
    /// Time matrix products on the papers' grid.
    Gemm(measure::Gemm),
    /// Time the reader's network and a larger one, layer by layer.
    Network(measure::NetworkArgs),
    /// Compare every kernel that this CPU can run with the naive product, bit for bit.
    Verify,
    /// Print the licences of this program and of what it contains.
    Licences,
}

/// The licences of third parties, made by `cargo xtask notices`.
const NOTICES: &str = include_str!("../../THIRD-PARTY.txt");

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // A kernel that this CPU computes wrongly is set aside before anything uses it.
    let mut kernels = Kernels::detect();
    let choices = kernels.choose_ranges(&OperandRange::ALL, None, &|name| name.starts_with(&arguments.isa));
    if !choices.iter().any(|choice| choice.kernel.starts_with(&arguments.isa)) {
        eprintln!(
            "no kernel of this machine has a name that begins with `{}`: `verify` lists them",
            arguments.isa
        );
        return ExitCode::from(2);
    }
    for choice in choices {
        for wrong in choice.wrong {
            eprintln!("warning: {wrong} computes wrongly here; {} is used instead", choice.kernel);
        }
    }
    match arguments.command {
        Command::Read(options) => read::run(&options, &kernels),
        Command::Gemm(options) => options.run(&kernels),
        Command::Network(options) => options.run(&kernels),
        Command::Licences => {
            let title = "Nibble: MIT or Apache-2.0, at your choice. It contains:";
            let printed = writeln!(std::io::stdout(), "{title}\n\n{NOTICES}");
            print::finished(printed, ExitCode::SUCCESS)
        }
        Command::Verify => verify::run(&mut std::io::stdout().lock()),
    }
}
