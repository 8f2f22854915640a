//! A film: frames of one document, held by a hand that is never quite still, while the camera
//! focuses.

#![allow(
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "numbers of frames; films are for measuring and may differ by a bit between machines"
)]

use std::f32::consts::TAU;

use fastrand::Rng;

use crate::frame::{Camera, Light, Plane, add_noise, background, between, lay, place_camera};

/// Frames a second: what a page reads on a mid-range phone.
const RATE: f32 = 15.0;
/// Size of the frames in pixels.
const SIZE: (usize, usize) = (1280, 960);
/// The slow and the quick movement of a hand, in cycles a second, and the share of the quick one.
const MOVEMENT: [(f32, f32); 2] = [(0.7, 1.0), (2.3, 0.5)];
/// How far a hand moves: tilt, lean and turn in degrees, across and down in shares of the width.
const REACH: [f32; 5] = [2.0, 2.0, 1.5, 0.015, 0.015];
/// How many times as far a hand moves that has just raised the phone, and the seconds in which it
/// calms down.
const RAISED: (f32, f32) = (4.0, 0.4);
/// A frame is sharp if its lens blurs by at most this standard deviation, in pixels.
const SHARP_BLUR: f32 = 1.1;
/// A sharp frame is also moved by the hand by at most this many pixels while it is exposed.
const SHARP_MOTION: f32 = 2.0;

/// What a film keeps from frame to frame.
pub(crate) struct Film<'a> {
    document: &'a Plane,
    camera: Camera,
    background: Plane,
    light: Light,
    /// Phases of the hand's movements.
    phases: [[f32; 2]; 5],
    /// Blur of the lens in focus, what is added at first, and how many seconds focusing takes.
    focus: [f32; 3],
    /// Seconds that a frame is exposed.
    exposure: f32,
    noise: f32,
    rng: Rng,
}

impl<'a> Film<'a> {
    /// A film that follows from `rng`.
    pub(crate) fn new(document: &'a Plane, mut rng: Rng) -> Self {
        let camera = place_camera(document, SIZE, false, &mut rng);
        let background = background(SIZE.0, SIZE.1, &mut rng);
        let light = Light::any(&background, &mut rng);
        let phases = [(); 5].map(|()| [(); 2].map(|()| between(0.0..TAU, &mut rng)));
        let focus = [
            between(0.35..1.0, &mut rng),
            between(0.0..3.0, &mut rng),
            between(0.15..0.5, &mut rng),
        ];
        let exposure = between(0.008..0.03, &mut rng);
        let noise = between(1.0..7.0, &mut rng);
        Self { document, camera, background, light, phases, focus, exposure, noise, rng }
    }

    /// How far the hand has moved after some seconds, in the units of [`REACH`].
    fn moved(&self, seconds: f32) -> [f32; 5] {
        let calm = 1.0 + (RAISED.0 - 1.0) * (-seconds / RAISED.1).exp();
        std::array::from_fn(|axis| {
            let parts = MOVEMENT.iter().zip(self.phases[axis]);
            let sum: f32 = parts
                .map(|(&(cycles, share), phase)| share * (TAU * cycles * seconds + phase).sin())
                .sum();
            REACH[axis] * calm * sum
        })
    }

    /// The camera after some seconds.
    fn camera(&self, seconds: f32) -> Camera {
        let [tilt, lean, turn, across, down] = self.moved(seconds);
        let width = SIZE.0 as f32;
        self.camera.moved([tilt, lean, turn].map(f32::to_radians), (across * width, down * width))
    }

    /// The blur of the lens in frame `number`, and how far the hand moves while it is exposed, across
    /// and down, in pixels.
    fn blur(&self, number: usize) -> (f32, (f32, f32)) {
        let seconds = number as f32 / RATE;
        let [rest, start, tau] = self.focus;
        let seen = |seconds: f32| self.camera(seconds).seen(0.0, 0.0);
        let (from, to) = (seen(seconds), seen(seconds + self.exposure));
        (rest + start * (-seconds / tau).exp(), (to.0 - from.0, to.1 - from.1))
    }

    /// Whether frame `number` is sharp.
    pub(crate) fn is_sharp(&self, number: usize) -> bool {
        let (blur, (across, down)) = self.blur(number);
        blur <= SHARP_BLUR && across.hypot(down) <= SHARP_MOTION
    }

    /// Frame `number`.
    pub(crate) fn frame(&mut self, number: usize) -> Plane {
        let (blur, (across, down)) = self.blur(number);
        let mut frame = self.background.clone();
        lay(self.document, &self.camera(number as f32 / RATE), &mut frame);
        self.light.fall_on(&mut frame);
        let mut frame = frame.blurred(blur);
        let motion = across.hypot(down);
        if motion > 0.5 {
            frame = frame.shaken(motion, down.atan2(across));
        }
        add_noise(&mut frame, self.noise, &mut self.rng);
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_film_calms_down_and_becomes_sharp() {
        let document = Plane::striped();
        let (mut at_once, mut within_a_second_and_a_half) = (0, 0);
        for seed in 0..20 {
            let film = Film::new(&document, Rng::with_seed(seed));
            at_once += usize::from(film.is_sharp(0));
            within_a_second_and_a_half += usize::from((0..24).any(|number| film.is_sharp(number)));
        }
        assert!(at_once < 5, "{at_once} of 20 films are sharp at once");
        assert!(within_a_second_and_a_half > 15, "{within_a_second_and_a_half} of 20");
    }

    #[test]
    fn frames_follow_from_the_seed() {
        let document = Plane::striped();
        let frame = || Film::new(&document, Rng::with_seed(1)).frame(0).jpeg(80).expect("a JPEG");
        assert_eq!(frame(), frame());
    }
}
