//! Writes the seeds of a target into a folder: `write-seeds TARGET FOLDER`.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [target, folder] = &arguments[..] else {
        eprintln!("usage: write-seeds TARGET FOLDER");
        return ExitCode::from(2);
    };
    let folder = PathBuf::from(folder);
    let seeds = nibble_fuzz::seeds::of(target);
    let written = fs::create_dir_all(&folder).and_then(|()| {
        seeds.iter().try_for_each(|(name, seed)| fs::write(folder.join(name), seed))
    });
    match written {
        Ok(()) if !seeds.is_empty() => ExitCode::SUCCESS,
        Ok(()) => {
            eprintln!("there is no target `{target}`");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}
