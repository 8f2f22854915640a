//! The browser's monotonic clock, for windows and workers.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::Performance;

thread_local! {
    /// `globalThis.performance`. Windows and workers have it under the same name but with different
    /// types. `None` in an engine without it.
    static PERFORMANCE: Option<Performance> = performance();
}

fn performance() -> Option<Performance> {
    let value = js_sys::Reflect::get(&js_sys::global(), &JsValue::from_str("performance")).ok()?;
    (!value.is_undefined() && !value.is_null()).then(|| value.unchecked_into())
}

/// Milliseconds since a fixed point; 0 if the engine has no clock.
pub(crate) fn now() -> f64 {
    PERFORMANCE.with(|performance| performance.as_ref().map_or(0.0, Performance::now))
}
