//! The load generator wrk, and what it prints.

use anyhow::{Context, Result, ensure};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

/// One run. It uses one thread, since one core is all that it may use.
pub struct Load {
    pub address: SocketAddr,
    pub path: &'static str,
    /// A header line.
    pub header: String,
    pub callers: usize,
    pub seconds: u64,
    /// A Lua script that makes the requests.
    pub script: Option<PathBuf>,
}

pub struct Outcome {
    pub requests: u64,
    /// Answers other than 2xx and 3xx.
    pub refused: u64,
    /// Requests a second.
    pub rate: f64,
    /// Milliseconds.
    pub p50: f64,
    /// Milliseconds.
    pub p99: f64,
}

impl Load {
    pub fn run(&self) -> Result<Outcome> {
        let mut command = Command::new("wrk");
        command
            .args(["--threads", "1", "--latency", "--timeout", "10s"])
            .args(["--connections", &self.callers.to_string()])
            .args(["--duration", &format!("{}s", self.seconds)])
            .args(["--header", &self.header]);
        if let Some(script) = &self.script {
            command.arg("--script").arg(script);
        }
        command.arg(format!("http://{}{}", self.address, self.path));
        let output = command.output().context("wrk could not be started")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let outcome = output.status.success().then(|| read(&text)).flatten();
        outcome.with_context(|| {
            let errors = String::from_utf8_lossy(&output.stderr);
            format!("wrk did not do what was expected of it:\n{text}{errors}")
        })
    }
}

impl Outcome {
    /// Fails unless all requests were served, or all refused.
    pub fn expect(&self, served: bool, what: &str) -> Result<()> {
        let expected = if served { 0 } else { self.requests };
        ensure!(
            self.refused == expected,
            "{what}: {} of {} requests were refused where {expected} should have been",
            self.refused,
            self.requests
        );
        Ok(())
    }
}

fn read(text: &str) -> Option<Outcome> {
    let words = |label: &str| {
        let line = text
            .lines()
            .find(|line| line.trim_start().starts_with(label))?;
        line.trim_start()
            .strip_prefix(label)?
            .split_whitespace()
            .next()
    };
    let requests = text.lines().find_map(|line| {
        let (count, rest) = line.trim_start().split_once(" requests in ")?;
        rest.contains("read").then(|| count.parse().ok())?
    })?;
    Some(Outcome {
        requests,
        refused: words("Non-2xx or 3xx responses:").map_or(Some(0), |count| count.parse().ok())?,
        rate: words("Requests/sec:")?.parse().ok()?,
        p50: millis(words("50%")?)?,
        p99: millis(words("99%")?)?,
    })
}

/// `512.00us`, `1.20ms` or `1.01s`.
fn millis(text: &str) -> Option<f64> {
    let units = [("us", 0.001), ("ms", 1.0), ("s", 1000.0)];
    units.iter().find_map(|(unit, factor)| {
        let number: f64 = text.strip_suffix(unit)?.parse().ok()?;
        Some(number * factor)
    })
}
