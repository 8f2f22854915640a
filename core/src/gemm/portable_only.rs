//! Architectures without kernels of their own: the portable kernel is the only candidate.

super::dispatch::candidates! {
    F32: float [],
    U8: integer [],
    U7: integer [],
    U4: integer [],
}
