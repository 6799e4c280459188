//! What is printed: tables for people, JSON for scripts.

use super::Error;
use comfy_table::{Table, presets};
use serde::Serialize;
use std::io::{self, Write};

/// How a command prints what it found.
pub(super) struct Output {
    pub(super) json: bool,
}

impl Output {
    /// One thing: its JSON, or the text for people.
    pub(super) fn print(
        &self,
        value: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<(), Error> {
        let text = if self.json { json(value)? } else { text() };
        Ok(writeln!(io::stdout(), "{text}")?)
    }

    /// A list: a JSON array, or a table with one row each.
    pub(super) fn print_list<T: Serialize>(
        &self,
        items: &[T],
        headers: &[&str],
        row: impl Fn(&T) -> Vec<String>,
    ) -> Result<(), Error> {
        self.print(&items, || table(headers, items.iter().map(row)))
    }
}

fn json(value: &impl Serialize) -> Result<String, Error> {
    Ok(serde_json::to_string_pretty(value).map_err(io::Error::from)?)
}

fn table(headers: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(headers)
        .add_rows(rows);
    table.trim_fmt()
}
