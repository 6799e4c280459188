//! Whatever callers do with the streams of HTTP/2.

use latchkey_tests::{Stack, wait};
use serde_json::json;

use crate::answer::{SERVES, still_serves};
use crate::http2::Http2;
use crate::matrix::Matrix;

const GROUP: &str = "caller, HTTP/2";

const ASK: [(&str, &str); 5] = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/auth/token"),
    (":authority", "a"),
    ("content-type", "application/x-www-form-urlencoded"),
];

const READ: [(&str, &str); 4] = [
    (":method", "GET"),
    (":scheme", "http"),
    (":path", "/products"),
    (":authority", "a"),
];

pub fn run(matrix: &mut Matrix) {
    let stack = Stack::start();
    let customer = stack.customer();
    let (code, key) = (&customer.code, &customer.key.secret);
    let form = format!("grant_type=client_credentials&client_id={code}&client_secret={key}");
    let open = || Http2::open(stack.envoy.address()).expect("a connection");

    let fault = "a form with trailers";
    matrix.row(&stack.envoy, GROUP, fault, &["200"], || {
        let mut caller = open();
        let sent = caller
            .headers(1, &ASK, false)
            .and_then(|()| caller.data(1, form.as_bytes(), false));
        sent.and_then(|()| caller.headers(1, &[("x-trailer", "y")], true))
            .expect("it is sent");
        caller.status(1).expect("an answer").to_string()
    });
    for (fault, sent, end) in [
        ("half a form", &form[..20], false),
        ("a whole token request", &form[..], true),
    ] {
        let fault = format!("{fault} taken back at once, 50 times");
        matrix.row(&stack.envoy, GROUP, fault, &[SERVES], || {
            let mut caller = open();
            for id in (1..).step_by(2).take(50) {
                let sent = caller
                    .headers(id, &ASK, false)
                    .and_then(|()| caller.data(id, sent.as_bytes(), end));
                sent.and_then(|()| caller.reset(id)).expect("it is sent");
            }
            still_serves(&stack)
        });
    }
    reads(matrix, &stack);
}

fn reads(matrix: &mut Matrix, stack: &Stack) {
    let open = || Http2::open(stack.envoy.address()).expect("a connection");
    let bearer = format!("Bearer {}", stack.forge(json!({})));
    let with_token = [&READ[..], &[("authorization", &*bearer)]].concat();
    for (kind, fields) in [("without a token", &READ[..]), ("with one", &with_token)] {
        let fault = format!("rapid reset: 2,000 reads {kind}, each taken back at once");
        let expected = format!("closed by Envoy; {SERVES}");
        matrix.row(&stack.envoy, GROUP, fault, &[&expected], || {
            let mut caller = open();
            for id in (1..).step_by(2).take(2000) {
                let sent = caller.headers(id, fields, true);
                // Once Envoy has had enough, nothing more can be sent.
                if sent.and_then(|()| caller.reset(id)).is_err() {
                    break;
                }
            }
            let closed = match caller.is_closed() {
                true => "closed by Envoy",
                false => "left open",
            };
            format!("{closed}; {}", still_serves(stack))
        });
    }
    let fault = "90 reads at once without a token";
    matrix.row(
        &stack.envoy,
        GROUP,
        fault,
        &["90 answered, 90 refused"],
        || {
            let counter = "wasmcustom.latchkey_requests_total_result=refused_reason=missing_token";
            let before = stack.envoy.stat(counter);
            let mut caller = open();
            let ids: Vec<u32> = (1..).step_by(2).take(90).collect();
            for &id in &ids {
                caller.headers(id, &READ, true).expect("it is sent");
            }
            let answered = caller.heads(ids.len()).expect("an answer to each");
            let refused = wait::wait_for(|| {
                let refused = stack.envoy.stat(counter) - before;
                (refused >= 90).then_some(refused)
            });
            format!("{answered} answered, {} refused", refused.unwrap_or(0))
        },
    );
}
