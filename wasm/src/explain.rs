//! What the page's explanation shows of a network at work: the strip of a line and the output of a
//! layer.

use nibble_core::{Activations, Network};
use nibble_gray::Gray;
use nibble_reader::{Point, strip_of_quad};
use wasm_bindgen::prelude::*;

use crate::error::thrown;
use crate::reading::of_size;

/// Margin on each side of a line, in characters.
const MARGIN: f32 = 1.0;

/// A network whose layer outputs can be inspected.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Explainer {
    network: Network,
}

/// The output of a layer.
#[wasm_bindgen(getter_with_clone)]
#[derive(Debug)]
pub struct LayerOutput {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
    /// Number of channels.
    pub channels: usize,
    /// Values in order `[row][column][channel]`: codes of an integer network, or nonnegative values
    /// of an f32 network.
    pub values: Vec<f32>,
}

#[wasm_bindgen]
impl Explainer {
    /// Loads the network of a model file.
    ///
    /// # Errors
    /// An `Error` with `code` `ModelInvalid` if the file cannot be used.
    #[wasm_bindgen(constructor)]
    pub fn new(model: &[u8]) -> Result<Explainer, JsValue> {
        let network = Network::from_bytes(model).map_err(|error| thrown("ModelInvalid", &error))?;
        Ok(Self { network })
    }

    /// The strip of a line in a picture of row-major gray bytes, as such bytes again. `quad` holds x
    /// and y of each corner of the line, as in `quads` of a reading; `characters` is the number of
    /// characters in the line.
    ///
    /// # Errors
    /// An `Error` with `code` `Broken` if there are more or fewer than `width * height` bytes, or
    /// `Internal` if there is no such line.
    pub fn strip(
        &self,
        width: usize,
        height: usize,
        gray: Vec<u8>,
        quad: &[f32],
        characters: f32,
    ) -> Result<Vec<u8>, JsValue> {
        let no_line = || thrown("Internal", &"no line has these corners");
        let gray = of_size(Gray::new(width, height, gray))?;
        let &[x0, y0, x1, y1, x2, y2, x3, y3] = quad else { return Err(no_line()) };
        let corners =
            [Point::new(x0, y0), Point::new(x1, y1), Point::new(x2, y2), Point::new(x3, y3)];
        let model = self.network.model();
        let size = [model.height.ok_or_else(no_line)?, model.column_stride];
        strip_of_quad(&gray, corners, characters, MARGIN, size).ok_or_else(no_line)
    }

    /// Runs a strip through the network and returns the output of a layer.
    ///
    /// # Errors
    /// An `Error` with `code` `Internal` if the strip does not suit the network, or if `layer` is
    /// not one of the layers before the last.
    pub fn output(&mut self, strip: &[u8], layer: usize) -> Result<LayerOutput, JsValue> {
        let mut output = None;
        let run = self.network.run_observed(strip, &mut |end| {
            if end.index == layer {
                output = end.activations().map(|values| (end.shape, values));
            }
        });
        run.map_err(|error| thrown("Internal", &error))?;
        let ([rows, columns, channels], values) = output
            .ok_or_else(|| thrown("Internal", &format!("no layer {layer} before the last")))?;
        let values = match values {
            Activations::Codes(codes) => codes.into_iter().map(f32::from).collect(),
            Activations::Reals(values) => values,
        };
        Ok(LayerOutput { rows, columns, channels, values })
    }
}
