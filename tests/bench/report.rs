//! All results together, and the files they become.

use anyhow::Result;
use latchkey_tests::files;
use serde::Serialize;
use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::arguments::Arguments;
use crate::chart::{self, Bar};
use crate::issue::Issue;
use crate::latency::Latency;
use crate::memory::Memory;
use crate::throughput::Throughput;
use crate::tokens::Reuse;
use crate::variants::BASE;

/// All that was measured.
#[derive(Serialize)]
pub struct Report {
    pub quick: bool,
    pub envoy: String,
    pub processor: String,
    pub latency: Vec<Latency>,
    pub throughput: Option<Throughput>,
    pub issue: Option<Issue>,
    pub memory: Option<Memory>,
}

/// A figure that is aimed at.
pub struct Target {
    pub what: String,
    pub measured: f64,
    pub limit: Limit,
}

#[derive(Clone, Copy)]
pub enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

impl Target {
    pub fn met(&self) -> bool {
        match self.limit {
            Limit::AtMost(limit) => self.measured <= limit,
            Limit::AtLeast(limit) => self.measured >= limit,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(limit) => write!(f, "≤ {limit}"),
            Self::AtLeast(limit) => write!(f, "≥ {limit}"),
        }
    }
}

impl Report {
    /// Nothing is measured yet.
    pub fn new(arguments: &Arguments) -> Result<Self> {
        let version = Command::new(files::envoy()?).arg("--version").output()?;
        let version = String::from_utf8_lossy(&version.stdout);
        let processors = fs::read_to_string("/proc/cpuinfo")?;
        let model = processors
            .lines()
            .find_map(|line| line.strip_prefix("model name"));
        Ok(Self {
            quick: arguments.quick,
            envoy: version
                .rsplit("version: ")
                .next()
                .unwrap_or_default()
                .trim()
                .to_owned(),
            processor: model
                .unwrap_or("unknown")
                .trim_matches([' ', '\t', ':'])
                .to_owned(),
            latency: Vec::new(),
            throughput: None,
            issue: None,
            memory: None,
        })
    }

    /// Writes the results as JSON and as tables, and the charts.
    pub fn write(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        let json = serde_json::to_string_pretty(self)? + "\n";
        let mut files = vec![("bench.json", json), ("bench.txt", self.to_string())];
        let ours = |name: &str| name.starts_with("latchkey");
        for (file, reuse) in [
            ("latency-one-token.svg", Reuse::One),
            ("latency-new-tokens.svg", Reuse::None),
        ] {
            if let Some(latency) = self.latency(reuse) {
                let served = latency
                    .variants
                    .iter()
                    .filter(|line| line.variant.status() == 200 && line.variant.name != BASE);
                let bars: Vec<Bar> = served
                    .map(|line| Bar {
                        name: line.variant.what.clone(),
                        value: line.added,
                        ours: ours(&line.variant.name),
                    })
                    .collect();
                let title = format!("Time added to a request: {}", reuse.what());
                files.push((
                    file,
                    chart::draw(
                        &title,
                        "microseconds; median and quartiles of the differences to no filter",
                        &bars,
                    ),
                ));
            }
        }
        if let Some(throughput) = &self.throughput {
            let bars: Vec<Bar> = throughput
                .variants
                .iter()
                .filter(|line| line.variant.status() == 200)
                .map(|line| Bar {
                    name: line.variant.what.clone(),
                    value: line.cpu,
                    ours: ours(&line.variant.name),
                })
                .collect();
            files.push((
                "cpu.svg",
                chart::draw(
                    "Envoy's CPU time for a request, 32 callers",
                    "microseconds; median and quartiles",
                    &bars,
                ),
            ));
        }
        for (name, text) in files {
            let file = folder.join(name);
            fs::write(&file, text)?;
            println!("{}", file.display());
        }
        Ok(())
    }

    fn latency(&self, reuse: Reuse) -> Option<&Latency> {
        self.latency.iter().find(|latency| latency.tokens == reuse)
    }

    /// What is aimed at, as far as it was measured.
    pub fn targets(&self) -> Vec<Target> {
        let mut targets = Vec::new();
        let mut aim = |what: &str, limit: Limit, measured: Option<f64>| {
            targets.extend(measured.map(|measured| Target {
                what: what.to_owned(),
                measured,
                limit,
            }));
        };
        let line = |reuse, name: &str| self.latency(reuse)?.line(name);
        let added = |reuse, name: &str| {
            Some(line(reuse, "latchkey")?.added.median / line(reuse, name)?.added.median)
        };
        // A refused request never sees the upstream, so what it adds says nothing; what it takes in all does.
        let refusing = |name: &str| {
            Some(line(Reuse::One, name)?.total.median / line(Reuse::One, "latchkey")?.total.median)
        };
        use Limit::{AtLeast, AtMost};
        aim(
            "added, one token: to noop",
            AtMost(1.5),
            added(Reuse::One, "noop"),
        );
        aim(
            "added, one token: to jwt_authn",
            AtMost(0.6),
            added(Reuse::One, "jwt_authn"),
        );
        aim(
            "added, one token: to read-set-trimmed (stretch)",
            AtMost(1.0),
            added(Reuse::One, "read-set-trimmed"),
        );
        aim(
            "added, every token new: to jwt_authn",
            AtMost(1.0),
            added(Reuse::None, "jwt_authn"),
        );
        aim(
            "whole request: no token to a served one",
            AtMost(1.0),
            refusing("latchkey-no-token"),
        );
        aim(
            "whole request: bad signature to a served one",
            AtMost(1.0),
            refusing("latchkey-bad-signature"),
        );

        let throughput = |name: &str| Some(self.throughput.as_ref()?.line(name)?.to_noop?.median);
        aim("throughput: to noop", AtLeast(0.97), throughput("latchkey"));
        let to_cache = throughput("latchkey").zip(throughput("jwt_authn-cache"));
        aim(
            "throughput: to jwt_authn-cache",
            AtLeast(1.0),
            to_cache.map(|(ours, theirs)| ours / theirs),
        );

        let rate = |name: &str| {
            let most = self.issue.as_ref()?.at_once.last()?;
            let line = most.lines.iter().find(|line| line.name == name)?;
            Some(line.latchkey_to_this.median)
        };
        aim(
            "tokens, 64 at once: to the plain lookup",
            AtLeast(0.6),
            rate("lookup"),
        );
        aim(
            "tokens, 64 at once: to oidc-provider",
            AtLeast(2.0),
            rate("oidc-provider"),
        );
        let p99 = |name: &str| {
            let steady = self
                .issue
                .as_ref()?
                .steady
                .iter()
                .find(|steady| steady.name == name)?;
            Some(steady.times.p99)
        };
        let later = p99("latchkey").zip(p99("lookup"));
        aim(
            "tokens, 2,000 a second: p99 in ms above the plain lookup's",
            AtMost(2.0),
            later.map(|(ours, plain)| ours - plain),
        );

        let memory = self.memory.as_ref();
        aim(
            "module in KB",
            AtMost(300.0),
            memory.map(|memory| memory.module_bytes as f64 / 1000.0),
        );
        let mebibytes = |sizes: &[u64]| {
            sizes
                .iter()
                .max()
                .map(|&size| size as f64 / f64::from(1 << 20))
        };
        aim(
            "linear memory of a VM after the requests, in MiB",
            AtMost(3.0),
            memory.and_then(|memory| mebibytes(&memory.after)),
        );
        aim(
            "linear memory, KiB grown after every token was seen",
            AtMost(0.0),
            memory.and_then(|memory| Some(memory.grown()? as f64 / 1024.0)),
        );
        aim(
            "start of Envoy, ms longer",
            AtMost(150.0),
            memory.map(|memory| memory.start_added.median),
        );
        targets
    }
}
