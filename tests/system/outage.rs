//! The store goes and comes back; nothing else is restarted (D9).

use latchkey_tests::{Customer, Request, Stack, token_request, wait};
use serde_json::json;
use std::time::{Duration, Instant};

#[track_caller]
fn assert_unavailable(stack: &Stack, customer: &Customer) {
    let asked = Instant::now();
    let exchange = stack.request_token(&customer.code, &customer.key.secret);
    let took = asked.elapsed();
    let response = exchange.stopped();
    assert_eq!(response.status, 503, "{response:?}");
    assert_eq!(response.json()["error"], "temporarily_unavailable");
    assert!(response.json()["error_description"].is_string());
    let retry_after = response.value("retry-after").unwrap_or_default();
    assert!(retry_after.parse::<u32>().is_ok(), "{response:?}");
    assert_eq!(response.value("cache-control"), Some("no-store"));
    assert!(took < Duration::from_secs(1), "the answer took {took:?}");
}

#[test]
fn d9_while_the_store_is_down_tokens_are_refused_at_once_and_go_on_working_and_then_all_is_well_again()
 {
    let stack = Stack::start();
    let customer = stack.customer();
    let token = stack.token(&customer);
    let machines = stack.envoy.machines();
    let read = Request::get("/products").bearer(&token);
    let ask = token_request(&customer.code, &customer.key.secret);

    stack.store.stop();
    assert_unavailable(&stack, &customer);
    for mut worker in stack.envoy.connection_to_each_worker().unwrap() {
        assert_eq!(worker.send(&ask).unwrap().status, 503);
        assert_eq!(worker.send(&read).unwrap().status, 200);
    }
    let unknown = stack.request_token("NOBODY", "x");
    assert_eq!(unknown.stopped().status, 503, "an outage is not a refusal");

    stack.store.restart().unwrap();
    wait::until("tokens are issued again", || {
        stack
            .request_token(&customer.code, &customer.key.secret)
            .response
            .status
            == 200
    });
    for mut worker in stack.envoy.connection_to_each_worker().unwrap() {
        wait::until("each worker issues tokens again", || {
            worker.send(&ask).unwrap().status == 200
        });
        assert_eq!(worker.send(&read).unwrap().status, 200);
    }
    assert_eq!(stack.envoy.machines(), machines);
}

#[test]
fn d9_a_lookup_cluster_that_envoy_does_not_know_is_an_outage_not_a_refusal() {
    let stack = Stack::setup()
        .configuration(json!({"token_endpoint": {"lookup": {"cluster": "no_such_cluster"}}}))
        .start();
    let customer = stack.customer();
    assert_unavailable(&stack, &customer);
    let exchange = stack.send(Request::get("/products").bearer(&stack.forge(json!({}))));
    assert_eq!(exchange.response.status, 200, "{:?}", exchange.response);
}

#[test]
fn d9_a_store_that_rejects_the_filters_service_token_is_an_outage_not_a_refusal() {
    let stack = Stack::setup()
        .environment("LATCHKEY_LOOKUP_TOKEN", "not-the-right-service-token")
        .start();
    let customer = stack.customer();
    assert_unavailable(&stack, &customer);
}
