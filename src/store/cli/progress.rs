//! How far a long command is: a bar on a terminal, a line for each tenth elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal, Write};

const BAR: &str = "{msg} {wide_bar} {percent:>3} %, {eta} left";

pub(super) struct Progress {
    pub(super) bar: ProgressBar,
    lines: bool,
    tenths: u64,
}

impl Progress {
    /// Of `total` steps, whatever they are.
    pub(super) fn new(what: &'static str, total: u64) -> Self {
        let lines = !io::stderr().is_terminal();
        let bar = if lines {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(total)
        };
        bar.set_length(total);
        bar.set_message(what);
        if let Ok(style) = ProgressStyle::with_template(BAR) {
            bar.set_style(style);
        }
        Self {
            bar,
            lines,
            tenths: 0,
        }
    }

    /// Shows how far the bar has come.
    pub(super) fn show(&mut self) {
        let total = self.bar.length().unwrap_or_default().max(1);
        let tenths = self.bar.position().saturating_mul(10) / total;
        if self.lines && tenths > self.tenths {
            // Nobody watching is no reason to stop.
            let _ = writeln!(
                io::stderr(),
                "{} {} %",
                self.bar.message(),
                tenths.min(10) * 10
            );
            self.tenths = tenths;
        }
    }

    pub(super) fn end(self) {
        self.bar.finish_and_clear();
    }
}
