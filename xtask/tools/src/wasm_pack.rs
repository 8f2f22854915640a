//! The program wasm-pack, without its check for newer versions.

use clap::Parser;
use wasm_pack::command::run_wasm_pack;
use wasm_pack::{Cli, PBAR};

fn main() -> anyhow::Result<()> {
    env_logger::init();
    let options = Cli::parse();
    PBAR.set_log_level(options.log_level);
    PBAR.set_quiet(options.quiet);
    run_wasm_pack(options.cmd)
}
