//! What the module and Envoy have to do with each other, read from the module: what it calls, and what it is called for.

use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use wasmparser::{Parser, Payload};

/// Envoy calls these whatever is allowed.
const ALWAYS_ALLOWED: [&str; 2] = ["proxy_abi_version_0_2_1", "proxy_on_memory_allocate"];

/// Where the text of a configuration names what is allowed.
const KEY: &str = "allowed_capabilities:";

/// How long the lines of an example are at most.
const WIDTH: usize = 140;

/// The names for `capability_restriction_config`: every function that the module imports, and every callback it exports.
pub fn of(module: &Path) -> Result<BTreeSet<String>> {
    let bytes = fs::read(module).with_context(|| format!("reading {}", module.display()))?;
    let mut names = BTreeSet::new();
    for payload in Parser::new(0).parse_all(&bytes) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    names.insert(import?.name.to_owned());
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let name = export?.name;
                    if name.starts_with("proxy_") && !ALWAYS_ALLOWED.contains(&name) {
                        names.insert(name.to_owned());
                    }
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

/// The text of a configuration in YAML, with these names wherever it says what is allowed.
pub fn write_into(text: &str, names: &BTreeSet<String>) -> String {
    let mut written = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        written += line;
        written.push('\n');
        if line.trim() != KEY {
            continue;
        }
        let indent = line.len() - line.trim_start().len() + 2;
        written += &mapping(names, indent);
        // What was there ends with its closing brace.
        lines.by_ref().find(|old| old.ends_with("{} }"));
    }
    written
}

/// `{ name: {}, … }`, over as many lines as it takes.
fn mapping(names: &BTreeSet<String>, indent: usize) -> String {
    let mut lines = vec![format!("{}{{", " ".repeat(indent))];
    for name in names {
        let entry = format!(" {name}: {{}},");
        let last = lines.last_mut().expect("there is a line");
        if last.len() + entry.len() <= WIDTH {
            *last += &entry;
        } else {
            lines.push(format!("{} {entry}", " ".repeat(indent)));
        }
    }
    let text = lines.join("\n");
    format!("{} }}\n", text.trim_end_matches(','))
}
