//! How far a measurement is, on standard error.

use std::io::{IsTerminal, Write, stderr};
use std::time::Instant;

pub struct Progress {
    name: String,
    total: usize,
    started: Instant,
    shown: usize,
}

impl Progress {
    pub fn new(name: impl Into<String>, total: usize) -> Self {
        let progress = Self {
            name: name.into(),
            total,
            started: Instant::now(),
            shown: 0,
        };
        progress.show(0);
        progress
    }

    /// Shows each per cent in a terminal, each fifth of the whole in a log.
    pub fn at(&mut self, done: usize) {
        let percent = done * 100 / self.total.max(1);
        let step = if stderr().is_terminal() { 1 } else { 20 };
        if percent >= self.shown + step {
            self.shown = percent - percent % step;
            self.show(percent);
        }
    }

    fn show(&self, percent: usize) {
        let seconds = self.started.elapsed().as_secs();
        let line = format!("{:<44} {percent:>3} %  {seconds} s", self.name);
        if stderr().is_terminal() {
            eprint!("\r{line}{}", if percent >= 100 { "\n" } else { "" });
        } else {
            eprintln!("{line}");
        }
        // A progress line that cannot be written is no reason to stop.
        let _ = stderr().flush();
    }
}
