//! Reads documents and measures kernels natively.

fn main() {}
