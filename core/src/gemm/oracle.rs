//! The naive product with which every kernel is compared. It shares no code with the driver.

/// `[rows][columns]` product of `[rows][depth]` activations and `[columns][depth]` weights, exact.
#[must_use]
pub(crate) fn multiply(
    activations: &[u8],
    weights: &[i8],
    rows: usize,
    columns: usize,
    depth: usize,
) -> Vec<i32> {
    let mut out = Vec::with_capacity(rows * columns);
    for row in 0..rows {
        for column in 0..columns {
            let mut sum = 0;
            for k in 0..depth {
                sum += i32::from(activations[row * depth + k])
                    * i32::from(weights[column * depth + k]);
            }
            out.push(sum);
        }
    }
    out
}

/// The same for 4-bit codes with zero points: `sum (a - za)(w - zw)`.
#[must_use]
#[cfg(test)]
pub(crate) fn multiply_zeroed(
    (activations, activation_zero): (&[u8], u8),
    (weights, weight_zero): (&[u8], u8),
    rows: usize,
    columns: usize,
    depth: usize,
) -> Vec<i32> {
    let mut out = Vec::with_capacity(rows * columns);
    for row in 0..rows {
        for column in 0..columns {
            let mut sum = 0;
            for k in 0..depth {
                let activation =
                    i32::from(activations[row * depth + k]) - i32::from(activation_zero);
                sum +=
                    activation * (i32::from(weights[column * depth + k]) - i32::from(weight_zero));
            }
            out.push(sum);
        }
    }
    out
}

/// The same in f32, summed in order of the depth.
#[must_use]
#[cfg(any(test, feature = "bench"))]
pub(crate) fn multiply_f32(
    activations: &[f32],
    weights: &[f32],
    rows: usize,
    columns: usize,
    depth: usize,
) -> Vec<f32> {
    let mut out = Vec::with_capacity(rows * columns);
    for row in 0..rows {
        for column in 0..columns {
            let mut sum = 0.0;
            for k in 0..depth {
                sum += activations[row * depth + k] * weights[column * depth + k];
            }
            out.push(sum);
        }
    }
    out
}
