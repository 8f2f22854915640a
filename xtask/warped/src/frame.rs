//! One frame: a pinhole camera's view of a tilted picture on a background, followed by shade,
//! glare, blur, noise and JPEG.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "pixel coordinates and gray levels, clamped to their range"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "frames are for measuring: they may differ by a bit between machines"
)]

use anyhow::Result;
use fastrand::Rng;
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, GrayImage};
use jpeg_encoder::{ColorType, SamplingFactor};

/// Frame sizes in pixels: what a page asks a camera for.
const FRAMES: [(usize, usize); 3] = [(1280, 960), (1600, 1200), (1920, 1080)];
/// Largest angle between the planes of document and camera, in degrees.
const TILT: f32 = 30.0;
/// Largest rotation of an upright frame, in degrees.
const SPIN: f32 = 10.0;
/// Share of the frame's width that the document takes.
const SHARE: std::ops::Range<f32> = 0.4..1.0;
/// Focal length in frame widths: the wide camera of a phone.
const FOCAL: f32 = 0.9;

/// Gray levels, row-major.
#[derive(Clone)]
pub(crate) struct Plane {
    width: usize,
    height: usize,
    pixels: Vec<f32>,
}

impl Plane {
    pub(crate) fn of(picture: GrayImage) -> Self {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        Self { width, height, pixels: picture.into_raw().into_iter().map(f32::from).collect() }
    }

    fn filled(width: usize, height: usize, at: impl Fn(f32, f32) -> f32) -> Self {
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x as f32, y as f32)));
        Self { width, height, pixels: pixels.map(|(x, y)| at(x, y)).collect() }
    }

    /// Bilinear interpolation; outside, the level of the nearest pixel.
    fn sample(&self, x: f32, y: f32) -> f32 {
        let x = x.clamp(0.0, (self.width - 1) as f32);
        let y = y.clamp(0.0, (self.height - 1) as f32);
        let (left, top) = (x as usize, y as usize);
        let (right, bottom) = ((left + 1).min(self.width - 1), (top + 1).min(self.height - 1));
        let (fx, fy) = (x - left as f32, y - top as f32);
        let at = |x: usize, y: usize| self.pixels[y * self.width + x];
        let upper = at(left, top) * (1.0 - fx) + at(right, top) * fx;
        let lower = at(left, bottom) * (1.0 - fx) + at(right, bottom) * fx;
        upper * (1.0 - fy) + lower * fy
    }

    /// Weighted mean of the pixels at `offsets`.
    fn convolved(&self, taps: &[(f32, f32, f32)]) -> Self {
        let total: f32 = taps.iter().map(|tap| tap.2).sum();
        Self::filled(self.width, self.height, |x, y| {
            taps.iter().map(|&(dx, dy, weight)| weight * self.sample(x + dx, y + dy)).sum::<f32>()
                / total
        })
    }

    /// Blurred by a lens: a normal distribution of this standard deviation, in pixels.
    pub(crate) fn blurred(&self, sigma: f32) -> Self {
        let reach = (3.0 * sigma).ceil().max(1.0) as i16;
        let weight = |d: f32| (-d * d / (2.0 * sigma * sigma)).exp();
        let taps = |along: fn(f32) -> (f32, f32)| -> Vec<(f32, f32, f32)> {
            (-reach..=reach).map(f32::from).map(|d| (along(d).0, along(d).1, weight(d))).collect()
        };
        self.convolved(&taps(|d| (d, 0.0))).convolved(&taps(|d| (0.0, d)))
    }

    /// Motion blur: the hand moved by `length` pixels during the exposure.
    pub(crate) fn shaken(&self, length: f32, angle: f32) -> Self {
        let steps = 7_u8;
        let at = |i: u8| length * (f32::from(i) / f32::from(steps - 1) - 0.5);
        let taps: Vec<_> =
            (0..steps).map(|i| (at(i) * angle.cos(), at(i) * angle.sin(), 1.0)).collect();
        self.convolved(&taps)
    }

    /// The gray levels as bytes.
    fn bytes(&self) -> impl Iterator<Item = u8> {
        self.pixels.iter().map(|level| level.clamp(0.0, 255.0).round() as u8)
    }

    /// As a JPEG file without colours.
    pub(crate) fn jpeg(&self, quality: u8) -> Result<Vec<u8>> {
        let bytes: Vec<u8> = self.bytes().collect();
        let mut file = Vec::new();
        JpegEncoder::new_with_quality(&mut file, quality).encode(
            &bytes,
            u32::try_from(self.width)?,
            u32::try_from(self.height)?,
            ExtendedColorType::L8,
        )?;
        Ok(file)
    }

    /// As a JPEG file like those of a phone: in colour, with chroma at half the resolution. The luma
    /// is this picture; the colours are smooth and noisy.
    pub(crate) fn photograph(&self, quality: u8, rng: &mut Rng) -> Result<Vec<u8>> {
        let tints = [Noise::new(7, 5, rng), Noise::new(7, 5, rng)];
        let mut bytes = Vec::with_capacity(3 * self.pixels.len());
        for (index, luma) in self.bytes().enumerate() {
            let u = (index % self.width) as f32 / self.width as f32;
            let v = (index / self.width) as f32 / self.height as f32;
            bytes.push(luma);
            bytes.extend(tints.each_ref().map(|tint| {
                let chroma = 128.0 + 20.0 * tint.at(u, v) + between(-4.0..4.0, rng);
                chroma.round() as u8
            }));
        }
        let mut file = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut file, quality);
        encoder.set_sampling_factor(SamplingFactor::F_2_2);
        let (width, height) = (u16::try_from(self.width)?, u16::try_from(self.height)?);
        encoder.encode(&bytes, width, height, ColorType::Ycbcr)?;
        Ok(file)
    }
}

/// Smooth noise of mean 0 and about unit range: random levels on a grid, interpolated.
struct Noise(Plane);

impl Noise {
    fn new(columns: usize, rows: usize, rng: &mut Rng) -> Self {
        let pixels = (0..columns * rows).map(|_| rng.f32() * 2.0 - 1.0).collect();
        Self(Plane { width: columns, height: rows, pixels })
    }

    /// The level at a place given in shares of the frame.
    fn at(&self, u: f32, v: f32) -> f32 {
        self.0.sample(u * (self.0.width - 1) as f32, v * (self.0.height - 1) as f32)
    }
}

/// A number of the range, all equally likely.
pub(crate) fn between(range: std::ops::Range<f32>, rng: &mut Rng) -> f32 {
    range.start + rng.f32() * (range.end - range.start)
}

/// A background: wood, cloth, stone, or a printed page.
pub(crate) fn background(width: usize, height: usize, rng: &mut Rng) -> Plane {
    let base = between(40.0..215.0, rng);
    let coarse = Noise::new(6, 5, rng);
    let (w, h) = (width as f32, height as f32);
    match rng.u8(0..4) {
        0 => {
            let grain = Noise::new(5, height / 6, rng);
            let broad = Noise::new(8, height / 30, rng);
            Plane::filled(width, height, |x, y| {
                let (u, v) = (x / w, y / h);
                base + 14.0 * grain.at(u, v) + 16.0 * broad.at(u, v) + 8.0 * coarse.at(u, v)
            })
        }
        1 => {
            let thread = between(0.5..1.6, rng);
            Plane::filled(width, height, |x, y| {
                base + 9.0 * (x * thread).sin()
                    + 9.0 * (y * thread).sin()
                    + 10.0 * coarse.at(x / w, y / h)
            })
        }
        2 => {
            let speckle = Noise::new(width / 4, height / 4, rng);
            Plane::filled(width, height, |x, y| {
                base + 22.0 * speckle.at(x / w, y / h) + 14.0 * coarse.at(x / w, y / h)
            })
        }
        _ => {
            // Words of dark bars in rows on a light page.
            let pitch = between(16.0..40.0, rng);
            let words = Noise::new(width / 9, (h / pitch) as usize + 2, rng);
            let paper = base.max(150.0);
            Plane::filled(width, height, |x, y| {
                let row = (y / pitch).floor();
                let ink = y / pitch - row < 0.45 && words.at(x / w, (row + 0.5) * pitch / h) > -0.1;
                let stroke = ((x * 1.1).sin() + (x * 0.37 + row).sin()) > -0.3;
                (if ink && stroke { paper - 110.0 } else { paper }) + 8.0 * coarse.at(x / w, y / h)
            })
        }
    }
}

/// A point of the document's plane and where the camera sees it.
#[derive(Clone)]
pub(crate) struct Camera {
    /// The angles of [`rotation`].
    angles: [f32; 3],
    rotation: [[f32; 3]; 3],
    focal: f32,
    distance: f32,
    centre: (f32, f32),
}

impl Camera {
    /// The camera turned by more angles, and its picture moved by so many pixels across and down.
    pub(crate) fn moved(&self, by: [f32; 3], (across, down): (f32, f32)) -> Self {
        let angles = std::array::from_fn(|axis| self.angles[axis] + by[axis]);
        let centre = (self.centre.0 + across, self.centre.1 + down);
        Self { angles, rotation: rotation(angles), centre, ..self.clone() }
    }

    /// Maps `x`, `y` in frame pixels to the plane, whose unit is the document's width.
    fn plane(&self, x: f32, y: f32) -> Option<(f32, f32)> {
        let ray = [(x - self.centre.0) / self.focal, (y - self.centre.1) / self.focal, 1.0];
        let column = |j: usize| [self.rotation[0][j], self.rotation[1][j], self.rotation[2][j]];
        let dot = |a: [f32; 3], b: [f32; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
        let (across, down, normal) = (column(0), column(1), column(2));
        let facing = dot(normal, ray);
        if facing <= 0.05 {
            return None;
        }
        let depth = normal[2] * self.distance / facing;
        let point = [ray[0] * depth, ray[1] * depth, depth - self.distance];
        Some((dot(across, point), dot(down, point)))
    }

    /// Maps a point of the plane to frame pixels.
    pub(crate) fn seen(&self, u: f32, v: f32) -> (f32, f32) {
        let at = |i: usize| self.rotation[i][0] * u + self.rotation[i][1] * v;
        let depth = at(2) + self.distance;
        (self.centre.0 + self.focal * at(0) / depth, self.centre.1 + self.focal * at(1) / depth)
    }
}

fn rotation([tilt, lean, turn]: [f32; 3]) -> [[f32; 3]; 3] {
    let ((sa, ca), (sb, cb), (sc, cc)) = (tilt.sin_cos(), lean.sin_cos(), turn.sin_cos());
    [
        [cb * cc, -cb * sc, sb],
        [sa * sb * cc + ca * sc, ca * cc - sa * sb * sc, -sa * cb],
        [sa * sc - ca * sb * cc, ca * sb * sc + sa * cc, ca * cb],
    ]
}

/// A position of the camera such that the whole document is in the frame.
pub(crate) fn place_camera(
    document: &Plane,
    (width, height): (usize, usize),
    turned: bool,
    rng: &mut Rng,
) -> Camera {
    let degrees = |limit: f32, rng: &mut Rng| between(-limit..limit, rng).to_radians();
    let quarter = if turned { f32::from(rng.u8(1..4)) * std::f32::consts::FRAC_PI_2 } else { 0.0 };
    // One angle of the plane to the camera, in any direction.
    let (angle, towards) =
        (between(0.0..TILT, rng).to_radians(), between(0.0..std::f32::consts::TAU, rng));
    let angles = [angle * towards.cos(), angle * towards.sin(), quarter + degrees(SPIN, rng)];
    let rotation = rotation(angles);
    let (w, h) = (width as f32, height as f32);
    let share = between(SHARE, rng);
    let mut camera = Camera {
        angles,
        rotation,
        focal: FOCAL * w,
        distance: FOCAL / share,
        centre: (w / 2.0, h / 2.0),
    };
    let half = document.height as f32 / document.width as f32 / 2.0;
    let corners = |camera: &Camera| {
        [(-0.5, -half), (0.5, -half), (0.5, half), (-0.5, half)].map(|(u, v)| camera.seen(u, v))
    };
    let span = |corners: [(f32, f32); 4], pick: fn((f32, f32)) -> f32| {
        let values = corners.map(pick);
        (values.into_iter().fold(f32::MAX, f32::min), values.into_iter().fold(f32::MIN, f32::max))
    };
    for _ in 0..60 {
        let seen = corners(&camera);
        let ((left, right), (top, bottom)) = (span(seen, |p| p.0), span(seen, |p| p.1));
        if right - left <= 0.98 * w && bottom - top <= 0.98 * h {
            let place = |low: f32, high: f32, size: f32, rng: &mut Rng| {
                let free = size - (high - low);
                between(0.1..0.9, rng) * free - low
            };
            let (dx, dy) = (place(left, right, w, rng), place(top, bottom, h, rng));
            camera.centre = (camera.centre.0 + dx, camera.centre.1 + dy);
            break;
        }
        camera.distance *= 1.03;
    }
    camera
}

/// Makes one frame.
pub(crate) fn photograph(
    document: &Plane,
    turned: bool,
    size: Option<(usize, usize)>,
    rng: &mut Rng,
) -> Plane {
    let any = FRAMES[rng.usize(0..FRAMES.len())];
    let size = size.unwrap_or(any);
    let (width, height) = size;
    let camera = place_camera(document, size, turned, rng);
    let mut frame = background(width, height, rng);
    lay(document, &camera, &mut frame);
    Light::any(&frame, rng).fall_on(&mut frame);
    let frame = frame.blurred(between(0.35..1.1, rng));
    let mut frame = if rng.u8(0..4) == 0 {
        frame.shaken(between(1.0..3.5, rng), between(0.0..std::f32::consts::PI, rng))
    } else {
        frame
    };
    let noise = between(1.0..7.0, rng);
    add_noise(&mut frame, noise, rng);
    frame
}

/// Lays the document onto a background.
pub(crate) fn lay(document: &Plane, camera: &Camera, frame: &mut Plane) {
    let (width, height) = (frame.width, frame.height);
    let columns = document.width as f32;
    let half = document.height as f32 / columns / 2.0;
    // A frame pixel that covers several pixels of the picture is their mean.
    let reduction = columns * camera.distance / camera.focal;
    let parts = (reduction.ceil() as u8).clamp(2, 5);
    for y in 0..height {
        for x in 0..width {
            let (mut level, mut covered) = (0.0, 0_u16);
            for part in 0..u16::from(parts) * u16::from(parts) {
                let at = |i: u16| (f32::from(i) + 0.5) / f32::from(parts) - 0.5;
                let (dx, dy) = (at(part % u16::from(parts)), at(part / u16::from(parts)));
                let Some((u, v)) = camera.plane(x as f32 + dx, y as f32 + dy) else { continue };
                if u.abs() <= 0.5 && v.abs() <= half {
                    level += document.sample((u + 0.5) * columns - 0.5, (v + half) * columns - 0.5);
                    covered += 1;
                }
            }
            let all = f32::from(u16::from(parts) * u16::from(parts));
            let pixel = &mut frame.pixels[y * width + x];
            *pixel = (*pixel * (all - f32::from(covered)) + level) / all;
        }
    }
}

/// Adds the noise of a sensor, of a standard deviation in gray levels.
pub(crate) fn add_noise(frame: &mut Plane, deviation: f32, rng: &mut Rng) {
    for pixel in &mut frame.pixels {
        // The sum of four uniform levels is nearly normal; each has a variance of 1/12.
        let sum: f32 = (0..4).map(|_| rng.f32() - 0.5).sum();
        *pixel += deviation * sum * 3.0_f32.sqrt();
    }
}

/// A blurred edge between light and shadow.
struct Shadow {
    towards: f32,
    edge: f32,
    softness: f32,
    depth: f32,
}

/// Uneven light, the photographer's shadow, the glare of lamps on the laminate, exposure.
pub(crate) struct Light {
    angle: f32,
    fall: f32,
    shadow: Option<Shadow>,
    /// Each with its place, radius and strength.
    glare: Vec<(f32, f32, f32, f32)>,
    exposure: f32,
}

impl Light {
    /// Light that may fall on a frame.
    pub(crate) fn any(frame: &Plane, rng: &mut Rng) -> Self {
        let (w, h) = (frame.width as f32, frame.height as f32);
        let (angle, fall) = (between(0.0..std::f32::consts::TAU, rng), between(0.0..0.45, rng));
        let shadow = (rng.u8(0..2) == 0).then(|| Shadow {
            towards: between(0.0..std::f32::consts::TAU, rng),
            edge: between(-0.3..0.3, rng),
            softness: between(0.02..0.12, rng),
            depth: between(0.15..0.5, rng),
        });
        let lamp = |rng: &mut Rng| {
            let (x, y) = (rng.f32() * w, rng.f32() * h);
            (x, y, between(0.03..0.12, rng) * w, between(25.0..110.0, rng))
        };
        let glare = (0..rng.u8(0..3)).map(|_| lamp(rng)).collect();
        Self { angle, fall, shadow, glare, exposure: between(0.7..1.12, rng) }
    }

    /// Lights a frame.
    pub(crate) fn fall_on(&self, frame: &mut Plane) {
        let (w, h) = (frame.width as f32, frame.height as f32);
        for (index, pixel) in frame.pixels.iter_mut().enumerate() {
            let (x, y) = ((index % frame.width) as f32, (index / frame.width) as f32);
            let (u, v) = (x / w - 0.5, y / w - 0.5 * h / w);
            let mut light = self.exposure
                * (1.0 + self.fall * (u * self.angle.cos() + v * self.angle.sin()))
                * (1.0 - 0.4 * (u * u + v * v));
            if let Some(Shadow { towards, edge, softness, depth }) = &self.shadow {
                let side = (u * towards.cos() + v * towards.sin() - edge) / softness;
                light *= 1.0 - depth / (1.0 + (-side.clamp(-20.0, 20.0)).exp());
            }
            *pixel *= light;
            for &(gx, gy, radius, strength) in &self.glare {
                let square = ((x - gx) * (x - gx) + (y - gy) * (y - gy)) / (radius * radius);
                if square < 12.0 {
                    *pixel += strength * (-square / 2.0).exp();
                }
            }
        }
    }
}

#[cfg(test)]
impl Plane {
    /// A small document.
    pub(crate) fn striped() -> Self {
        Self::filled(90, 60, |x, y| if (x + y) as usize % 7 < 3 { 30.0 } else { 220.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_follows_from_its_seed() {
        let document = Plane::striped();
        let frame = |seed| {
            photograph(&document, false, None, &mut Rng::with_seed(seed)).jpeg(80).expect("a JPEG")
        };
        assert_eq!(frame(1), frame(1));
        assert_ne!(frame(1), frame(2));
    }

    #[test]
    fn the_camera_maps_there_and_back() {
        let document = Plane::filled(90, 60, |_, _| 0.0);
        for seed in 0..50 {
            let mut rng = Rng::with_seed(seed);
            let camera = place_camera(&document, FRAMES[0], seed % 2 == 0, &mut rng);
            for (u, v) in [(-0.5, -0.33), (0.5, 0.33), (0.1, -0.2)] {
                let (x, y) = camera.seen(u, v);
                assert!((0.0..1280.0).contains(&x) && (0.0..960.0).contains(&y), "{seed}: {x} {y}");
                let (back_u, back_v) = camera.plane(x, y).expect("the plane faces the camera");
                assert!((u - back_u).abs() < 1e-3 && (v - back_v).abs() < 1e-3, "{seed}");
            }
        }
    }
}
