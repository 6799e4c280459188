//! Whatever callers do over HTTP/1.1: a clean answer, and nobody else notices.

use latchkey_tests::{Bootstrap, Connection, Request, Stack, token_request};
use serde_json::json;

use crate::answer::{SERVES, short, still_serves, stopped};
use crate::matrix::Matrix;

const GROUP: &str = "caller";

/// A customer's token request in pieces, and a token.
struct Pieces {
    head: String,
    form: String,
    good: String,
}

pub fn run(matrix: &mut Matrix) {
    let stack = Stack::setup().bootstrap(take_anything).start();
    let customer = stack.customer();
    let (code, key) = (&customer.code, &customer.key.secret);
    let form = format!("grant_type=client_credentials&client_id={code}&client_secret={key}");
    let size = form.len();
    let head = format!(
        "POST /auth/token HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {size}\r\n\r\n"
    );
    let good = stack.forge(json!({}));
    let pieces = Pieces { head, form, good };
    leaving(matrix, &stack, &pieces);
    slow(matrix, &stack, &pieces);
    many_headers(matrix, &stack, &pieces.good);
    pipelining(matrix, &stack, &pieces);
    framing(matrix, &stack, &pieces);
    upgrades(matrix, &stack, &token_request(code, key), &pieces.good);
}

/// Nothing that the filter must bear is to be stopped by Envoy before.
fn take_anything(bootstrap: &mut Bootstrap) -> anyhow::Result<()> {
    bootstrap.forward_trailers()?;
    let manager = bootstrap.connection_manager()?;
    let websocket = json!([{"upgrade_type": "websocket"}]);
    manager.insert("upgrade_configs".to_owned(), websocket);
    Ok(())
}

fn open(stack: &Stack) -> Connection {
    Connection::open(stack.envoy.address()).expect("a connection")
}

fn leaving(matrix: &mut Matrix, stack: &Stack, pieces: &Pieces) {
    let Pieces { head, form, good } = pieces;
    let read = format!("GET /products HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {good}\r\n\r\n");
    for (stage, sent) in [
        ("half of the head", head[..40].to_owned()),
        ("the head", head.clone()),
        ("half of the body", format!("{head}{}", &form[..20])),
        ("a whole token request", format!("{head}{form}")),
        ("a whole read", read),
    ] {
        let fault = format!("a hundred callers go away after {stage}");
        matrix.row(&stack.envoy, GROUP, fault, &[SERVES], || {
            for _ in 0..100 {
                open(stack).write(sent.as_bytes()).expect("it is sent");
            }
            still_serves(stack)
        });
    }
}

fn slow(matrix: &mut Matrix, stack: &Stack, pieces: &Pieces) {
    let Pieces { head, form, .. } = pieces;
    let fault = "half a body, then silence";
    matrix.row(&stack.envoy, GROUP, fault, &["408 invalid_request"], || {
        let mut caller = open(stack);
        let half = format!("{head}{}", &form[..20]);
        short(&caller.send_bytes(half.as_bytes()).expect("an answer"))
    });
    let fault = "a body a byte at a time";
    matrix.row(&stack.envoy, GROUP, fault, &["200"], || {
        let mut caller = open(stack);
        caller.write(head.as_bytes()).expect("it is sent");
        let (last, bytes) = form.as_bytes().split_last().expect("a form");
        for byte in bytes {
            caller.write(&[*byte]).expect("it is sent");
        }
        short(&caller.send_bytes(&[*last]).expect("an answer"))
    });
}

fn many_headers(matrix: &mut Matrix, stack: &Stack, good: &str) {
    let with = |count: usize, request: Request| {
        (0..count).fold(request, |request, number| {
            request.header(format!("x-{number}"), "y")
        })
    };
    // With the five that every request has, Envoy's limit of a hundred lies between.
    for (count, expected) in [(90, "200"), (100, "431")] {
        let fault = format!("{count} headers more, with a valid token");
        matrix.row(&stack.envoy, GROUP, fault, &[expected], || {
            let request = Request::get("/products").bearer(good);
            short(&stack.send(with(count, request)).response)
        });
    }
    let fault = "90 headers more, without a token";
    matrix.row(&stack.envoy, GROUP, fault, &["401 invalid_token"], || {
        stopped(&stack.send(with(90, Request::get("/products"))))
    });
    let fault = "90 `authorization` headers, each with a valid token";
    matrix.row(&stack.envoy, GROUP, fault, &["401 invalid_token"], || {
        let request = Request::get("/products");
        let request = (0..90).fold(request, |request, _| request.bearer(good));
        stopped(&stack.send(request))
    });
}

fn pipelining(matrix: &mut Matrix, stack: &Stack, pieces: &Pieces) {
    let read = |token: &str| format!("GET /products HTTP/1.1\r\nhost: a\r\n{token}\r\n");
    let bearer = format!("authorization: Bearer {}\r\n", pieces.good);
    let token = format!("{}{}", pieces.head, pieces.form);
    for (packet, expected) in [
        ([read(""), token.clone(), read("")], &["401 200 401"][..]),
        (
            [read(&bearer), token.clone(), read(&bearer)],
            &["200 200 200"],
        ),
        // Envoy may close after an answer of the filter's own: then the rest is lost, and never passed on unchecked.
        (
            [read(&bearer), read(""), token],
            &["200 401 200", "200 401 none"],
        ),
    ] {
        let fault = format!(
            "three requests in one packet, to be answered {}",
            expected[0]
        );
        matrix.row(&stack.envoy, GROUP, fault, expected, || {
            let mut caller = open(stack);
            let bytes = packet.concat();
            caller.write(bytes.as_bytes()).expect("it is sent");
            let answers = packet.iter().map(|_| caller.send_bytes(b""));
            let statuses = answers.map(|answer| match answer {
                Ok(answer) => answer.status.to_string(),
                Err(_) => "none".to_owned(),
            });
            statuses.collect::<Vec<_>>().join(" ")
        });
    }
}

fn framing(matrix: &mut Matrix, stack: &Stack, pieces: &Pieces) {
    let Pieces { head, form, good } = pieces;
    let length = format!("content-length: {}", form.len());
    let fault = "trailers after the form";
    matrix.row(&stack.envoy, GROUP, fault, &["200"], || {
        let chunked = head.replace(&length, "transfer-encoding: chunked");
        let size = form.len();
        let body = format!("{size:x}\r\n{form}\r\n0\r\nx-trailer: y\r\n\r\n");
        let sent = format!("{chunked}{body}");
        short(&open(stack).send_bytes(sent.as_bytes()).expect("an answer"))
    });
    let fault = "trailers in the place of the form";
    matrix.row(
        &stack.envoy,
        GROUP,
        fault,
        &["400 unsupported_grant_type"],
        || {
            let chunked = head.replace(&length, "transfer-encoding: chunked");
            let sent = format!("{chunked}0\r\nx-trailer: {form}\r\n\r\n");
            short(&open(stack).send_bytes(sent.as_bytes()).expect("an answer"))
        },
    );
    let fault = "an identity header in the trailers of a read";
    matrix.row(&stack.envoy, GROUP, fault, &["200, without it"], || {
        let sent = format!(
            "GET /products HTTP/1.1\r\nhost: a\r\nx-test: trailer-fault\r\nauthorization: Bearer {good}\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx-customer-code: EVIL\r\n\r\n"
        );
        let answer = open(stack).send_bytes(sent.as_bytes()).expect("an answer");
        let seen = stack.upstream.requests_with("x-test", "trailer-fault");
        match &seen[..] {
            [request] if request.trailers.is_empty() => format!("{}, without it", answer.status),
            other => format!("{}, and the upstream saw {other:?}", answer.status),
        }
    });
    let fault = "`Expect: 100-continue`";
    matrix.row(&stack.envoy, GROUP, fault, &["100, then 200"], || {
        let mut caller = open(stack);
        let expecting = head.replace("host: a", "host: a\r\nexpect: 100-continue");
        let [first, second] = [&expecting, form]
            .map(|sent| short(&caller.send_bytes(sent.as_bytes()).expect("an answer")));
        format!("{first}, then {second}")
    });
}

/// Envoy is told to let callers upgrade, so the filter decides.
fn upgrades(matrix: &mut Matrix, stack: &Stack, token_request: &Request, good: &str) {
    let read = Request::get("/products");
    for (fault, protocol, request, expected) in [
        (
            "to WebSocket without a token",
            "websocket",
            read.clone(),
            "401 invalid_token",
        ),
        // The upstream does not know WebSocket, and answers as to any other request.
        (
            "to WebSocket with a valid token",
            "websocket",
            read.clone().bearer(good),
            "200, from the upstream",
        ),
        // What is upgraded has no end, so neither has the form.
        (
            "of the token endpoint to WebSocket",
            "websocket",
            token_request.clone(),
            "408 invalid_request",
        ),
        (
            "to HTTP/2 without a token",
            "h2c",
            read.clone(),
            "401 invalid_token",
        ),
        (
            "to what Envoy does not know, without a token",
            "other",
            read,
            "403",
        ),
    ] {
        let fault = format!("an upgrade {fault}");
        matrix.row(&stack.envoy, GROUP, fault, &[expected], || {
            let request = request
                .header("connection", "upgrade")
                .header("upgrade", protocol);
            let exchange = stack.send(request);
            match exchange.upstream.len() {
                0 => short(&exchange.response),
                _ => format!("{}, from the upstream", exchange.response.status),
            }
        });
    }
}
