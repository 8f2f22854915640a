//! Reads documents and measures kernels natively: the binary an ARM phone runs.

mod device;
mod measure;
mod models;
mod plot;
mod read;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Reads machine-readable zones and measures 4-bit kernels on this machine.
#[derive(Parser)]
#[command(version)]
struct Arguments {
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
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // A kernel that this CPU computes wrongly is set aside before anything uses it.
    for choice in nibble_core::gemm::choose(None) {
        for wrong in choice.wrong {
            eprintln!("warning: {wrong} computes wrongly here; {} is used instead", choice.kernel);
        }
    }
    match arguments.command {
        Command::Read(options) => read::run(&options),
        Command::Gemm(options) => options.run(),
        Command::Network(options) => options.run(),
        Command::Verify => verify::run(),
    }
}
