//! The table of faults: what was expected, what was seen, and what it did to Envoy.

use latchkey_tests::Envoy;
use latchkey_tests::envoy::Machines;
use latchkey_tests::report::mebi;
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
        self.watched(envoy, group, fault, expected, act, |before, after| {
            (before != after).then_some("the machines are not the same")
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
        self.watched(envoy, group, fault, expected, act, |before, after| {
            (before.traps == after.traps).then_some("nothing trapped")
        });
    }

    /// `wrong` tells what is, if anything, by the machines before and after.
    fn watched(
        &mut self,
        envoy: &Envoy,
        group: &'static str,
        fault: impl Into<String>,
        expected: &[&str],
        act: impl FnOnce() -> String,
        wrong: impl FnOnce(&Machines, &Machines) -> Option<&'static str>,
    ) {
        let memory = || envoy.resident_bytes().unwrap_or(0);
        let (before, memory_before) = (envoy.machines(), memory());
        self.add(group, fault, expected, || {
            let seen = act();
            let after = envoy.machines();
            let effect = Effect {
                reloads: reloads(&after) - reloads(&before),
                memory: (memory_before, memory()),
            };
            let seen = match wrong(&before, &after) {
                Some(wrong) => format!("{seen}, and {wrong}"),
                None => seen,
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
    pub fn table(&self) -> String {
        let head = "| # | fault | expected | seen | ms | VM reloads | RSS of Envoy, MiB |\n|---:|---|---|---|---:|---:|---|\n";
        let mut table = head.to_owned();
        let mut group = "";
        for (number, row) in self.rows.iter().enumerate() {
            if row.group != group {
                group = row.group;
                table += &format!("| | **{group}** | | | | | |\n");
            }
            table += &row.line(number + 1);
        }
        table
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

    fn line(&self, number: usize) -> String {
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
        format!("| {number} | {fault} | {expected} | {seen} | {milliseconds} {effect}\n")
    }
}

fn reloads(machines: &Machines) -> u64 {
    machines.reloaded().unwrap_or(0)
}
