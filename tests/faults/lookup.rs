//! Whatever the lookup service does: 503 in time, never a token (D9).

use latchkey_tests::lookup::{record, reply};
use latchkey_tests::{Behaviour, Connection, Lookup, Stack, token_request, wait};
use serde_json::json;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::answer::{SERVES, still_serves, stopped};
use crate::matrix::Matrix;

const CODE: &str = "ACME01";
const KEY: &str = "lk_the-key-of-every-customer-here";
const TIMEOUT: Duration = Duration::from_millis(500);
const OUTAGE: &str = "503 temporarily_unavailable in time";
const GROUP: &str = "lookup";

pub fn run(matrix: &mut Matrix) {
    let lookup = Lookup::start().expect("a port");
    let address = lookup.address();
    let stack = Stack::setup()
        .configuration(json!({"token_endpoint": {"lookup": {"timeout_ms": TIMEOUT.as_millis()}}}))
        .bootstrap(move |bootstrap| bootstrap.connect_lookup(Some(address)))
        .start();
    let good = reply("200 OK", record(CODE, KEY).to_string());
    lookup.on(CODE, Behaviour::Send(good.clone()));
    matrix.row(
        &stack.envoy,
        GROUP,
        "none, so that the rest means something",
        &["200"],
        || stopped(&stack.request_token(CODE, KEY)),
    );
    for (fault, behaviour) in behaviours(&good) {
        lookup.on(CODE, behaviour);
        matrix.row(&stack.envoy, GROUP, fault, &[OUTAGE], || in_time(&stack));
    }
    lookup.on(CODE, Behaviour::Hold(good.clone()));
    matrix.row(
        &stack.envoy,
        GROUP,
        "a hundred callers gone before the answer",
        &[SERVES],
        || {
            for _ in 0..100 {
                let before = lookup.seen(CODE).len();
                let mut caller = Connection::open(stack.envoy.address()).expect("a connection");
                let ask = token_request(CODE, KEY);
                caller.start(&ask).expect("it is sent");
                wait::until("the lookup is under way", || {
                    lookup.seen(CODE).len() > before
                });
            }
            lookup.release(CODE);
            still_serves(&stack)
        },
    );
    unreachable_ones(matrix);
}

fn behaviours(good: &[u8]) -> Vec<(String, Behaviour)> {
    let mut all = vec![
        ("never answers", Behaviour::Silence),
        ("one byte a second", Behaviour::Drip(good.to_vec())),
        (
            "stops in the middle of the body",
            Behaviour::Send(good[..good.len() - 9].to_vec()),
        ),
        ("reset before the head", Behaviour::Reset(Vec::new())),
        (
            "reset in the middle of the head",
            Behaviour::Reset(good[..20].to_vec()),
        ),
        (
            "reset in the middle of the body",
            Behaviour::Reset(good[..good.len() - 9].to_vec()),
        ),
        ("no HTTP", Behaviour::Reset(b"hello\r\n\r\n".to_vec())),
    ]
    .into_iter()
    .map(|(fault, behaviour)| (fault.to_owned(), behaviour))
    .collect::<Vec<_>>();
    let text = record(CODE, KEY).to_string();
    for status in [
        "204 No Content",
        "301 Moved",
        "401 Unauthorized",
        "403 Forbidden",
        "429 Too Many",
        "500 Error",
        "503 Busy",
    ] {
        let bytes = match status {
            "204 No Content" => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
            _ => reply(status, &text),
        };
        all.push((
            format!("{} with a good record", &status[..3]),
            Behaviour::Send(bytes),
        ));
    }
    let padded = |size: usize| {
        let mut record = record(CODE, KEY);
        record["later"] = json!("x".repeat(size));
        record.to_string()
    };
    for (fault, body) in [
        ("an empty body", String::new()),
        ("`null`", "null".to_owned()),
        ("HTML", "<html>It works!</html>".to_owned()),
        ("10,000 open brackets", "[".repeat(10_000)),
        ("a record cut short", text[..text.len() - 1].to_owned()),
        ("another customer's record", text.replace(CODE, "OTHER")),
        (
            "`enabled` twice",
            text.replace(r#""enabled":true"#, r#""enabled":true,"enabled":false"#),
        ),
        ("`enabled` as text", text.replace("true", "\"true\"")),
        ("no `expires_at`", text.replace("expires_at", "expires")),
        ("64 KiB and more", padded(64 << 10)),
        ("1 MiB", padded(1 << 20)),
    ] {
        all.push((
            format!("200 with {fault}"),
            Behaviour::Send(reply("200 OK", body)),
        ));
    }
    all
}

/// A late answer may be the machine's fault once, not five times.
fn in_time(stack: &Stack) -> String {
    let mut last = String::new();
    for _ in 0..5 {
        let asked = Instant::now();
        let seen = stopped(&stack.request_token(CODE, KEY));
        let took = asked.elapsed();
        if took < TIMEOUT + Duration::from_millis(100) {
            return format!("{seen} in time");
        }
        last = format!("{seen} after {} ms", took.as_millis());
    }
    last
}

fn unreachable_ones(matrix: &mut Matrix) {
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    for (fault, address) in [
        ("refuses connections", Some(nobody.expect("a port"))),
        ("has no endpoint", None),
    ] {
        let stack = Stack::setup()
            .bootstrap(move |bootstrap| bootstrap.connect_lookup(address))
            .start();
        matrix.row(&stack.envoy, GROUP, fault, &[OUTAGE], || in_time(&stack));
    }
    let stack = Stack::setup()
        .configuration(json!({"token_endpoint": {"lookup": {"cluster": "no_such_cluster"}}}))
        .start();
    matrix.row(
        &stack.envoy,
        GROUP,
        "a cluster that Envoy does not know",
        &[OUTAGE],
        || in_time(&stack),
    );
    matrix.row(
        &stack.envoy,
        GROUP,
        "valid tokens, while no lookup works",
        &[SERVES],
        || still_serves(&stack),
    );
    let stack = Stack::setup()
        .environment("LATCHKEY_LOOKUP_TOKEN", "not-the-right-service-token")
        .start();
    matrix.row(
        &stack.envoy,
        GROUP,
        "the store rejects the filter's service token",
        &["503 temporarily_unavailable"],
        || {
            let customer = stack.customer();
            stopped(&stack.request_token(&customer.code, &customer.key.secret))
        },
    );
}
