//! Memory of a network: everything it needs is there after the first strip, and little.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use nibble_core::bench::pattern_strip;
use nibble_core::network::Network;

/// The system's allocator, counting.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all work is the system allocator's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most bytes that a network may keep, weights and buffers for a line of 44 characters.
const MOST_BYTES: usize = 2 << 20;

#[test]
fn strips_after_the_first_allocate_their_result_alone() {
    let strip = pattern_strip(640).unwrap();
    for model in ["f32", "u8", "u4"] {
        let before = BYTES.load(Ordering::Relaxed);
        let file = std::fs::read(format!("../models/ocr-{model}.safetensors")).unwrap();
        let mut network = Network::from_bytes(&file).unwrap();
        drop(file);
        let first = network.run(&strip).unwrap();
        let allocations = ALLOCATIONS.load(Ordering::Relaxed);
        let second = network.run(&strip).unwrap();
        assert_eq!(ALLOCATIONS.load(Ordering::Relaxed) - allocations, 1, "{model}: the logits");
        assert_eq!(first, second);
        let kept = BYTES.load(Ordering::Relaxed) - before;
        println!("{model}: {kept} bytes with two results");
        assert!(kept < MOST_BYTES, "{model} keeps {kept} bytes");
    }
}
