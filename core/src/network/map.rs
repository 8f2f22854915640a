//! Feature maps.

use super::activation::Activation;
use super::input::Input;
use crate::model::Window;

/// Values that may be read beyond the last window: windows are copied in chunks of this known
/// length, which are a load and a store.
pub(super) const CHUNK: usize = 16;

/// A feature map with the border that its reader needs.
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

    /// Takes a new size and fills border and inside with `fill`. Does not allocate once the largest
    /// size has been seen. That the size does not wrap around has been checked with the input.
    pub(super) fn reset(&mut self, [height, width, channels]: [usize; 3], padding: [usize; 2], fill: A) {
        (self.height, self.width, self.channels, self.padding) = (height, width, channels, padding);
        self.values.clear();
        self.values.resize((height + 2 * padding[0]) * (width + 2 * padding[1]) * channels + CHUNK, fill);
    }

    /// Takes the codes of an input.
    pub(super) fn take(&mut self, input: &Input<'_>, bits: u8, padding: [usize; 2], fill: A) {
        self.reset([input.height, input.width, 1], padding, fill);
        for (y, row) in input.pixels.chunks_exact(input.width).enumerate() {
            for (value, &gray) in self.pixels_mut([y, 0], row.len()).iter_mut().zip(row) {
                *value = A::of_gray(gray, bits);
            }
        }
    }

    /// Where the values of padded row `y`, column `x` begin.
    pub(super) fn index(&self, y: usize, x: usize) -> usize {
        (y * (self.width + 2 * self.padding[1]) + x) * self.channels
    }

    /// The values of `count` pixels inside, from a row and column on, all in that row.
    pub(super) fn pixels_mut(&mut self, [y, x]: [usize; 2], count: usize) -> &mut [A] {
        let (index, channels) = (self.index(y + self.padding[0], x + self.padding[1]), self.channels);
        &mut self.values[index..][..count * channels]
    }

    /// The values inside, without the border.
    pub(super) fn inside(&self) -> Vec<A> {
        (0..self.height)
            .flat_map(|y| {
                let from = self.index(y + self.padding[0], self.padding[1]);
                self.values[from..][..self.width * self.channels].iter().copied()
            })
            .collect()
    }
}

/// The largest value of each window, channel by channel.
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
