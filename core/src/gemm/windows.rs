//! Windows of a feature map, and the checks that make it safe to read them by pointer.

/// Windows of a feature map. Each has `stretches` stretches of `stretch_len` contiguous
/// activations, whose beginnings are `pitch` apart. A matrix is a map whose windows are its rows.
///
/// A window longer than the product's depth ends in padding, which is multiplied by zero weights.
///
/// A value is the proof that every window lies inside the map: [`Windows::new`] is the only way to
/// make one, and its fields are private.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windows<'a, A> {
    map: &'a [A],
    starts: &'a [usize],
    stretches: usize,
    stretch_len: usize,
    pitch: usize,
}

impl<'a, A> Windows<'a, A> {
    /// Windows that begin at `starts`. `None` if any of them does not lie inside `map`; the bound
    /// is computed without wrap-around.
    #[inline]
    pub(crate) fn new(
        map: &'a [A],
        starts: &'a [usize],
        [stretches, stretch_len, pitch]: [usize; 3],
    ) -> Option<Self> {
        // The length of a window, which `window_len` computes unchecked.
        stretches.checked_mul(stretch_len)?;
        let reach = stretches.saturating_sub(1).checked_mul(pitch)?.checked_add(stretch_len)?;
        let last_start = map.len().checked_sub(reach)?;
        let inside = starts.iter().all(|&start| start <= last_start);
        inside.then_some(Self { map, starts, stretches, stretch_len, pitch })
    }

    /// Number of windows.
    #[inline]
    pub(crate) fn count(&self) -> usize {
        self.starts.len()
    }

    /// Stretches of a window.
    #[inline]
    pub(crate) fn stretches(&self) -> usize {
        self.stretches
    }

    /// Activations of a stretch.
    #[inline]
    pub(crate) fn stretch_len(&self) -> usize {
        self.stretch_len
    }

    /// Distance between the beginnings of neighbouring stretches.
    #[inline]
    #[allow(dead_code, reason = "some machines' kernels read packed panels only")]
    pub(crate) fn pitch(&self) -> usize {
        self.pitch
    }

    /// Activations of a window.
    #[inline]
    pub(crate) fn window_len(&self) -> usize {
        // Checked by `new`.
        self.stretches * self.stretch_len
    }

    /// Panels of `rows` windows each, in order; a remainder of fewer windows is left out.
    #[inline]
    pub(crate) fn panels(&self, rows: usize) -> impl Iterator<Item = Self> + use<'a, A> {
        let &Self { map, stretches, stretch_len, pitch, .. } = self;
        let panels = self.starts.chunks_exact(rows);
        panels.map(move |starts| Self { map, starts, stretches, stretch_len, pitch })
    }

    /// Stretch `index` of window `row`.
    ///
    /// # Panics
    /// If there is no such window.
    #[inline]
    pub(crate) fn stretch(&self, row: usize, index: usize) -> &'a [A] {
        &self.map[self.starts[row] + index * self.pitch..][..self.stretch_len]
    }

    /// Pointer to the first activation of window `row`. The element at offset `index * pitch + k`
    /// from it lies inside the map for all `index < stretches` and `k < stretch_len`.
    ///
    /// # Panics
    /// If there is no such window.
    #[inline]
    #[allow(dead_code, reason = "some machines' kernels read packed panels only")]
    pub(crate) fn first(&self, row: usize) -> *const A {
        self.map[self.starts[row]..].as_ptr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reach of these windows wraps around to 1, which an unchecked computation would accept.
    #[test]
    fn lengths_that_wrap_around_are_no_windows() {
        let map = [0.0f32; 1];
        assert!(Windows::new(&map, &[0; 6], [2, 1000, usize::MAX - 998]).is_none());
        assert!(Windows::new(&map, &[usize::MAX], [1, 1, 0]).is_none());
        assert!(Windows::new(&map, &[0], [usize::MAX, 2, 0]).is_none());
        assert!(Windows::new(&map, &[0], [usize::MAX, 0, usize::MAX]).is_none());
    }

    /// A stretch may be far longer than the map.
    #[test]
    fn windows_beyond_the_map_are_none() {
        let map = [0u8; 4];
        assert!(Windows::new(&map, &[0; 4], [1, 1 << 20, 0]).is_none());
        assert!(Windows::new(&map, &[1], [1, 4, 0]).is_none());
        let whole = Windows::new(&map, &[0, 1], [2, 1, 2]).expect("0..=2 and 1..=3");
        assert_eq!(whole.stretch(1, 1).len(), 1);
        assert_eq!(whole.panels(2).count(), 1);
    }

    #[test]
    fn the_check_of_windows_is_the_definition() {
        for len in 0..12usize {
            let map = vec![0u8; len];
            for start in 0..6 {
                for stretches in 0..4 {
                    for stretch_len in 0..5 {
                        for pitch in 0..6 {
                            let sizes = [stretches, stretch_len, pitch];
                            let reach = stretches.max(1) * pitch - pitch + stretch_len;
                            let inside = start + reach <= len;
                            let found = Windows::new(&map, &[start], sizes).is_some();
                            assert_eq!(found, inside, "{len} {start} {sizes:?}");
                        }
                    }
                }
            }
        }
    }
}
