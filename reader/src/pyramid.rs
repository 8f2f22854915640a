//! A picture and its successive halves, so that sampling at a strong reduction costs no more than
//! sampling at full size.

use std::cell::OnceCell;

use crate::path::{Layout, LinePath};
use crate::sample::sample;
use nibble_gray::Gray;

/// Maximum number of halvings: 8192 pixels become 128.
pub(crate) const MAX_HALVES: usize = 6;

/// Maximum number of halvings of what is sampled: enough for readable documents in pictures within
/// the limits.
const MAX_SAMPLED_HALVES: usize = 4;

/// Reduction from which the next half is used: its pixels are already the means that several
/// samples would yield.
const MAX_REDUCTION: f32 = 1.5;

/// Half the part of a character's width and height that the picture must show.
const SHOWN: f32 = 0.25;

/// A picture whose halves are computed when they are first needed.
#[derive(Debug)]
pub(crate) struct Pyramid<'a> {
    whole: &'a Gray,
    halves: [OnceCell<Gray>; MAX_HALVES],
}

impl<'a> Pyramid<'a> {
    /// The pyramid of a picture. Nothing is computed yet.
    #[must_use]
    pub(crate) fn of(whole: &'a Gray) -> Self {
        Self { whole, halves: [const { OnceCell::new() }; MAX_HALVES] }
    }

    /// The smallest number of halvings after which neither side exceeds `side`; `None` if the picture
    /// is empty or too large for that.
    pub(crate) fn times_within(&self, side: usize) -> Option<usize> {
        let longer = self.whole.width().max(self.whole.height());
        (0..MAX_HALVES)
            .find(|times| longer >> times <= side)
            .filter(|_| !self.whole.pixels().is_empty())
    }

    /// Pixels of the picture per pixel of it halved `times` times.
    #[allow(clippy::cast_precision_loss, reason = "at most 64")]
    pub(crate) fn scale(&self, times: usize) -> f32 {
        (1u32 << times) as f32
    }

    /// The picture halved `times` times, at most [`MAX_HALVES`], each pixel the mean of four.
    pub(crate) fn level(&self, times: usize) -> &Gray {
        match times.checked_sub(1) {
            None => self.whole,
            Some(below) => self.halves[below].get_or_init(|| self.level(below).shrunk(2)),
        }
    }

    /// Whether the picture shows the character whose middle is at `u` of a line: no more than about
    /// a quarter of its width or height is beyond the border.
    #[allow(clippy::cast_precision_loss, reason = "pictures have sides below 2^24")]
    #[must_use]
    pub(crate) fn shows(&self, path: &LinePath, u: f32) -> bool {
        let [width, height] = [self.whole.width(), self.whole.height()].map(|side| side as f32);
        [(-SHOWN, -SHOWN), (SHOWN, -SHOWN), (SHOWN, SHOWN), (-SHOWN, SHOWN)].iter().all(
            |(du, v)| {
                let point = path.point(u + du, *v);
                (0.0..=width).contains(&point.x) && (0.0..=height).contains(&point.y)
            },
        )
    }

    /// Calls [`sample`] on the level whose resolution is closest to that of the strip.
    #[must_use]
    pub(crate) fn sample(&self, path: &LinePath, layout: &Layout) -> Vec<u8> {
        let middle = path.length / 2.0;
        let reduction =
            (path.tangent(middle).norm() / layout.pitch).min(path.cap_at(middle) / layout.cap);
        let (mut times, mut scale) = (0, 1.0);
        while times < MAX_SAMPLED_HALVES && reduction * scale >= MAX_REDUCTION {
            times += 1;
            scale /= 2.0;
        }
        sample(self.level(times), &path.scaled(scale), layout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Point;

    #[test]
    fn a_level_line_of_a_large_picture_is_sampled_as_from_the_small_one() {
        let small: Vec<u8> =
            (0..40 * 100).map(|i| u8::try_from(i % 100 * 2).expect("below 200")).collect();
        let large = (0..160 * 400).map(|i| small[i / 1600 * 100 + i % 400 / 4]).collect();
        let small = Gray::new(100, 40, small).expect("sizes agree");
        let large = Gray::new(400, 160, large).expect("sizes agree");
        let path = LinePath::straight(Point::new(10.0, 20.0), Point::new(90.0, 20.0), 10.0, 8.0);
        let layout = Layout { rows: 12, columns: 100, pitch: 10.0, cap: 10.0, margin: 10.0 };
        let expected = Pyramid::of(&small).sample(&path, &layout);
        assert_eq!(Pyramid::of(&large).sample(&path.scaled(4.0), &layout), expected);
    }
}
