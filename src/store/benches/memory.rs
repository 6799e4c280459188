//! What a process takes.

use std::fmt;
use std::fs;

/// Resident memory, in KiB.
pub(crate) struct Memory {
    now: u64,
    most: u64,
}

impl Memory {
    pub(crate) fn of(process: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        Self {
            now: field("VmRSS:"),
            most: field("VmHWM:"),
        }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.1} MiB (at most {:.1})",
            self.now as f64 / 1024.0,
            self.most as f64 / 1024.0
        )
    }
}
