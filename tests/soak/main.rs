//! `make soak MINUTES=30`: a steady load of every kind. Not one wrong answer, no more memory than after the first minute,
//! the same virtual machines, and counters that say what the callers counted. With all other tests it takes a minute.

use anyhow::{Context, Result};
use latchkey_tests::load::{BROKEN, Kind, Load, Plan, Tally};
use latchkey_tests::report::{keep, mebi};
use latchkey_tests::{Behaviour, Lookup, Stack, wait};
use std::fmt::Write;
use std::time::{Duration, Instant};
use std::{env, thread};

/// Light enough to go on beside other work.
const PLAN: Plan = Plan {
    callers: 8,
    rate: 20,
    lookup_faults: true,
    excused: &[],
};

/// How much more memory Envoy may have than after the first minute.
const GROWTH: f64 = 1.05;

/// What is looked at while the load goes on.
struct Memory {
    settled: u64,
    least: u64,
    most: u64,
}

#[test]
fn c12_d9_d19_under_a_steady_load_no_answer_is_wrong_nothing_grows_and_the_counters_add_up() {
    let minutes = env::var("LATCHKEY_SOAK_MINUTES").map_or(1, |text| {
        text.parse()
            .expect("LATCHKEY_SOAK_MINUTES is a number of minutes")
    });
    let lookup = Lookup::start().expect("a port");
    let address = lookup.address();
    let stack = Stack::setup()
        .bootstrap(move |bootstrap| bootstrap.connect_lookup(Some(address)))
        .start();
    lookup.on(BROKEN, Behaviour::Reset(Vec::new()));
    lookup.forward_to(stack.store.address());
    stack.upstream.forget_requests();
    let machines = stack.envoy.machines();

    let load = Load::start(&stack, PLAN);
    let started = Instant::now();
    let memory = watch(&stack, &load, minutes).expect("Envoy runs");
    let tally = load.stop();
    let took = started.elapsed();

    let report = report(&tally, took, &memory);
    println!("\n{report}");
    // `make soak` puts it into docs/reliability.md if this test passes.
    keep("soak", &report).expect("the report can be written");
    assert_eq!(tally.wrong, [""; 0], "{} are wrong", tally.wrong_count);
    assert_eq!(tally.unanswered, 0, "some requests got no answer");
    assert_eq!(stack.envoy.machines(), machines);
    assert_counters(&stack, &tally);
    let growth = memory.most as f64 / memory.settled as f64;
    assert!(growth <= GROWTH, "Envoy grew: {growth:.3}");
}

/// Looks at Envoy's memory for so long; the load lasts as long as this does.
fn watch(stack: &Stack, load: &Load, minutes: u64) -> Result<Memory> {
    let started = Instant::now();
    // Of a run of one minute, what is there at its half.
    let settles = Duration::from_secs(if minutes > 1 { 60 } else { 30 });
    let mut memory = None;
    while started.elapsed() < Duration::from_secs(60 * minutes) {
        // Nothing is waited for: this is how often it is looked at.
        thread::sleep(Duration::from_secs(5));
        let now = stack.envoy.resident_bytes()?;
        if started.elapsed() >= settles {
            let memory = memory.get_or_insert(Memory {
                settled: now,
                least: now,
                most: now,
            });
            memory.least = memory.least.min(now);
            memory.most = memory.most.max(now);
        }
        let tally = load.tally();
        println!(
            "{:>5} s  {:>7} answers, {} wrong, {} missing, RSS {:.1} MiB",
            started.elapsed().as_secs(),
            tally.total(),
            tally.wrong_count,
            tally.unanswered,
            mebi(now)
        );
    }
    memory.context("the run was too short")
}

/// What the filter counted is what the callers counted, by Envoy's own metrics.
#[track_caller]
fn assert_counters(stack: &Stack, tally: &Tally) {
    let (requests, tokens) = ("latchkey_requests_total", "latchkey_token_requests_total");
    let lookups = tally.sum(Kind::Token) + tally.sum(Kind::Broken);
    for (name, labels, expected) in [
        (
            requests,
            &[("result", "allowed")][..],
            tally.sum(Kind::Valid),
        ),
        (requests, &[("result", "refused")], tally.sum(Kind::Refused)),
        (tokens, &[("result", "issued")], tally.sum(Kind::Token)),
        (tokens, &[("result", "error")], tally.sum(Kind::Broken)),
        (tokens, &[], lookups),
        ("latchkey_lookups_total", &[], lookups),
    ] {
        let counted = || stack.envoy.metrics().sum(name, labels) as u64;
        // What passed is counted some milliseconds later.
        let equal = wait::wait_for(|| (counted() == expected).then_some(()));
        let counted = counted();
        assert!(
            equal.is_some(),
            "{name} {labels:?}: {counted}, expected {expected}"
        );
    }
}

fn report(tally: &Tally, took: Duration, memory: &Memory) -> String {
    let (seconds, total) = (took.as_secs_f64(), tally.total());
    let (minutes, rate) = (seconds / 60.0, total as f64 / seconds);
    let mut text = format!(
        "{total} answers in {minutes:.1} minutes ({rate:.0} a second) to {} callers, `--concurrency 2`.\n\n| asked | status | answers |\n|---|---:|---:|\n",
        PLAN.callers
    );
    for ((kind, status), count) in &tally.answers {
        let asked = match (kind, status) {
            (Kind::Valid, _) => {
                "a read with a valid token; the API is told that caller's Customer Code"
            }
            (Kind::Refused, 401) => "a read with no token, a stranger's or an expired one",
            (Kind::Refused, _) => "a write with a token for reading",
            (Kind::Token, _) => "a token, with the right key",
            (Kind::Broken, _) => "a token, while the lookup breaks off",
        };
        let _ = writeln!(text, "| {asked} | {status} | {count} |");
    }
    let [settled, least, most] =
        [memory.settled, memory.least, memory.most].map(|bytes| format!("{:.1}", mebi(bytes)));
    let growth = (memory.most as f64 / memory.settled as f64 - 1.0) * 100.0;
    let _ = write!(
        text,
        "\nWrong answers: {}. Requests without an answer: {}. VM reloads: 0. Counters: as the callers counted.\n\
         RSS of Envoy once settled {settled} MiB, from then on {least} to {most} MiB ({growth:+.1} %).\n",
        tally.wrong_count, tally.unanswered
    );
    text
}
