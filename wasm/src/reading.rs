//! Reading: gray bytes or canvas pixels in, the reader's JSON out.

use nibble_core::{Kernels, Model, ModelError, Network, Precision};
use nibble_gray::Gray;
use nibble_reader::{Fusion, Reader, Reading};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::clock::now;
use crate::error::thrown;
use crate::kernels;

/// The reading and what only these bindings know.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    reading: &'a Reading,
    /// Milliseconds that it took to make the picture gray.
    gray_ms: f64,
    width: usize,
    height: usize,
}

/// One network, ready to read pictures.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Engine {
    kernels: Kernels,
    reader: Reader,
    fusion: Fusion,
}

/// A reader with a network, and with the one that finds zones.
fn reader_with(model: Model, kernels: &Kernels) -> Result<Reader, ModelError> {
    let locator = Network::with_kernels(Model::parse(nibble_models::LOCATE_U4)?, kernels)?;
    Reader::with_network(Network::with_kernels(model, kernels)?)?.with_locator(locator)
}

#[wasm_bindgen]
impl Engine {
    /// Makes an engine with the network of a model file; the network that finds zones is part of the
    /// binary. Its kernels are the best that are known without a race.
    ///
    /// # Errors
    /// An `Error` with `code` `ModelInvalid` if the file cannot be used.
    #[wasm_bindgen(constructor)]
    pub fn new(model: &[u8]) -> Result<Engine, JsValue> {
        let kernels = kernels::tested();
        let reader = Model::parse(model).and_then(|model| reader_with(model, &kernels));
        let reader = reader.map_err(|error| thrown("ModelInvalid", &error))?;
        Ok(Self { kernels, reader, fusion: Fusion::default() })
    }

    /// Races the kernels of this engine's precision, unless that was done, and uses the winners from
    /// now on. `model` is the file that the engine was made with. A race takes some hundredths of a
    /// second; the frames of a document are kept.
    ///
    /// # Errors
    /// Those of [`Engine::new`].
    pub fn race(&mut self, model: &[u8]) -> Result<(), JsValue> {
        let precision = self.reader.network().precision();
        let kernels = kernels::raced(&[precision, Precision::U4]);
        if kernels != self.kernels {
            let reader = Model::parse(model).and_then(|model| reader_with(model, &kernels));
            self.reader = reader.map_err(|error| thrown("ModelInvalid", &error))?;
            self.kernels = kernels;
        }
        Ok(())
    }

    /// Reads a picture of row-major gray bytes and returns the result as JSON.
    ///
    /// # Errors
    /// An `Error` with `code` `Broken` if there are more or fewer than `width * height` bytes.
    pub fn read_gray(
        &mut self,
        width: usize,
        height: usize,
        gray: Vec<u8>,
    ) -> Result<String, JsValue> {
        let picture = of_size(Gray::new(width, height, gray))?;
        self.read(&picture, 0.0)
    }

    /// Reads row-major RGBA8 pixels, as `ImageData` holds them, and returns the result as JSON.
    ///
    /// # Errors
    /// An `Error` with `code` `Broken` if there are more or fewer than `width * height` pixels, or
    /// none.
    pub fn read_pixels(
        &mut self,
        width: usize,
        height: usize,
        rgba: Vec<u8>,
    ) -> Result<String, JsValue> {
        let begin = now();
        let picture = of_size(Gray::from_rgba(width, height, rgba))?;
        self.read(&picture, now() - begin)
    }

    /// Reads one more picture of the same document and returns, as JSON, the result of all frames
    /// since [`Engine::forget`]. Takes what [`Engine::read_gray`] takes.
    ///
    /// # Errors
    /// Those of [`Engine::read_gray`].
    pub fn fuse_gray(
        &mut self,
        width: usize,
        height: usize,
        gray: Vec<u8>,
    ) -> Result<String, JsValue> {
        let picture = of_size(Gray::new(width, height, gray))?;
        self.fuse(&picture, 0.0)
    }

    /// Like [`Engine::fuse_gray`], but for row-major RGBA8 pixels.
    ///
    /// # Errors
    /// Those of [`Engine::read_pixels`].
    pub fn fuse_pixels(
        &mut self,
        width: usize,
        height: usize,
        rgba: Vec<u8>,
    ) -> Result<String, JsValue> {
        let begin = now();
        let picture = of_size(Gray::from_rgba(width, height, rgba))?;
        self.fuse(&picture, now() - begin)
    }

    /// Like [`Engine::fuse_gray`], but for the luma of a video's frame, in the full range of a byte
    /// or in that of video. The frame is scaled down to `small_width` x
    /// `small_height` pixels.
    ///
    /// # Errors
    /// Those of [`Engine::read_gray`]; also `Broken` if that is larger than the frame.
    pub fn fuse_luma(
        &mut self,
        width: usize,
        height: usize,
        luma: Vec<u8>,
        full_range: bool,
        small_width: usize,
        small_height: usize,
    ) -> Result<String, JsValue> {
        let begin = now();
        let frame = of_size(Gray::new(width, height, luma))?;
        let small = of_size(frame.scaled_down(small_width, small_height))?;
        let picture = if full_range { small } else { small.from_video_range() };
        self.fuse(&picture, now() - begin)
    }

    /// Drops all frames and starts a new document.
    pub fn forget(&mut self) {
        self.fusion = Fusion::default();
    }

    fn read(&mut self, picture: &Gray, gray_ms: f64) -> Result<String, JsValue> {
        let reading = self.reader.read_timed(picture, &mut now);
        answer(&reading, picture, gray_ms)
    }

    fn fuse(&mut self, picture: &Gray, gray_ms: f64) -> Result<String, JsValue> {
        let reading = self.reader.fuse_timed(picture, &mut self.fusion, &mut now);
        answer(&reading, picture, gray_ms)
    }
}

/// Makes row-major RGBA8 pixels gray, a byte each. A large picture goes through this in parts: as a
/// whole, its colours would take four times the memory of its gray bytes.
///
/// # Errors
/// An `Error` with `code` `Broken` if there is no pixel, or part of one.
#[wasm_bindgen]
pub fn gray_of(rgba: Vec<u8>) -> Result<Vec<u8>, JsValue> {
    of_size(Gray::from_rgba(rgba.len() / 4, 1, rgba)).map(|gray| gray.pixels().to_vec())
}

/// The picture, if there were as many pixels as its size needs.
pub(crate) fn of_size(picture: Option<Gray>) -> Result<Gray, JsValue> {
    picture.ok_or_else(|| {
        thrown("Broken", &"the picture is damaged: pixels do not match the dimensions")
    })
}

fn answer(reading: &Reading, picture: &Gray, gray_ms: f64) -> Result<String, JsValue> {
    let answer = Answer { reading, gray_ms, width: picture.width(), height: picture.height() };
    serde_json::to_string(&answer).map_err(|error| thrown("Internal", &error))
}
