//! Gray pictures that an input describes: noise and shapes, and zones damaged in many ways.

use std::sync::OnceLock;

use nibble_gray::Gray;
use nibble_picture::{Limits, decode};

use crate::bytes::Bytes;

/// Largest width and height of a picture made of an input's bytes: one in eight may be large.
const MAX_SIDES: [usize; 8] = [700, 200, 200, 200, 90, 90, 300, 40];

/// A bundled picture, the part of it that shows the zone (left, top, width and height), and the width
/// to which that is scaled down: about as small as can be read.
struct Specimen {
    file: &'static [u8],
    part: [usize; 4],
    width: usize,
}

const SPECIMENS: [Specimen; 4] = [
    Specimen {
        file: include_bytes!("../../../testdata/specimens/id-td2-scan.png"),
        part: [20, 520, 920, 190],
        width: 640,
    },
    Specimen {
        file: include_bytes!("../../../testdata/specimens/visa-b.webp"),
        part: [240, 680, 920, 190],
        width: 640,
    },
    Specimen {
        file: include_bytes!("../../../testdata/specimens/passport.jpg"),
        part: [70, 630, 1080, 230],
        width: 720,
    },
    Specimen {
        file: include_bytes!("../../../testdata/specimens/id-card-small.jpg"),
        part: [440, 470, 610, 190],
        width: 610,
    },
];

/// The zones of the specimens with some of their surroundings, decoded once.
#[must_use]
pub fn specimens() -> &'static [Gray] {
    static DECODED: OnceLock<Vec<Gray>> = OnceLock::new();
    DECODED.get_or_init(|| SPECIMENS.iter().map(Specimen::decoded).collect())
}

impl Specimen {
    fn decoded(&self) -> Gray {
        let whole = decode(self.file, &Limits::NATIVE).expect("a committed picture");
        let [left, top, width, height] = self.part;
        let pixels = (top..top + height).flat_map(|y| &whole.row(y)[left..left + width]);
        let part = Gray::new(width, height, pixels.copied().collect()).expect("a part");
        part.scaled_down(self.width, height * self.width / width).expect("not larger")
    }
}

/// A picture that can be painted on.
pub(crate) struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Canvas {
    /// A picture of one gray value or of the input's bytes, over and over.
    pub(crate) fn plain(bytes: &mut Bytes<'_>) -> Self {
        let largest = bytes.one_of(&MAX_SIDES);
        let (width, height) = (bytes.below(largest), bytes.below(largest));
        let mut canvas = Self { width, height, pixels: vec![bytes.byte(); width * height] };
        if bytes.below(2) == 0 {
            let pattern = bytes.rest();
            for (at, pixel) in canvas.pixels.iter_mut().enumerate() {
                *pixel = pattern.get(at % pattern.len().max(1)).copied().unwrap_or(*pixel);
            }
        }
        canvas
    }

    /// A copy of a picture.
    pub(crate) fn of(gray: &Gray) -> Self {
        Self { width: gray.width(), height: gray.height(), pixels: gray.pixels().to_vec() }
    }

    pub(crate) fn gray(self) -> Gray {
        Gray::new(self.width, self.height, self.pixels).expect("a pixel for each place")
    }

    /// A rectangle somewhere: its left and top edge, its width and height.
    fn rectangle(&self, bytes: &mut Bytes<'_>) -> [usize; 4] {
        let (x, y) = (bytes.below(self.width), bytes.below(self.height));
        let (width, height) = (bytes.below(160) + 1, bytes.below(80) + 1);
        [x, y, width.min(self.width - x), height.min(self.height - y)]
    }

    fn each(&mut self, [x, y, width, height]: [usize; 4], mut change: impl FnMut(usize, &mut u8)) {
        for row in y..y + height {
            let pixels = &mut self.pixels[row * self.width + x..][..width];
            pixels.iter_mut().enumerate().for_each(|(at, pixel)| change(row * 31 + at, pixel));
        }
    }

    /// One damage that the input describes.
    pub(crate) fn damage(&mut self, bytes: &mut Bytes<'_>) {
        if self.pixels.is_empty() {
            return;
        }
        let place = self.rectangle(bytes);
        let value = bytes.byte();
        match bytes.below(10) {
            0 => self.each(place, |_, pixel| *pixel = value),
            1 => self.each(place, |at, pixel| {
                let noise = u8::try_from(at * at % 251).unwrap_or(0);
                *pixel = pixel.wrapping_add(noise & value);
            }),
            2 => self.each(place, |at, pixel| *pixel = if at % 5 < 2 { value } else { *pixel }),
            3 => self.each(place, |_, pixel| *pixel = pixel.saturating_add(value)),
            4 => self.each(place, |_, pixel| *pixel = pixel.saturating_sub(value)),
            5 => self.pixels.iter_mut().for_each(|pixel| *pixel = 255 - *pixel),
            6 => self.pixels.reverse(),
            7 => {
                // A piece of a specimen: part of a line, a zone and a half, lines side by side.
                let from = &specimens()[bytes.below(SPECIMENS.len())];
                let (left, top) = (bytes.below(from.width()), bytes.below(from.height()));
                let [x, y, ..] = place;
                let width = (self.width - x).min(from.width() - left);
                let height = (self.height - y).min(from.height() - top);
                for row in 0..height {
                    self.pixels[(y + row) * self.width + x..][..width]
                        .copy_from_slice(&from.row(top + row)[left..left + width]);
                }
            }
            8 => {
                // Shears rows, as a wave.
                let shift = usize::from(value) % self.width;
                let width = self.width;
                for (y, row) in self.pixels.chunks_exact_mut(width).enumerate() {
                    row.rotate_left(shift * (y % 32) / 32);
                }
            }
            _ => {
                let less = f32::from(value) / 255.0;
                self.pixels.iter_mut().for_each(|pixel| {
                    let gray = f32::from(*pixel) * less + 255.0 * (1.0 - less) * 0.5;
                    #[allow(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "0 to 255"
                    )]
                    let gray = gray as u8;
                    *pixel = gray;
                });
            }
        }
    }

    /// Up to so many damages.
    pub(crate) fn damages(&mut self, bytes: &mut Bytes<'_>, most: usize) {
        for _ in 0..most {
            if bytes.is_empty() {
                return;
            }
            self.damage(bytes);
        }
    }
}
