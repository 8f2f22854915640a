//! The tables of speeds in `docs/kernels.md` and the README, compared with the results.

use crate::shell;

/// The cells of the rows of the table whose header begins with `header`.
fn rows(file: &str, header: &str) -> Vec<Vec<String>> {
    let page = std::fs::read_to_string(shell::root().join(file)).expect("a committed page");
    let table = page.lines().skip_while(|line| !line.starts_with(header)).skip(2);
    let cells =
        |row: &str| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    table.take_while(|line| line.starts_with('|')).map(cells).collect()
}

/// The speeds that a file of results has: f32, 8 bits, 4 bits, and the latter against the others.
/// Of several kernels, the chosen one comes first, unless the row names dot16.
fn measured(file: &str, dot16: bool) -> Vec<String> {
    let text = std::fs::read_to_string(shell::root().join("docs/results").join(file));
    let report: serde_json::Value =
        serde_json::from_str(&text.expect("a committed file")).expect("JSON of a bench");
    let summary = report["summary"].as_array().expect("a summary");
    let mean = |precision: &str| {
        let wanted = |kernel: &str| precision != "u4" || !dot16 || kernel.contains("dot16");
        summary
            .iter()
            .find(|mean| {
                mean["precision"] == precision && mean["kernel"].as_str().is_some_and(wanted)
            })
            .expect("a mean of each precision")
    };
    let number = |precision, key: &str| mean(precision)[key].as_f64().expect("a number");
    let speeds = ["f32", "u8", "u4"].map(|precision| format!("{:.0}", number(precision, "gmacs")));
    let ratios =
        ["speedup_vs_f32", "speedup_vs_u8"].map(|key| format!("{:.2}x", number("u4", key)));
    speeds.into_iter().chain(ratios).collect()
}

#[test]
fn speeds_are_those_of_the_results() {
    let known = rows("docs/kernels.md", "| machine (file)");
    assert!(known.len() >= 8, "{known:?}");
    for row in &known {
        let file = row[0].split('`').nth(1).expect("a file in each row");
        assert_eq!(
            row[1..],
            measured(file, row[0].contains("dot16")),
            "docs/kernels.md: {}",
            row[0]
        );
    }
    let shown = rows("README.md", "| where | 4 bits");
    assert!(!shown.is_empty());
    for row in shown {
        assert!(known.iter().any(|known| known[3..] == row[1..]), "README.md: {row:?}");
    }
}
