//! The file of `native-bench paper` has what `docs/results/devices` asks for.

use std::process::Command;

use serde_json::Value;

#[test]
fn one_run_writes_everything() {
    if option_env!("NIBBLE_TEST_RUNNER").is_some() {
        // In an emulator, nothing is measured.
        return;
    }
    let file = std::env::temp_dir().join(format!("nibble-paper-{}.json", std::process::id()));
    let mut bench = Command::new(env!("CARGO_BIN_EXE_native-bench"));
    bench.args(["paper", "--repeats", "1", "--name", "a test", "--output"]).arg(&file);
    let output = bench.output().expect("the binary runs");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let table = String::from_utf8(output.stdout).expect("text");
    assert!(table.contains("4-bit products against f32"));
    let text = std::fs::read_to_string(&file).expect("the file");
    std::fs::remove_file(&file).expect("the file");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&report["schema"], &report["name"]), (&1.into(), &"a test".into()));
    for precision in ["f32", "u8", "u4"] {
        let kernel = &report["kernels"][precision][0];
        let means = report["gemm"].as_array().expect("means");
        let own = means.iter().find(|mean| &mean["kernel"] == kernel).expect("the chosen kernel");
        assert!(own["gmacs"].as_f64().is_some_and(|speed| speed > 0.0));
        let rows = report["network_rows"].as_array().expect("rows");
        let total = |row: &&Value| row["op"] == "ocr total" && row["precision"] == precision;
        assert!(rows.iter().find(total).expect("a total")["ns"].as_f64() > Some(0.0));
        let frames = report["frame"].as_array().expect("frames");
        let frame = frames.iter().find(|of| of["precision"] == precision).expect("a frame");
        let share = frame["network_share"].as_f64().expect("a share");
        assert!(share > 0.0, "{precision}: {share}");
        assert!(frame["total_ms"].as_f64() >= frame["network_ms"].as_f64());
    }
}
