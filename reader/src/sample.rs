//! Resampling a picture along a text line.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "sample positions are clamped to the picture; strips have a few thousand pixels a side"
)]

use crate::geometry::Point;
use crate::path::{Layout, LinePath};
use nibble_gray::Gray;

/// Maximum samples per side averaged for one output pixel: enough for a fivefold reduction without
/// aliasing.
const MAX_OVERSAMPLING: usize = 6;

/// Units of a position per pixel. Positions are distances from the centre of the first pixel.
const UNIT: f32 = 65536.0;

/// Columns that are sampled at once. The compiler makes vectors of them; with twice as many, it runs
/// out of registers.
const LANES: usize = 16;

/// Maximum distance of a column's first position from the origin of its [`Window`]: 16,384 pixels.
/// Positions farther away are taken to be there.
const MAX_DISTANCE: i64 = 1 << 30;
/// Maximum length of all steps of a column together.
const MAX_STEPS: i64 = 1 << 30;

/// A value for each of the columns that are sampled at once.
type Each<T> = [T; LANES];

/// Where the columns of a strip begin, and the step from sample to sample, in [`UNIT`]s. The last
/// column repeats until their number is a multiple of [`LANES`].
struct Courses {
    x: Vec<i64>,
    y: Vec<i64>,
    step_x: Vec<i32>,
    step_y: Vec<i32>,
}

impl Courses {
    /// The courses `aside` characters beside the middles of the columns. Each begins `first` rows
    /// below the middle line, and a row has `down` samples.
    fn of(path: &LinePath, layout: &Layout, aside: f32, first: f32, down: usize) -> Self {
        let room = || Vec::with_capacity(layout.columns.next_multiple_of(LANES));
        let mut courses = Self { x: room(), y: room(), step_x: Vec::new(), step_y: Vec::new() };
        for begin in (0..layout.columns).step_by(LANES) {
            let (mut x, mut y): (Each<f32>, Each<f32>) = ([0.0; LANES], [0.0; LANES]);
            let (mut step_x, mut step_y): (Each<i32>, Each<i32>) = ([0; LANES], [0; LANES]);
            for i in 0..LANES {
                let u = layout.u((begin + i).min(layout.columns - 1)) + aside;
                let downward = path.down(u) * (1.0 / layout.cap);
                let place = path.at(u) + downward * first - Point::new(0.5, 0.5);
                let step = downward * (1.0 / down as f32);
                (x[i], y[i]) = (place.x * UNIT, place.y * UNIT);
                (step_x[i], step_y[i]) = ((step.x * UNIT) as i32, (step.y * UNIT) as i32);
            }
            courses.x.extend(x.map(|x| x as i64));
            courses.y.extend(y.map(|y| y as i64));
            courses.step_x.extend(step_x);
            courses.step_y.extend(step_y);
        }
        courses
    }

    /// The least positions of courses of `count` steps, on both axes.
    fn least(&self, count: i64) -> [i64; 2] {
        let least = |places: &[i64], steps: &[i32]| {
            let ends = places.iter().zip(steps).map(|(&place, &step)| {
                place.min(place.saturating_add(i64::from(step).saturating_mul(count)))
            });
            ends.min().unwrap_or(i64::MAX)
        };
        [least(&self.x, &self.step_x), least(&self.y, &self.step_y)]
    }
}

/// Sample positions in some columns of a strip, relative to a [`Window`].
struct Lanes {
    x: Each<i32>,
    y: Each<i32>,
    step_x: Each<i32>,
    step_y: Each<i32>,
    /// Whether no sample needs the border.
    inside: bool,
}

impl Lanes {
    /// The positions of the columns from `begin`, which advance `count` times.
    fn of(window: &Window, courses: &Courses, begin: usize, count: i64) -> Self {
        let [left, top] = window.origin.map(|side| side << 16);
        let near = |place: i64, origin: i64| {
            place.saturating_sub(origin).clamp(-MAX_DISTANCE, MAX_DISTANCE) as i32
        };
        // Both limits together keep every position within 32 bits.
        let most = (MAX_STEPS / count) as i32;
        let [x, y] = [&courses.x, &courses.y].map(|places| &places[begin..][..LANES]);
        let steps = |steps: &[i32]| {
            let steps = &steps[begin..][..LANES];
            std::array::from_fn(|i| steps[i].clamp(-most, most))
        };
        let mut lanes = Self {
            x: std::array::from_fn(|i| near(x[i], left)),
            y: std::array::from_fn(|i| near(y[i], top)),
            step_x: steps(&courses.step_x),
            step_y: steps(&courses.step_y),
            inside: false,
        };
        // A column is straight: if both of its ends are inside, it is.
        let ends = |first: &Each<i32>, steps: &Each<i32>, axis: usize| {
            first.iter().zip(steps).all(|(&first, &step)| {
                let last = first + step * (count - 1) as i32;
                window.has_inside(axis, first) && window.has_inside(axis, last)
            })
        };
        lanes.inside = ends(&lanes.x, &lanes.step_x, 0) && ends(&lanes.y, &lanes.step_y, 1);
        lanes
    }

    /// Adds the gray at each position, times 65536, to the sum of its column, and advances by a step.
    /// Gray is interpolated bilinearly with weights in 256ths. Beyond the border the border pixels
    /// repeat.
    #[inline(always)]
    fn add(&mut self, window: &Window, sums: &mut Each<u32>) {
        if self.inside && window.is_narrow {
            self.add_inside(window, sums);
        } else {
            self.add_anywhere(window, sums);
        }
    }

    /// [`Lanes::add`] where no sample needs the border. Positions are not negative there, and products
    /// of 16 bits are quicker than those of 32.
    #[inline(always)]
    fn add_inside(&mut self, window: &Window, sums: &mut Each<u32>) {
        let width = window.width as u16;
        let (mut starts, mut right, mut below) = ([0; LANES], [0; LANES], [0; LANES]);
        for i in 0..LANES {
            let (x, y) = ((self.x[i] as u32 >> 16) as u16, (self.y[i] as u32 >> 16) as u16);
            starts[i] = u32::from(y) * u32::from(width) + u32::from(x);
            (right[i], below[i]) = (self.x[i] as u16 >> 8, self.y[i] as u16 >> 8);
        }
        interpolate(window.near, window.width, &starts, [&right, &below], sums);
        self.advance();
    }

    /// [`Lanes::add`] anywhere.
    fn add_anywhere(&mut self, window: &Window, sums: &mut Each<u32>) {
        let (mut starts, mut right, mut below) = ([0; LANES], [0; LANES], [0; LANES]);
        for i in 0..LANES {
            let ((x, to_right), (y, to_bottom)) =
                (window.split(0, self.x[i]), window.split(1, self.y[i]));
            starts[i] = window.start(x, y);
            (right[i], below[i]) = (to_right, to_bottom);
        }
        interpolate(window.pixels, window.width, &starts, [&right, &below], sums);
        self.advance();
    }

    #[inline(always)]
    fn advance(&mut self) {
        for i in 0..LANES {
            self.x[i] += self.step_x[i];
            self.y[i] += self.step_y[i];
        }
    }
}

/// Adds what is between four pixels: those at `starts`, to the right of them, and below both. The
/// weights of the pixels to the right and below are in 256ths.
#[inline(always)]
fn interpolate(
    pixels: &[u8],
    width: usize,
    starts: &Each<u32>,
    [right, below]: [&Each<u16>; 2],
    sums: &mut Each<u32>,
) {
    let (mut upper, mut lower) = ([0; LANES], [0; LANES]);
    for i in 0..LANES {
        let square = &pixels[starts[i] as usize..][..width + 2];
        upper[i] = u16::from_le_bytes([square[0], square[1]]);
        lower[i] = u16::from_le_bytes([square[width], square[width + 1]]);
    }
    let (mut above, mut beneath) = ([0; LANES], [0; LANES]);
    for i in 0..LANES {
        let mix = |pair: u16| (pair & 255) * (256 - right[i]) + (pair >> 8) * right[i];
        (above[i], beneath[i]) = (mix(upper[i]), mix(lower[i]));
    }
    for i in 0..LANES {
        let (up, down) = (u32::from(256 - below[i]), u32::from(below[i]));
        sums[i] += u32::from(above[i]) * up + u32::from(beneath[i]) * down;
    }
}

/// The part of a picture around a strip, so that positions in it fit 32 bits.
struct Window<'a> {
    pixels: &'a [u8],
    /// The pixels from the origin on.
    near: &'a [u8],
    /// Pixels in a row of the picture.
    width: usize,
    /// Whether that fits 16 bits.
    is_narrow: bool,
    /// Column and row of the picture at which positions begin.
    origin: [i64; 2],
    /// The least and the greatest position that is not beyond the border, for columns and rows.
    range: [[i32; 2]; 2],
    /// The last column and row that have a neighbour.
    last: [i32; 2],
}

impl<'a> Window<'a> {
    /// The window around courses of `count` steps. The picture has at least two columns and two rows.
    fn around(gray: &'a Gray, courses: &[Courses], count: i64) -> Self {
        let least = courses.iter().map(|courses| courses.least(count));
        let least = least.fold([i64::MAX; 2], |[x, y], [a, b]| [x.min(a), y.min(b)]);
        let sides = [gray.width(), gray.height()].map(|side| side as i64);
        // Within the picture, so that its own positions are near, too.
        let origin = [0, 1].map(|axis| (least[axis] >> 16).clamp(0, sides[axis] - 2));
        // A border farther away than any position can as well be there.
        let near = |value: i64| value.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
        let range = [0, 1]
            .map(|axis| [near(-origin[axis] << 16), near((sides[axis] - 1 - origin[axis]) << 16)]);
        let last = [0, 1].map(|axis| near(sides[axis] - 2 - origin[axis]));
        let (pixels, width) = (gray.pixels(), gray.width());
        let near = &pixels[origin[1] as usize * width + origin[0] as usize..];
        let is_narrow = u16::try_from(width).is_ok();
        Self { pixels, near, width, is_narrow, origin, range, last }
    }

    /// Whether the pixels on both sides of a position are in the picture.
    fn has_inside(&self, axis: usize, position: i32) -> bool {
        position >= self.range[axis][0] && position >> 16 <= self.last[axis]
    }

    /// The column or row at or before a position, and the weight of the next one in 256ths.
    fn split(&self, axis: usize, position: i32) -> (i32, u16) {
        let [least, greatest] = self.range[axis];
        let position = position.max(least).min(greatest);
        let first = (position >> 16).min(self.last[axis]);
        (first, (position.wrapping_sub(first << 16) >> 8) as u16)
    }

    /// The index of a pixel, from its column and row relative to the origin. It is that of a pixel of
    /// the picture, so what wraps around on the way comes back.
    fn start(&self, x: i32, y: i32) -> u32 {
        let row = (y as u32).wrapping_add(self.origin[1] as u32).wrapping_mul(self.width as u32);
        row.wrapping_add((x as u32).wrapping_add(self.origin[0] as u32))
    }
}

/// Resamples a line. Each output pixel is the mean of bilinear samples about one picture pixel
/// apart. Along a column the samples are evenly spaced, so integer steps reach all of them.
#[must_use]
pub(crate) fn sample(gray: &Gray, path: &LinePath, layout: &Layout) -> Vec<u8> {
    let mut pixels = vec![0; layout.rows * layout.columns];
    // Indices of pixels are computed in 32 bits.
    let fits = u32::try_from(gray.pixels().len()).is_ok();
    if gray.width() < 2 || gray.height() < 2 || pixels.is_empty() || !fits {
        return pixels;
    }
    let middle = path.length / 2.0;
    let oversampling = |step: f32| step.round().clamp(1.0, MAX_OVERSAMPLING as f32) as usize;
    let across = oversampling(path.tangent(middle).norm() / layout.pitch);
    let down = oversampling(path.cap_at(middle) / layout.cap);
    let offset = |i: usize, n: usize| (i as f32 + 0.5) / n as f32 - 0.5;
    let first = offset(0, down) + 0.5 - layout.rows as f32 / 2.0;
    let course =
        |i: usize| Courses::of(path, layout, offset(i, across) / layout.pitch, first, down);
    let courses: Vec<Courses> = (0..across).map(course).collect();
    let count = (layout.rows * down) as i64;
    let window = Window::around(gray, &courses, count);
    let mean = Mean::of((across * down) as u32);
    for begin in (0..layout.columns).step_by(LANES) {
        let end = layout.columns.min(begin + LANES);
        let mut samples: Vec<Lanes> =
            courses.iter().map(|courses| Lanes::of(&window, courses, begin, count)).collect();
        for row in pixels.chunks_exact_mut(layout.columns) {
            let mut sums = [0; LANES];
            for lanes in &mut samples {
                for _ in 0..down {
                    lanes.add(&window, &mut sums);
                }
            }
            row[begin..end].copy_from_slice(&mean.of_sums(&sums)[..end - begin]);
        }
    }
    pixels
}

/// Rounds sums of samples to their mean.
#[derive(Clone, Copy)]
struct Mean {
    /// A sum times this is the mean in units of 2^-40, accurate to one part in 2^14.
    share: u64,
    /// Whether a sum is of one sample, and shifting is enough.
    is_single: bool,
}

impl Mean {
    fn of(samples: u32) -> Self {
        Self { share: u64::from((1 << 24) / samples), is_single: samples == 1 }
    }

    #[inline(always)]
    fn of_sums(self, sums: &Each<u32>) -> Each<u8> {
        if self.is_single {
            return sums.map(|sum| ((sum + (1 << 15)) >> 16) as u8);
        }
        sums.map(|sum| ((u64::from(sum) * self.share + (1 << 39)) >> 40) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A position and a step, one of each.
    #[derive(Clone, Copy)]
    struct Place {
        x: i64,
        y: i64,
    }

    impl Place {
        fn at(point: Point) -> Self {
            Self { x: (point.x * UNIT) as i64, y: (point.y * UNIT) as i64 }
        }

        /// This place moved `count` times by `step`.
        fn after(self, step: Self, count: i64) -> Self {
            let along = |place: i64, step: i64| place.saturating_add(step.saturating_mul(count));
            Self { x: along(self.x, step.x), y: along(self.y, step.y) }
        }
    }

    fn ramp() -> Gray {
        let pixels = (0..40 * 100).map(|i| (i % 100 * 2) as u8).collect();
        Gray::new(100, 40, pixels).expect("sizes agree")
    }

    #[test]
    fn a_level_line_samples_the_pixels_themselves() {
        let gray = ramp();
        let path = LinePath::straight(Point::new(10.0, 20.0), Point::new(90.0, 20.0), 10.0, 8.0);
        let layout = Layout { rows: 12, columns: 100, pitch: 10.0, cap: 10.0, margin: 10.0 };
        let strip = sample(&gray, &path, &layout);
        for row in strip.chunks(100) {
            assert_eq!(row, gray.row(0));
        }
    }

    /// The gray at a place, times 65536, one after the other and in 64 bits.
    fn bilinear(gray: &Gray, place: Place) -> u32 {
        let split = |position: i64, size: usize| {
            let last = size as i64 - 1;
            let position = position.clamp(0, last << 16);
            let first = (position >> 16).min(last - 1);
            (first as usize, ((position - (first << 16)) >> 8) as u32)
        };
        let ((x, right), (y, below)) =
            (split(place.x, gray.width()), split(place.y, gray.height()));
        let mix = |y: usize| {
            u32::from(gray.row(y)[x]) * (256 - right) + u32::from(gray.row(y)[x + 1]) * right
        };
        mix(y) * (256 - below) + mix(y + 1) * below
    }

    /// [`sample`], pixel by pixel.
    fn sampled_singly(gray: &Gray, path: &LinePath, layout: &Layout) -> Vec<u8> {
        let middle = path.length / 2.0;
        let oversampling = |step: f32| step.round().clamp(1.0, MAX_OVERSAMPLING as f32) as usize;
        let across = oversampling(path.tangent(middle).norm() / layout.pitch);
        let down = oversampling(path.cap_at(middle) / layout.cap);
        let offset = |i: usize, n: usize| (i as f32 + 0.5) / n as f32 - 0.5;
        let pixel = |index: usize| {
            let (y, x) = (index / layout.columns, index % layout.columns);
            let mut sum = 0;
            for i in 0..across {
                let u = layout.u(x) + offset(i, across) / layout.pitch;
                let downward = path.down(u) * (1.0 / layout.cap);
                let first = offset(0, down) + 0.5 - layout.rows as f32 / 2.0;
                let place = Place::at(path.at(u) + downward * first - Point::new(0.5, 0.5));
                let step = Place::at(downward * (1.0 / down as f32));
                for j in 0..down {
                    sum += bilinear(gray, place.after(step, (y * down + j) as i64));
                }
            }
            Mean::of((across * down) as u32).of_sums(&[sum; LANES])[0]
        };
        (0..layout.rows * layout.columns).map(pixel).collect()
    }

    #[test]
    fn columns_at_once_give_what_pixels_give_singly() {
        let mut state = 1u32;
        let mut random = |range: std::ops::Range<f32>| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            range.start + (range.end - range.start) * ((state >> 8) as f32 / (1 << 24) as f32)
        };
        let noise: Vec<u8> = (0..97 * 61).map(|_| random(0.0..256.0) as u8).collect();
        let pictures = [
            Gray::new(97, 61, noise.clone()).expect("sizes agree"),
            Gray::new(2, 2, noise[..4].to_vec()).expect("four pixels"),
            Gray::new(2958, 2, noise.repeat(2)[..5916].to_vec()).expect("two rows"),
        ];
        for case in 0..120 {
            let gray = &pictures[case % 3];
            // Within the picture, across its border, and beside it.
            let far = [1.0, 1.6, 4.0, 1e6][case % 4];
            let (width, height) = (gray.width() as f32 * far, gray.height() as f32 * far);
            let path = LinePath {
                origin: Point::new(random(-width..width), random(-height..height)),
                linear: Point::new(random(-14.0..14.0), random(-14.0..14.0)),
                quadratic: Point::new(random(-0.05..0.05), random(-0.05..0.05)),
                foreshortening: random(-0.01..0.01),
                cap: random(1.0..60.0),
                slant: random(-0.5..0.5),
                slant_slope: random(-0.01..0.01),
                length: random(5.0..40.0),
            };
            let columns = [1, 15, 16, 17, 70][case % 5];
            let layout = Layout {
                rows: 1 + case % 9,
                columns,
                pitch: random(1.0..9.0),
                cap: 9.0,
                margin: 3.0,
            };
            assert_eq!(
                sample(gray, &path, &layout),
                sampled_singly(gray, &path, &layout),
                "{path:?}"
            );
        }
    }

    #[test]
    fn an_empty_picture_gives_an_empty_strip() {
        let none = Gray::new(0, 0, vec![]).expect("sizes agree");
        let path = LinePath::straight(Point::new(0.0, 0.0), Point::new(9.0, 0.0), 3.0, 3.0);
        let layout = Layout { rows: 2, columns: 3, pitch: 1.0, cap: 1.0, margin: 0.0 };
        assert_eq!(sample(&none, &path, &layout), [0; 6]);
    }
}
