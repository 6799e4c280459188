//! What operators see: each cause apart, though callers never can tell.

use latchkey_tests::{Request, Stack, token_request, wait};
use serde_json::json;
use std::sync::LazyLock;

static STACK: LazyLock<Stack> = LazyLock::new(Stack::start);

/// How often these labels have been counted so far.
fn counted(metric: &str, result: &str, reason: &str) -> f64 {
    STACK
        .envoy
        .metrics()
        .sum(metric, &[("result", result), ("reason", reason)])
}

/// Sends a request and checks that it was counted under this very reason.
#[track_caller]
fn assert_counted(metric: &str, request: Request, result: &str, reason: &str) {
    let before = counted(metric, result, reason);
    let response = STACK.send(request).response;
    let after = counted(metric, result, reason);
    assert!(
        after > before,
        "{result}, {reason} was not counted: {before}, then {after}; {response:?}"
    );
}

#[test]
fn c6_the_causes_of_a_401_are_told_apart_in_the_metrics() {
    let metric = "latchkey_token_requests_total";
    let [wrong, revoked, disabled] = [STACK.customer(), STACK.customer(), STACK.customer()];
    STACK.store.revoke_key(&revoked.key).unwrap();
    STACK.store.disable(&disabled.code).unwrap();
    for (request, reason) in [
        (token_request("NOBODY", "x"), "unknown_client"),
        (token_request(&wrong.code, "x"), "wrong_key"),
        (
            token_request(&revoked.code, &revoked.key.secret),
            "revoked_key",
        ),
        (
            token_request(&disabled.code, &disabled.key.secret),
            "disabled_client",
        ),
        (
            Request::post("/auth/token").form(""),
            "unsupported_grant_type",
        ),
    ] {
        assert_counted(metric, request, "refused", reason);
    }
    let issued = token_request(&wrong.code, &wrong.key.secret);
    assert_counted(metric, issued, "issued", "issued");
}

#[test]
fn the_causes_of_a_refusal_are_told_apart_in_the_metrics() {
    let metric = "latchkey_requests_total";
    let read = || Request::get("/products");
    for (request, result, reason) in [
        (read(), "refused", "missing_token"),
        (read().bearer("x"), "refused", "malformed_token"),
        (
            read().bearer(&STACK.forge(json!({"exp": 1}))),
            "refused",
            "expired",
        ),
        (
            read().bearer(&STACK.forge(json!({"iss": "x"}))),
            "refused",
            "wrong_issuer",
        ),
        (
            read().bearer(&STACK.forge(json!({"scope": "x"}))),
            "refused",
            "insufficient_scope",
        ),
        (
            read().bearer(&STACK.forge(json!({}))),
            "allowed",
            "valid_token",
        ),
    ] {
        assert_counted(metric, request, result, reason);
    }
}

#[test]
fn each_lookup_is_counted_with_its_duration() {
    let lookups = || {
        STACK
            .envoy
            .metrics()
            .sum("latchkey_lookups_total", &[("status", "found")])
    };
    let customer = STACK.customer();
    let before = lookups();
    STACK.token(&customer);
    assert!(lookups() > before);
    // Envoy merges its histograms every few seconds.
    wait::until("the duration is in the histogram", || {
        STACK
            .envoy
            .metrics()
            .sum("latchkey_lookup_duration_ms_count", &[])
            >= 1.0
    });
}

#[test]
fn the_access_log_names_the_customer_the_result_and_the_reason() {
    let customer = STACK.customer();
    let token = STACK.token(&customer);
    STACK.send(Request::get("/logged?secret=1").bearer(&token));
    let line = STACK.access_log("/logged");
    assert_eq!(line["customer"], customer.code, "{line}");
    assert_eq!(line["result"], "allowed", "{line}");
    assert_eq!(line["reason"], "valid_token", "{line}");

    STACK.send(Request::get("/refused"));
    let line = STACK.access_log("/refused");
    assert_eq!(
        (&line["result"], &line["reason"]),
        (&json!("refused"), &json!("missing_token")),
        "{line}"
    );
    assert_eq!(line["status"], 401, "{line}");
}
