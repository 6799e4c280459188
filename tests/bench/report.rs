//! The results as tables for people, and as JSON.

use anyhow::Result;
use serde::Serialize;
use std::fmt;
use std::fs;
use std::path::Path;

use crate::latency::Latency;
use crate::tokens::Reuse;

/// All that was measured.
#[derive(Serialize)]
pub struct Report {
    pub quick: bool,
    pub latency: Vec<Latency>,
}

/// What is aimed at: a figure and its limit.
struct Target {
    what: &'static str,
    measured: f64,
    at_most: f64,
}

impl Report {
    pub fn new(quick: bool) -> Self {
        Self {
            quick,
            latency: Vec::new(),
        }
    }

    /// Writes `bench.json`.
    pub fn write(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        let json = folder.join("bench.json");
        fs::write(&json, serde_json::to_string_pretty(self)? + "\n")?;
        println!("{}", json.display());
        Ok(())
    }

    fn targets(&self) -> Vec<Target> {
        let line = |reuse: Reuse, name: &str| {
            let latency = self
                .latency
                .iter()
                .find(|latency| latency.tokens == reuse)?;
            latency.line(name)
        };
        let added = |what, reuse, name: &str, at_most| {
            let latchkey = line(reuse, "latchkey")?.added.median;
            let measured = latchkey / line(reuse, name)?.added.median;
            Some(Target {
                what,
                measured,
                at_most,
            })
        };
        // A refused request never sees the upstream, so what it adds says nothing; what it takes in all does.
        let refusing = |what, name: &str| {
            let serving = line(Reuse::One, "latchkey")?.total.median;
            let measured = line(Reuse::One, name)?.total.median / serving;
            Some(Target {
                what,
                measured,
                at_most: 1.0,
            })
        };
        [
            added("added, one token: to noop", Reuse::One, "noop", 1.5),
            added(
                "added, one token: to jwt_authn",
                Reuse::One,
                "jwt_authn",
                0.6,
            ),
            added(
                "added, one token: to read-set-trimmed (stretch)",
                Reuse::One,
                "read-set-trimmed",
                1.0,
            ),
            added(
                "added, every token new: to jwt_authn",
                Reuse::None,
                "jwt_authn",
                1.0,
            ),
            refusing(
                "whole request: no token to a served one",
                "latchkey-no-token",
            ),
            refusing(
                "whole request: bad signature to a served one",
                "latchkey-bad-signature",
            ),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for latency in &self.latency {
            writeln!(
                f,
                "\nAdded to a request, in microseconds: {} ({} rounds)",
                latency.tokens.what(),
                latency.rounds
            )?;
            writeln!(
                f,
                "{:<24}{:>9}{:>20}{:>18}{:>9}  what",
                "variant", "median", "quartiles", "95 % of median", "total"
            )?;
            for line in &latency.variants {
                let added = line.added;
                writeln!(
                    f,
                    "{:<24}{:>9.1}{:>20}{:>18}{:>9.1}  {}",
                    line.variant.name,
                    added.median,
                    format!("{:.1} to {:.1}", added.lower, added.upper),
                    format!("{:.1} to {:.1}", added.confidence[0], added.confidence[1]),
                    line.total.median,
                    line.variant.what,
                )?;
            }
        }
        writeln!(
            f,
            "\n{:<50}{:>10}{:>10}",
            "Latchkey to others", "measured", "target"
        )?;
        for target in self.targets() {
            let met = if target.measured <= target.at_most {
                "met"
            } else {
                "missed"
            };
            writeln!(
                f,
                "{:<50}{:>10.2}{:>10}  {met}",
                target.what,
                target.measured,
                format!("≤ {}", target.at_most)
            )?;
        }
        Ok(())
    }
}
