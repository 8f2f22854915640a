//! Makes a new instance of the module after a trap.

use wasm_bindgen::prelude::*;

/// Makes the next call of any function create a new instance of the module with its own memory.
/// Objects of the old instance must not be used after that.
///
/// Use this after a trap, which leaves the instance in the middle of a call. For that reason it
/// does not touch memory: it only sets a flag in wasm-bindgen's JavaScript.
#[wasm_bindgen]
pub fn restart() {
    wasm_bindgen::handler::schedule_reinit();
}
