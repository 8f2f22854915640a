//! Points and vectors in picture pixels: x to the right, y down. The centre of the first pixel is
//! at (0.5, 0.5).

use std::ops::{Add, Mul, Sub};

use serde::Serialize;

/// A point, or a vector between two points, in picture pixels.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    /// Distance to the right.
    pub x: f32,
    /// Distance down.
    pub y: f32,
}

impl Point {
    /// A point from its coordinates.
    #[must_use]
    pub const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    /// The scalar product.
    #[must_use]
    pub fn dot(self, other: Self) -> f32 {
        self.x * other.x + self.y * other.y
    }

    /// The z component of the cross product; positive if `other` points clockwise of `self` on the
    /// screen.
    #[must_use]
    pub fn cross(self, other: Self) -> f32 {
        self.x * other.y - self.y * other.x
    }

    /// The length of the vector.
    #[must_use]
    pub fn norm(self) -> f32 {
        self.dot(self).sqrt()
    }

    /// The vector of length 1 in the same direction; the zero vector is returned as it is.
    #[must_use]
    pub fn unit(self) -> Self {
        let norm = self.norm();
        if norm > 0.0 { self * (1.0 / norm) } else { self }
    }

    /// The vector rotated a quarter turn clockwise on the screen: from the direction of a text line
    /// to the direction of its feet.
    #[must_use]
    pub fn down(self) -> Self {
        Self { x: -self.y, y: self.x }
    }
}

impl Add for Point {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { x: self.x + other.x, y: self.y + other.y }
    }
}

impl Sub for Point {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self { x: self.x - other.x, y: self.y - other.y }
    }
}

impl Mul<f32> for Point {
    type Output = Self;
    fn mul(self, factor: f32) -> Self {
        Self { x: self.x * factor, y: self.y * factor }
    }
}

impl Serialize for Point {
    /// Serializes as `[x, y]`.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        [self.x, self.y].serialize(serializer)
    }
}
