//! Answers to gRPC callers, report mode, and a token that stays behind.

use anyhow::Context;
use latchkey_tests::{Bootstrap, Exchange, Request, Response, Stack, now};
use serde_json::{Value, json};
use std::sync::LazyLock;

static STACK: LazyLock<Stack> = LazyLock::new(|| {
    Stack::setup()
        .configuration(json!({
            "access": [
                {"match": {"path": "/healthz"}, "allow": "public"},
                {"match": {"prefix": "/admin"}, "require": {"scope": ["admin"]}},
                {"match": {"prefix": "/denied"}, "deny": true},
                {"match": {}, "require": {"scope": ["read"]}},
            ],
            "identity": {"headers": {"x-customer-code": "sub", "x-level": "level"}},
        }))
        .bootstrap(|bootstrap| {
            let example = bootstrap.0.clone();
            let changed = |patch: Value| {
                let mut other = Bootstrap(example.clone());
                other.merge_configuration(&patch)?;
                anyhow::Ok(other)
            };
            let strip = json!({"identity": {"authorization": "strip"}});
            bootstrap.add_listener("strip", changed(strip)?)?;
            bootstrap.add_listener("report", changed(json!({"mode": "report"}))?)?;
            let mut cors = Bootstrap(example.clone());
            answer_preflights(&mut cors)?;
            bootstrap.add_listener("cors", cors)
        })
        .start()
});

/// Envoy's CORS filter before ours, as docs/verification.md advises.
fn answer_preflights(bootstrap: &mut Bootstrap) -> anyhow::Result<()> {
    let manager = bootstrap.connection_manager()?;
    let filters = manager["http_filters"]
        .as_array_mut()
        .context("http_filters")?;
    filters.insert(0, json!({
        "name": "envoy.filters.http.cors",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors"},
    }));
    manager["route_config"]["virtual_hosts"][0]["typed_per_filter_config"] = json!({
        "envoy.filters.http.cors": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy",
            "allow_origin_string_match": [{"exact": "https://shop.example.com"}],
            "allow_methods": "GET",
            "allow_headers": "authorization",
        },
    });
    Ok(())
}

fn send(listener: &str, request: Request) -> Exchange {
    STACK.send_to(STACK.envoy.listener(listener), request)
}

/// A call as gRPC has it, over HTTP/1.1.
fn call(path: &str) -> Request {
    Request::post(path)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body([0, 0, 0, 0, 0])
}

#[track_caller]
fn assert_trailers_only(response: &Response, status: &str) {
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(
        response.values("grpc-status"),
        [status.as_bytes()],
        "{response:?}"
    );
    assert_eq!(
        response.values("content-type"),
        [b"application/grpc"],
        "{response:?}"
    );
    assert!(response.body.is_empty(), "{response:?}");
    assert!(response.value("grpc-message").is_some(), "{response:?}");
}

#[test]
fn d11_a_grpc_call_without_a_good_token_gets_status_16_in_trailers_alone() {
    let strange = Request::post("/shop.Products/List");
    assert_eq!(STACK.send(strange).stopped().status, 401);
    for request in [
        call("/shop.Products/List"),
        call("/shop.Products/List").bearer("x"),
        call("/shop.Products/List").bearer(&STACK.forge(json!({"exp": 1}))),
    ] {
        let exchange = STACK.send(request);
        assert_trailers_only(exchange.stopped(), "16");
        assert_eq!(exchange.response.values("www-authenticate").len(), 1);
    }
}

#[test]
fn d12_a_grpc_call_that_a_good_token_does_not_allow_gets_status_7() {
    let token = STACK.forge(json!({}));
    for path in ["/admin.Users/List", "/denied.Service/Call"] {
        let exchange = STACK.send(call(path).bearer(&token));
        assert_trailers_only(exchange.stopped(), "7");
    }
}

#[test]
fn c12_a_grpc_call_with_a_good_token_goes_through() {
    let exchange = STACK.send(call("/shop.Products/List").bearer(&STACK.forge(json!({}))));
    assert_eq!(exchange.reached().value("x-customer-code"), Some("ACME01"));
}

#[test]
fn report_mode_refuses_nothing_and_gives_identity_to_valid_tokens_only() {
    let good = STACK.forge(json!({}));
    let spoofed = |request: Request| {
        request
            .header("x-customer-code", "EVIL")
            .header("x-level", "EVIL")
    };
    for (request, code) in [
        (Request::get("/products").bearer(&good), Some("ACME01")),
        (Request::get("/products"), None),
        (Request::get("/products").bearer("x"), None),
        (
            Request::get("/products").header("authorization", "Basic x"),
            None,
        ),
        (
            Request::get("/products").bearer(&STACK.forge(json!({"exp": now() - 1}))),
            None,
        ),
        (
            Request::get("/products").bearer(&STACK.forge(json!({"iss": "x"}))),
            None,
        ),
        (
            Request::get("/products").bearer(&STACK.forge(json!({"scope": "other"}))),
            None,
        ),
        (
            Request::get("/products").bearer(&STACK.forge(json!({"level": {}}))),
            None,
        ),
        (Request::get("/admin/x").bearer(&good), None),
        (Request::get("/denied/x").bearer(&good), None),
        (Request::get("/healthz"), None),
    ] {
        let exchange = send("report", spoofed(request));
        assert_eq!(exchange.response.status, 200, "{:?}", exchange.response);
        let seen = exchange.reached();
        let expected: Vec<&[u8]> = code.iter().map(|code: &&str| code.as_bytes()).collect();
        assert_eq!(seen.values("x-customer-code"), expected, "{seen:?}");
        assert!(seen.values("x-level").is_empty(), "{seen:?}");
    }
}

#[test]
fn report_mode_counts_and_logs_what_would_have_been_refused() {
    let counted = |reason: &str| {
        let labels = [("result", "reported"), ("reason", reason)];
        STACK
            .envoy
            .metrics()
            .sum("latchkey_requests_total", &labels)
    };
    let good = STACK.forge(json!({}));
    let expired = STACK.forge(json!({"exp": 1}));
    for (request, reason) in [
        (Request::get("/products"), "missing_token"),
        (Request::get("/products").bearer("x"), "malformed_token"),
        (Request::get("/products").bearer(&expired), "expired"),
        (Request::get("/admin/x").bearer(&good), "insufficient_scope"),
        (Request::get("/denied/x").bearer(&good), "denied"),
    ] {
        let before = counted(reason);
        send("report", request);
        assert!(counted(reason) > before, "{reason}");
        let line = format!("endpoint=guard result=reported reason={reason}");
        assert!(STACK.envoy.log().contains(&line), "no {line}");
    }
    for secret in [&good, &expired] {
        assert!(
            !STACK.envoy.log().contains(&**secret),
            "a token is in the log"
        );
    }
}

#[test]
fn report_mode_still_issues_and_refuses_at_the_token_endpoint() {
    let customer = STACK.customer();
    let ask = |key: &str| send("report", latchkey_tests::token_request(&customer.code, key));
    assert_eq!(ask(&customer.key.secret).stopped().status, 200);
    assert_eq!(ask("wrong").stopped().status, 401);
}

#[test]
fn c12_authorization_is_forwarded_or_stripped_as_configured() {
    let token = STACK.forge(json!({}));
    let request = || Request::get("/products").bearer(&token);
    let forwarded = STACK.send(request());
    let bearer = format!("Bearer {token}");
    assert_eq!(forwarded.reached().value("authorization"), Some(&*bearer));
    let stripped = send("strip", request());
    assert!(stripped.reached().values("authorization").is_empty());
    assert_eq!(stripped.reached().value("x-customer-code"), Some("ACME01"));
}

#[test]
fn c12_a_stripped_token_stays_behind_on_public_paths_too() {
    let token = STACK.forge(json!({}));
    let request = Request::get("/healthz").bearer(&token).bearer("x");
    let exchange = send("strip", request);
    assert!(exchange.reached().values("authorization").is_empty());
}

#[test]
fn d17_a_cors_preflight_is_answered_by_envoys_filter_before_ours() {
    let preflight = |origin: &str| {
        let request = Request::new("OPTIONS", "/products")
            .header("origin", origin)
            .header("access-control-request-method", "GET");
        send("cors", request)
    };
    let exchange = preflight("https://shop.example.com");
    let response = exchange.stopped();
    let allowed = response.value("access-control-allow-origin");
    assert_eq!(
        (response.status, allowed),
        (200, Some("https://shop.example.com"))
    );
    assert_eq!(preflight("https://evil.example.com").stopped().status, 401);
    let request = Request::get("/products").header("origin", "https://shop.example.com");
    assert_eq!(send("cors", request).stopped().status, 401);
}
