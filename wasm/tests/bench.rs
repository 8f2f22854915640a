//! The bench and the kernels in a real browser.
#![cfg(target_arch = "wasm32")]

use nibble_wasm::Bench;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

fn finished(mut bench: Bench) -> serde_json::Value {
    while bench.left() > 0 {
        bench.step().unwrap();
    }
    serde_json::from_str(&bench.report().unwrap()).unwrap()
}

#[wasm_bindgen_test]
fn every_kernel_of_this_binary_is_exact() {
    let report = finished(Bench::new("verify", true, 1).unwrap());
    let kernels = report["verify"].as_array().unwrap();
    assert!(kernels.iter().all(|kernel| kernel["exact"] == true), "{report}");
    let wanted: &[&str] = if cfg!(target_feature = "relaxed-simd") {
        &[
            "simd128_u4i4_4x32_p2",
            "simd128_u8i8_4x8",
            "simd128_u8i8_4x16_pair",
            "simd128_f32_4x8",
            "simd128_f32_4x16_lanes",
            "relaxed_u4i4_4x8_dot16",
            "relaxed_u7i8_4x8_dot32",
            "relaxed_u7i8_4x16_dot32",
        ]
    } else {
        &[
            "simd128_u4i4_6x24_pairs",
            "simd128_u4i4_4x24_pairs",
            "simd128_u4i4_4x32_p2",
            "simd128_u4i4_4x32_mla",
            "simd128_u8i8_4x8",
            "simd128_u8i8_4x16_pair",
            "simd128_f32_4x8",
            "simd128_f32_4x16_lanes",
        ]
    };
    for name in wanted {
        assert!(
            kernels.iter().any(|kernel| kernel["kernel"] == *name),
            "{name} did not run: {report}"
        );
    }
}

#[wasm_bindgen_test]
fn requantisation_in_vectors_is_the_definition() {
    assert!(nibble_bench::requantisation_is_exact());
}

#[wasm_bindgen_test]
fn the_race_chooses_among_exact_kernels() {
    let choice: serde_json::Value =
        serde_json::from_str(&nibble_wasm::choose_kernels(true)).unwrap();
    let choice = choice.as_array().unwrap();
    assert_eq!(choice.len(), 3);
    for task in choice {
        assert_eq!(task["wrong"].as_array().map(Vec::len), Some(0), "{task}");
        assert!(!task["kernel"].as_str().unwrap().starts_with("portable"), "{task}");
    }
}

#[wasm_bindgen_test]
fn networks_are_measured_layer_by_layer() {
    let mut bench = Bench::new("network", false, 1).unwrap();
    bench.add_model(include_bytes!("../../models/ocr-u4.safetensors")).unwrap();
    bench.add_model(include_bytes!("../../models/ocr-f32.safetensors")).unwrap();
    let report = finished(bench);
    let rows = report["rows"].as_array().unwrap();
    for op in ["ocr total", "synthetic total", "synthetic conv3"] {
        let row = rows.iter().find(|row| row["op"] == op && row["precision"] == "u4");
        assert!(row.is_some_and(|row| row["ns"].as_f64() > Some(0.0)), "{op}: {report}");
    }
    assert!(Bench::new("nothing", false, 1).is_err());
}

/// Operations of graphs in this binary's instructions, by every kernel that it has.
#[wasm_bindgen_test]
fn random_graphs_equal_the_oracle() {
    let compared = nibble_core::graph::verify(0..300);
    let operations: std::collections::BTreeSet<&str> =
        compared.keys().map(|(operation, _)| *operation).collect();
    assert_eq!(operations.len(), 18, "{operations:?}");
}
