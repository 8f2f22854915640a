//! One suite for every kernel that this machine can run: its products must equal those of the naive
//! oracle, at sizes around the edges of tiles and cuts.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "test operands are small"
)]

use super::winograd::Lanes;
use super::winograd_check::pairs_equal;
use super::{Kernel, OperandRange, Packed, Visitor, ZeroPoints, Zeroed, every, multiply, oracle};
use crate::quant::Code;

/// A small generator of test operands (Numerical Recipes' constants).
struct Source(u32);

impl Source {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) % limit
    }
}

struct Check(OperandRange);

impl Check {
    fn integer_case<K: Kernel<Activation: Code, Weight = i8, Sum = i32>>(
        &self,
        kernel: K,
        (rows, columns, depth): (usize, usize, usize),
        fill: &mut dyn FnMut() -> (u8, i8),
    ) {
        let activations: Vec<u8> = (0..rows * depth).map(|_| fill().0).collect();
        let weights: Vec<i8> = (0..columns * depth).map(|_| fill().1).collect();
        let packed = Packed::<K>::new(&weights, columns, depth);
        let found = multiply(kernel, &K::Activation::all(&activations), rows, &packed);
        assert_eq!(
            found,
            oracle::multiply(&activations, &weights, rows, columns, depth),
            "{} {rows}x{columns}x{depth}",
            K::NAME
        );
    }
}

impl Visitor for Check {
    type Result = (&'static str, &'static str);

    fn integer<K: Kernel<Activation: Code, Weight = i8, Sum = i32>>(
        self,
        kernel: K,
    ) -> Self::Result {
        let (top, weight) = (self.0.max_activation(), self.0.max_weight());
        let mut source = Source(K::MR as u32 * 31 + K::NR as u32);
        let edges = |side: usize| [1, side - 1, side, side + 1, 2 * side + 1];
        for rows in edges(K::MR) {
            for columns in edges(K::NR) {
                for depth in [1, 2, 3, 7, 16, 17, 33] {
                    let mut random = || {
                        (
                            source.below(u32::from(top) + 1) as u8,
                            (source.below(2 * weight as u32 + 1) as i32 - i32::from(weight)) as i8,
                        )
                    };
                    self.integer_case(kernel, (rows.max(1), columns.max(1), depth), &mut random);
                }
            }
        }
        // Extreme sums, at and beyond the depth that the accumulators hold.
        let deepest = K::MAX_DEPTH.min(1200);
        for depth in [deepest - 1, deepest, deepest + 1, 2 * deepest + 3, 580] {
            for sign in [1, -1] {
                self.integer_case(kernel, (K::MR, K::NR + 1, depth), &mut || (top, sign * weight));
                // The largest products of kernels that centre activations.
                self.integer_case(kernel, (K::MR, K::NR + 1, depth), &mut || (0, sign * weight));
                // A block of large weights among zeros, at another depth in each column.
                let mut turn = 0;
                self.integer_case(kernel, (K::MR, K::NR + 1, depth), &mut || {
                    turn += 1;
                    (0, if turn % 301 < 45 { sign * weight } else { 0 })
                });
            }
            let mut turn = 0;
            self.integer_case(kernel, (2, K::NR, depth), &mut || {
                turn += 1;
                (top, if turn % 2 == 0 { weight } else { -weight })
            });
        }
        self.integer_case(kernel, (0, 3, 5), &mut || (1, 1));
        (K::NAME, K::ISA)
    }

    fn float<K: Kernel<Activation = f32, Weight = f32, Sum = f32>>(
        self,
        kernel: K,
    ) -> Self::Result {
        let mut source = Source(5);
        for (rows, columns, depth) in
            [(1, 1, 1), (K::MR + 1, K::NR + 1, 37), (3, 40, 300), (0, 4, 4)]
        {
            let mut random = || source.below(2001) as f32 / 1000.0 - 1.0;
            let activations: Vec<f32> = (0..rows * depth).map(|_| random()).collect();
            let weights: Vec<f32> = (0..columns * depth).map(|_| random()).collect();
            let packed = Packed::<K>::new(&weights, columns, depth);
            let found = multiply(kernel, &activations, rows, &packed);
            let wanted = oracle::multiply_f32(&activations, &weights, rows, columns, depth);
            assert_eq!(found.len(), wanted.len());
            for (a, b) in found.iter().zip(&wanted) {
                assert!((a - b).abs() <= 1e-5 * depth as f32, "{} {a} {b}", K::NAME);
            }
        }
        (K::NAME, K::ISA)
    }
}

#[test]
fn every_kernel_equals_the_oracle() {
    let tested = every(Check);
    println!("{tested:?}");
    assert!(tested.len() >= 3, "the portable kernels run everywhere");
    // `cargo xtask test` names the kernels that this machine must have: one that did not run is a
    // failure, not a silent pass.
    if let Ok(required) = std::env::var("NIBBLE_REQUIRE_KERNELS") {
        for name in required.split(',').filter(|name| !name.is_empty()) {
            assert!(
                tested.iter().any(|(kernel, _)| *kernel == name),
                "{name} was asked for and did not run: {tested:?}"
            );
        }
    }
}

/// Products with zero points on both sides, by every kernel that takes weights of -8.
struct CheckZeros(OperandRange);

impl Visitor for CheckZeros {
    type Result = Option<&'static str>;

    fn integer<K: Kernel<Activation: Code, Weight = i8, Sum = i32>>(
        self,
        kernel: K,
    ) -> Self::Result {
        if self.0 != OperandRange::U4 || K::MIN_WEIGHT > -8 {
            return None;
        }
        let mut source = Source(K::NR as u32);
        for (rows, columns, depth) in
            [(1, 1, 1), (K::MR + 1, K::NR + 1, 37), (5, 9, 600), (3, 2, 4100)]
        {
            for (za, zw) in [(0, 8), (7, 8), (15, 0), (0, 15), (3, 5)] {
                // The first row and the first column hold extreme codes.
                let mut codes = |count: usize, first: u8| -> Vec<u8> {
                    (0..count * depth)
                        .map(|at| if at < depth { first } else { source.below(16) as u8 })
                        .collect()
                };
                let activations = codes(rows, 15);
                for extreme in [0, 15] {
                    let weights = codes(columns, extreme);
                    let zeros = ZeroPoints { activations: za, weights: zw };
                    let zeroed = Zeroed::<K>::new(&weights, columns, depth, zeros);
                    let codes = K::Activation::all(&activations);
                    let mut found = multiply(kernel, &codes, rows, zeroed.packed());
                    let offsets = zeroed.packed().offsets();
                    for (row, sums) in found.chunks_exact_mut(columns).enumerate() {
                        let term = zeroed.row_term(&codes[row * depth..][..depth]);
                        for (column, sum) in sums.iter_mut().enumerate() {
                            // `multiply` has added the offsets already.
                            *sum += term + zeroed.column_terms()[column]
                                - offsets.get(column).unwrap_or(&0);
                        }
                    }
                    let wanted = oracle::multiply_zeroed(
                        (&activations, za),
                        (&weights, zw),
                        rows,
                        columns,
                        depth,
                    );
                    assert_eq!(
                        found,
                        wanted,
                        "{} {rows}x{columns}x{depth}, {za} {zw} {extreme}",
                        K::NAME
                    );
                }
            }
        }
        Some(K::NAME)
    }

    fn float<K: Kernel<Activation = f32, Weight = f32, Sum = f32>>(
        self,
        _kernel: K,
    ) -> Self::Result {
        None
    }
}

#[test]
fn zero_points_on_both_sides_equal_the_oracle() {
    let tested: Vec<&str> = every(CheckZeros).into_iter().flatten().collect();
    assert!(!tested.is_empty(), "the portable kernel takes them everywhere");
    println!("{tested:?}");
}

/// Convolutions of three taps, two outputs at a time, by every kernel that has a tile for them.
struct CheckPoints(OperandRange);

impl Visitor for CheckPoints {
    type Result = Option<&'static str>;

    fn integer<K: Kernel<Activation: Code, Weight = i8, Sum = i32>>(
        self,
        kernel: K,
    ) -> Self::Result {
        let lanes = K::POINTS?;
        if self.0 != OperandRange::U4 {
            return None;
        }
        let mut source = Source(K::NR as u32);
        for count in [1, K::MR / 2, K::MR / 2 + 1, 2 * K::MR + 1] {
            for columns in [1, K::STEP, K::NR - 1, K::NR, K::NR + 1, 2 * K::NR + 3] {
                for depth in [1, 2, 3, 9].map(|groups| groups * K::GROUP) {
                    let mut numbers = |count: usize, limit: u32| -> Vec<u32> {
                        (0..count).map(|_| source.below(limit)).collect()
                    };
                    let codes = numbers(count * 4 * depth, 16);
                    let codes: Vec<u8> = codes.into_iter().map(|code| code as u8).collect();
                    let weights = numbers(columns * 3 * depth, 15);
                    let weights: Vec<i8> = weights.into_iter().map(|w| w as i8 - 7).collect();
                    let same = pairs_equal(kernel, [count, columns, depth], &codes, &weights);
                    assert_eq!(same, Some(true), "{} {count}x{columns}x{depth}", K::NAME);
                }
            }
        }
        // The largest sums at each point and of each output, at the depth that halves hold at most:
        // 30 * 3 * 7 * 52 = 32760.
        let (deepest, deeper) = (104, 104 + K::GROUP);
        for inputs in 0..16 {
            for signs in 0..8 {
                let same = |depth: usize| {
                    let code = |at: usize| 15 * (inputs >> (at / depth) & 1);
                    let weight = |at: usize| 7 - 14 * (signs >> (at / depth % 3) & 1);
                    let codes: Vec<u8> = (0..4 * depth).map(code).collect();
                    let weights: Vec<i8> = (0..2 * 3 * depth).map(weight).collect();
                    pairs_equal(kernel, [1, 2, depth], &codes, &weights)
                };
                assert_eq!(same(deepest), Some(true), "{} {inputs} {signs}", K::NAME);
                let same = same(deeper);
                let wanted = (lanes == Lanes::Whole).then_some(true);
                assert_eq!(same, wanted, "{}: halves refuse what they cannot hold", K::NAME);
            }
        }
        let refused = |depth: usize, weight: i8| {
            pairs_equal(kernel, [1, 1, depth], &vec![0; 4 * depth], &vec![weight; 3 * depth])
                .is_none()
        };
        assert!(refused(K::GROUP, 8) && refused(K::GROUP, -8), "weights of 4 bits alone");
        assert!(refused(K::GROUP + 1, 1), "whole groups alone");
        assert!(!refused(K::GROUP, 7));
        Some(K::NAME)
    }

    fn float<K: Kernel<Activation = f32, Weight = f32, Sum = f32>>(
        self,
        _kernel: K,
    ) -> Self::Result {
        None
    }
}

#[test]
fn pairs_of_outputs_equal_the_oracle() {
    let tested: Vec<&str> = every(CheckPoints).into_iter().flatten().collect();
    println!("{tested:?}");
    // The kernels that `cargo xtask test` asks for, as far as they have such a tile.
    let with_tile =
        ["avx2_u4", "avxvnni_u8", "sse41_u4", "dotprod_u4", "i8mm_u8", "relaxed_u4", "relaxed_u7"];
    if let Ok(required) = std::env::var("NIBBLE_REQUIRE_KERNELS") {
        for name in required.split(',').filter(|name| with_tile.iter().any(|t| name.starts_with(t)))
        {
            assert!(tested.contains(&name), "{name} was asked for and did not run: {tested:?}");
        }
    }
}
