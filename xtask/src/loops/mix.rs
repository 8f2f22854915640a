//! How long this CPU takes for the arithmetic of a step alone: twelve products and their additions,
//! with nothing loaded, each dependent on its own sum only.
//!
//! `llvm-mca` sends every operation to the best port. A CPU guesses; if products have two ports,
//! and additions the same two and two more, it sometimes guesses wrong. No kernel with this mix can
//! be faster than what is measured here.

/// A paragraph with the cycles of a step of each mix, the smallest of several trials; `clock`
/// returns GHz.
#[cfg(target_arch = "x86_64")]
pub(super) fn measured(clock: fn() -> f64) -> String {
    use std::arch::asm;
    use std::time::Instant;

    const STEPS: u32 = 1 << 20;

    /// Nanoseconds of a step: for each of twelve sums, `$product` and `$addition sum, sum, $term`.
    macro_rules! mix {
        ($product:literal $addition:literal $term:literal) => {{
            let begin = Instant::now();
            // SAFETY: AVX2 and FMA were found; only the registers named are changed.
            unsafe {
                asm!(
                    "vpxor xmm12, xmm12, xmm12",
                    "vpxor xmm13, xmm13, xmm13",
                    ".p2align 6",
                    "2:",
                    mix!(@ "ymm0" $product $addition $term), mix!(@ "ymm1" $product $addition $term),
                    mix!(@ "ymm2" $product $addition $term), mix!(@ "ymm3" $product $addition $term),
                    mix!(@ "ymm4" $product $addition $term), mix!(@ "ymm5" $product $addition $term),
                    mix!(@ "ymm6" $product $addition $term), mix!(@ "ymm7" $product $addition $term),
                    mix!(@ "ymm8" $product $addition $term), mix!(@ "ymm9" $product $addition $term),
                    mix!(@ "ymm10" $product $addition $term), mix!(@ "ymm11" $product $addition $term),
                    "dec {steps:e}",
                    "jnz 2b",
                    steps = inout(reg) STEPS => _,
                    out("ymm0") _, out("ymm1") _, out("ymm2") _, out("ymm3") _, out("ymm4") _, out("ymm5") _,
                    out("ymm6") _, out("ymm7") _, out("ymm8") _, out("ymm9") _, out("ymm10") _, out("ymm11") _,
                    out("ymm12") _, out("ymm13") _, out("ymm14") _,
                    options(nomem, nostack),
                );
            }
            begin.elapsed().as_secs_f64() * 1e9 / f64::from(STEPS)
        }};
        (@ $sum:literal $product:literal $addition:literal $term:literal) => {
            concat!($product, "\n", $addition, " ", $sum, ", ", $sum, ", ", $term)
        };
    }

    if !(std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma"))
    {
        return String::new();
    }
    type Mix = fn() -> f64;
    let mixes: [(&str, Mix); 3] = [
        ("VFMADD", || mix!("" "vfmadd231ps" "ymm12")),
        ("VPMADDWD and VPADDD", || mix!("vpmaddwd ymm14, ymm12, ymm13" "vpaddd" "ymm14")),
        ("VPMADDUBSW and VPADDW", || mix!("vpmaddubsw ymm14, ymm12, ymm13" "vpaddw" "ymm14")),
    ];
    let figure = |(name, mix): (&str, Mix)| {
        let cycles = (0..15).map(|_| mix() * clock()).fold(f64::INFINITY, f64::min);
        format!("twelve {name} {cycles:.2} cycles")
    };
    let figures = mixes.map(figure).join(", ");
    format!("\nThe arithmetic of a step alone, nothing loaded, on this CPU: {figures}.\n")
}

/// An empty paragraph, because this is not x86_64.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn measured(_clock: fn() -> f64) -> String {
    String::new()
}
