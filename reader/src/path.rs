//! The course of a text line in a picture.

#![allow(clippy::cast_precision_loss, reason = "strips have a few thousand pixels a side")]

use crate::geometry::Point;

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
