//! Writes random graphs with golden vectors, by which other implementations of the file format can
//! be checked: `random_graphs FOLDER FIRST COUNT` writes `N.safetensors` and
//! `N.golden.safetensors`.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, first, count] = &arguments[..] else {
        return Err("usage: random_graphs FOLDER FIRST COUNT".into());
    };
    let (first, count): (u64, usize) = (first.parse()?, count.parse()?);
    std::fs::create_dir_all(folder)?;
    let cases = (first..).filter_map(|seed| Some((seed, nibble_core::graph::golden(seed)?)));
    for (seed, [graph, golden]) in cases.take(count) {
        let path = |end: &str| Path::new(folder).join(format!("{seed}{end}.safetensors"));
        std::fs::write(path(""), graph)?;
        std::fs::write(path(".golden"), golden)?;
    }
    Ok(())
}
