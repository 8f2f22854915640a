//! Errors in the form in which JavaScript throws them.

use std::fmt::Display;

use wasm_bindgen::JsValue;

/// An `Error` with a `code` that programs can act on.
pub(crate) fn thrown(code: &str, message: &dyn Display) -> JsValue {
    let error: JsValue = js_sys::Error::new(&message.to_string()).into();
    // Setting a property of a new, extensible object cannot fail.
    let _ = js_sys::Reflect::set(&error, &JsValue::from_str("code"), &JsValue::from_str(code));
    error
}
