//! How the filter waits for the form, on hosts of either kind, and what it makes of the transport (C14, D19).

use anyhow::Result;
use latchkey_tests::{Bootstrap, Connection, Request, Stack, token_request, wait};
use serde_json::json;

/// `on_headers: continue`, with the buffer filter after this one, as its documentation wants it.
fn continue_into_buffer(bootstrap: &mut Bootstrap) -> Result<()> {
    bootstrap
        .plugin()?
        .remove("allow_on_headers_stop_iteration");
    let filters = bootstrap.connection_manager()?["http_filters"]
        .as_array_mut()
        .unwrap();
    filters.insert(
        1,
        json!({
            "name": "envoy.filters.http.buffer",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer",
                "max_request_bytes": 65536,
            },
        }),
    );
    Ok(())
}

fn continuing() -> Stack {
    Stack::setup()
        .configuration(json!({"token_endpoint": {"on_headers": "continue"}}))
        .bootstrap(continue_into_buffer)
        .start()
}

#[test]
fn d19_without_stop_iteration_on_the_host_a_token_request_gets_500_and_the_log_says_what_to_set() {
    let stack = Stack::setup()
        .bootstrap(|bootstrap| {
            bootstrap
                .plugin()?
                .remove("allow_on_headers_stop_iteration");
            Ok(())
        })
        .start();
    let customer = stack.customer();
    let exchange = stack.request_token(&customer.code, &customer.key.secret);
    let response = exchange.stopped();
    assert_eq!(response.status, 500, "{response:?}");
    assert_eq!(response.json()["error"], "server_error");
    assert_eq!(response.value("cache-control"), Some("no-store"));
    let log = stack.envoy.log();
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("reason=host_misconfigured"))
        .collect();
    let [line] = lines[..] else {
        panic!("{} lines name it:\n{log}", lines.len())
    };
    for text in [
        "warn",
        "allow_on_headers_stop_iteration: true",
        "envoy.filters.http.buffer",
    ] {
        assert!(line.contains(text), "{line}");
    }
    // What needs no body is answered, and a valid token still opens.
    assert_eq!(
        stack.send(Request::get("/auth/token")).stopped().status,
        405
    );
    let read = Request::get("/products").bearer(&stack.forge(json!({})));
    assert_eq!(stack.send(read).response.status, 200);
}

#[test]
fn d8_a_body_that_does_not_come_is_answered_where_the_host_is_known_to_bring_bodies() {
    let stack = Stack::start();
    let mut worker = stack.envoy.connection_to_each_worker().unwrap().remove(0);
    assert_eq!(
        worker.send(&token_request("NOBODY", "x")).unwrap().status,
        401
    );
    let head = "POST /auth/token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 99\r\n\r\n";
    let response = worker
        .send_bytes(format!("{head}grant_type=").as_bytes())
        .unwrap();
    assert_eq!(response.status, 408, "{response:?}");
    assert_eq!(response.json()["error"], "invalid_request");
    assert_eq!(response.value("cache-control"), Some("no-store"));
    let counted = "wasmcustom.latchkey_token_requests_total_result=refused_reason=body_timeout";
    assert_eq!(stack.envoy.stat(counted), 1);
    assert!(!stack.envoy.log().contains("host_misconfigured"));
}

#[test]
fn d19_with_the_buffer_filter_after_it_tokens_are_issued_and_nothing_of_the_request_goes_on() {
    let stack = continuing();
    let customer = stack.customer();
    let token = stack.token(&customer);
    assert_eq!(
        stack
            .send(Request::get("/products").bearer(&token))
            .response
            .status,
        200
    );
    let before = stack.upstream.count();

    for (request, status) in [
        (token_request(&customer.code, &customer.key.secret), 200),
        (token_request(&customer.code, "wrong"), 401),
        (token_request("NOBODY", "x"), 401),
        (
            Request::post("/auth/token").form("grant_type=password"),
            400,
        ),
        (Request::post("/auth/token").form(""), 400),
        (Request::post("/auth/token").form("a".repeat(20_000)), 413),
        (Request::post("/auth/token").form("a".repeat(200_000)), 413),
        (Request::post("/auth/token").body("{}"), 400),
        (Request::get("/auth/token"), 405),
    ] {
        let exchange = stack.send(request);
        assert_eq!(exchange.stopped().status, status, "{:?}", exchange.response);
    }
    // In pieces, and broken off in the middle.
    let head = "POST /auth/token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\ntransfer-encoding: chunked\r\n\r\n";
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        customer.code, customer.key.secret
    );
    let (first, second) = form.split_at(20);
    let mut connection = Connection::open(stack.envoy.address()).unwrap();
    connection
        .write(format!("{head}{:x}\r\n{first}\r\n", first.len()).as_bytes())
        .unwrap();
    let rest = format!("{:x}\r\n{second}\r\n0\r\n\r\n", second.len());
    assert_eq!(connection.send_bytes(rest.as_bytes()).unwrap().status, 200);
    let mut connection = Connection::open(stack.envoy.address()).unwrap();
    connection
        .write(format!("{head}{:x}\r\n{first}\r\n", first.len()).as_bytes())
        .unwrap();
    let active = || stack.envoy.stat("http.api.downstream_rq_active");
    wait::until("the broken request is there", || active() > 0);
    drop(connection);
    wait::until("the broken request is gone", || active() == 0);

    stack.store.stop();
    let exchange = stack.request_token(&customer.code, &customer.key.secret);
    assert_eq!(exchange.stopped().status, 503, "{:?}", exchange.response);
    assert_eq!(
        stack.upstream.count(),
        before,
        "a token request reached the upstream"
    );
}

#[test]
fn d19_with_the_buffer_filter_after_it_other_requests_pass_with_their_bodies() {
    let stack = Stack::setup()
        .configuration(json!({"token_endpoint": {"on_headers": "continue"}, "access": []}))
        .bootstrap(continue_into_buffer)
        .start();
    let request = Request::post("/orders")
        .bearer(&stack.forge(json!({})))
        .body("a body");
    let exchange = stack.send(request);
    assert_eq!(exchange.reached().body, b"a body");
    assert_eq!(
        stack
            .send(Request::post("/orders").body("a body"))
            .stopped()
            .status,
        401
    );
}

/// Behind a proxy that ends TLS, and says so.
fn behind_tls_proxy(bootstrap: &mut Bootstrap) -> Result<()> {
    bootstrap
        .connection_manager()?
        .insert("xff_num_trusted_hops".into(), json!(1));
    Ok(())
}

#[test]
fn c14_where_https_is_required_a_token_request_over_plain_http_is_refused_and_told_why() {
    let stack = Stack::setup()
        .configuration(json!({"token_endpoint": {"require_https": true}}))
        .bootstrap(behind_tls_proxy)
        .start();
    let customer = stack.customer();
    let ask = || token_request(&customer.code, &customer.key.secret);
    let https = ask().header("x-forwarded-proto", "https");
    assert_eq!(stack.send(https).stopped().status, 200);
    for plain in [
        ask(),
        ask().header("x-forwarded-proto", "http"),
        ask().header("x-forwarded-proto", "https, http"),
        ask().header("x-forwarded-proto", ""),
    ] {
        let exchange = stack.send(plain);
        let response = exchange.stopped();
        assert_eq!(response.status, 400, "{response:?}");
        assert_eq!(response.json()["error"], "invalid_request");
        assert!(
            response.json()["error_description"]
                .as_str()
                .unwrap()
                .contains("HTTPS"),
            "{response:?}"
        );
    }
    // It is about credentials: a token that is already there is the caller's own affair.
    let read = Request::get("/products").bearer(&stack.forge(json!({})));
    assert_eq!(stack.send(read).response.status, 200);
}

#[test]
fn c14_at_the_edge_a_callers_own_word_for_https_is_not_believed() {
    let stack = Stack::setup()
        .configuration(json!({"token_endpoint": {"require_https": true}}))
        .start();
    let customer = stack.customer();
    let claimed =
        token_request(&customer.code, &customer.key.secret).header("x-forwarded-proto", "https");
    let exchange = stack.send(claimed);
    assert_eq!(exchange.stopped().status, 400, "{:?}", exchange.response);
}

#[test]
fn c14_without_the_requirement_plain_http_is_served() {
    let stack = Stack::setup().bootstrap(behind_tls_proxy).start();
    let customer = stack.customer();
    let plain =
        token_request(&customer.code, &customer.key.secret).header("x-forwarded-proto", "http");
    assert_eq!(stack.send(plain).stopped().status, 200);
}
