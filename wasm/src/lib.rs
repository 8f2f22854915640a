//! JavaScript bindings of `nibble-reader`: image bytes or canvas pixels in, the reader's JSON out.
//!
//! An [`Engine`] holds one network. The npm package around it (`wasm/npm`) queues calls, loads
//! files and declares the types.

mod bench;
mod clock;
mod error;
mod explain;
mod kernels;
mod restart;

use nibble_core::{Model, Network};
use nibble_gray::Gray;
use nibble_picture::{Limits, decode, from_rgba};
use nibble_reader::{Fusion, Reader, Reading};
use serde::Serialize;
use wasm_bindgen::prelude::*;

pub use bench::Bench;
use clock::now;
use error::thrown;
pub use explain::{Explainer, LayerOutput};
pub use kernels::choose_kernels;
pub use restart::restart;

/// Makes panics appear on the console with their message, not only as `unreachable`.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
}

/// The reading and what only these bindings know.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    reading: &'a Reading,
    decode_ms: f64,
    width: usize,
    height: usize,
}

/// One network, ready to read pictures.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Engine {
    reader: Reader,
    fusion: Fusion,
}

#[wasm_bindgen]
impl Engine {
    /// Makes an engine with the network of a model file. The first one of a precision waits for the
    /// race among its kernels.
    ///
    /// # Errors
    /// An `Error` with `code` `ModelInvalid` if the file cannot be used.
    #[wasm_bindgen(constructor)]
    pub fn new(model: &[u8]) -> Result<Engine, JsValue> {
        let model = Model::parse(model).map_err(|error| thrown("ModelInvalid", &error))?;
        let kernels = kernels::raced(&[model.precision]);
        let reader = Network::with_kernels(model, &kernels).and_then(Reader::with_network);
        let reader = reader.map_err(|error| thrown("ModelInvalid", &error))?;
        Ok(Self { reader, fusion: Fusion::default() })
    }

    /// Reads an image file (JPEG, PNG, WebP or BMP) and returns the result as JSON.
    ///
    /// # Errors
    /// An `Error` with the `code` of the picture error.
    pub fn read_file(&mut self, bytes: Vec<u8>) -> Result<String, JsValue> {
        let begin = now();
        let gray = gray_of_file(bytes)?;
        self.read(&gray, begin)
    }

    /// Reads row-major RGBA8 pixels, as `ImageData` holds them, and returns the result as JSON.
    ///
    /// # Errors
    /// An `Error` with the `code` of the picture error.
    pub fn read_pixels(&mut self, width: usize, height: usize, rgba: Vec<u8>) -> Result<String, JsValue> {
        let begin = now();
        let gray = gray_of_pixels(width, height, rgba)?;
        self.read(&gray, begin)
    }

    /// Reads one more image file of the same document and returns, as JSON, the result of all
    /// frames since [`Engine::forget`].
    ///
    /// # Errors
    /// An `Error` with the `code` of the picture error.
    pub fn fuse_file(&mut self, bytes: Vec<u8>) -> Result<String, JsValue> {
        let begin = now();
        let gray = gray_of_file(bytes)?;
        self.fuse(&gray, begin)
    }

    /// Like [`Engine::fuse_file`], but for row-major RGBA8 pixels.
    ///
    /// # Errors
    /// An `Error` with the `code` of the picture error.
    pub fn fuse_pixels(&mut self, width: usize, height: usize, rgba: Vec<u8>) -> Result<String, JsValue> {
        let begin = now();
        let gray = gray_of_pixels(width, height, rgba)?;
        self.fuse(&gray, begin)
    }

    /// Drops all frames and starts a new document.
    pub fn forget(&mut self) {
        self.fusion = Fusion::default();
    }

    fn read(&mut self, gray: &Gray, begin: f64) -> Result<String, JsValue> {
        let decode_ms = now() - begin;
        let reading = self.reader.read_timed(gray, &mut now);
        answer(&reading, gray, decode_ms)
    }

    fn fuse(&mut self, gray: &Gray, begin: f64) -> Result<String, JsValue> {
        let decode_ms = now() - begin;
        let reading = self.reader.fuse_timed(gray, &mut self.fusion, &mut now);
        answer(&reading, gray, decode_ms)
    }
}

/// Decodes a file. Takes its bytes by value, so that they are freed before locating needs memory.
#[allow(clippy::needless_pass_by_value, reason = "owned to be dropped here")]
fn gray_of_file(bytes: Vec<u8>) -> Result<Gray, JsValue> {
    decode(&bytes, &Limits::BROWSER).map_err(|error| thrown(error.code(), &error))
}

fn gray_of_pixels(width: usize, height: usize, rgba: Vec<u8>) -> Result<Gray, JsValue> {
    from_rgba(width, height, rgba).map_err(|error| thrown(error.code(), &error))
}

fn answer(reading: &Reading, gray: &Gray, decode_ms: f64) -> Result<String, JsValue> {
    let answer = Answer { reading, decode_ms, width: gray.width(), height: gray.height() };
    serde_json::to_string(&answer).map_err(|error| thrown("Internal", &error))
}
