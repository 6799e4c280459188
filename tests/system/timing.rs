//! That a refusal takes as long as any other refusal, so that time does not tell why (C6).
//!
//! All causes are asked for in turn, over one connection, many times over; what counts is the median of the differences to a wrong
//! key within each round. How much of that is noise is measured in the same run, on two causes that are the same, and a request
//! that spares the work which an early exit would spare shows that the measurement is sharp enough to see one.

use latchkey_tests::lookup::{record, reply, sha256};
use latchkey_tests::{Behaviour, Lookup, Request, Stack, token_request};
use serde_json::{Value, json};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Instant;

const ROUNDS: usize = 500;
const BLOCKS: usize = 10;
/// A run in which the machine was busy with other things says nothing; an early exit shows in all others.
const RUNS: usize = 6;

static LOOKUP: LazyLock<Lookup> = LazyLock::new(|| Lookup::start().unwrap());

static STACK: LazyLock<Stack> = LazyLock::new(|| {
    Stack::setup()
        .configuration(json!({"token_endpoint": {
            "throttle": {"failures": 1_000_000},
            "lookup": {"pepper": {"inline": "a pepper, so that there is more to compute"}},
        }}))
        .bootstrap(|bootstrap| bootstrap.connect_lookup(Some(LOOKUP.address())))
        .start()
});

/// One way to be refused.
struct Cause {
    name: &'static str,
    request: Request,
}

/// What one run has found, in microseconds.
struct Run {
    /// The median difference to the first cause, for each.
    differences: Vec<f64>,
    /// What a tenth of the run typically has for the second cause, which is the same as the first. The whole run has less, and a
    /// burst of other work on the machine, which spoils some tenths, does not count.
    noise: f64,
}

impl Run {
    fn measure(causes: &[Cause]) -> Self {
        let mut worker = STACK.envoy.connection_to_each_worker().unwrap().remove(0);
        let rounds: Vec<Vec<f64>> = (0..ROUNDS)
            .map(|round| {
                let mut times = vec![0.0; causes.len()];
                // Who comes first, and after whom, changes from round to round.
                for place in 0..causes.len() {
                    let turn = (place + round) % causes.len();
                    let asked = Instant::now();
                    let response = worker.send(&causes[turn].request).unwrap();
                    times[turn] = asked.elapsed().as_secs_f64() * 1e6;
                    assert_eq!(response.status, 401, "{}", causes[turn].name);
                }
                times
            })
            .collect();
        let difference = |rounds: &[Vec<f64>], turn: usize| {
            median(rounds.iter().map(|times| times[turn] - times[0]))
        };
        let tenths = rounds.chunks(ROUNDS / BLOCKS);
        Self {
            noise: median(tenths.map(|tenth| difference(tenth, 1).abs())),
            differences: (0..causes.len())
                .map(|turn| difference(&rounds, turn))
                .collect(),
        }
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Fails where runs that are sharp enough to see the last cause, which is known to be quicker, tell others apart as well, time and again.
#[track_caller]
fn assert_indistinguishable(causes: &[Cause]) {
    // The tests of this file would disturb each other.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut told_apart = 0;
    for _ in 0..RUNS {
        let run = Run::measure(causes);
        let (control, differences) = run.differences.split_last().unwrap();
        let sharp = control.abs() > 3.0 * run.noise;
        println!("noise {:.1} µs, sharp enough: {sharp}", run.noise);
        for (cause, difference) in causes.iter().zip(&run.differences) {
            println!("  {}: {difference:+.1} µs", cause.name);
        }
        let same = |difference: &f64| difference.abs() < control.abs() / 4.0;
        match (sharp, differences.iter().all(same)) {
            (true, true) => return,
            (true, false) => told_apart += 1,
            (false, _) => {}
        }
    }
    assert!(
        told_apart < 2,
        "{told_apart} of {RUNS} runs tell the causes apart: see above"
    );
    println!("the machine is too busy with other things to tell");
}

/// A customer for the lookup service, and a request as them. All codes are of one length.
fn cause(name: &'static str, code: &str, key: &str, customer: Value) -> Cause {
    assert_eq!(code.len(), 8);
    LOOKUP.on(code, Behaviour::Send(reply("200 OK", customer.to_string())));
    Cause {
        name,
        request: token_request(code, key),
    }
}

fn changed(mut customer: Value, change: impl FnOnce(&mut Value)) -> Value {
    change(&mut customer);
    customer
}

#[test]
fn c6_every_cause_takes_the_same_time_even_where_the_caller_makes_hashing_slow() {
    // Hashing a long key takes a good part of the whole request: whoever spares it is seen.
    let key = "k".repeat(15_000);
    let unknown = reply("404 Not Found", r#"{"error":"unknown_client"}"#);
    LOOKUP.on("UNKNOWN1", Behaviour::Send(unknown));
    let causes = [
        cause("wrong key", "WRONG-01", &key, record("WRONG-01", "another")),
        cause(
            "wrong key again",
            "WRONG-02",
            &key,
            record("WRONG-02", "another"),
        ),
        Cause {
            name: "unknown customer",
            request: token_request("UNKNOWN1", &key),
        },
        cause(
            "expired key",
            "EXPIRED1",
            &key,
            changed(record("EXPIRED1", &key), |customer| {
                customer["keys"][0]["expires_at"] = json!(1_000_000_000)
            }),
        ),
        cause(
            "revoked key",
            "REVOKED1",
            &key,
            changed(record("REVOKED1", &key), |customer| {
                customer["keys"][0]["revoked_at"] = json!(1_000_000_000)
            }),
        ),
        cause(
            "disabled account",
            "DISABLED",
            &key,
            changed(record("DISABLED", &key), |customer| {
                customer["enabled"] = json!(false)
            }),
        ),
        cause(
            "no key",
            "NO-KEYS1",
            &key,
            changed(record("NO-KEYS1", &key), |customer| {
                customer["keys"] = json!([])
            }),
        ),
        cause(
            "control: nothing to hash",
            "CONTROL1",
            &format!("k&ignored={key}"),
            record("CONTROL1", "another"),
        ),
    ];
    assert_indistinguishable(&causes);
}

#[test]
fn c6_it_makes_no_difference_which_of_many_keys_it_was() {
    let key = |name: &str, expires_at: u64| json!({"id": "k_1", "hash": sha256(name), "expires_at": expires_at, "revoked_at": null});
    let many = |code: &str, expired_at: Option<usize>| {
        let keys = (0..400).map(|number| match expired_at {
            Some(place) if place == number => key("mine", 1_000_000_000),
            _ => key("another", 2_000_000_000),
        });
        changed(record(code, "x"), |customer| {
            customer["keys"] = keys.collect()
        })
    };
    // A key that can be read in two ways is compared twice with each of them.
    let guess = |name: &'static str, code: &str, customer: Value| Cause {
        request: Request::post("/auth/token")
            .form("grant_type=client_credentials")
            .basic(code, "min%65"),
        ..cause(name, code, "mine", customer)
    };
    let none = |code: &str| many(code, None);
    let causes = [
        guess("wrong key", "MANY-001", none("MANY-001")),
        guess("wrong key again", "MANY-002", none("MANY-002")),
        guess("the first, expired", "MANY-003", many("MANY-003", Some(0))),
        guess("the last, expired", "MANY-004", many("MANY-004", Some(399))),
        guess(
            "control: a fifth fewer",
            "MANY-005",
            changed(none("MANY-005"), |customer| {
                customer["keys"].as_array_mut().unwrap().truncate(320)
            }),
        ),
    ];
    assert_indistinguishable(&causes);
}
