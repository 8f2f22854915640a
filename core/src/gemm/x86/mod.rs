//! Kernels for x86-64. All share one tile, written for both widths of vectors, and one packing.

mod avx2;
mod avxvnni;
mod pack;
mod sse41;
mod tile;

super::dispatch::candidates! {
    F32: float [avx2::F32, sse41::F32],
    U8: integer [avxvnni::Integer, avx2::U8, sse41::U8],
    U7: integer [avxvnni::Integer, avx2::U7, sse41::U7],
    U4: integer [avxvnni::Integer, avx2::U4, sse41::U4],
}
