//! `make soak MINUTES=30`: a steady load of every kind for a long time. Not one wrong answer, no more memory than after
//! the first minute, the same virtual machines, and counters that say what the callers counted.

use anyhow::{Context, Result, bail};
use latchkey_tests::load::{BROKEN, Kind, Load, Tally};
use latchkey_tests::{Behaviour, Lookup, Stack, files};
use std::fmt::Write;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// How many callers there are, and how often each asks, a second.
const CALLERS: u32 = 8;
const RATE: u32 = 50;

/// How much more memory Envoy may have than after the first minute.
const GROWTH: f64 = 1.05;

fn main() -> Result<()> {
    let minutes: u64 = match std::env::args().nth(1) {
        None => 1,
        Some(text) => text
            .parse()
            .context("the argument is a number of minutes")?,
    };
    let lookup = Lookup::start()?;
    let address = lookup.address();
    lookup.on(BROKEN, Behaviour::Reset(Vec::new()));
    let stack = Stack::setup()
        .bootstrap(move |bootstrap| bootstrap.connect_lookup(Some(address)))
        .start();
    lookup.forward_to(stack.store.address());
    stack.upstream.forget_requests();
    let machines = stack.envoy.machines();

    println!("{CALLERS} callers, {RATE} requests a second each, for {minutes} min");
    let load = Load::start(&stack, CALLERS, RATE, &[]);
    let started = Instant::now();
    // The first minute's end; of a run of one minute, its half.
    let first = if minutes > 1 {
        Duration::from_secs(60)
    } else {
        Duration::from_secs(30)
    };
    let mut settled = None;
    let mut highest = 0;
    while started.elapsed() < Duration::from_secs(60 * minutes) {
        // Nothing is waited for: this is how long the load lasts.
        thread::sleep(Duration::from_secs(5));
        let memory = stack.envoy.resident_bytes()?;
        if started.elapsed() >= first {
            settled.get_or_insert(memory);
            highest = highest.max(memory);
        }
        let tally = load.tally();
        println!(
            "{:>5} s  {:>8} answers, {} wrong, {} connections broken, RSS {} MiB",
            started.elapsed().as_secs(),
            tally.total(),
            tally.wrong_count,
            tally.broken_connections,
            memory >> 20
        );
    }
    let tally = load.stop();
    let took = started.elapsed();
    let settled = settled.context("the run was too short")?;
    let mut wrong = faults(&stack, &tally);
    let growth = highest as f64 / settled as f64;
    if growth > GROWTH {
        wrong.push(format!("RSS grew by {:.1} %", (growth - 1.0) * 100.0));
    }
    if stack.envoy.machines() != machines {
        wrong.push(format!(
            "the machines are not the same: {:?}",
            stack.envoy.machines()
        ));
    }
    let report = report(&tally, took, settled, highest)?;
    print!("\n{report}");
    let folder = files::target_folder().join("reliability");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("soak.table"), report)?;
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    Ok(())
}

/// What callers and counters say that should not be.
fn faults(stack: &Stack, tally: &Tally) -> Vec<String> {
    let mut wrong = tally.wrong.clone();
    if tally.broken_connections > 0 {
        wrong.push(format!("{} connections broke", tally.broken_connections));
    }
    let sum = |kind: Kind| {
        tally
            .answers
            .iter()
            .filter(|((known, _), _)| *known == kind)
            .map(|(_, count)| count)
            .sum::<u64>()
    };
    for (name, label, expected) in [
        ("envoy_latchkey_requests_total", "allowed", sum(Kind::Valid)),
        (
            "envoy_latchkey_requests_total",
            "refused",
            sum(Kind::Refused),
        ),
        (
            "envoy_latchkey_token_requests_total",
            "issued",
            sum(Kind::Token),
        ),
        (
            "envoy_latchkey_token_requests_total",
            "error",
            sum(Kind::Broken),
        ),
    ] {
        let counted = || {
            let metrics = stack.envoy.metrics();
            metrics.sum(name, &[("result", label)]) as u64
        };
        // What passed is counted a window at a time.
        let equal = latchkey_tests::wait::wait_for(|| (counted() == expected).then_some(()));
        if equal.is_none() {
            wrong.push(format!(
                "{name}{{result=\"{label}\"}} is {}, and the callers counted {expected}",
                counted()
            ));
        }
    }
    wrong
}

fn report(tally: &Tally, took: Duration, settled: u64, highest: u64) -> Result<String> {
    let mut text = String::new();
    let seconds = took.as_secs_f64();
    writeln!(
        text,
        "{} answers in {:.1} min ({:.0} a second), {CALLERS} callers, `--concurrency 2`.\n",
        tally.total(),
        seconds / 60.0,
        tally.total() as f64 / seconds
    )?;
    writeln!(text, "| asked | status | answers |\n|---|---:|---:|")?;
    for ((kind, status), count) in &tally.answers {
        let asked = match kind {
            Kind::Valid => "a read with a valid token",
            Kind::Refused => "no token, a stranger's, an expired one, or too little scope",
            Kind::Token => "a token, with the right key",
            Kind::Broken => "a token, while the lookup breaks off",
        };
        writeln!(text, "| {asked} | {status} | {count} |")?;
    }
    writeln!(
        text,
        "\nWrong answers: {}. Broken connections: {}.",
        tally.wrong_count, tally.broken_connections
    )?;
    writeln!(
        text,
        "RSS of Envoy after the first minute {:.1} MiB, at most {:.1} MiB since ({:+.1} %).",
        settled as f64 / 1048576.0,
        highest as f64 / 1048576.0,
        (highest as f64 / settled as f64 - 1.0) * 100.0
    )?;
    Ok(text)
}
