//! The bill of materials of a release, in CycloneDX: what page, package, command line and Python
//! package contain, with versions, licences, checksums and who needs whom.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::notices::{self, Part};
use crate::shell::root;
use crate::version::VERSION;

/// The document, the same bytes for the same sources: no time, no random number.
pub(crate) fn text() -> Result<String> {
    let lock = fs::read_to_string(root().join("Cargo.lock")).context("Cargo.lock")?;
    let locked = locked(&lock);
    let npm = fs::read(root().join("web/package-lock.json")).context("web/package-lock.json")?;
    let npm: Value = serde_json::from_slice(&npm).context("web/package-lock.json")?;
    let parts = notices::parts()?;
    let mut components = Vec::new();
    for part in &parts {
        components.push(component(part, &locked, &npm)?);
    }
    let shipped = |name: &str| parts.iter().any(|part| part.is_crate && part.title == name);
    let mut dependencies = Vec::new();
    for (title, package) in locked.iter().filter(|(title, _)| shipped(title)) {
        let needs = package.needs.iter().filter(|need| shipped(need));
        dependencies.push(json!({
            "ref": cargo_url(title),
            "dependsOn": needs.map(|need| cargo_url(need)).collect::<Vec<_>>(),
        }));
    }
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "nibble",
                "name": "nibble",
                "version": VERSION,
                "licenses": [{ "expression": "MIT OR Apache-2.0" }],
            },
        },
        "components": components,
        "dependencies": dependencies,
    });
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// Every component is there once, what comes from a registry has its checksum, and what is needed
/// is a component too.
pub(crate) fn check() -> Result<()> {
    let document: Value = serde_json::from_str(&text()?)?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut references = BTreeSet::new();
    for component in list(&document["components"]) {
        let reference = component["bom-ref"].as_str().context("a component without reference")?;
        ensure!(references.insert(reference.to_owned()), "{reference} is listed twice");
        let ours = component["version"] == VERSION;
        let hashed =
            component["hashes"][0]["content"].as_str().is_some_and(|hash| hash.len() >= 64);
        let registered = !component["purl"].is_null();
        ensure!(hashed || ours || !registered, "{reference} has no checksum");
    }
    for name in ["nibble-core", "nibble-mrz-python", "native-bench", "nibble-wasm"] {
        let reference = cargo_url(&format!("{name} {VERSION}"));
        ensure!(references.contains(&reference), "{reference} is missing");
    }
    for of in list(&document["dependencies"]) {
        for need in list(&of["dependsOn"]) {
            ensure!(
                need.as_str().is_some_and(|need| references.contains(need)),
                "{need} is missing"
            );
        }
    }
    Ok(())
}

/// A crate in `Cargo.lock`.
struct Locked {
    checksum: Option<String>,
    /// Titles of what it depends on, what only tests need included.
    needs: Vec<String>,
}

/// The crates of `Cargo.lock` by title: name and version.
fn locked(lock: &str) -> BTreeMap<String, Locked> {
    let value = |entry: &str, key: &str| {
        let rest = entry.split(&format!("\n{key} = \"")).nth(1)?;
        Some(rest.split('"').next()?.to_owned())
    };
    let entries: Vec<&str> = lock.split("[[package]]").skip(1).collect();
    let titles: Vec<String> = entries
        .iter()
        .filter_map(|entry| Some(format!("{} {}", value(entry, "name")?, value(entry, "version")?)))
        .collect();
    // A dependency has a version only where there are several.
    let full = |need: &str| {
        let mut words = need.split(' ');
        let (name, version) = (words.next()?, words.next());
        let of = |title: &&String| {
            title.split_once(' ').is_some_and(|(other, its)| {
                other == name && version.is_none_or(|version| version == its)
            })
        };
        titles.iter().find(of).cloned()
    };
    let crates = entries.iter().zip(&titles).map(|(entry, title)| {
        let list = entry.split("dependencies = [").nth(1).and_then(|rest| rest.split(']').next());
        let needs = list.unwrap_or_default().split('"').skip(1).step_by(2).filter_map(full);
        let of = Locked { checksum: value(entry, "checksum"), needs: needs.collect() };
        (title.clone(), of)
    });
    crates.collect()
}

fn cargo_url(title: &str) -> String {
    format!("pkg:cargo/{}", title.replace(' ', "@"))
}

fn component(part: &Part, locked: &BTreeMap<String, Locked>, npm: &Value) -> Result<Value> {
    let (name, version) = part.title.rsplit_once(' ').context("a title without a version")?;
    let mut component = json!({
        "type": "library",
        "name": name,
        "version": version,
        "licenses": [{ "expression": part.licence }],
        "properties": part.places.iter().map(|place| json!({
            "name": "nibble:part-of",
            "value": place,
        })).collect::<Vec<_>>(),
    });
    let url = if part.is_crate {
        let package = locked.get(&part.title).with_context(|| part.title.clone())?;
        if let Some(checksum) = &package.checksum {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
        }
        cargo_url(&part.title)
    } else if let Some(package) = npm["packages"].get(format!("node_modules/{name}")) {
        let integrity = package["integrity"].as_str().unwrap_or_default();
        if let Some(hash) = integrity.strip_prefix("sha512-") {
            component["hashes"] = json!([{ "alg": "SHA-512", "content": hex(hash)? }]);
        }
        format!("pkg:npm/{}@{version}", name.replace('@', "%40"))
    } else {
        // The standard library and musl are in no registry.
        component["bom-ref"] = json!(part.title);
        return Ok(component);
    };
    component["bom-ref"] = json!(url);
    component["purl"] = json!(url);
    Ok(component)
}

/// Base64 as hexadecimal digits.
fn hex(base64: &str) -> Result<String> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut text) = (0u32, 0, String::new());
    for digit in base64.trim_end_matches('=').bytes() {
        let value = DIGITS.iter().position(|&other| other == digit);
        ensure!(value.is_some(), "{base64} is not Base64");
        bits = bits << 6 | u32::try_from(value.unwrap_or_default())?;
        count += 6;
        if count >= 8 {
            count -= 8;
            text += &format!("{:02x}", bits >> count & 0xff);
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_becomes_hexadecimal() {
        assert_eq!(hex("aGVsbG8=").ok().as_deref(), Some("68656c6c6f"));
        assert_eq!(hex("/+8").ok().as_deref(), Some("ffef"));
        assert!(hex("a*").is_err());
    }

    #[test]
    fn the_lock_file_gives_checksums_and_needs() {
        let lock = "\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"ff\"\n\
            dependencies = [\n \"b 2.0.0\",\n \"c\",\n]\n\n[[package]]\nname = \"b\"\n\
            version = \"1.0.0\"\n\n[[package]]\nname = \"b\"\nversion = \"2.0.0\"\n\n\
            [[package]]\nname = \"c\"\nversion = \"3.0.0\"\n";
        let crates = locked(lock);
        assert_eq!(crates.len(), 4);
        assert_eq!(crates["a 1.0.0"].checksum.as_deref(), Some("ff"));
        assert_eq!(crates["a 1.0.0"].needs, ["b 2.0.0", "c 3.0.0"]);
        assert_eq!(crates["b 1.0.0"].checksum, None);
    }
}
