//! What is asked for on the command line.

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use latchkey_tests::files;
use std::path::PathBuf;

use crate::tokens::Reuse;
use crate::variants::{self, BASE, Variant};

/// Measures Latchkey in a real Envoy, side by side with other filters. `make bench` builds what this needs.
#[derive(Parser)]
#[command(name = "make bench BENCH_ARGS=…", no_binary_name = true)]
pub struct Arguments {
    /// Fewer rounds: under a minute, and less exact
    #[arg(long)]
    pub quick: bool,
    /// Only these parts
    #[arg(long, value_delimiter = ',')]
    parts: Vec<Part>,
    /// Rounds of the latency measurements [default: 6000, quick: 1500]
    #[arg(long)]
    rounds: Option<usize>,
    /// Measure the single hostcalls as well
    #[arg(long)]
    hostcalls: bool,
    /// Another build of Latchkey to measure beside the others; may be given more than once
    #[arg(long, value_name = "MODULE")]
    build: Vec<PathBuf>,
    /// Only these variants, by name, beside the listener without a filter; latency and throughput only
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// How often tokens come again, for latency [default: all three]
    #[arg(long, value_delimiter = ',')]
    tokens: Vec<Reuse>,
    /// Where the results are written [default: docs/performance, quick or in part: target/bench/results]
    #[arg(long)]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// What a filter adds to a request
    Latency,
    /// Requests a second and CPU time
    Throughput,
    /// Tokens a second
    Issue,
    /// Memory of the virtual machines, and the start of Envoy
    Memory,
}

impl Arguments {
    pub fn includes(&self, part: Part) -> bool {
        let of_variants = matches!(part, Part::Latency | Part::Throughput);
        match &self.parts[..] {
            [] => self.only.is_empty() || of_variants,
            parts => parts.contains(&part),
        }
    }

    pub fn variants(&self) -> Result<Vec<Variant>> {
        let mut all = variants::all();
        if self.hostcalls {
            all.extend(variants::hostcalls());
        }
        for module in &self.build {
            let module = module
                .canonicalize()
                .with_context(|| format!("--build {}", module.display()))?;
            all.push(variants::build(&module));
        }
        for name in &self.only {
            let names = || all.iter().map(|variant| &*variant.name).collect::<Vec<_>>();
            all.iter()
                .find(|variant| &variant.name == name)
                .with_context(|| {
                    format!("--only {name}: expected one of {}", names().join(", "))
                })?;
        }
        let wanted = |variant: &Variant| {
            self.only.is_empty() || variant.name == BASE || self.only.contains(&variant.name)
        };
        Ok(all.into_iter().filter(wanted).collect())
    }

    pub fn reuses(&self) -> Vec<Reuse> {
        if self.tokens.is_empty() {
            vec![Reuse::One, Reuse::Thousand, Reuse::None]
        } else {
            self.tokens.clone()
        }
    }

    pub fn output(&self) -> PathBuf {
        let whole = !self.quick
            && self.parts.is_empty()
            && self.only.is_empty()
            && self.tokens.is_empty()
            && self.build.is_empty();
        let default = if whole {
            "docs/performance"
        } else {
            "target/bench/results"
        };
        let output = self.output.clone();
        output.unwrap_or_else(|| files::checkout().join(default))
    }

    pub fn rounds(&self) -> usize {
        self.rounds.unwrap_or(self.full_or_quick(6000, 1500))
    }

    /// Slices of a second, for each variant.
    pub fn slices(&self) -> usize {
        self.full_or_quick(11, 2)
    }

    /// The same for each that issues tokens.
    pub fn issue_slices(&self) -> usize {
        self.full_or_quick(7, 1)
    }

    /// Seconds of token requests at a steady rate.
    pub fn steady(&self) -> u32 {
        self.full_or_quick(15, 2)
    }

    /// Requests before memory is looked at again.
    pub fn requests(&self) -> u64 {
        self.full_or_quick(1_000_000, 50_000)
    }

    /// Starts of Envoy.
    pub fn starts(&self) -> usize {
        self.full_or_quick(9, 2)
    }

    fn full_or_quick<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }
}
