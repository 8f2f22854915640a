//! A new instance of the module after a trap.

use wasm_bindgen::prelude::*;

/// Has the next call of any function make a new instance of the module, with a memory of its own.
/// Objects of the present instance must not be used after that.
///
/// For use after a trap, which leaves the instance in the middle of a call. That is why this
/// touches no memory: it sets a flag in the JavaScript of wasm-bindgen.
#[wasm_bindgen]
pub fn restart() {
    wasm_bindgen::handler::schedule_reinit();
}
