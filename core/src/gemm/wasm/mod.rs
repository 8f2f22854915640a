//! Kernels for WebAssembly. There are two binaries with different kernels: engines validate a whole
//! module, so one with relaxed instructions does not load where these are unknown.

mod pack;
mod pair;
mod simd128;
mod tile;

// The relaxed binary leaves out kernels that its own ones beat, so that it loads faster.
#[cfg(not(target_feature = "relaxed-simd"))]
mod mla;
#[cfg(target_feature = "relaxed-simd")]
mod relaxed;
#[cfg(not(target_feature = "relaxed-simd"))]
mod two;

#[cfg(target_feature = "relaxed-simd")]
super::dispatch::candidates! {
    F32: float [simd128::F32, pair::F32],
    U8: integer [simd128::U8, pair::U8],
    U7: integer [relaxed::Dot32<8>, relaxed::Dot32<16>, simd128::U8, pair::U8],
    U4: integer [relaxed::U4, relaxed::Dot32<8>, relaxed::Dot32<16>, pair::U4],
}
#[cfg(not(target_feature = "relaxed-simd"))]
super::dispatch::candidates! {
    F32: float [simd128::F32, pair::F32],
    U8: integer [simd128::U8, pair::U8],
    U7: integer [simd128::U8, pair::U8],
    U4: integer [two::U4<3>, two::U4<2>, pair::U4, mla::U4, simd128::U8],
}

/// Proof of the instructions that this binary is compiled with: it would not load without them.
#[derive(Debug, Clone, Copy)]
struct Loaded(());

impl Loaded {
    #[allow(clippy::unnecessary_wraps, reason = "the signature of every proof")]
    fn detect() -> Option<Self> {
        Some(Self(()))
    }
}
