//! `cargo xtask unsafe`: counts the lines of unsafe code, crate by crate.
//!
//! A line is unsafe if it lies in an `unsafe` block, or declares something unsafe. Bodies of unsafe
//! functions are not, because every crate forbids unsafe operations there outside of a block.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::shell::root;

/// Folders of the crates that are published or shipped. What tests and builds is not counted.
const CRATES: [&str; 14] = [
    "core",
    "gray",
    "mrz",
    "models",
    "reader",
    "picture",
    "bench",
    "capi",
    "wasm",
    "wasm/picture",
    "wasm/sheet",
    "files",
    "native-bench",
    "python",
];
/// Crates that may have unsafe code: the kernels, the pointers of C, the pages' addresses, and peers
/// that are timed.
const MAY_BE_UNSAFE: [&str; 5] = ["core", "capi", "wasm/picture", "wasm/sheet", "native-bench"];
const RESULT: &str = "docs/results/unsafe.md";

/// What is counted of some code.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Count {
    /// Lines that hold code.
    code: usize,
    /// Those of them that are unsafe.
    unsafe_lines: usize,
    /// Blocks, and declarations of unsafe functions, traits and implementations.
    places: usize,
}

/// Prints the table; with `--write` writes it to the results.
pub(crate) fn count(options: &[&str]) -> Result<()> {
    let table = table()?;
    match options {
        [] => print!("{table}"),
        ["--write"] => fs::write(root().join(RESULT), table).context(RESULT)?,
        _ => bail!("cargo xtask unsafe [--write]"),
    }
    Ok(())
}

fn table() -> Result<String> {
    let mut table = String::from(
        "# Unsafe code\n\nWritten by `cargo xtask unsafe --write`. Lines of code in `src`, without \
         comments and empty lines.\n\n| crate | lines | unsafe | share | blocks and declarations |\n\
         |---|---|---|---|---|\n",
    );
    let mut all = Count::default();
    for name in CRATES {
        let count = of_folder(&root().join(name).join("src"))?;
        ensure!(
            count.unsafe_lines == 0 || MAY_BE_UNSAFE.contains(&name),
            "{name} has unsafe code, and may not"
        );
        all.add(count);
        row(&mut table, &format!("`{name}`"), count);
    }
    row(&mut table, "all", all);
    Ok(table)
}

#[allow(clippy::cast_precision_loss, reason = "thousands of lines")]
fn row(table: &mut String, name: &str, Count { code, unsafe_lines, places }: Count) {
    let share = 100.0 * unsafe_lines as f64 / code.max(1) as f64;
    // Writing to a string cannot fail.
    let _ = writeln!(table, "| {name} | {code} | {unsafe_lines} | {share:.1} % | {places} |");
}

impl Count {
    fn add(&mut self, other: Self) {
        self.code += other.code;
        self.unsafe_lines += other.unsafe_lines;
        self.places += other.places;
    }
}

fn of_folder(folder: &Path) -> Result<Count> {
    let mut count = Count::default();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            count.add(of_folder(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            count.add(of_code(&text));
        }
    }
    Ok(count)
}

fn of_code(text: &str) -> Count {
    let code = without_comments(text);
    let mut is_unsafe = vec![false; code.lines().count()];
    let line_of = |at: usize| code[..at].matches('\n').count();
    let mut places = 0;
    for (at, word) in code.match_indices("unsafe") {
        let is_part = |neighbour: Option<char>| {
            neighbour.is_some_and(|character| character.is_alphanumeric() || character == '_')
        };
        let rest = &code[at + word.len()..];
        if is_part(code[..at].chars().next_back()) || is_part(rest.chars().next()) {
            continue;
        }
        places += 1;
        let end = if rest.trim_start().starts_with('{') { block_end(rest) } else { 0 };
        is_unsafe[line_of(at)..=line_of(at + word.len() + end)].fill(true);
    }
    let lines = code.lines().zip(&is_unsafe).filter(|(line, _)| !line.trim().is_empty());
    let (mut count, mut unsafe_lines) = (0, 0);
    for (_, is_unsafe) in lines {
        count += 1;
        unsafe_lines += usize::from(*is_unsafe);
    }
    Count { code: count, unsafe_lines, places }
}

/// Where the first block of some code ends.
fn block_end(code: &str) -> usize {
    let mut depth = 0usize;
    for (at, character) in code.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return at;
        }
    }
    code.len()
}

/// Rust code without comments, with an underline for each string and character; lines stay.
fn without_comments(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if character == '"' {
            string_end(rest)
        } else if let Some(hashes) = raw_string(rest).filter(|_| !ends_in_word(&code)) {
            let end = format!("\"{}", "#".repeat(hashes));
            let from = hashes + 2;
            rest[from..].find(&end).map_or(rest.len(), |at| from + at + end.len())
        } else if character == '\'' {
            character_end(rest)
        } else {
            code.push(character);
            rest = &rest[character.len_utf8()..];
            continue;
        };
        let (gone, after) = rest.split_at(skipped);
        if character != '/' {
            code.push('_');
        }
        code.extend(gone.matches('\n').map(|_| '\n'));
        rest = after;
    }
    code
}

fn ends_in_word(code: &str) -> bool {
    code.chars().next_back().is_some_and(|last| last.is_alphanumeric() || last == '_')
}

/// Hashes of a raw string that begins here: `r"` has none, `r#"` has one.
fn raw_string(rest: &str) -> Option<usize> {
    let hashes = rest.strip_prefix('r')?;
    let quote = hashes.trim_start_matches('#');
    quote.starts_with('"').then_some(hashes.len() - quote.len())
}

/// The end of the string that begins here.
fn string_end(rest: &str) -> usize {
    let mut escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        match character {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    rest.len()
}

/// The end of the character that begins here; 1 for the apostrophe of a lifetime.
fn character_end(rest: &str) -> usize {
    let mut characters = rest.char_indices().skip(1);
    match characters.next() {
        Some((_, '\\')) => {
            let after = 3.min(rest.len());
            rest[after..].find('\'').map_or(rest.len(), |at| after + at + 1)
        }
        Some(_) => match characters.next() {
            Some((at, '\'')) => at + 1,
            _ => 1,
        },
        None => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_and_declarations_are_counted() {
        let code = r##"
//! An unsafe comment.
#![forbid(unsafe_code)]
fn f<'a>(x: &'a str) -> char {
    let text = "unsafe { } \" unsafe {"; // unsafe { }
    let raw = r#"unsafe { " "#;
    /* unsafe {
    */
    let a = unsafe { g('{', '\'') };
    let b = unsafe {
        // SAFETY: see above.
        let inner = [1; { 3 }];
        inner.len()
    };
    'x'
}
unsafe fn g(a: char, b: char) -> u8 {
    0
}
"##;
        // The block of one line, four of the five lines of the other, and a declaration.
        let count = Count { code: 14, unsafe_lines: 1 + 4 + 1, places: 3 };
        assert_eq!(of_code(code), count);
    }

    #[test]
    fn the_table_is_that_of_the_code() {
        let committed = fs::read_to_string(root().join(RESULT)).expect("committed");
        let share = |table: &str| {
            let row = table.lines().find(|line| line.starts_with("| all")).expect("a sum");
            let share = row.split('|').nth(4).expect("a share").trim().trim_end_matches(" %");
            share.parse::<f32>().expect("a number")
        };
        // A few lines more or less need no new table; half of a point does.
        let (recorded, now) = (share(&committed), share(&table().expect("code")));
        assert!((recorded - now).abs() < 0.5, "{recorded} % and {now} %: {RESULT} is old");
    }
}
