//! What the text of product code must not contain.

use std::{fs, path::Path};

use anyhow::Context as _;

/// Crates whose product code speaks SQL.
const SQL_CRATES: &[&str] = &["sql-model", "sqlite-adapter"];
/// Crates that match texts by trying again and again, in a time that a hostile text can blow up.
const BACKTRACKING: &[&str] = &["fancy-regex", "onig", "pcre2", "regress"];

/// Names every place where the text of a statement is put together while the service runs, instead
/// of being written down with places for its values.
///
/// # Errors
/// A source file cannot be read.
pub fn assembled_sql(crates: &Path) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for name in SQL_CRATES {
        visit(&crates.join(name).join("src"), &mut |path, text| {
            let lines = product_lines(text).filter(|(_, line)| assembles_sql(line));
            found.extend(
                lines.map(|(number, line)| format!("{}:{number}: {}", path.display(), line.trim())),
            );
        })?;
    }
    Ok(found)
}

/// Names every crate of ours that uses a matcher with backtracking directly.
///
/// # Errors
/// A manifest cannot be read.
pub fn backtracking_matchers(crates: &Path) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(crates)? {
        let manifest = entry?.path().join("Cargo.toml");
        let text = fs::read_to_string(&manifest)
            .with_context(|| format!("cannot read {}", manifest.display()))?;
        let uses = |name: &&&str| text.lines().any(|line| line.starts_with(**name));
        let names = BACKTRACKING.iter().filter(uses);
        found.extend(names.map(|name| format!("{}: {name}", manifest.display())));
    }
    Ok(found)
}

/// The lines before a file's unit tests that are no comments, with their numbers.
fn product_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line))
        .take_while(|(_, line)| !line.starts_with("#[cfg(test)]"))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Whether a line makes the text of a statement from anything but a literal.
#[must_use]
pub fn assembles_sql(line: &str) -> bool {
    let bound_late = |start: &str, end: &str| {
        line.split(start).skip(1).any(|rest| {
            let argument = rest.split_once(end).map_or(rest, |(_, argument)| argument);
            !argument.trim_start().starts_with('"')
        })
    };
    let words = [
        "SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH ", "WHERE ",
    ];
    line.contains("sql_query(")
        || bound_late(" sql::<", ">(")
        || line.contains("format!") && words.iter().any(|word| line.contains(word))
}

fn visit(directory: &Path, look: &mut impl FnMut(&Path, &str)) -> anyhow::Result<()> {
    let entries =
        fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            visit(&path, look)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            look(&path, &fs::read_to_string(&path)?);
        }
    }
    Ok(())
}
