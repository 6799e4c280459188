//! Every function that the example allows is needed: without it something is missing, and nothing passes unchecked but
//! where it is the check itself that Envoy may not call.

use latchkey_tests::{Connection, Request, Stack, capabilities, files, wait};
use serde_json::json;

use crate::answer::stopped;
use crate::matrix::Matrix;

const GROUP: &str = "sandbox";

/// Envoy notes a call that it does not allow.
const NOTED: &str = "Envoy logs a restricted call";
const NO_START: &str = "Envoy does not start";
const NOTHING: &str = "nothing is missed";

/// Where something else is seen than a line in the log: for what Envoy calls, and what is needed before it starts.
fn expected(name: &str) -> &'static [&'static str] {
    match name {
        "proxy_on_request_headers" => &["200 without a token: never leave it out"],
        "proxy_on_configure" | "proxy_on_context_create" => &["500 without a token"],
        "proxy_on_request_body" | "proxy_on_http_call_response" => &["no token is issued"],
        "proxy_on_tick" => &["what passed is not counted"],
        "proxy_on_request_trailers" => &["an identity header in the trailers passes"],
        // A crash, its last words, and the memory of streams that have ended.
        "proc_exit" | "fd_write" | "proxy_on_delete" => &[NOTHING],
        _ => &[NOTED, NO_START],
    }
}

pub fn run(matrix: &mut Matrix) {
    let module = files::module().expect("the module is built");
    let names = capabilities::of(&module).expect("the module can be read");
    matrix.add(GROUP, "all are allowed", &[NOTHING], || {
        (missed(None), None)
    });
    for name in &names {
        let fault = format!("`{name}` is not allowed");
        matrix.add(GROUP, fault, expected(name), || (missed(Some(name)), None));
    }
}

/// What the whole system cannot do, or does, without a function.
fn missed(name: Option<&str>) -> String {
    let start = || {
        let name = name.map(str::to_owned);
        Stack::setup()
            .bootstrap(move |bootstrap| {
                bootstrap.forward_trailers()?;
                let manager = bootstrap.connection_manager()?;
                manager.insert("stream_idle_timeout".to_owned(), json!("2s"));
                let plugin = bootstrap.plugin()?;
                let allowed =
                    plugin["capability_restriction_config"].get_mut("allowed_capabilities");
                let allowed = allowed.and_then(|allowed| allowed.as_object_mut());
                if let (Some(allowed), Some(name)) = (allowed, name) {
                    allowed.remove(&name).expect("it was allowed");
                }
                Ok(())
            })
            .try_start()
    };
    let Ok(stack) = start() else {
        return NO_START.to_owned();
    };
    let seen = seen(&stack);
    if is_restricted(&stack) {
        return NOTED.to_owned();
    }
    seen
}

fn seen(stack: &Stack) -> String {
    let customer = stack.customer();
    let good = stack.forge(json!({"sub": customer.code}));
    let without = stack.send(Request::get("/products"));
    let with = stack.send(Request::get("/products").bearer(&good));
    let token = stack.request_token(&customer.code, &customer.key.secret);
    if without.response.status == 200 {
        return "200 without a token: never leave it out".to_owned();
    }
    if without.response.status != 401 {
        return format!("{} without a token", without.response.status);
    }
    if with.response.status != 200 || with.upstream.len() != 1 {
        return format!("{} with a valid token", with.response.status);
    }
    if stopped(&token) != "200" {
        return "no token is issued".to_owned();
    }
    nothing_else(stack, &good)
}

fn nothing_else(stack: &Stack, good: &str) -> String {
    let mut caller = Connection::open(stack.envoy.address()).expect("a connection");
    let read = format!(
        "GET /trailers HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {good}\r\nx-test: trailers\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx-customer-code: EVIL\r\n\r\n"
    );
    caller.send_bytes(read.as_bytes()).expect("an answer");
    let seen = stack.upstream.requests_with("x-test", "trailers");
    if seen.iter().any(|request| !request.trailers.is_empty()) {
        return "an identity header in the trailers passes".to_owned();
    }
    // What passes one worker soon after another is counted by its timer.
    for _ in 0..2 {
        let read = Request::get("/products").bearer(good);
        caller.send(&read).expect("an answer");
    }
    let passed = 4.0;
    let counted = || {
        let metrics = stack.envoy.metrics();
        metrics.sum("latchkey_requests_total", &[("result", "allowed")])
    };
    wait::wait_for(|| (counted() >= passed || is_restricted(stack)).then_some(()));
    match counted() >= passed {
        true => NOTHING.to_owned(),
        false => "what passed is not counted".to_owned(),
    }
}

fn is_restricted(stack: &Stack) -> bool {
    stack.envoy.log().contains("Attempted call to restricted")
}
