//! Public crates that compute the same product on one thread, to judge the float baseline by.
#![allow(unsafe_code, reason = "the functions of other crates take pointers")]

use nibble_bench::{Case, OperandRange, Operands, Shape};

/// Computes the row-major product `[m][n]` of activations `[m][k]` and the transpose of weights
/// `[n][k]`.
type Product = fn(Shape, &[f32], &[f32], &mut [f32]);

/// The crates and their products.
const PEERS: [(&str, Product); 2] =
    [("crate matrixmultiply", by_matrixmultiply), ("crate gemm", by_gemm)];

/// A case for each crate: product, bias and ReLU.
pub(crate) fn cases(shape: Shape) -> Vec<Case> {
    PEERS.map(|(name, product)| case(shape, name, product)).into()
}

fn case(shape: Shape, name: &str, product: Product) -> Case {
    let operands = Operands::new(shape, OperandRange::F32);
    let (activations, weights) = (operands.real_activations(), operands.real_weights());
    let mut out = vec![0.0f32; shape.m * shape.n];
    let run = Box::new(move || {
        product(shape, &activations, &weights, &mut out);
        for value in &mut out {
            *value = (*value + 0.25).max(0.0);
        }
        std::hint::black_box(&out);
    });
    let (kernel, isa) = (name.to_owned(), "its own choice".to_owned());
    Case { column: OperandRange::F32.name(), kernel, isa, reference: false, run }
}

fn stride(len: usize) -> isize {
    isize::try_from(len).unwrap_or(isize::MAX)
}

fn by_matrixmultiply(
    Shape { m, n, k }: Shape,
    activations: &[f32],
    weights: &[f32],
    out: &mut [f32],
) {
    assert!(activations.len() == m * k && weights.len() == n * k && out.len() == m * n);
    let (a, w, out) = (activations.as_ptr(), weights.as_ptr(), out.as_mut_ptr());
    // SAFETY: the assertion above shows that the operands and the result have as many elements as
    // the sizes and strides reach.
    unsafe {
        matrixmultiply::sgemm(
            m,
            k,
            n,
            1.0,
            a,
            stride(k),
            1,
            w,
            1,
            stride(k),
            0.0,
            out,
            stride(n),
            1,
        );
    }
}

fn by_gemm(Shape { m, n, k }: Shape, activations: &[f32], weights: &[f32], out: &mut [f32]) {
    assert!(activations.len() == m * k && weights.len() == n * k && out.len() == m * n);
    let (a, w, out) = (activations.as_ptr(), weights.as_ptr(), out.as_mut_ptr());
    let product = gemm_f32::gemm::f32::get_gemm_fn();
    let one_thread = gemm_common::Parallelism::None;
    // SAFETY: the assertion above shows that the operands and the result have as many elements as
    // the sizes and strides reach; of each two strides the first is that of columns, the second
    // that of rows. The result is only written.
    unsafe {
        product(
            m,
            n,
            k,
            out,
            1,
            stride(n),
            false,
            a,
            1,
            stride(k),
            w,
            stride(k),
            1,
            0.0,
            1.0,
            false,
            false,
            false,
            one_thread,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_compute_the_same_product() {
        let shape = Shape { m: 7, n: 5, k: 33 };
        let operands = Operands::new(shape, OperandRange::F32);
        let (activations, weights) = (operands.real_activations(), operands.real_weights());
        let dot =
            |(row, column): (&[f32], &[f32])| row.iter().zip(column).map(|(a, w)| a * w).sum();
        let wanted: Vec<f32> = activations
            .chunks(shape.k)
            .flat_map(|row| weights.chunks(shape.k).map(move |column| (row, column)))
            .map(dot)
            .collect();
        for (name, product) in PEERS {
            let mut found = vec![0.0; wanted.len()];
            product(shape, &activations, &weights, &mut found);
            assert!(found.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-3), "{name}");
        }
    }
}
