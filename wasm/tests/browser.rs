//! The engine in a real browser: the bundled samples as they are read there, and errors with codes.
#![cfg(target_arch = "wasm32")]

use nibble_picture::{Limits, decode};
use nibble_wasm::{Engine, Explainer, gray_of, parse_text};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const U4: &[u8] = include_bytes!("../../models/ocr-u4.safetensors");
const U8: &[u8] = include_bytes!("../../models/ocr-u8.safetensors");
const F32: &[u8] = include_bytes!("../../models/ocr-f32.safetensors");
const SCAN: &[u8] = include_bytes!("../../testdata/specimens/id-td2-scan.png");

/// Width, height and pixels of the scan.
fn scan() -> (usize, usize, Vec<u8>) {
    let gray = decode(SCAN, &Limits::BROWSER).unwrap();
    (gray.width(), gray.height(), gray.pixels().to_vec())
}

/// Reads the scan.
fn read(engine: &mut Engine) -> serde_json::Value {
    let (width, height, gray) = scan();
    serde_json::from_str(&engine.read_gray(width, height, gray).unwrap()).unwrap()
}

fn code(error: &JsValue) -> String {
    let code = js_sys::Reflect::get(error, &JsValue::from_str("code")).unwrap();
    assert!(error.is_instance_of::<js_sys::Error>());
    code.as_string().unwrap()
}

#[wasm_bindgen_test]
fn a_scan_is_read_at_each_precision() {
    for (model, name) in [(U4, "u4"), (U8, "u8"), (F32, "f32")] {
        let mut engine = Engine::new(model).unwrap();
        let json = read(&mut engine);
        assert_eq!(json["precision"], name);
        let lines: Vec<&str> =
            json["lines"].as_array().unwrap().iter().filter_map(|l| l.as_str()).collect();
        assert_eq!(
            lines,
            ["I<UTOTANAKA<<LUCA<<<<<<<<<<<<<<<<<<<", "N56H688195UTO5602133M3512078<<<<<<<0"]
        );
        assert_eq!(json["document"]["surname"], "TANAKA");
        engine.race(model).unwrap();
        let again = read(&mut engine);
        assert_eq!((&json["lines"], &json["digest"]), (&again["lines"], &again["digest"]));
    }
}

#[wasm_bindgen_test]
fn errors_carry_codes() {
    assert_eq!(code(&Engine::new(b"nothing").unwrap_err()), "ModelInvalid");
    let mut engine = Engine::new(U4).unwrap();
    assert_eq!(code(&engine.read_gray(3, 3, vec![0; 10]).unwrap_err()), "Broken");
    assert_eq!(code(&engine.fuse_pixels(0, 0, Vec::new()).unwrap_err()), "Broken");
    assert_eq!(code(&engine.read_pixels(3, 3, vec![0; 5]).unwrap_err()), "Broken");
    assert_eq!(code(&gray_of(vec![0; 5]).unwrap_err()), "Broken");
}

#[wasm_bindgen_test]
fn typed_lines_get_fields_and_verdicts() {
    let text = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nl898902c36UTO7408122F1204159ZE184226B<<<<<11";
    let json: serde_json::Value = serde_json::from_str(&parse_text(text).unwrap()).unwrap();
    assert_eq!(json["document"]["surname"], "ERIKSSON");
    assert_eq!(json["lines"][1], "L898902C36UTO7408122F1204159ZE184226B<<<<<11");
    let ok: Vec<bool> =
        json["checks"].as_array().unwrap().iter().filter_map(|c| c["ok"].as_bool()).collect();
    assert_eq!(ok, [true, true, true, true, false]);
    assert_eq!(code(&parse_text("P<UTO").unwrap_err()), "InvalidArgument");
}

#[wasm_bindgen_test]
fn pixels_become_gray_in_parts_as_they_do_whole() {
    let rgba: Vec<u8> =
        (0..480u32).map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let whole = nibble_gray::Gray::from_rgba(12, 10, rgba.clone()).unwrap();
    let parts: Vec<u8> =
        rgba.chunks(140).flat_map(|part| gray_of(part.to_vec()).unwrap()).collect();
    assert_eq!(parts, whole.pixels());
}

#[wasm_bindgen_test]
fn a_picture_without_zone_gives_an_empty_result() {
    let mut engine = Engine::new(U4).unwrap();
    let json: serde_json::Value =
        serde_json::from_str(&engine.read_pixels(64, 64, vec![200; 64 * 64 * 4]).unwrap()).unwrap();
    assert_eq!(json["lines"].as_array().unwrap().len(), 0);
    assert!(json["document"].is_null() && json["digest"].is_null());
    assert_eq!(json["gray_digest"].as_str().unwrap().len(), 16);
}

#[wasm_bindgen_test]
fn frames_are_fused_until_they_are_forgotten() {
    let mut engine = Engine::new(U4).unwrap();
    let frames = |engine: &mut Engine| -> (u64, usize) {
        let (width, height, gray) = scan();
        let json: serde_json::Value =
            serde_json::from_str(&engine.fuse_gray(width, height, gray).unwrap()).unwrap();
        (json["frames"].as_u64().unwrap(), json["lines"].as_array().unwrap().len())
    };
    assert_eq!(frames(&mut engine), (1, 2));
    engine.race(U4).unwrap();
    assert_eq!(frames(&mut engine), (2, 2));
    let blank: serde_json::Value =
        serde_json::from_str(&engine.fuse_pixels(64, 64, vec![200; 64 * 64 * 4]).unwrap()).unwrap();
    assert_eq!(
        (blank["frames"].as_u64(), blank["quads"].as_array().map(Vec::len)),
        (Some(2), Some(0))
    );
    engine.forget();
    assert_eq!(frames(&mut engine), (1, 2));
}

#[wasm_bindgen_test]
fn a_line_is_followed_through_the_networks() {
    let json = read(&mut Engine::new(U4).unwrap());
    let (width, height, gray) = scan();
    let quad: Vec<f32> = json["quads"][1]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|point| {
            point.as_array().unwrap().iter().map(|value| value.as_f64().unwrap() as f32)
        })
        .collect();
    for (model, top) in [(U4, 15.0), (U8, 255.0), (F32, f32::MAX)] {
        let mut explainer = Explainer::new(model).unwrap();
        let strip = explainer.strip(width, height, gray.clone(), &quad, 36.0).unwrap();
        assert_eq!(strip.len() % (24 * 4), 0);
        for layer in 0..6 {
            let output = explainer.output(&strip, layer).unwrap();
            assert_eq!(output.values.len(), output.rows * output.columns * output.channels);
            assert!(output.values.iter().all(|value| (0.0..=top).contains(value)));
            assert!(output.values.iter().any(|&value| value > 0.0));
        }
        assert_eq!(code(&explainer.output(&strip, 6).unwrap_err()), "Internal");
        let of = |gray: &[u8], quad| explainer.strip(width, height, gray.to_vec(), quad, 36.0);
        assert_eq!(code(&of(&gray, &quad[1..]).unwrap_err()), "Internal");
        assert_eq!(code(&of(&gray[1..], &quad).unwrap_err()), "Broken");
    }
}
