//! Counts what a thread allocates, so that promises about memory are checked with every input.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static USED: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, which AddressSanitizer replaces where it is linked.
struct Counting;

fn take(bytes: usize) {
    let used = USED.get().saturating_add(bytes);
    USED.set(used);
    PEAK.set(PEAK.get().max(used));
}

fn give_back(bytes: usize) {
    USED.set(USED.get().saturating_sub(bytes));
}

// SAFETY: all work is the system allocator's, called with what this one was called with.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: the layout is the caller's, which has promised that its size is not zero.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        give_back(layout.size());
        // SAFETY: the pointer came from the system's allocator with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // A block that grows may have to move, and then the old one exists until it is copied.
        if size > layout.size() {
            take(size);
            give_back(layout.size());
        } else {
            give_back(layout.size() - size);
        }
        // SAFETY: the pointer came from the system's allocator with this layout; the size is the
        // caller's.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What `work` gives, and the bytes that this thread had in use at the peak beyond those before.
pub(crate) fn peak_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = USED.get();
    PEAK.set(before);
    let result = work();
    (result, PEAK.get().saturating_sub(before))
}
