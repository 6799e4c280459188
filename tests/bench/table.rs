//! The results as tables for people.

use std::fmt::{self, Display, Formatter};

use crate::issue::Issue;
use crate::latency::Latency;
use crate::memory::Memory;
use crate::report::Report;
use crate::statistics::Quartiles;
use crate::throughput::Throughput;

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for latency in &self.latency {
            write!(f, "{latency}")?;
        }
        if let Some(throughput) = &self.throughput {
            write!(f, "{throughput}")?;
        }
        if let Some(issue) = &self.issue {
            write!(f, "{issue}")?;
        }
        if let Some(memory) = &self.memory {
            write!(f, "{memory}")?;
        }
        writeln!(
            f,
            "\n{:<62}{:>9}  {:<10}",
            "Latchkey to others", "measured", "target"
        )?;
        for target in self.targets() {
            let met = if target.met() { "met" } else { "missed" };
            writeln!(
                f,
                "{:<62}{:>9.2}  {:<10}{met}",
                target.what,
                target.measured,
                target.limit.to_string()
            )?;
        }
        Ok(())
    }
}

impl Display for Latency {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (what, rounds) = (self.tokens.what(), self.rounds);
        writeln!(
            f,
            "\nAdded to a request, in microseconds: {what} ({rounds} rounds)"
        )?;
        writeln!(
            f,
            "{:<24}{:>9}{:>20}{:>18}{:>9}  what",
            "variant", "median", "quartiles", "95 % of median", "total"
        )?;
        for line in &self.variants {
            let added = line.added;
            let [low, high] = added.confidence;
            writeln!(
                f,
                "{:<24}{:>9.1}{:>20}{:>18}{:>9.1}  {}",
                line.variant.name,
                added.median,
                range(added),
                format!("{low:.1} to {high:.1}"),
                line.total.median,
                line.variant.what,
            )?;
        }
        Ok(())
    }
}

impl Display for Throughput {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            callers, slices, ..
        } = self;
        writeln!(
            f,
            "\nRequests a second with {callers} callers, one token reused ({slices} slices of a second each)"
        )?;
        writeln!(
            f,
            "{:<24}{:>9}{:>20}{:>10}{:>20}{:>13}",
            "variant", "median", "quartiles", "to noop", "quartiles", "Envoy's µs"
        )?;
        for line in &self.variants {
            let to_noop = |of: fn(Quartiles) -> String| line.to_noop.map_or(String::new(), of);
            writeln!(
                f,
                "{:<24}{:>9.0}{:>20}{:>10}{:>20}{:>13.1}",
                line.variant.name,
                line.rate.median,
                format!("{:.0} to {:.0}", line.rate.lower, line.rate.upper),
                to_noop(|share| format!("{:.3}", share.median)),
                to_noop(|share| format!("{:.3} to {:.3}", share.lower, share.upper)),
                line.cpu.median,
            )?;
        }
        Ok(())
    }
}

impl Display for Issue {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\nTokens issued ({} slices of a second each)",
            self.slices
        )?;
        writeln!(
            f,
            "{:<8}{:<16}{:>12}{:>12}{:>12}{:>18}",
            "at once", "", "a second", "p50 in ms", "p99 in ms", "Latchkey to this"
        )?;
        for at_once in &self.at_once {
            for line in &at_once.lines {
                writeln!(
                    f,
                    "{:<8}{:<16}{:>12.0}{:>12.2}{:>12.2}{:>18.2}",
                    at_once.callers,
                    line.name,
                    line.rate.median,
                    line.p50.median,
                    line.p99.median,
                    line.latchkey_to_this.median,
                )?;
            }
        }
        for steady in &self.steady {
            let times = &steady.times;
            writeln!(
                f,
                "{} a second, open loop: {:<12} p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms ({} requests)",
                times.rate, steady.name, times.p50, times.p99, times.p999, times.requests
            )?;
        }
        Ok(())
    }
}

impl Display for Memory {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let kib = |sizes: &[u64]| {
            sizes
                .iter()
                .map(|size| (size >> 10).to_string())
                .collect::<Vec<_>>()
                .join(" and ")
        };
        writeln!(f, "\nMemory and start")?;
        writeln!(f, "module: {} bytes", self.module_bytes)?;
        writeln!(
            f,
            "linear memory of each VM in KiB, at the start: {}",
            kib(&self.at_start)
        )?;
        writeln!(
            f,
            "after {} requests with {} tokens: {}",
            self.requests,
            self.tokens,
            kib(&self.after)
        )?;
        writeln!(
            f,
            "start to ready in ms: {:.0} without the filter, {:.0} with it, {:.0} longer",
            self.start_without.median, self.start_with.median, self.start_added.median
        )
    }
}

fn range(quartiles: Quartiles) -> String {
    format!("{:.1} to {:.1}", quartiles.lower, quartiles.upper)
}
