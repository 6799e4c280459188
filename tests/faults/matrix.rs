//! The table of faults: what was expected, what was seen, and what it did to Envoy.

use latchkey_tests::Envoy;
use latchkey_tests::envoy::Machines;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// All rows so far.
#[derive(Default)]
pub struct Matrix {
    rows: Vec<Row>,
}

struct Row {
    group: &'static str,
    fault: String,
    expected: String,
    seen: String,
    time: Duration,
    effect: Option<Effect>,
    holds: bool,
}

/// What a fault did to Envoy.
pub struct Effect {
    /// How many virtual machines were loaded anew.
    pub reloads: u64,
    /// Resident bytes, before and after.
    pub memory: (u64, u64),
}

impl Matrix {
    /// One fault against a running Envoy, whose virtual machines must stay as they are. `act` tells what was seen, which
    /// must be one of `expected`.
    pub fn row(
        &mut self,
        envoy: &Envoy,
        group: &'static str,
        fault: impl Into<String>,
        expected: &[&str],
        act: impl FnOnce() -> String,
    ) {
        let before = envoy.machines();
        self.watched(envoy, group, fault, expected, || {
            let seen = act();
            if envoy.machines() == before {
                return seen;
            }
            format!("{seen}, and the machines are not the same")
        });
    }

    /// The same where a machine traps, so that it must be loaded anew.
    pub fn trap(
        &mut self,
        envoy: &Envoy,
        group: &'static str,
        fault: impl Into<String>,
        expected: &[&str],
        act: impl FnOnce() -> String,
    ) {
        let before = envoy.machines().traps;
        self.watched(envoy, group, fault, expected, || {
            let seen = act();
            match envoy.machines().traps - before {
                0 => format!("{seen}, and nothing trapped"),
                _ => seen,
            }
        });
    }

    fn watched(
        &mut self,
        envoy: &Envoy,
        group: &'static str,
        fault: impl Into<String>,
        expected: &[&str],
        act: impl FnOnce() -> String,
    ) {
        let memory = || envoy.resident_bytes().unwrap_or(0);
        let (reloads_before, memory_before) = (reloads(&envoy.machines()), memory());
        self.add(group, fault, expected, || {
            let seen = act();
            let effect = Effect {
                reloads: reloads(&envoy.machines()) - reloads_before,
                memory: (memory_before, memory()),
            };
            (seen, Some(effect))
        });
    }

    /// Any other fault; `act` tells what it did to Envoy as well, unless it was to keep Envoy from running.
    pub fn add(
        &mut self,
        group: &'static str,
        fault: impl Into<String>,
        expected: &[&str],
        act: impl FnOnce() -> (String, Option<Effect>),
    ) {
        let started = Instant::now();
        let (seen, effect) = catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or(panic.downcast_ref::<&str>().copied());
            let first = text.and_then(|text| text.lines().next());
            let text = format!("the test failed: {}", first.unwrap_or("a panic"));
            (text, None)
        });
        let row = Row {
            group,
            fault: fault.into(),
            holds: expected.contains(&&*seen),
            expected: expected.join(" or "),
            seen,
            time: started.elapsed(),
            effect,
        };
        row.tell();
        self.rows.push(row);
    }

    /// How many rows there are, and how many of them are not as expected.
    pub fn count(&self) -> (usize, usize) {
        let failed = self.rows.iter().filter(|row| !row.holds).count();
        (self.rows.len(), failed)
    }

    /// The whole table, in Markdown.
    pub fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        let head = "| # | fault | expected | seen | ms | VM reloads | RSS of Envoy, MiB |\n|---:|---|---|---|---:|---:|---|";
        writeln!(out, "{head}")?;
        let mut group = "";
        for (number, row) in self.rows.iter().enumerate() {
            if row.group != group {
                group = row.group;
                writeln!(out, "| | **{group}** | | | | | |")?;
            }
            row.print(number + 1, out)?;
        }
        Ok(())
    }
}

impl Row {
    fn tell(&self) {
        let (mark, milliseconds) = (
            if self.holds { "ok  " } else { "FAIL" },
            self.time.as_millis(),
        );
        let (group, fault, seen) = (self.group, &self.fault, &self.seen);
        println!("{mark} {milliseconds:>6} ms  {group}: {fault} -> {seen}");
        if !self.holds {
            println!("     expected: {}", self.expected);
        }
    }

    fn print(&self, number: usize, out: &mut impl Write) -> std::io::Result<()> {
        // A bar would end the cell.
        let [fault, expected, seen] =
            [&self.fault, &self.expected, &self.seen].map(|text| text.replace('|', "\\|"));
        let effect = match &self.effect {
            None => "| | |".to_owned(),
            Some(effect) => {
                let (before, after) = effect.memory;
                let reloads = effect.reloads;
                format!("| {reloads} | {:.1} → {:.1} |", mebi(before), mebi(after))
            }
        };
        let milliseconds = self.time.as_millis();
        writeln!(
            out,
            "| {number} | {fault} | {expected} | {seen} | {milliseconds} {effect}"
        )
    }
}

fn reloads(machines: &Machines) -> u64 {
    let counters = machines.reloads.iter();
    let own = counters.filter(|(name, _)| name.ends_with("vm_reload_success"));
    own.map(|(_, count)| count).sum()
}

fn mebi(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
