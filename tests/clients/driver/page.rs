//! `docs/clients.md`: its table and its code are made from what is here.

use anyhow::{Context, Result, ensure};
use latchkey_tests::files;
use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::catalog::CLIENTS;
use crate::program::sources;
use crate::table::{Row, render};

const TABLE: &str = "<!-- table -->";
const FILE: &str = "<!-- file: ";
const END: &str = "<!-- end -->";

/// Brings the code on the page up to date, and makes sure that no client is missing.
pub fn check_clients() -> Result<()> {
    let old = read()?;
    for client in CLIENTS {
        let marker = marker(client.file);
        ensure!(
            old.contains(&marker),
            "docs/clients.md has no line `{marker}`"
        );
        let heading = format!("### {}\n", client.name);
        ensure!(
            old.contains(&heading),
            "docs/clients.md has no heading `{}`",
            heading.trim()
        );
    }
    let new = replace(&old, |start| {
        let file = start.strip_prefix(FILE)?.strip_suffix(" -->")?;
        let file = Path::new(file).strip_prefix("tests/clients").ok()?;
        Some(code(file))
    })?;
    write(&old, &new)
}

/// Brings the table on the page up to date.
pub fn write_table(rows: &[Row]) -> Result<()> {
    let old = read()?;
    let new = replace(&old, |start| {
        let table = || Ok(format!("{}\n", render(rows)));
        (start == TABLE).then(table)
    })?;
    let new = if is_ci() {
        with_the_systems_versions_of(&old, new, rows)
    } else {
        new
    };
    write(&old, &new)
}

fn marker(file: &str) -> String {
    format!("{FILE}tests/clients/{file} -->")
}

fn code(file: &Path) -> Result<String> {
    let path = sources().join(file);
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let language = match file.extension().and_then(|ending| ending.to_str()) {
        Some("py") => "python",
        Some("mjs") => "javascript",
        Some("rs") => "rust",
        Some("go") => "go",
        _ => "sh",
    };
    Ok(format!("```{language}\n{text}```\n"))
}

/// Replaces what stands between a start line and the next end line, where `content` knows something for it.
fn replace(page: &str, content: impl Fn(&str) -> Option<Result<String>>) -> Result<String> {
    let mut new = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        new += line;
        new.push('\n');
        if let Some(content) = content(line) {
            new += &content?;
            let end = lines.find(|line| *line == END);
            new += end.with_context(|| format!("docs/clients.md has no {END} after {line}"))?;
            new.push('\n');
        }
    }
    Ok(new)
}

/// Another machine has another curl; that is no reason for an integration run to fail.
fn with_the_systems_versions_of(old: &str, mut new: String, rows: &[Row]) -> String {
    for row in rows.iter().filter(|row| row.is_the_systems) {
        let start = format!("| {} |", row.name());
        if let Some(known) = old.lines().find(|line| line.starts_with(&start)) {
            new = new.replace(&row.line(), known);
        }
    }
    new
}

/// Nobody would commit what an integration run writes, so it fails instead.
fn write(old: &str, new: &str) -> Result<()> {
    if old == new {
        return Ok(());
    }
    ensure!(
        !is_ci(),
        "docs/clients.md is not what this run would write: run `make test-clients` and commit it"
    );
    fs::write(page(), new).context("writing docs/clients.md")?;
    println!("docs/clients.md was not up to date, and has been written anew");
    Ok(())
}

fn is_ci() -> bool {
    env::var_os("CI").is_some_and(|value| !value.is_empty())
}

fn read() -> Result<String> {
    fs::read_to_string(page()).context("reading docs/clients.md")
}

fn page() -> PathBuf {
    files::checkout().join("docs/clients.md")
}
