//! The course of a text line in a picture, and resampling along it.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "sample positions are clamped to the picture; strips have a few thousand pixels a side"
)]

use crate::geometry::Point;
use nibble_gray::Gray;

/// Maximum samples per side averaged for one output pixel: enough for a fivefold reduction without
/// aliasing.
const MAX_OVERSAMPLING: usize = 6;
/// Minimum of [`LinePath::depth`]: text foreshortened more strongly is unreadable.
const MIN_DEPTH: f32 = 0.2;

/// Half the height of the outline around a line, in capital heights. It leaves a small margin, so
/// that the outline does not cross the characters.
const HALF: f32 = 0.65;

/// The middle line of a row of characters as a function of `u`, the position in characters from the
/// left edge of the first.
///
/// Characters are equally wide on the document. The camera divides lengths by the distance, which
/// changes linearly along the line. So, with `t = u / (1 + foreshortening * u)`, the point at `u`
/// is `origin + linear * t + quadratic * t * t`; the quadratic term follows the curve of a page.
/// (Hartley and Zisserman, Multiple View Geometry, section 2.2.1: the projective map between two
/// lines.)
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LinePath {
    /// The middle of the left edge of the first character.
    pub origin: Point,
    /// The vector from one character to the next at the origin, in pixels.
    pub linear: Point,
    /// Coefficient of `t * t`, in pixels: 0 for a straight line.
    pub quadratic: Point,
    /// Change of the distance from the camera per character, as a share of the distance at the
    /// origin.
    pub foreshortening: f32,
    /// Height of a capital at the origin, in pixels.
    pub cap: f32,
    /// How far the uprights of the characters lean at the origin, as a share of their height;
    /// positive if the top leans to the right.
    pub slant: f32,
    /// Change of the slant per `t`: the uprights of a page that is tilted away converge.
    pub slant_slope: f32,
    /// Number of characters.
    pub length: f32,
}

impl LinePath {
    /// A straight line of `length` characters from the middle of its left edge to that of its
    /// right.
    #[must_use]
    pub(crate) fn straight(start: Point, end: Point, cap: f32, length: f32) -> Self {
        let linear = (end - start) * (1.0 / length);
        Self {
            origin: start,
            linear,
            quadratic: Point::default(),
            foreshortening: 0.0,
            cap,
            slant: 0.0,
            slant_slope: 0.0,
            length,
        }
    }

    /// Distance from the camera at `u`, as a multiple of the distance at the origin.
    fn depth(&self, u: f32) -> f32 {
        (1.0 + self.foreshortening * u).max(MIN_DEPTH)
    }

    /// The parameter `t` of the course. On a straight line, equal steps of `t` are equal steps in
    /// the picture.
    #[must_use]
    pub(crate) fn t(&self, u: f32) -> f32 {
        u / self.depth(u)
    }

    /// The point of the middle line at `u`.
    #[must_use]
    pub(crate) fn at(&self, u: f32) -> Point {
        let t = self.t(u);
        self.origin + self.linear * t + self.quadratic * (t * t)
    }

    /// The derivative of [`LinePath::at`]: the direction of the line, in pixels per character.
    #[must_use]
    pub(crate) fn tangent(&self, u: f32) -> Point {
        let depth = self.depth(u);
        (self.linear + self.quadratic * (2.0 * self.t(u))) * (1.0 / (depth * depth))
    }

    /// Height of a capital at `u` in pixels, at least 1.
    #[must_use]
    pub(crate) fn cap_at(&self, u: f32) -> f32 {
        (self.cap / self.depth(u)).max(1.0)
    }

    /// The vector from the top to the foot of a capital at `u`.
    #[must_use]
    pub(crate) fn down(&self, u: f32) -> Point {
        let along = self.tangent(u).unit();
        (along.down() - along * (self.slant + self.slant_slope * self.t(u))) * self.cap_at(u)
    }

    /// The point `v` capital heights below the middle line at `u`.
    #[must_use]
    pub(crate) fn point(&self, u: f32, v: f32) -> Point {
        self.at(u) + self.down(u) * v
    }

    /// The four corners of the outline around the characters, clockwise from the text's top left.
    #[must_use]
    pub(crate) fn quad(&self) -> [Point; 4] {
        [
            self.point(0.0, -HALF),
            self.point(self.length, -HALF),
            self.point(self.length, HALF),
            self.point(0.0, HALF),
        ]
    }

    /// The straight line of `length` characters whose [`LinePath::quad`] has these corners. For the
    /// quad of a curved line it is an approximation.
    #[must_use]
    pub(crate) fn within(quad: [Point; 4], length: f32) -> Self {
        let [top_left, top_right, bottom_right, bottom_left] = quad;
        let (left, right) = ((bottom_left - top_left).norm(), (bottom_right - top_right).norm());
        let (start, end) = ((top_left + bottom_left) * 0.5, (top_right + bottom_right) * 0.5);
        let foreshortening = (left / right - 1.0) / length;
        let path = Self::straight(start, end, left / (2.0 * HALF), length);
        Self { linear: path.linear * (1.0 + foreshortening * length), foreshortening, ..path }
    }

    /// The same line read upside down, from its other end.
    #[must_use]
    pub(crate) fn reversed(&self) -> Self {
        self.recounted(self.length, -1.0, self.length)
    }

    /// The same line in a picture scaled by `factor`.
    #[must_use]
    pub(crate) fn scaled(&self, factor: f32) -> Self {
        Self {
            origin: self.origin * factor,
            linear: self.linear * factor,
            quadratic: self.quadratic * factor,
            cap: self.cap * factor,
            ..*self
        }
    }

    /// The same course, renumbered so that `u = first + scale * new`, with `length` characters.
    #[must_use]
    pub(crate) fn recounted(&self, first: f32, scale: f32, length: f32) -> Self {
        let (t, depth) = (self.t(first), self.depth(first));
        let factor = scale / (depth * depth);
        Self {
            origin: self.at(first),
            linear: (self.linear + self.quadratic * (2.0 * t)) * factor,
            quadratic: self.quadratic * (factor * factor),
            foreshortening: self.foreshortening * scale / depth,
            cap: self.cap / depth,
            slant: self.slant + self.slant_slope * t,
            slant_slope: self.slant_slope * factor,
            length,
        }
    }

    /// The same course with `bend` added to its foreshortening: it is renumbered so that
    /// `u = new / (1 + bend * new)`. The capital height in the middle stays the same.
    #[must_use]
    pub(crate) fn foreshortened(&self, bend: f32) -> Self {
        let middle = self.length / 2.0;
        let other = Self { foreshortening: self.foreshortening + bend, ..*self };
        Self { cap: self.cap_at(middle) * other.depth(middle), ..other }
    }

    /// The line in the same plane that is parallel to this one, `v` capital heights below it.
    #[must_use]
    pub(crate) fn beside(&self, v: f32) -> Self {
        let step = self.tangent(self.length / 2.0).unit().down() * (self.cap * v);
        // Heights scale with 1 / (1 + foreshortening * u), which equals 1 - foreshortening * t.
        Self {
            origin: self.origin + step,
            linear: self.linear - step * self.foreshortening,
            ..*self
        }
    }
}

/// How a line is laid out in a strip.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    /// Number of rows; the path's middle line runs through the middle.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
    /// Columns per character.
    pub pitch: f32,
    /// Height of a capital in rows.
    pub cap: f32,
    /// Columns before the first character.
    pub margin: f32,
}

impl Layout {
    /// The character coordinate of the middle of column `x`.
    #[must_use]
    pub(crate) fn u(&self, x: usize) -> f32 {
        (x as f32 + 0.5 - self.margin) / self.pitch
    }

    /// The column coordinate of `u`; 0.5 is the middle of the first column.
    #[must_use]
    pub(crate) fn column(&self, u: f32) -> f32 {
        u * self.pitch + self.margin
    }
}

/// A fixed-point position: distance from the centre of the first pixel, in 65536ths of a pixel.
#[derive(Debug, Clone, Copy)]
struct Place {
    x: i64,
    y: i64,
}

/// Units of a [`Place`] per pixel.
const UNIT: f32 = 65536.0;

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

/// Columns that are sampled at once. The compiler makes vectors of them.
const LANES: usize = 32;

/// Maximum distance of a column's first position from the origin of its [`Window`]: 16,384 pixels.
/// Positions farther away are taken to be there.
const MAX_DISTANCE: i64 = 1 << 30;
/// Maximum length of all steps of a column together.
const MAX_STEPS: i64 = 1 << 30;

/// Sample positions in some columns of a strip, relative to a [`Window`].
#[derive(Clone)]
struct Lanes {
    x: [i32; LANES],
    y: [i32; LANES],
    step_x: [i32; LANES],
    step_y: [i32; LANES],
    /// Whether no sample needs the border.
    inside: bool,
}

impl Lanes {
    /// The positions of columns that begin at `places` and advance `count` times by `steps`. Lanes
    /// without a column get the last one once more.
    fn of(window: &Window, places: &[(Place, Place)], count: i64) -> Self {
        let within = |value: i64, most: i64| value.clamp(-most, most) as i32;
        let lane = |lane: usize| places[lane.min(places.len() - 1)];
        let [left, top] = window.origin.map(|side| side << 16);
        // Both limits together keep every position within 32 bits.
        let most = MAX_STEPS / count;
        let mut lanes = Self {
            x: std::array::from_fn(|i| within(lane(i).0.x.saturating_sub(left), MAX_DISTANCE)),
            y: std::array::from_fn(|i| within(lane(i).0.y.saturating_sub(top), MAX_DISTANCE)),
            step_x: std::array::from_fn(|i| within(lane(i).1.x, most)),
            step_y: std::array::from_fn(|i| within(lane(i).1.y, most)),
            inside: false,
        };
        // A column is straight: if both of its ends are inside, it is.
        let ends = |first: &[i32; LANES], steps: &[i32; LANES], axis: usize| {
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
    fn add(&mut self, window: &Window, sums: &mut [u32; LANES]) {
        if self.inside {
            self.add_split(window, sums, |_, position| {
                (position >> 16, (position >> 8 & 255) as u16)
            });
        } else {
            self.add_split(window, sums, |axis, position| window.split(axis, position));
        }
    }

    /// [`Lanes::add`], given how a position on an axis is split into the column or row at or before
    /// it and the weight of the next one.
    #[inline(always)]
    fn add_split(
        &mut self,
        window: &Window,
        sums: &mut [u32; LANES],
        split: impl Fn(usize, i32) -> (i32, u16),
    ) {
        let mut starts = [0_u32; LANES];
        let (mut right, mut below) = ([0_u16; LANES], [0_u16; LANES]);
        for i in 0..LANES {
            let ((x, to_right), (y, to_bottom)) = (split(0, self.x[i]), split(1, self.y[i]));
            starts[i] = window.start(x, y);
            (right[i], below[i]) = (to_right, to_bottom);
            self.x[i] += self.step_x[i];
            self.y[i] += self.step_y[i];
        }
        let (mut upper, mut lower) = ([0_u16; LANES], [0_u16; LANES]);
        for i in 0..LANES {
            let square = &window.pixels[starts[i] as usize..][..window.width + 2];
            upper[i] = u16::from_le_bytes([square[0], square[1]]);
            lower[i] = u16::from_le_bytes([square[window.width], square[window.width + 1]]);
        }
        for i in 0..LANES {
            let mix = |pair: u16| (pair & 255) * (256 - right[i]) + (pair >> 8) * right[i];
            let (above, beneath) = (u32::from(mix(upper[i])), u32::from(mix(lower[i])));
            sums[i] += above * u32::from(256 - below[i]) + beneath * u32::from(below[i]);
        }
    }
}

/// The part of a picture around a strip, so that positions in it fit 32 bits.
struct Window<'a> {
    pixels: &'a [u8],
    /// Pixels in a row of the picture.
    width: usize,
    /// Column and row of the picture at which positions begin.
    origin: [i64; 2],
    /// The least and the greatest position that is not beyond the border, for columns and rows.
    range: [[i32; 2]; 2],
    /// The last column and row that have a neighbour.
    last: [i32; 2],
}

impl<'a> Window<'a> {
    /// The window around `places`. The picture has at least two columns and two rows.
    fn around(gray: &'a Gray, places: impl Iterator<Item = Place>) -> Self {
        let least = places.fold([i64::MAX; 2], |[x, y], place| [x.min(place.x), y.min(place.y)]);
        let sides = [gray.width(), gray.height()].map(|side| side as i64);
        // Within the picture, so that its own positions are near, too.
        let origin = [0, 1].map(|axis| (least[axis] >> 16).clamp(0, sides[axis] - 2));
        // A border farther away than any position can as well be there.
        let near = |value: i64| value.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
        let range = [0, 1]
            .map(|axis| [near(-origin[axis] << 16), near((sides[axis] - 1 - origin[axis]) << 16)]);
        let last = [0, 1].map(|axis| near(sides[axis] - 2 - origin[axis]));
        Self { pixels: gray.pixels(), width: gray.width(), origin, range, last }
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
    // The first place of each column and the step from sample to sample, for each of the samples
    // across a column.
    let columns = |i: usize| {
        (0..layout.columns).map(move |x| {
            let u = layout.u(x) + offset(i, across) / layout.pitch;
            let downward = path.down(u) * (1.0 / layout.cap);
            let first = offset(0, down) + 0.5 - layout.rows as f32 / 2.0;
            let place = Place::at(path.at(u) + downward * first - Point::new(0.5, 0.5));
            (place, Place::at(downward * (1.0 / down as f32)))
        })
    };
    let places: Vec<Vec<_>> = (0..across).map(|i| columns(i).collect()).collect();
    let count = (layout.rows * down) as i64;
    let ends = places.iter().flatten().flat_map(|&(place, step)| [place, place.after(step, count)]);
    let window = Window::around(gray, ends);
    let mean = Mean::of((across * down) as u32);
    for first in (0..layout.columns).step_by(LANES) {
        let end = layout.columns.min(first + LANES);
        let mut samples: Vec<Lanes> =
            places.iter().map(|places| Lanes::of(&window, &places[first..end], count)).collect();
        for row in pixels.chunks_exact_mut(layout.columns) {
            let mut sums = [0; LANES];
            for lanes in &mut samples {
                for _ in 0..down {
                    lanes.add(&window, &mut sums);
                }
            }
            for (pixel, sum) in row[first..end].iter_mut().zip(sums) {
                *pixel = mean.of_sum(sum);
            }
        }
    }
    pixels
}

/// Rounds sums of samples to their mean.
#[derive(Clone, Copy)]
struct Mean {
    /// A sum times this is the mean in units of 2^-40, accurate to one part in 2^14.
    share: u64,
}

impl Mean {
    fn of(samples: u32) -> Self {
        Self { share: u64::from((1 << 24) / samples) }
    }

    fn of_sum(self, sum: u32) -> u8 {
        ((u64::from(sum) * self.share + (1 << 39)) >> 40) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            Mean::of((across * down) as u32).of_sum(sum)
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
            let columns = [1, 31, 32, 33, 70][case % 5];
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
    fn a_straight_line_is_found_again_in_its_corners() {
        let path = LinePath {
            foreshortening: 0.02,
            ..LinePath::straight(Point::new(10.0, 20.0), Point::new(90.0, 26.0), 9.0, 8.0)
        };
        let again = LinePath::within(path.quad(), 8.0);
        for u in [0.0, 3.5, 8.0] {
            assert!((path.at(u) - again.at(u)).norm() < 1e-4);
            assert!((path.cap_at(u) - again.cap_at(u)).abs() < 1e-4);
        }
    }

    #[test]
    fn reversed_twice_is_the_same_course() {
        let path = LinePath {
            origin: Point::new(3.0, 4.0),
            linear: Point::new(9.0, 1.0),
            quadratic: Point::new(-0.02, 0.01),
            foreshortening: 0.01,
            cap: 9.0,
            slant: 0.1,
            slant_slope: -0.002,
            length: 30.0,
        };
        let twice = path.reversed().reversed();
        for u in [0.0, 7.0, 30.0] {
            assert!((twice.at(u) - path.at(u)).norm() < 1e-3);
            assert!((twice.down(u) - path.down(u)).norm() < 1e-3);
            let other = path.reversed().point(30.0 - u, 0.5);
            assert!((other - path.point(u, -0.5)).norm() < 1e-3);
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
