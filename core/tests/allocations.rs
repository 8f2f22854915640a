//! The memory of a network: it is small, and all of it is allocated by the first input.

#[path = "support/counting.rs"]
mod counting;

use counting::{Counting, allocations, bytes};
use nibble_core::Network;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most bytes that a network may keep: weights, and buffers for a line of 44 characters.
const MAX_BYTES: usize = 2 << 20;

#[test]
fn strips_after_the_first_allocate_their_result_alone() {
    let strip: Vec<u8> = (0..24 * 640u32).map(|i| (i * 7919 % 251) as u8).collect();
    for model in ["f32", "u8", "u4"] {
        let before = bytes();
        let file = std::fs::read(format!("../models/ocr-{model}.safetensors")).unwrap();
        let mut network = Network::from_bytes(&file).unwrap();
        drop(file);
        let first = network.run(&strip).unwrap();
        let begun = allocations();
        let second = network.run(&strip).unwrap();
        assert_eq!(allocations() - begun, 1, "{model}: the logits alone");
        assert_eq!(first, second);
        let kept = bytes() - before;
        println!("{model}: {kept} bytes with two results");
        assert!(kept < MAX_BYTES, "{model} keeps {kept} bytes");
    }
}
