//! Feature maps.

use super::activation::Activation;
use super::input::Input;
use crate::model::Window;

/// Values that can be read behind the last window: windows are copied in chunks of this length,
/// which the compiler knows and turns into a load and a store.
pub(super) const CHUNK: usize = 16;

/// A feature map with the border that the layer reading it needs.
pub(super) struct Map<A> {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
    padding: [usize; 2],
    pub(super) values: Vec<A>,
}

impl<A: Activation> Map<A> {
    pub(super) const fn empty() -> Self {
        Self { height: 0, width: 0, channels: 0, padding: [0, 0], values: Vec::new() }
    }

    /// Resizes the map and fills it, border included, with `fill`. Does not allocate if it has been
    /// as large before. The size cannot wrap around: `Input::of` has checked it.
    pub(super) fn reset(
        &mut self,
        [height, width, channels]: [usize; 3],
        padding: [usize; 2],
        fill: A,
    ) {
        (self.height, self.width, self.channels, self.padding) = (height, width, channels, padding);
        self.values.clear();
        // Pairs read a pixel behind the last row, too.
        let behind = channels + CHUNK;
        self.values
            .resize((height + 2 * padding[0]) * (width + 2 * padding[1]) * channels + behind, fill);
    }

    /// Stores an input.
    pub(super) fn take(&mut self, input: &Input<'_>, bits: u8, padding: [usize; 2], fill: A) {
        self.reset([input.height, input.width, 1], padding, fill);
        for (y, row) in input.pixels.chunks_exact(input.width).enumerate() {
            for (value, &gray) in self.pixels_mut([y, 0], row.len()).iter_mut().zip(row) {
                *value = A::of_gray(gray, bits);
            }
        }
    }

    /// Index of the first value of row `y`, column `x`, counted from the border's edge.
    pub(super) fn index(&self, y: usize, x: usize) -> usize {
        (y * (self.width + 2 * self.padding[1]) + x) * self.channels
    }

    /// The values of `count` pixels of row `y` from column `x` on, counted without the border.
    pub(super) fn pixels_mut(&mut self, [y, x]: [usize; 2], count: usize) -> &mut [A] {
        let (index, channels) =
            (self.index(y + self.padding[0], x + self.padding[1]), self.channels);
        &mut self.values[index..][..count * channels]
    }

    /// A copy of the values without the border.
    pub(super) fn inside(&self) -> Vec<A> {
        (0..self.height)
            .flat_map(|y| {
                let from = self.index(y + self.padding[0], self.padding[1]);
                self.values[from..][..self.width * self.channels].iter().copied()
            })
            .collect()
    }
}

/// Max pooling: the largest value of each window, channel by channel.
pub(super) fn pool<A: Activation>(from: &Map<A>, to: &mut Map<A>, window: &Window) {
    let channels = from.channels;
    for y in 0..to.height {
        for x in 0..to.width {
            let (top, left) = (y * window.stride[0], x * window.stride[1]);
            let out = to.pixels_mut([y, x], 1);
            out.copy_from_slice(&from.values[from.index(top, left)..][..channels]);
            for dy in 0..window.kernel[0] {
                for dx in 0..window.kernel[1] {
                    let values = &from.values[from.index(top + dy, left + dx)..][..channels];
                    for (out, &value) in out.iter_mut().zip(values) {
                        *out = out.larger(value);
                    }
                }
            }
        }
    }
}
