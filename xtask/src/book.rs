//! The book: `docs/SUMMARY.md` and its chapters, by mdBook, with the API of Rust, TypeScript and
//! Python beside it. A test checks every link of every page of the repository without building it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::shell::{command, root, run, step};
use crate::{cache, dist, python, test};

const SUMMARY: &str = "docs/SUMMARY.md";
/// Where the book is put together, and where it lies when it is built.
const STAGE: &str = "target/book";
const HTML: &str = "target/book/html";
/// The folder in the book of files that chapters link to.
const FILES: &str = "files";
const TYPEDOC: &str = "0.28.20";

/// Builds the book with the pages of all interfaces and returns its folder.
pub(crate) fn build() -> Result<PathBuf> {
    let html = pages()?;
    step("interface of the crates", || rust(&html))?;
    step("interface of the npm package", || typescript(&html))?;
    step("interfaces of the Python packages", || python(&html))?;
    step("links of the book", || complete(&html, &[]))?;
    Ok(html)
}

/// Builds the book for a test. The step `doc` makes the pages of the crates, so they are left out.
pub(crate) fn check() -> Result<()> {
    let html = pages()?;
    step("interface of the npm package", || typescript(&html))?;
    step("interfaces of the Python packages", || python(&html))?;
    step("links of the book", || complete(&html, &["api/rust/"]))?;
    Ok(())
}

/// Builds the chapters and returns their folder.
fn pages() -> Result<PathBuf> {
    let html = root().join(HTML);
    step("book", || {
        let dead = dead()?;
        ensure!(dead.is_empty(), "these links lead nowhere:\n{}", dead.join("\n"));
        stage()?;
        let mut book = command(&tools()?.join("bin/mdbook").to_string_lossy());
        run(book.args(["build", "--dest-dir"]).arg(&html).arg(STAGE))
    })?;
    Ok(html)
}

/// A virtual environment with mdBook and pdoc.
fn tools() -> Result<PathBuf> {
    dist::tools_of("book-tools", "xtask/book-requirements.txt")
}

/// Chapters of the book: paths in the repository, in order, and the names of their pages.
fn chapters() -> Result<BTreeMap<String, String>> {
    let summary = fs::read_to_string(root().join(SUMMARY)).context(SUMMARY)?;
    let paths = links(&summary).into_iter().map(|(_, link)| resolved(SUMMARY, link));
    Ok(paths.map(|path| (path.clone(), page(&path))).collect())
}

/// Pages of interfaces, which are made for the book: links to them work only there.
fn is_made(link: &str) -> bool {
    link.starts_with("api/")
}

/// The name of a chapter in the book. What is not in `docs` is called after its folder.
fn page(path: &str) -> String {
    let name = path.strip_prefix("docs/").unwrap_or(path).to_lowercase();
    match name.strip_suffix("/readme.md") {
        Some(folder) => format!("{}.md", folder.replace('/', "-")),
        None if name == "readme.md" => "repository.md".to_owned(),
        None => name.replace('/', "-"),
    }
}

/// The targets of a page's links and pictures, and where they are. Blocks of code are left out.
fn links(text: &str) -> Vec<(Range<usize>, &str)> {
    let (mut found, mut at, mut code) = (Vec::new(), 0, false);
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with("```") {
            code = !code;
        } else if !code {
            for (place, _) in line.match_indices("](") {
                let begin = place + 2;
                if let Some(length) = line[begin..].find(')') {
                    let range = at + begin..at + begin + length;
                    found.push((range, &line[begin..begin + length]));
                }
            }
        }
        at += line.len();
    }
    found
}

/// Whether a link leads out of the repository.
fn is_remote(link: &str) -> bool {
    link.contains("://") || link.starts_with("mailto:")
}

/// The path in the repository that a link of a page leads to, without its anchor.
fn resolved(page: &str, link: &str) -> String {
    let link = link.split('#').next().unwrap_or_default();
    if link.is_empty() {
        return page.to_owned();
    }
    let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

/// The anchors of a page's headings, as mdBook and GitHub make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let (mut found, mut code) = (BTreeSet::new(), false);
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            code = !code;
        } else if !code && line.starts_with('#') {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            found.insert(kept.map(|c| if c == ' ' { '-' } else { c }).collect());
        }
    }
    found
}

/// Puts the chapters together, with links that work in the book, and the files that they link to.
fn stage() -> Result<()> {
    let stage = root().join(STAGE);
    if stage.exists() {
        fs::remove_dir_all(&stage).context(STAGE)?;
    }
    let source = stage.join("src");
    fs::create_dir_all(&source).context(STAGE)?;
    fs::copy(root().join("docs/book.toml"), stage.join("book.toml")).context("docs/book.toml")?;
    let chapters = chapters()?;
    let mut files = BTreeSet::new();
    for (path, page) in chapters.iter().chain([(&SUMMARY.to_owned(), &"SUMMARY.md".to_owned())]) {
        let text = fs::read_to_string(root().join(path)).with_context(|| path.clone())?;
        fs::write(source.join(page), rewritten(path, &text, &chapters, &mut files))?;
    }
    for file in files {
        let place = source.join(FILES).join(&file);
        fs::create_dir_all(place.parent().context("a folder")?)?;
        fs::copy(root().join(&file), place).with_context(|| file.clone())?;
    }
    Ok(())
}

/// A chapter whose links lead to pages of the book, or to copies of files, which are noted. Folders
/// are no pages: links to them become their text.
fn rewritten(
    path: &str,
    text: &str,
    chapters: &BTreeMap<String, String>,
    files: &mut BTreeSet<String>,
) -> String {
    let mut out = text.to_owned();
    for (range, link) in links(text).into_iter().rev() {
        if is_remote(link) || is_made(link) || link.starts_with('#') {
            continue;
        }
        let target = resolved(path, link);
        let anchor = link.split_once('#').map_or(String::new(), |(_, anchor)| format!("#{anchor}"));
        let readme = format!("{target}/README.md");
        if let Some(page) = chapters.get(&target).or_else(|| chapters.get(&readme)) {
            out.replace_range(range, &format!("{page}{anchor}"));
        } else if root().join(&target).is_dir() {
            unlink(&mut out, range);
        } else {
            out.replace_range(range, &format!("{FILES}/{target}"));
            files.insert(target);
        }
    }
    out
}

/// Replaces a link, whose target is at `range`, with its text.
fn unlink(out: &mut String, range: Range<usize>) {
    // The text is between the bracket before and `](`.
    if let Some(open) = out[..range.start - 2].rfind('[') {
        out.replace_range(range.start - 2..=range.end, "");
        out.replace_range(open..=open, "");
    }
}

/// A page that leaves the repository together with some files, which then lie beside it: links to
/// these hold, and links to other files become their text.
pub(crate) fn alone(path: &str, files: &[&str]) -> Result<String> {
    let text = fs::read_to_string(root().join(path)).with_context(|| path.to_owned())?;
    Ok(without_others(path, &text, files))
}

fn without_others(path: &str, text: &str, files: &[&str]) -> String {
    let mut out = text.to_owned();
    for (range, link) in links(text).into_iter().rev() {
        if is_remote(link) || link.starts_with('#') {
            continue;
        }
        let target = resolved(path, link);
        if files.contains(&target.as_str()) {
            out.replace_range(range, target.rsplit('/').next().unwrap_or_default());
        } else {
            unlink(&mut out, range);
        }
    }
    out
}

/// Folders of what is built or fetched, whose pages are not part of the repository.
const MADE: [&str; 6] = ["target", "node_modules", "pkg", "dist", "data", "runs"];

/// Adds the pages in a folder of the repository and those below it.
fn pages_in(folder: &str, pages: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(root().join(folder)).with_context(|| folder.to_owned())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        if name.starts_with('.') || MADE.contains(&name.as_str()) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            pages_in(&path, pages)?;
        } else if name.ends_with(".md") {
            pages.push(path);
        }
    }
    Ok(())
}

/// Links of all pages of the repository that lead nowhere.
fn dead() -> Result<Vec<String>> {
    let (mut pages, mut dead) = (Vec::new(), Vec::new());
    pages_in("", &mut pages)?;
    for page in &pages {
        let text = fs::read_to_string(root().join(page)).with_context(|| page.to_owned())?;
        for (_, link) in links(&text) {
            if is_remote(link) || is_made(link) || link.starts_with('<') {
                continue;
            }
            let target = resolved(page, link);
            let whole = root().join(&target);
            let anchor = link.split_once('#').map(|(_, anchor)| anchor);
            let found = match anchor {
                Some(anchor) if target.ends_with(".md") => {
                    fs::read_to_string(whole).is_ok_and(|text| anchors(&text).contains(anchor))
                }
                _ => whole.exists(),
            };
            if !found {
                dead.push(format!("{page}: {link}"));
            }
        }
    }
    Ok(dead)
}

/// The documentation of the published crates.
fn rust(html: &Path) -> Result<()> {
    let target = root().join(STAGE).join("rust");
    let mut cargo = command("cargo");
    cargo.args(["doc", "--quiet", "--no-deps", "--all-features"]);
    cargo.args(test::DOCUMENTED.iter().flat_map(|name| ["--package", name]));
    run(cargo.env("CARGO_TARGET_DIR", &target))?;
    copy(&target.join("doc"), &html.join("api/rust"))?;
    let first = "nibble_reader/index.html";
    let page = format!("<meta http-equiv=\"refresh\" content=\"0; url={first}\">\n");
    fs::write(html.join("api/rust/index.html"), page).context("api/rust")
}

/// The documentation of the npm package, which must have been built.
fn typescript(html: &Path) -> Result<()> {
    let place = cache::install("typedoc", TYPEDOC, |place| {
        let mut npm = command("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"]);
        npm.args(["--prefix"]).arg(place);
        run(npm.args([&format!("typedoc@{TYPEDOC}"), "typescript@5.9.3"]))
    })?;
    let mut node = command("node");
    node.arg(place.join("node_modules/typedoc/bin/typedoc"));
    node.args(["--logLevel", "Error", "--disableSources", "--hideGenerator", "--readme", "none"]);
    node.args(["--name", "nibble-mrz", "--tsconfig", "wasm/npm/tsconfig.json"]);
    for entry in entries()? {
        node.args(["--entryPoints", &entry]);
    }
    run(node.arg("--out").arg(html.join("api/typescript")))
}

/// The sources of what the npm package exports with types.
fn entries() -> Result<Vec<String>> {
    const PACKAGE: &str = "wasm/npm/package.json";
    let text = fs::read_to_string(root().join(PACKAGE)).context(PACKAGE)?;
    let package: serde_json::Value = serde_json::from_str(&text).context(PACKAGE)?;
    let exports = package["exports"].as_object().context("`exports` of the npm package")?;
    let source = |types: &str| {
        let name = types.strip_prefix("./")?.strip_suffix(".d.ts")?;
        Some(format!("wasm/npm/src/{name}.ts"))
    };
    Ok(exports.values().filter_map(|export| source(export["types"].as_str()?)).collect())
}

/// The documentation of the Python packages.
fn python(html: &Path) -> Result<()> {
    let mut path = python::build()?.into_os_string();
    path.push(":");
    path.push(root().join("train/nibble_qat/src"));
    let mut pdoc = command(&tools()?.join("bin/python").to_string_lossy());
    pdoc.arg("xtask/interfaces.py").arg(html.join("api/python"));
    run(pdoc.env("PYTHONPATH", path).env("PYTHONDONTWRITEBYTECODE", "1"))
}

/// Copies a folder, but for hidden files.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to.join(name))?;
        } else {
            fs::copy(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}

/// Every address in the book's own pages leads to a file of it, or into a folder that was left out.
fn complete(html: &Path, left_out: &[&str]) -> Result<()> {
    let mut missing = BTreeSet::new();
    for entry in fs::read_dir(html).context(HTML)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "html") {
            continue;
        }
        // Code is text, not links.
        let page = fs::read_to_string(&path)?;
        let outside = |part: &str| part.split_once("</pre>").map(|(_, rest)| rest.to_owned());
        let mut parts = page.split("<pre");
        let first = parts.next().unwrap_or_default().to_owned();
        let text: String = std::iter::once(first).chain(parts.filter_map(outside)).collect();
        for attribute in [" href=\"", " src=\""] {
            for rest in text.split(attribute).skip(1) {
                let address = rest.split(['"', '#', '?']).next().unwrap_or_default();
                let is_file =
                    !address.is_empty() && !is_remote(address) && !address.starts_with("data:");
                let is_left_out = left_out.iter().any(|folder| address.starts_with(folder));
                let place = html.join(address.trim_start_matches("./"));
                if is_file && !is_left_out && !place.exists() {
                    missing.insert(format!("{}: {address}", path.display()));
                }
            }
        }
    }
    let list: Vec<String> = missing.into_iter().collect();
    ensure!(list.is_empty(), "these lead nowhere:\n{}", list.join("\n"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_leads_somewhere() {
        let dead = dead().expect("pages");
        assert!(dead.is_empty(), "these links lead nowhere:\n{}", dead.join("\n"));
    }

    #[test]
    fn every_export_of_the_npm_package_has_a_page() {
        let entries = entries().expect("a package");
        for name in ["index", "elements", "fields", "network", "parts", "straighten", "worker"] {
            let entry = format!("wasm/npm/src/{name}.ts");
            assert!(entries.contains(&entry), "{entry}");
        }
        assert!(entries.iter().all(|entry| root().join(entry).exists()), "{entries:?}");
    }

    #[test]
    fn figures_are_those_of_the_results() {
        run(command("python3").args(["docs/figures/make.py", "--check"])).expect("fresh figures");
    }

    #[test]
    fn every_page_of_docs_is_in_the_book() {
        let chapters = chapters().expect("a summary");
        for entry in fs::read_dir(root().join("docs")).expect("docs") {
            let name = entry.expect("a file").file_name().to_string_lossy().into_owned();
            if name.ends_with(".md") && name != "SUMMARY.md" {
                assert!(chapters.contains_key(&format!("docs/{name}")), "{SUMMARY} lacks {name}");
            }
        }
        let pages: BTreeSet<&String> = chapters.values().collect();
        assert_eq!(pages.len(), chapters.len(), "two chapters have the same page");
    }

    #[test]
    fn links_are_found_and_resolved() {
        let text = "[a](b.md#c) ![d](../e.png)\n```sh\n[f](g)\n```\n[h](#i)\n";
        let found: Vec<&str> = links(text).into_iter().map(|(_, link)| link).collect();
        assert_eq!(found, ["b.md#c", "../e.png", "#i"]);
        assert_eq!(resolved("docs/results/a.md", "../b.md#c"), "docs/b.md");
        assert_eq!(resolved("docs/a.md", "../core/README.md"), "core/README.md");
        assert_eq!(resolved("docs/a.md", "#here"), "docs/a.md");
        assert!(anchors("# A `b`: c, d\n```\n# e\n```\n").contains("a-b-c-d"));
        assert_eq!(anchors("```\n# e\n```\n").len(), 0);
    }

    #[test]
    fn a_page_alone_links_to_what_is_beside_it() {
        let text = "[a](../b/c.h) [`d`](e.md) [f](#f) [g](https://example.org) [h](i.md#j)";
        let out = without_others("docs/k.md", text, &["b/c.h"]);
        assert_eq!(out, "[a](c.h) `d` [f](#f) [g](https://example.org) h");
    }

    #[test]
    fn links_hold_in_the_book() {
        let chapters = [("docs/b.md", "b.md"), ("core/README.md", "core.md")];
        let chapters = chapters.map(|(path, page)| (path.to_owned(), page.to_owned())).into();
        let mut files = BTreeSet::new();
        let text = "[a](b.md#c) [core](../core/) [xtask](../xtask/src) ![d](../deny.toml) [e](#f)";
        let out = rewritten("docs/a.md", text, &chapters, &mut files);
        assert_eq!(out, "[a](b.md#c) [core](core.md) xtask ![d](files/deny.toml) [e](#f)");
        assert!(files.contains("deny.toml") && files.len() == 1);
        assert_eq!(page("docs/results/README.md"), "results.md");
        assert_eq!(page("train/nibble_qat/README.md"), "train-nibble_qat.md");
        assert_eq!(page("README.md"), "repository.md");
    }
}
