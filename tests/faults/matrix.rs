//! The table of faults: what was expected, what was seen, and what it did to Envoy.

use latchkey_tests::Envoy;
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
    /// How many virtual machines were made anew.
    reloads: Option<u64>,
    /// Resident bytes of Envoy, before and after.
    memory: Option<(u64, u64)>,
    holds: bool,
}

/// What a row does to Envoy's virtual machines.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Machines {
    /// They stay as they are.
    Untouched,
    /// The fault is a trap, so they are made anew.
    Replaced,
}

impl Matrix {
    /// One fault against a running Envoy: `act` tells what was seen, which must be one of `expected`.
    pub fn row(
        &mut self,
        envoy: &Envoy,
        group: &'static str,
        fault: impl Into<String>,
        expected: &[&str],
        act: impl FnOnce() -> String,
    ) {
        self.row_with(envoy, group, fault, expected, Machines::Untouched, act);
    }

    /// The same where the machines may not stay as they are.
    pub fn row_with(
        &mut self,
        envoy: &Envoy,
        group: &'static str,
        fault: impl Into<String>,
        expected: &[&str],
        machines: Machines,
        act: impl FnOnce() -> String,
    ) {
        let fault = fault.into();
        let (created, memory) = (reloads(envoy), envoy.resident_bytes().unwrap_or(0));
        let (seen, time) = observe(act);
        let replaced = reloads(envoy) - created;
        let after = envoy.resident_bytes().unwrap_or(0);
        let right = machines == Machines::Replaced || replaced == 0;
        self.add(Row {
            group,
            fault,
            holds: expected.contains(&&*seen) && right,
            expected: expected.join(" or "),
            seen,
            time,
            reloads: Some(replaced),
            memory: Some((memory, after)),
        });
    }

    /// A fault for which no Envoy keeps running.
    pub fn row_without_envoy(
        &mut self,
        group: &'static str,
        fault: impl Into<String>,
        expected: &[&str],
        act: impl FnOnce() -> String,
    ) {
        let (seen, time) = observe(act);
        self.add(Row {
            group,
            fault: fault.into(),
            holds: expected.contains(&&*seen),
            expected: expected.join(" or "),
            seen,
            time,
            reloads: None,
            memory: None,
        });
    }

    /// Whether every row is as expected.
    pub fn holds(&self) -> bool {
        self.rows.iter().all(|row| row.holds)
    }

    /// The whole table, in Markdown.
    pub fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        writeln!(
            out,
            "| # | fault | expected | seen | ms | VM reloads | RSS before → after, MiB | |"
        )?;
        writeln!(out, "|---:|---|---|---|---:|---:|---|---|")?;
        let mut group = "";
        for (number, row) in self.rows.iter().enumerate() {
            if row.group != group {
                group = row.group;
                writeln!(out, "| | **{group}** | | | | | | |")?;
            }
            let memory = row.memory.map_or("–".to_owned(), |(before, after)| {
                format!("{} → {}", before >> 20, after >> 20)
            });
            let reloads = row
                .reloads
                .map_or("–".to_owned(), |count| count.to_string());
            writeln!(
                out,
                "| {} | {} | {} | {} | {} | {reloads} | {memory} | {} |",
                number + 1,
                row.fault,
                row.expected,
                row.seen,
                row.time.as_millis(),
                if row.holds { "✓" } else { "✗" }
            )?;
        }
        Ok(())
    }

    fn add(&mut self, row: Row) {
        let mark = if row.holds { "ok  " } else { "FAIL" };
        println!(
            "{mark} {:>6} ms  {}: {} -> {}",
            row.time.as_millis(),
            row.group,
            row.fault,
            row.seen
        );
        if !row.holds {
            println!("     expected: {}", row.expected);
        }
        self.rows.push(row);
    }
}

fn observe(act: impl FnOnce() -> String) -> (String, Duration) {
    let started = Instant::now();
    let seen = catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or(panic.downcast_ref::<&str>().copied());
        let first = text
            .and_then(|text| text.lines().next())
            .unwrap_or("a panic");
        format!("the test failed: {}", first.replace('|', "/"))
    });
    (seen, started.elapsed())
}

fn reloads(envoy: &Envoy) -> u64 {
    let machines = envoy.machines();
    machines.created + machines.traps as u64 + machines.reloads.values().sum::<u64>()
}
