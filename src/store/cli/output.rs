//! What is printed: tables for people, JSON for scripts.

use super::Error;
use crate::clock;
use comfy_table::{Table, presets};
use serde::Serialize;
use std::io::{self, Write};

/// How a command prints what it found.
pub(super) struct Output {
    pub(super) json: bool,
}

/// A list that is printed as it is read, page by page: one JSON array, or one table.
pub(super) struct List<'a> {
    json: bool,
    headers: &'a [&'a str],
    printed: usize,
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

    /// Many things, all at hand: a JSON array, or a table with one row each.
    pub(super) fn print_list<T: Serialize>(
        &self,
        items: &[T],
        headers: &[&str],
        row: impl Fn(&T) -> Vec<String>,
    ) -> Result<(), Error> {
        let mut list = self.list(headers);
        list.page(items, row)?;
        list.end()
    }

    /// Many things that arrive in pages.
    pub(super) fn list<'a>(&self, headers: &'a [&'a str]) -> List<'a> {
        List {
            json: self.json,
            headers,
            printed: 0,
        }
    }
}

impl List<'_> {
    pub(super) fn page<T: Serialize>(
        &mut self,
        items: &[T],
        row: impl Fn(&T) -> Vec<String>,
    ) -> Result<(), Error> {
        let mut out = io::stdout().lock();
        if self.json {
            for (index, item) in items.iter().enumerate() {
                let separator = if self.printed + index == 0 { "[" } else { "," };
                writeln!(out, "{separator}\n{}", json(item)?)?;
            }
        } else if !items.is_empty() {
            let mut table = Table::new();
            table.load_style(presets::NOTHING);
            if self.printed == 0 {
                table.set_header(self.headers);
            }
            table.add_rows(items.iter().map(row));
            let lines = table.trim_fmt();
            lines
                .lines()
                .try_for_each(|line| writeln!(out, "{}", line.trim()))?;
        }
        self.printed += items.len();
        Ok(())
    }

    pub(super) fn end(self) -> Result<(), Error> {
        if self.json {
            let end = if self.printed == 0 { "[]" } else { "]" };
            writeln!(io::stdout(), "{end}")?;
        }
        Ok(())
    }
}

/// A moment that may be absent, as a table shows it.
pub(super) fn moment(seconds: Option<i64>, absent: &str) -> String {
    seconds.map_or_else(|| absent.to_owned(), clock::show)
}

/// A day that may be absent, as a table shows it.
pub(super) fn day(day: Option<i64>) -> String {
    day.map_or_else(|| "-".to_owned(), clock::show_day)
}

fn json(value: &impl Serialize) -> Result<String, Error> {
    Ok(serde_json::to_string_pretty(value).map_err(io::Error::from)?)
}
