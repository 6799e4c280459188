//! `envoy/one-customer.yaml`: a proxy that only verifies, and Envoy's RBAC by the verified Customer Code.

use latchkey_tests::{Exchange, Request, Stack, token_request};
use serde_json::{Value, json};
use std::sync::LazyLock;

static STACK: LazyLock<Stack> =
    LazyLock::new(|| Stack::setup().example("one-customer.yaml").start());

fn ask(path: &str, customer: &str) -> Exchange {
    let token = STACK.forge(json!({"sub": customer}));
    // Whoever asks says that it is ACME01; only the token counts.
    STACK.send(
        Request::get(path)
            .bearer(&token)
            .header("x-customer-code", "ACME01"),
    )
}

#[test]
fn c12_rbac_lets_the_one_customer_through_and_the_token_stays_behind() {
    let exchange = ask("/mine", "ACME01");
    assert_eq!(exchange.response.status, 200, "{:?}", exchange.response);
    let seen = exchange.reached();
    assert_eq!(seen.values("x-customer-code"), [b"ACME01"]);
    assert!(seen.values("authorization").is_empty(), "{seen:?}");
    let line = STACK.access_log("/mine");
    assert_eq!(
        (&line["customer"], &line["result"], &line["reason"]),
        (&json!("ACME01"), &json!("allowed"), &json!("valid_token"))
    );
}

#[test]
fn c12_rbac_stops_every_other_customer_by_filter_state_whatever_its_headers_say() {
    for (path, customer) in [
        ("/o1", "OTHER"),
        ("/o2", "acme01"),
        ("/o3", "ACME011"),
        ("/o4", "ACME0"),
    ] {
        let exchange = ask(path, customer);
        let response = exchange.stopped();
        assert_eq!(
            (response.status, &*response.text()),
            (403, "RBAC: access denied")
        );
        let line = STACK.access_log(path);
        assert_eq!(
            (&line["customer"], &line["reason"]),
            (&json!(customer), &json!("valid_token"))
        );
    }
}

#[test]
fn c7_what_the_filter_refuses_never_comes_to_rbac() {
    let none = STACK.send(Request::get("/none"));
    assert_eq!(none.stopped().status, 401);
    assert!(none.response.value("www-authenticate").is_some());
    let line = STACK.access_log("/none");
    assert_eq!(
        (&line["customer"], &line["reason"]),
        (&Value::Null, &json!("missing_token"))
    );
    let post = STACK.send(Request::post("/post").bearer(&STACK.forge(json!({}))));
    assert_eq!(post.stopped().json()["error"], "access_denied");
}

#[test]
fn c1_a_proxy_without_token_endpoint_issues_nothing() {
    let customer = STACK.customer();
    let exchange = STACK.send(token_request(&customer.code, &customer.key.secret));
    assert_eq!(exchange.stopped().status, 401);
}
