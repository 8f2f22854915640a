//! `THIRD-PARTY.txt`: the licences of what others wrote and the page, the npm package, the command
//! line and the Python package contain.
//!
//! Crates come from `cargo metadata`, npm packages from the imports of the page; their texts from
//! the sources that cargo and npm have unpacked. Nothing is fetched, and nothing of this machine
//! gets into the file, so that a check can compare it byte by byte.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::shell::{command, root};

const FILE: &str = "THIRD-PARTY.txt";

const HEAD: &str = "\
Third-party software in Nibble

Nibble's page, its npm package, its command line and its Python package contain the software below. Each entry has the
licence that its authors offer; where they offer several, the text of one of them follows.
Nibble itself: MIT or Apache-2.0, see LICENSE-MIT and LICENSE-APACHE.

This file is written by `cargo xtask notices`.
";

/// Where software ends up.
const PAGE: &str = "page and package";
const PROGRAM: &str = "command line";
const MODULE: &str = "Python package";

/// What is built: a crate, its target, and where it ends up.
const BUILDS: [(&str, &str, &str); 7] = [
    ("nibble-wasm", "wasm32-unknown-unknown", PAGE),
    ("nibble-wasm-picture", "wasm32-unknown-unknown", PAGE),
    ("nibble-wasm-sheet", "wasm32-unknown-unknown", PAGE),
    ("native-bench", "x86_64-unknown-linux-gnu", PROGRAM),
    ("native-bench", "aarch64-unknown-linux-musl", PROGRAM),
    ("nibble-mrz-python", "x86_64-unknown-linux-gnu", MODULE),
    ("nibble-mrz-python", "aarch64-unknown-linux-gnu", MODULE),
];

/// Licences whose texts can be told apart: a phrase of each. Of several that authors offer, the
/// first in this list is taken.
const LICENCES: [(&str, &str); 6] = [
    ("Apache-2.0", "Apache License"),
    ("MIT", "Permission is hereby granted, free of charge, to any person obtaining"),
    ("BSD-3-Clause", "Neither the name of"),
    ("Zlib", "This software is provided 'as-is'"),
    ("ISC", "Permission to use, copy, modify, and/or distribute this software"),
    ("Unicode-3.0", "UNICODE LICENSE V3"),
];

/// The text is the same for everybody, so ours stands for all.
const APACHE: &str = "LICENSE-APACHE";

/// What static binaries contain beside crates. musl's is the text of its file COPYRIGHT.
const MUSL: &str = "\
musl as a whole is licensed under the following standard MIT license:

Copyright © 2005-2020 Rich Felker, et al.

Permission is hereby granted, free of charge, to any person obtaining
a copy of this software and associated documentation files (the
\"Software\"), to deal in the Software without restriction, including
without limitation the rights to use, copy, modify, merge, publish,
distribute, sublicense, and/or sell copies of the Software, and to
permit persons to whom the Software is furnished to do so, subject to
the following conditions:

The above copyright notice and this permission notice shall be
included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY KIND,
EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT.
IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY
CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT,
TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE
SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
";

/// Something that others wrote.
struct Component {
    /// Name and version.
    title: String,
    /// What its authors offer, as an SPDX expression.
    licence: String,
    places: BTreeSet<&'static str>,
    texts: Vec<String>,
}

/// What a release contains, ours and others', as the bill of materials lists it.
pub(crate) struct Part {
    /// Name and version.
    pub(crate) title: String,
    /// An SPDX expression.
    pub(crate) licence: String,
    pub(crate) places: BTreeSet<&'static str>,
    /// Otherwise it is an npm package, or comes with a compiler.
    pub(crate) is_crate: bool,
}

/// Everything that a release contains, by title.
pub(crate) fn parts() -> Result<Vec<Part>> {
    let mut parts = BTreeMap::new();
    for (name, target, place) in BUILDS {
        let linked = linked(name, target)?;
        for package in list(&metadata(target)?["packages"]) {
            let title = format!("{} {}", string(&package["name"])?, string(&package["version"])?);
            if linked.contains(&title) {
                let licence = string(&package["license"])?;
                let (places, is_crate) = (BTreeSet::new(), true);
                let new = Part { title: title.clone(), licence, places, is_crate };
                parts.entry(title).or_insert(new).places.insert(place);
            }
        }
    }
    for Component { title, licence, places, .. } in packages()?.into_iter().chain(runtime()?) {
        parts.insert(title.clone(), Part { title, licence, places, is_crate: false });
    }
    Ok(parts.into_values().collect())
}

/// Writes the file.
pub(crate) fn write() -> Result<()> {
    fs::write(root().join(FILE), text()?).context(FILE)
}

/// The committed file is what this machine finds.
pub(crate) fn check() -> Result<()> {
    let committed = fs::read_to_string(root().join(FILE)).context(FILE)?;
    ensure!(
        committed == text()?,
        "{FILE} is stale: run cargo xtask notices and commit what it writes"
    );
    Ok(())
}

/// The file: a list of components, then each text with the names of those it belongs to.
fn text() -> Result<String> {
    let mut components = crates()?;
    components.extend(packages()?);
    components.extend(runtime()?);
    components.sort_by(|a, b| a.title.cmp(&b.title));
    let mut file = HEAD.to_owned();
    let mut texts: BTreeMap<String, (String, Vec<&str>)> = BTreeMap::new();
    for component in &components {
        let places: Vec<&str> = component.places.iter().copied().collect();
        file += &format!("\n{} ({}): {}", component.title, component.licence, places.join(", "));
        for text in &component.texts {
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let (_, names) = texts.entry(words).or_insert_with(|| (text.clone(), Vec::new()));
            names.push(&component.title);
        }
    }
    file.push('\n');
    let mut texts: Vec<_> = texts.into_values().collect();
    texts.sort_by(|(_, a), (_, b)| b.len().cmp(&a.len()).then(a.cmp(b)));
    for (text, names) in texts {
        let rule = "=".repeat(100);
        file += &format!("\n{rule}\n{}\n\n{text}", wrapped(&names));
    }
    Ok(file)
}

/// Names in lines of at most 100 characters.
fn wrapped(names: &[&str]) -> String {
    let mut lines = vec![String::new()];
    for (place, name) in names.iter().enumerate() {
        let comma = if place + 1 < names.len() { "," } else { "" };
        let last = lines.len() - 1;
        if lines[last].is_empty() {
            lines[last] = format!("{name}{comma}");
        } else if lines[last].len() + name.len() + 2 <= 100 {
            lines[last] += &format!(" {name}{comma}");
        } else {
            lines.push(format!("{name}{comma}"));
        }
    }
    lines.join("\n")
}

/// Crates that are linked into what is built; those that only run while building are not.
fn crates() -> Result<Vec<Component>> {
    let mut found: BTreeMap<String, Component> = BTreeMap::new();
    for (name, target, place) in BUILDS {
        let linked = linked(name, target)?;
        for package in list(&metadata(target)?["packages"]) {
            let title = format!("{} {}", string(&package["name"])?, string(&package["version"])?);
            // Crates without a source are our own.
            if package["source"].is_null() || !linked.contains(&title) {
                continue;
            }
            if !found.contains_key(&title) {
                found.insert(title.clone(), component(&title, package)?);
            }
            found.entry(title).and_modify(|component| {
                component.places.insert(place);
            });
        }
    }
    Ok(found.into_values().collect())
}

/// What cargo knows of each crate that `target` may need.
fn metadata(target: &str) -> Result<Value> {
    let arguments = ["metadata", "--format-version", "1", "--locked", "--filter-platform", target];
    serde_json::from_slice(&cargo(&arguments)?).context("cargo metadata")
}

/// Names and versions of the crates that are linked into a crate, with the features that it needs;
/// the metadata has those that anything in the workspace needs.
fn linked(name: &str, target: &str) -> Result<BTreeSet<String>> {
    let edges = ["--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"];
    let tree = cargo(
        &[&["tree", "--locked", "--package", name, "--target", target], &edges[..]].concat(),
    )?;
    let lines = String::from_utf8(tree).context("cargo tree")?;
    let titled = |line: &str| {
        let (name, rest) = line.split_once(" v")?;
        Some(format!("{name} {}", rest.split(' ').next()?))
    };
    Ok(lines.lines().filter_map(titled).collect())
}

/// What a command of cargo prints.
fn cargo(arguments: &[&str]) -> Result<Vec<u8>> {
    let output = command("cargo").args(arguments).output().context("cargo")?;
    ensure!(output.status.success(), "cargo: {}", String::from_utf8_lossy(&output.stderr));
    Ok(output.stdout)
}

fn component(title: &str, package: &Value) -> Result<Component> {
    let licence =
        string(&package["license"]).with_context(|| format!("{title} states no licence"))?;
    let manifest = PathBuf::from(string(&package["manifest_path"])?);
    let folder = manifest.parent().context("manifest")?;
    let authors: Vec<&str> = list(&package["authors"]).iter().filter_map(Value::as_str).collect();
    let texts = texts_of(title, &licence, &authors.join(", "), folder)?;
    Ok(Component { title: title.to_owned(), licence, places: BTreeSet::new(), texts })
}

/// npm packages that the page imports; `nibble-mrz` is our own.
fn packages() -> Result<Vec<Component>> {
    let mut names = BTreeSet::new();
    for folder in ["web/src", "wasm/npm/src"] {
        imports(&root().join(folder), &mut names)?;
    }
    names.remove("nibble-mrz");
    // What these need comes along.
    let mut wanted: Vec<String> = names.iter().cloned().collect();
    while let Some(name) = wanted.pop() {
        let manifest = root().join("web/node_modules").join(&name).join("package.json");
        let package = fs::read(&manifest).with_context(|| format!("npm package {name}"))?;
        let package: Value = serde_json::from_slice(&package)?;
        for (dependency, _) in package["dependencies"].as_object().into_iter().flatten() {
            if names.insert(dependency.clone()) {
                wanted.push(dependency.clone());
            }
        }
    }
    let component = |name: &String| {
        let folder = root().join("web/node_modules").join(name);
        let package =
            fs::read(folder.join("package.json")).with_context(|| format!("npm package {name}"))?;
        let package: Value = serde_json::from_slice(&package)?;
        let title = format!("{name} {}", string(&package["version"])?);
        let licence = string(&package["license"])?;
        let authors = package["author"].as_str().unwrap_or_default();
        let texts = texts_of(&title, &licence, authors, &folder)?;
        Ok(Component { title, licence, places: BTreeSet::from([PAGE]), texts })
    };
    names.iter().map(component).collect()
}

/// Adds the packages that the TypeScript files of a folder import.
fn imports(folder: &Path, names: &mut BTreeSet<String>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            imports(&path, names)?;
        } else if path.extension().is_some_and(|extension| extension == "ts") {
            names.extend(imported(&fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

/// Names of the packages that a file imports: what begins with a dot is a file of ours.
fn imported(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for before in ["from \"", "import \"", "import(\""] {
        for rest in source.split(before).skip(1) {
            let path = rest.split('"').next().unwrap_or_default();
            let parts = if path.starts_with('@') { 2 } else { 1 };
            let name: Vec<&str> = path.split('/').take(parts).collect();
            if path.starts_with(|first: char| first == '@' || first.is_ascii_alphanumeric()) {
                found.push(name.join("/"));
            }
        }
    }
    found
}

/// What compilers add.
fn runtime() -> Result<Vec<Component>> {
    let toolchain =
        fs::read_to_string(root().join("rust-toolchain.toml")).context("rust-toolchain.toml")?;
    let version = toolchain.split("channel = \"").nth(1).and_then(|rest| rest.split('"').next());
    let version = version.context("rust-toolchain.toml names no channel")?;
    let apache = fs::read_to_string(root().join(APACHE)).context(APACHE)?;
    Ok(vec![
        Component {
            title: format!("Rust standard library {version}"),
            licence: "MIT OR Apache-2.0".to_owned(),
            places: BTreeSet::from([MODULE, PAGE, PROGRAM]),
            texts: vec![tidy(&apache)],
        },
        Component {
            title: "musl libc, in static binaries".to_owned(),
            licence: "MIT".to_owned(),
            places: BTreeSet::from([PROGRAM]),
            texts: vec![tidy(MUSL)],
        },
    ])
}

/// The first comment of a JavaScript file.
fn first_comment(file: &Path) -> Result<String> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let lines = text.lines().skip_while(|line| !line.starts_with("//"));
    let comment = lines.map_while(|line| line.strip_prefix("//")).map(str::trim_start);
    Ok(comment.collect::<Vec<_>>().join("\n"))
}

/// The texts of the licences that we choose of those offered, and notices that must go with them.
fn texts_of(title: &str, licence: &str, authors: &str, folder: &Path) -> Result<Vec<String>> {
    let files = licence_files(folder)?;
    let mut texts = Vec::new();
    for (name, phrase) in chosen(licence).with_context(|| format!("{title} is under {licence}"))? {
        let text = if name == "Apache-2.0" {
            fs::read_to_string(root().join(APACHE)).context(APACHE)?
        } else {
            let is_it = |text: &&String| {
                text.split_whitespace().collect::<Vec<_>>().join(" ").contains(phrase)
            };
            match files.values().find(is_it) {
                Some(text) => text.clone(),
                // Some packages forget the file: then the licence they state, with their authors.
                None if name == "MIT" => mit_of(authors)?,
                // pako has this one in front of the sources that it is about.
                None if name == "Zlib" => first_comment(&folder.join("lib/zlib/inflate.js"))?,
                None => bail!("{title} has no text of {name}"),
            }
        };
        texts.push(tidy(&text));
    }
    let notices = files.iter().filter(|(name, _)| name.starts_with("NOTICE"));
    texts.extend(notices.map(|(_, text)| tidy(text)));
    Ok(texts)
}

/// The MIT licence as `authors` grant it.
fn mit_of(authors: &str) -> Result<String> {
    const FILE: &str = "LICENSE-MIT";
    let ours = fs::read_to_string(root().join(FILE)).context(FILE)?;
    let authors = if authors.is_empty() { "the authors" } else { authors };
    let (before, rest) = ours.split_once("Copyright (c)").context(FILE)?;
    let (_, after) = rest.split_once('\n').context(FILE)?;
    Ok(format!("{before}Copyright (c) {authors}\n{after}"))
}

/// The licences that we choose of an SPDX expression, each with a phrase of its text.
fn chosen(expression: &str) -> Result<Vec<(&'static str, &'static str)>> {
    let plain = expression.replace(['(', ')'], "").replace('/', " OR ");
    plain
        .split(" AND ")
        .map(|term| {
            let offered: Vec<&str> = term.split(" OR ").map(str::trim).collect();
            let first = LICENCES.into_iter().find(|(name, _)| offered.contains(name));
            first.with_context(|| format!("none of {offered:?} is known"))
        })
        .collect()
}

/// Files of a folder that hold licences and notices, by name in capitals.
fn licence_files(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        let holds =
            ["LICENSE", "LICENCE", "COPYING", "NOTICE"].iter().any(|word| name.starts_with(word));
        if holds && entry.file_type()?.is_file() {
            files.insert(name, String::from_utf8_lossy(&fs::read(entry.path())?).into_owned());
        }
    }
    Ok(files)
}

/// A text without spaces at the ends of its lines and empty lines at its own ends.
fn tidy(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    format!("{}\n", lines.join("\n").trim_matches('\n'))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn string(value: &Value) -> Result<String> {
    match value.as_str() {
        Some(text) => Ok(text.to_owned()),
        None => bail!("a text was expected, not {value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_several_licences_is_chosen() {
        let names = |expression| -> Vec<&str> {
            chosen(expression).unwrap_or_default().into_iter().map(|(name, _)| name).collect()
        };
        assert_eq!(names("MIT OR Apache-2.0"), ["Apache-2.0"]);
        assert_eq!(names("MIT/Apache-2.0"), ["Apache-2.0"]);
        assert_eq!(names("Zlib"), ["Zlib"]);
        assert_eq!(names("(MIT OR Apache-2.0) AND Unicode-3.0"), ["Apache-2.0", "Unicode-3.0"]);
        assert!(chosen("GPL-3.0-only").is_err());
        assert!(chosen("MIT AND GPL-3.0-only").is_err());
    }

    #[test]
    fn imports_of_others_are_found() {
        let source = "import uPlot from \"uplot\";\nimport \"uplot/dist/uPlot.min.css\";\n\
            import { a } from \"../dom\";\nconst b = await import(\"@scope/name/part\");";
        assert_eq!(imported(source), ["uplot", "uplot", "@scope/name"]);
    }

    #[test]
    fn names_are_wrapped() {
        let name = "a".repeat(40);
        let lines = wrapped(&[&name, &name, &name]);
        assert_eq!(lines, format!("{name}, {name},\n{name}"));
    }

    #[test]
    fn texts_are_tidied() {
        assert_eq!(tidy("\n\n  a \r\nb\t\n\n"), "  a\nb\n");
    }
}
