//! The table of crates in `docs/architecture.md`, compared with the manifests.

use std::collections::{BTreeMap, BTreeSet};

use crate::shell;

/// For each crate, by its folder, the names of what it depends on.
type Crates = BTreeMap<String, BTreeSet<String>>;

/// The rows of the table whose columns are folder, what it holds, and uses.
fn documented(page: &str) -> Crates {
    let quoted = |cell: &str| -> Vec<String> {
        cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    };
    page.lines()
        .skip_while(|line| !line.starts_with("| folder") || !line.ends_with("| uses |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .filter_map(|row| {
            let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
            let folder = quoted(cells.first()?).pop()?;
            Some((folder, quoted(cells.last()?).into_iter().collect()))
        })
        .collect()
}

/// The members of the workspace, from `cargo metadata`.
fn members() -> Crates {
    let mut cargo = shell::command("cargo");
    let metadata =
        cargo.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).output();
    let metadata = metadata.expect("cargo runs, since it runs this test");
    let metadata: serde_json::Value =
        serde_json::from_slice(&metadata.stdout).expect("JSON of cargo");
    let root = metadata["workspace_root"].as_str().expect("a workspace");
    let name = |package: &serde_json::Value| {
        let name = package["name"].as_str().expect("packages have names");
        name.strip_prefix("nibble-").unwrap_or(name).to_owned()
    };
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let member = |package: &serde_json::Value| {
        let manifest = package["manifest_path"].as_str().expect("packages have manifests");
        let folder = manifest.trim_start_matches(root).trim_end_matches("Cargo.toml");
        let folder = folder.replace('\\', "/").trim_matches('/').to_owned();
        let dependencies = package["dependencies"].as_array().expect("a list of dependencies");
        // Those of tests and build scripts have a kind.
        let dependencies = dependencies.iter().filter(|dependency| dependency["kind"].is_null());
        (folder, dependencies.map(name).collect())
    };
    packages.iter().map(member).collect()
}

#[test]
fn the_table_of_crates_is_that_of_the_manifests() {
    let page =
        std::fs::read_to_string(shell::root().join("docs/architecture.md")).expect("the page");
    let (documented, members) = (documented(&page), members());
    for (folder, dependencies) in &members {
        let found = documented.get(folder);
        assert_eq!(
            found,
            Some(dependencies),
            "docs/architecture.md: the row of `{folder}` is stale"
        );
    }
    assert_eq!(
        documented.len(),
        members.len(),
        "docs/architecture.md names a folder that is no crate"
    );
}
