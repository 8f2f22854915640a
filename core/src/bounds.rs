//! Bounds that guard pointers, computed without wrap-around.

/// Whether `rows` rows of `columns` results, `stride` apart, lie within `len` elements:
/// `(rows - 1) * stride + columns <= len`, computed without wrap-around.
///
/// # Panics
/// If `rows` is 0.
#[inline]
pub(crate) const fn tile_fits(rows: usize, columns: usize, stride: usize, len: usize) -> bool {
    columns <= len && (rows == 1 || stride <= (len - columns) / (rows - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `5 * stride + 16` wraps around to 15, which an unchecked computation would accept.
    #[test]
    fn room_for_a_tile_is_the_definition() {
        assert!(!tile_fits(6, 16, usize::MAX / 5, 16));
        assert!(!tile_fits(2, 1, usize::MAX, usize::MAX));
        for rows in 1..7usize {
            for columns in 0..9 {
                for stride in 0..9 {
                    for len in 0..60 {
                        let fits = (rows - 1) * stride + columns <= len;
                        assert_eq!(tile_fits(rows, columns, stride, len), fits);
                    }
                }
            }
        }
    }
}
