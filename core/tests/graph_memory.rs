//! The memory of a graph is known before it runs, is allocated by the first run, and is all that
//! there is.

#[path = "support/counting.rs"]
mod counting;
#[path = "support/graphs.rs"]
mod graphs;

use counting::{Counting, allocations, bytes};
use nibble_core::graph::{Graph, Input, Runner, Values};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most bytes that a plan itself takes: shapes, and places of buffers.
const MAX_PLAN: usize = 8 << 10;

#[test]
fn memory_is_planned_and_allocated_once() {
    let file = std::fs::read("../models/ocr-u4.safetensors").expect("a committed model");
    let chain = Graph::parse(&file).expect("version 1 is read");
    for (graph, channels, sizes) in
        [(graphs::mixed(), 3, [[32, 48], [20, 16]]), (chain, 1, [[24, 640], [24, 320]])]
    {
        let mut runner = Runner::new(graph).expect("a checked graph");
        let mut pictures = Vec::new();
        for [height, width] in sizes {
            let count = height * width * channels;
            pictures.push(
                (0..count).map(|i: usize| (i * 7919 % 251).to_le_bytes()[0]).collect::<Vec<_>>(),
            );
        }
        let mut before = bytes();
        let peak = runner.peak_bytes(&[sizes[0]]).expect("a size that suits");
        assert_eq!(bytes(), before, "planning keeps nothing");
        let mut digests = Vec::with_capacity(8);
        before = bytes();
        // A larger picture, and a smaller one, twice each.
        for (picture, [height, width]) in pictures.iter().zip(sizes) {
            for round in 0..2 {
                let begun = allocations();
                let outputs = runner.run(&[Input::bytes(picture, height, width)]).expect("suits");
                let digest = match outputs.at(0).values {
                    Values::Codes(codes) => codes.iter().map(|&code| i64::from(code)).sum(),
                    Values::Sums(sums) => sums.iter().map(|&sum| i64::from(sum)).sum(),
                    Values::Reals(reals) => i64::from(reals.iter().sum::<f32>().to_bits()),
                };
                digests.push(digest);
                let allocated = allocations() - begun;
                assert_eq!(round == 1, allocated == 0, "{allocated} allocations in round {round}");
            }
            let kept = bytes() - before;
            assert!((peak..peak + MAX_PLAN).contains(&kept), "planned {peak}, kept {kept}");
        }
        assert!(digests[0] == digests[1] && digests[2] == digests[3], "{digests:?}");
        println!("{}: {peak} bytes", runner.graph().name);
    }
}
