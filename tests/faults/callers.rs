//! Whatever callers do: a clean answer, and nobody else notices.

use latchkey_tests::{Connection, Request, Stack, token_request};
use serde_json::json;

use crate::answer::{short, still_serves, stopped};
use crate::http2::Http2;
use crate::matrix::Matrix;

const GROUP: &str = "caller";
const SERVES: &str = "all workers serve";

pub fn run(matrix: &mut Matrix) {
    let stack = Stack::setup()
        .bootstrap(|bootstrap| {
            let manager = bootstrap.connection_manager()?;
            manager.insert(
                "http_protocol_options".into(),
                json!({"enable_trailers": true}),
            );
            // Half a body and then silence must meet the filter's own limit, not Envoy's.
            manager.insert("stream_idle_timeout".into(), json!("60s"));
            Ok(())
        })
        .start();
    let customer = stack.customer();
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        customer.code, customer.key.secret
    );
    let head = format!(
        "POST /auth/token HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n",
        form.len()
    );
    let good = stack.forge(json!({}));
    let open = || Connection::open(stack.envoy.address()).expect("a connection");

    for (stage, sent) in [
        ("half of the head", head[..40].to_owned()),
        ("the head", head.clone()),
        ("half of the body", format!("{head}{}", &form[..20])),
        (
            "the whole request, without reading",
            format!("{head}{form}"),
        ),
    ] {
        matrix.row(
            &stack.envoy,
            GROUP,
            format!("a hundred callers go away after {stage}"),
            &[SERVES],
            || {
                for _ in 0..100 {
                    open().write(sent.as_bytes()).expect("it is sent");
                }
                still_serves(&stack)
            },
        );
    }
    matrix.row(
        &stack.envoy,
        GROUP,
        "half a body, then silence",
        &["408 invalid_request"],
        || {
            let mut caller = open();
            caller.write(head.as_bytes()).expect("it is sent");
            short(
                &caller
                    .send_bytes(&form.as_bytes()[..20])
                    .expect("an answer"),
            )
        },
    );
    matrix.row(
        &stack.envoy,
        GROUP,
        "a body a byte at a time",
        &["200"],
        || {
            let mut caller = open();
            caller.write(head.as_bytes()).expect("it is sent");
            let (last, bytes) = form.as_bytes().split_last().expect("a form");
            for byte in bytes {
                caller.write(&[*byte]).expect("it is sent");
            }
            short(&caller.send_bytes(&[*last]).expect("an answer"))
        },
    );
    for (count, expected) in [(90, "200"), (100, "431")] {
        matrix.row(
            &stack.envoy,
            GROUP,
            format!("{count} headers more, with a valid token"),
            &[expected],
            || {
                let headers = (0..count).fold(
                    Request::get("/products").bearer(&good),
                    |request, number| request.header(format!("x-{number}"), "y"),
                );
                short(&stack.send(headers).response)
            },
        );
    }
    matrix.row(
        &stack.envoy,
        GROUP,
        "90 headers more, without a token",
        &["401 invalid_token"],
        || {
            let headers = (0..90).fold(Request::get("/products"), |request, number| {
                request.header(format!("x-{number}"), "y")
            });
            stopped(&stack.send(headers))
        },
    );
    let read = |token: &str| format!("GET /products HTTP/1.1\r\nhost: a\r\n{token}\r\n");
    let bearer = format!("authorization: Bearer {good}\r\n");
    let token = format!("{head}{form}");
    for (packet, expected) in [
        ([read(""), token.clone(), read("")], &["401 200 401"][..]),
        (
            [read(&bearer), token.clone(), read(&bearer)],
            &["200 200 200"],
        ),
        // Envoy may close after an answer of its own or of a filter; what it has read is never passed on unchecked.
        (
            [read(&bearer), read(""), token],
            &["200 401 200", "200 401 0"],
        ),
    ] {
        let fault = format!("three requests in one packet: {}", expected[0]);
        matrix.row(&stack.envoy, GROUP, fault, expected, || {
            let mut caller = open();
            caller
                .write(packet.concat().as_bytes())
                .expect("it is sent");
            let answers = packet.iter().map(|_| caller.send_bytes(b""));
            let statuses =
                answers.map(|answer| answer.map_or(0, |answer| answer.status).to_string());
            statuses.collect::<Vec<_>>().join(" ")
        });
    }
    matrix.row(
        &stack.envoy,
        GROUP,
        "trailers after a chunked form",
        &["200"],
        || {
            let chunked = head.replace(
                &format!("content-length: {}", form.len()),
                "transfer-encoding: chunked",
            );
            let body = format!("{:x}\r\n{form}\r\n0\r\nx-trailer: y\r\n\r\n", form.len());
            short(
                &open()
                    .send_bytes(format!("{chunked}{body}").as_bytes())
                    .expect("an answer"),
            )
        },
    );
    matrix.row(
        &stack.envoy,
        GROUP,
        "Expect: 100-continue",
        &["100, then 200"],
        || {
            let mut caller = open();
            let expecting = head.replace("host: a", "host: a\r\nexpect: 100-continue");
            let first = caller
                .send_bytes(expecting.as_bytes())
                .expect("an answer")
                .status;
            let second = caller
                .send_bytes(form.as_bytes())
                .expect("an answer")
                .status;
            format!("{first}, then {second}")
        },
    );
    for (what, request, expected) in [
        (
            "without a token",
            Request::get("/products"),
            &["401 invalid_token", "403"][..],
        ),
        (
            "with a valid token, where Envoy is not told to upgrade",
            Request::get("/products").bearer(&good),
            &["403"],
        ),
        (
            "of the token endpoint",
            token_request(&customer.code, &customer.key.secret),
            &["403"],
        ),
    ] {
        matrix.row(
            &stack.envoy,
            GROUP,
            format!("an upgrade to WebSocket {what}"),
            expected,
            || {
                stopped(
                    &stack.send(
                        request
                            .header("connection", "upgrade")
                            .header("upgrade", "websocket"),
                    ),
                )
            },
        );
    }
    http2(matrix, &stack, &form, &good);
}

fn http2(matrix: &mut Matrix, stack: &Stack, form: &str, good: &str) {
    let address = stack.envoy.address();
    let ask = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/auth/token"),
        (":authority", "a"),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let bearer = format!("Bearer {good}");
    let read = [
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/products"),
        (":authority", "a"),
    ];
    matrix.row(
        &stack.envoy,
        GROUP,
        "HTTP/2: a form with trailers",
        &["200"],
        || {
            let mut caller = Http2::open(address).expect("a connection");
            let sent = caller
                .headers(1, &ask, false)
                .and_then(|()| caller.data(1, form.as_bytes(), false));
            sent.and_then(|()| caller.headers(1, &[("x-trailer", "y")], true))
                .expect("it is sent");
            caller.status(1).expect("an answer").to_string()
        },
    );
    matrix.row(
        &stack.envoy,
        GROUP,
        "HTTP/2: half a form taken back, 50 times",
        &["all workers serve"],
        || {
            let mut caller = Http2::open(address).expect("a connection");
            for number in 0..50 {
                let id = 2 * number + 1;
                let sent = caller
                    .headers(id, &ask, false)
                    .and_then(|()| caller.data(id, &form.as_bytes()[..20], false));
                sent.and_then(|()| caller.reset(id)).expect("it is sent");
            }
            still_serves(stack)
        },
    );
    matrix.row(
        &stack.envoy,
        GROUP,
        "HTTP/2: a whole token request taken back during its lookup, 50 times",
        &["all workers serve"],
        || {
            let mut caller = Http2::open(address).expect("a connection");
            for number in 0..50 {
                let id = 2 * number + 1;
                let sent = caller
                    .headers(id, &ask, false)
                    .and_then(|()| caller.data(id, form.as_bytes(), true));
                sent.and_then(|()| caller.reset(id)).expect("it is sent");
            }
            still_serves(stack)
        },
    );
    matrix.row(
        &stack.envoy,
        GROUP,
        "HTTP/2: rapid reset, 2,000 reads opened and taken back",
        &["closed by Envoy; all workers serve"],
        || {
            let mut caller = Http2::open(address).expect("a connection");
            let with_token = [&read[..], &[("authorization", &*bearer)]].concat();
            for number in 0..2000 {
                let id = 2 * number + 1;
                // Once Envoy has had enough, nothing more can be sent.
                if caller
                    .headers(id, &with_token, true)
                    .and_then(|()| caller.reset(id))
                    .is_err()
                {
                    break;
                }
            }
            let closed = if caller.closed() {
                "closed by Envoy"
            } else {
                "open"
            };
            format!("{closed}; {}", still_serves(stack))
        },
    );
    matrix.row(
        &stack.envoy,
        GROUP,
        "HTTP/2: 90 reads at once without a token",
        &["90 × 401"],
        || {
            let mut caller = Http2::open(address).expect("a connection");
            let ids: Vec<u32> = (0..90).map(|number| 2 * number + 1).collect();
            for &id in &ids {
                caller.headers(id, &read, true).expect("it is sent");
            }
            // Every answer has the same head, so all but the first come as references to it.
            let first = caller.status(1).expect("an answer");
            let refused = || {
                stack
                    .envoy
                    .stat("wasmcustom.latchkey_requests_total_result=refused_reason=missing_token")
            };
            latchkey_tests::wait::until("all are answered", || refused() >= 90);
            format!("{} × {first}", ids.len())
        },
    );
}
