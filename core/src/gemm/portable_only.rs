//! Machines without kernels of their own: every list holds the portable kernel alone.

super::dispatch::candidates! {
    F32: float [],
    U8: integer [],
    U7: integer [],
    U4: integer [],
}
