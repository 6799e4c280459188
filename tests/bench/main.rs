//! Measures what Latchkey costs, beside the filters one could use in its place: `make bench`.

mod client;
mod cpu;
mod latency;
mod progress;
mod report;
mod statistics;
mod tokens;
mod upstream;
mod variants;

use anyhow::{Context, Result};
use clap::Parser;
use latchkey_tests::{Envoy, files};
use std::path::PathBuf;

use crate::cpu::Cores;
use crate::report::Report;
use crate::tokens::{Reuse, SIGNING_KEY};
use crate::variants::{BASE, Variant};

/// Measures Latchkey in a real Envoy, side by side with other filters. `make bench` builds what this needs.
#[derive(Parser)]
#[command(name = "make bench BENCH_ARGS=…", no_binary_name = true)]
struct Arguments {
    /// Fewer rounds: under a minute, and less exact
    #[arg(long)]
    quick: bool,
    /// Rounds of the latency measurements [default: 6000, quick: 1500]
    #[arg(long)]
    rounds: Option<usize>,
    /// Measure the single hostcalls as well
    #[arg(long)]
    hostcalls: bool,
    /// Another build of Latchkey to measure beside the others; may be given more than once
    #[arg(long, value_name = "MODULE")]
    build: Vec<PathBuf>,
    /// Only these variants, by name, beside the listener without a filter
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// How often tokens come again [default: all three]
    #[arg(long, value_delimiter = ',')]
    tokens: Vec<Reuse>,
    /// Where the results are written [default: docs/performance, quick or in part: target/bench]
    #[arg(long)]
    output: Option<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse_from(std::env::args().skip(1));
    let cores = Cores::choose()?;
    cpu::hurry();
    cpu::pin(std::process::id(), cores.rest)?;
    let variants = arguments.variants()?;

    let built = files::checkout().join("target/bench");
    let folder = files::run_folder()?;
    let (bootstrap, issuer) = variants::bootstrap(&variants, &built, upstream::start()?)?;
    let environment = [
        ("LATCHKEY_SIGNING_KEY", SIGNING_KEY),
        ("LATCHKEY_LOOKUP_TOKEN", "unused"),
    ];
    let envoy = Envoy::start_with_workers(&folder, &bootstrap, &environment, 1)?;
    cpu::pin(envoy.process().id(), cores.envoy)?;

    let rounds = arguments
        .rounds
        .unwrap_or(if arguments.quick { 1500 } else { 6000 });
    let mut report = Report::new(arguments.quick);
    for reuse in arguments.reuses() {
        let shown: Vec<Variant> = variants
            .iter()
            .filter(|variant| reuse == Reuse::One || variant.reads_token || variant.name == BASE)
            .cloned()
            .collect();
        let latency =
            latency::measure(&envoy, &issuer, &shown, reuse, 500.max(rounds / 6), rounds)?;
        report.latency.push(latency);
    }
    println!("{report}");
    let output = arguments.output.clone().unwrap_or_else(|| {
        let whole = !arguments.quick && arguments.only.is_empty() && arguments.tokens.is_empty();
        let default = if whole {
            "docs/performance"
        } else {
            "target/bench"
        };
        files::checkout().join(default)
    });
    report
        .write(&output)
        .with_context(|| format!("writing to {}", output.display()))
}

impl Arguments {
    fn variants(&self) -> Result<Vec<Variant>> {
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
            let known = || {
                all.iter()
                    .map(|variant| &*variant.name)
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            all.iter()
                .find(|variant| &variant.name == name)
                .with_context(|| format!("--only {name}: expected one of {}", known()))?;
        }
        let wanted = |variant: &Variant| {
            self.only.is_empty()
                || variant.name == BASE
                || self.only.iter().any(|name| name == &variant.name)
        };
        Ok(all.into_iter().filter(wanted).collect())
    }

    fn reuses(&self) -> Vec<Reuse> {
        if self.tokens.is_empty() {
            vec![Reuse::One, Reuse::Thousand, Reuse::None]
        } else {
            self.tokens.clone()
        }
    }
}
