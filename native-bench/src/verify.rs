//! `native-bench verify`: every kernel of this CPU against the naive product, bit for bit.

use std::process::ExitCode;

use nibble_core::Precision;
use nibble_core::gemm::{Kernel, Packed, Task, Visitor, every, multiply, oracle};

/// Shapes around the edges of tiles, and one beyond every kernel's depth.
const SHAPES: [(usize, usize, usize); 6] =
    [(1, 1, 1), (7, 5, 33), (24, 16, 64), (25, 17, 433), (72, 24, 580), (50, 48, 1300)];

/// Operands that repeat only after a long time (Numerical Recipes' constants).
struct Source(u32);

impl Source {
    fn below(&mut self, limit: u16) -> u16 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        u16::try_from((self.0 >> 8) % u32::from(limit)).unwrap_or(0)
    }
}

struct Compare {
    name: &'static str,
    isa: &'static str,
    task: Task,
}

impl Compare {
    fn report(&self, same: bool) -> bool {
        let verdict = if same { "equal" } else { "DIFFERENT" };
        println!("{verdict:9} {:24} {:3} {}", self.name, self.task, self.isa);
        same
    }
}

impl Visitor for Compare {
    type Result = bool;

    fn integer<K: Kernel<Activation = u8, Weight = i8, Sum = i32>>(self, kernel: K) -> bool {
        let (top, weight) = if self.task == Precision::U4 { (15, 7) } else { (255, 127) };
        let mut source = Source(1);
        let same = SHAPES.iter().all(|&(rows, columns, depth)| {
            let activations: Vec<u8> =
                (0..rows * depth).map(|_| u8::try_from(source.below(top + 1)).unwrap_or(0)).collect();
            let weights: Vec<i8> = (0..columns * depth)
                .map(|_| {
                    i8::try_from(i32::from(source.below(2 * weight + 1)) - i32::from(weight)).unwrap_or(0)
                })
                .collect();
            let packed = Packed::<K>::new(&weights, columns, depth);
            multiply(kernel, &activations, rows, &packed)
                == oracle::multiply(&activations, &weights, rows, columns, depth)
        });
        self.report(same)
    }

    fn float<K: Kernel<Activation = f32, Weight = f32, Sum = f32>>(self, kernel: K) -> bool {
        let mut source = Source(2);
        let mut fraction = || f32::from(source.below(2001)) / 1000.0 - 1.0;
        let close = SHAPES.iter().all(|&(rows, columns, depth)| {
            let activations: Vec<f32> = (0..rows * depth).map(|_| fraction()).collect();
            let weights: Vec<f32> = (0..columns * depth).map(|_| fraction()).collect();
            let packed = Packed::<K>::new(&weights, columns, depth);
            let found = multiply(kernel, &activations, rows, &packed);
            let wanted = oracle::multiply_f32(&activations, &weights, rows, columns, depth);
            found.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-2)
        });
        self.report(close)
    }
}

/// Prints a line for each kernel; fails if one differs.
pub(crate) fn run() -> ExitCode {
    let verdicts = every(|name, isa, task| Compare { name, isa, task });
    if verdicts.iter().all(|&same| same) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
