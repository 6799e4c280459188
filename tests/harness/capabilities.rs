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
    let Interface {
        imports,
        mut exports,
    } = Interface::of(&bytes)?;
    exports.retain(|name| name.starts_with("proxy_") && !ALWAYS_ALLOWED.contains(name));
    let names = imports.into_iter().map(|(_, name)| name).chain(exports);
    Ok(names.map(str::to_owned).collect())
}

/// What a module has to do with others.
#[derive(Default)]
pub struct Interface<'a> {
    /// The functions it calls: the module each comes from, and its name.
    pub imports: Vec<(&'a str, &'a str)>,
    /// The names of what it offers.
    pub exports: Vec<&'a str>,
}

impl<'a> Interface<'a> {
    /// Reads it from the bytes of a module.
    pub fn of(module: &'a [u8]) -> Result<Self> {
        let mut interface = Self::default();
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import?;
                        interface.imports.push((import.module, import.name));
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        interface.exports.push(export?.name);
                    }
                }
                _ => {}
            }
        }
        Ok(interface)
    }
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
