//! Runs the network of a model file and prints the likeliest class of each column.
//!
//! `cargo run --release -p nibble-core --example run -- models/ocr-u4.safetensors`

use nibble_core::{Kernels, Model, Network};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: run MODEL.safetensors")?;
    let model = Model::parse(&std::fs::read(path)?)?;
    let mut kernels = Kernels::detect();
    for choice in kernels.choose(&[model.precision], None, &|_| true) {
        println!("{}: {} ({})", choice.precision, choice.kernel, choice.isa);
        for wrong in choice.wrong {
            println!("  {wrong} gives wrong results on this machine and is not used");
        }
    }
    let mut network = Network::with_kernels(model, &kernels)?;
    let height = network.model().height.ok_or("the network of the model reads no strips")?;
    let width = 40 * network.model().column_stride;
    // Vertical bars, four columns wide.
    let row: Vec<u8> = (0..width).map(|x| if x / 4 % 2 == 0 { 30 } else { 220 }).collect();
    let logits = network.run(&row.repeat(height))?;
    let scores = logits.to_f32();
    let likeliest = |column: &[f32]| {
        (0..column.len()).max_by(|&a, &b| column[a].total_cmp(&column[b])).unwrap_or(0)
    };
    let classes: Vec<usize> = scores.chunks(logits.classes()).map(likeliest).collect();
    println!("{} columns: {classes:?}", logits.columns());
    Ok(())
}
