//! The main path: a Customer Code and an API Key become a token, and the token opens the customer's own data.

use latchkey_tests::{Request, SIGNING_KEY, Stack, jwt, now, token_request};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::LazyLock;

static STACK: LazyLock<Stack> = LazyLock::new(Stack::start);

fn verified(token: &str) -> Value {
    jwt::verify(SIGNING_KEY.as_bytes(), token)
}

#[test]
fn c3_code_and_key_are_exchanged_for_a_bearer_token_of_an_hour() {
    let customer = STACK.customer();
    let exchange = STACK.request_token(&customer.code, &customer.key.secret);
    let response = exchange.stopped();
    assert_eq!(response.status, 200, "{response:?}");

    let reply = response.json();
    let claims = verified(reply["access_token"].as_str().unwrap());
    let lifetime = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
    assert_eq!(
        reply,
        json!({"access_token": reply["access_token"], "token_type": "Bearer", "expires_in": 3600})
    );
    assert_eq!(lifetime, 3600);
    assert!(
        claims["iat"].as_u64().unwrap().abs_diff(now()) < 60,
        "{claims}"
    );
}

#[test]
fn c4_the_first_segment_of_a_token_is_the_documented_one() {
    let token = STACK.token(&STACK.customer());
    let segments: Vec<&str> = token.split('.').collect();
    assert_eq!(segments.len(), 3);
    assert_eq!(segments[0], "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9");
}

#[test]
fn c12_a_token_names_its_issuer_audience_customer_and_scope() {
    let customer = STACK.customer();
    let claims = verified(&STACK.token(&customer));
    let configuration = STACK.configuration();
    assert_eq!(claims["iss"], configuration["issuer"]);
    assert_eq!(claims["aud"], configuration["audience"]);
    assert_eq!(claims["sub"], customer.code);
    assert_eq!(claims["client_id"], customer.code);
    assert_eq!(claims["scope"], "read");
}

#[test]
fn no_two_tokens_have_the_same_jti_on_any_worker() {
    let customer = STACK.customer();
    let request = token_request(&customer.code, &customer.key.secret);
    let mut seen = HashSet::new();
    for mut connection in STACK.envoy.connection_to_each_worker().unwrap() {
        for _ in 0..5 {
            let reply = connection.send(&request).unwrap().json();
            let claims = verified(reply["access_token"].as_str().unwrap());
            let jti = claims["jti"].as_str().unwrap().to_owned();
            // 128 bits are 22 characters of base64url.
            assert!(jti.len() >= 22, "{jti}");
            assert!(seen.insert(jti));
        }
    }
}

#[test]
fn c12_the_token_opens_the_upstream_which_learns_the_customer_code() {
    let customer = STACK.customer();
    let token = STACK.token(&customer);
    for method in ["GET", "HEAD"] {
        let request = Request::new(method, "/products?page=2").bearer(&token);
        let exchange = STACK.send(request);
        assert_eq!(exchange.response.status, 200, "{:?}", exchange.response);
        let seen = exchange.reached();
        assert_eq!((&*seen.method, &*seen.path), (method, "/products?page=2"));
        assert_eq!(seen.values("x-customer-code"), [customer.code.as_bytes()]);
    }
}

#[test]
fn c13_a_token_to_read_does_not_write() {
    let token = STACK.token(&STACK.customer());
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        let exchange = STACK.send(Request::new(method, "/products").bearer(&token));
        assert_eq!(exchange.stopped().status, 403, "{method}");
    }
}

#[test]
fn c1_the_content_type_may_have_parameters_and_any_letter_case() {
    let customer = STACK.customer();
    for content_type in [
        "application/x-www-form-urlencoded; charset=UTF-8",
        "APPLICATION/X-WWW-Form-Urlencoded",
        "application/x-www-form-urlencoded;charset=\"utf-8\"",
    ] {
        let body = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            customer.code, customer.key.secret
        );
        let request = Request::post("/auth/token")
            .header("content-type", content_type)
            .body(body);
        let response = STACK.send(request).response;
        assert_eq!(response.status, 200, "{content_type}: {response:?}");
    }
}

#[test]
fn d8_the_reply_with_a_token_is_never_stored() {
    let customer = STACK.customer();
    let response = STACK
        .request_token(&customer.code, &customer.key.secret)
        .response;
    assert_eq!(response.value("content-type"), Some("application/json"));
    assert_eq!(response.value("cache-control"), Some("no-store"));
    assert_eq!(response.value("pragma"), Some("no-cache"));
}

#[test]
fn c9_after_a_revocation_the_token_lives_on_and_no_worker_issues_another() {
    let customer = STACK.customer();
    let mut workers = STACK.envoy.connection_to_each_worker().unwrap();
    let ask = token_request(&customer.code, &customer.key.secret);
    for worker in &mut workers {
        assert_eq!(worker.send(&ask).unwrap().status, 200);
    }
    let token = STACK.token(&customer);

    STACK.store.revoke_key(&customer.key).unwrap();
    for worker in &mut workers {
        assert_eq!(worker.send(&ask).unwrap().status, 401);
        let read = Request::get("/products").bearer(&token);
        assert_eq!(worker.send(&read).unwrap().status, 200);
    }
}

#[test]
fn c9_after_an_account_is_disabled_the_token_lives_on_and_no_worker_issues_another() {
    let customer = STACK.customer();
    let mut workers = STACK.envoy.connection_to_each_worker().unwrap();
    let token = STACK.token(&customer);
    let ask = token_request(&customer.code, &customer.key.secret);

    STACK.store.disable(&customer.code).unwrap();
    for worker in &mut workers {
        assert_eq!(worker.send(&ask).unwrap().status, 401);
        let read = Request::get("/products").bearer(&token);
        assert_eq!(worker.send(&read).unwrap().status, 200);
    }

    STACK.store.enable(&customer.code).unwrap();
    for worker in &mut workers {
        assert_eq!(worker.send(&ask).unwrap().status, 200);
    }
}

#[test]
fn c10_a_key_is_rotated_without_a_gap() {
    let customer = STACK.customer();
    let status = |key: &str| STACK.request_token(&customer.code, key).response.status;
    let new = STACK.store.issue_key(&customer.code).unwrap();
    assert_eq!(status(&customer.key.secret), 200);
    assert_eq!(status(&new.secret), 200);

    STACK.store.revoke_key(&customer.key).unwrap();
    assert_eq!(status(&customer.key.secret), 401);
    assert_eq!(status(&new.secret), 200);
}
