//! A token lives as long as the configuration says, and not longer (C8).

use latchkey_tests::{Request, SIGNING_KEY, Stack, jwt, now, wait};
use serde_json::json;
use std::sync::LazyLock;

const TTL: u64 = 2;

static STACK: LazyLock<Stack> = LazyLock::new(|| {
    Stack::setup()
        .configuration(json!({"token_endpoint": {"ttl_seconds": TTL}}))
        .start()
});

#[test]
fn c8_a_token_opens_the_upstream_until_it_expires_and_never_again() {
    let customer = STACK.customer();
    let token = STACK.token(&customer);
    let claims = jwt::verify(SIGNING_KEY.as_bytes(), &token);
    let expiry = claims["exp"].as_u64().unwrap();
    assert_eq!(expiry, claims["iat"].as_u64().unwrap() + TTL);

    let read = || STACK.send(Request::get("/products").bearer(&token));
    wait::until("the token is refused", || {
        let asked = now();
        let exchange = read();
        let refused = exchange.response.status == 401;
        assert!(
            refused || exchange.response.status == 200,
            "{:?}",
            exchange.response
        );
        assert!(!refused || now() >= expiry, "refused before its time");
        assert!(refused || asked < expiry, "accepted after its time");
        refused
    });
    let response = read().stopped().clone();
    assert_eq!(response.status, 401, "{response:?}");
    assert_eq!(
        response.json()["error_description"],
        "The access token expired"
    );
    assert_eq!(
        STACK
            .request_token(&customer.code, &customer.key.secret)
            .response
            .status,
        200
    );
}

#[test]
fn c3_expires_in_is_the_lifetime_that_is_configured() {
    let customer = STACK.customer();
    let response = STACK
        .request_token(&customer.code, &customer.key.secret)
        .response;
    assert_eq!(response.json()["expires_in"], TTL, "{response:?}");
}
