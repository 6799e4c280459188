//! Who gets no token, and that nobody can tell why (C5, C6).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use latchkey_tests::{Customer, Request, Response, Stack, token_request, wait};
use serde_json::json;
use std::sync::LazyLock;

static STACK: LazyLock<Stack> = LazyLock::new(Stack::start);

/// One request for each cause that the documentation lists, and a revoked key.
fn hopeless(request: impl Fn(&str, &str) -> Request) -> Vec<(&'static str, Request)> {
    let customer = STACK.customer();
    let revoked = STACK.customer();
    STACK.store.revoke_key(&revoked.key).unwrap();
    let disabled = STACK.customer();
    STACK.store.disable(&disabled.code).unwrap();
    let expired = with_expired_key();
    let wrong = STACK.customer().key.secret;
    vec![
        ("wrong key", request(&customer.code, &wrong)),
        ("no key of anyone's", request(&customer.code, "x")),
        ("unknown code", request("NOBODY", &customer.key.secret)),
        (
            "code in another letter case",
            request(&customer.code.to_lowercase(), &customer.key.secret),
        ),
        ("revoked key", request(&revoked.code, &revoked.key.secret)),
        ("expired key", request(&expired.code, &expired.key.secret)),
        (
            "disabled account",
            request(&disabled.code, &disabled.key.secret),
        ),
        (
            "disabled account, wrong key",
            request(&disabled.code, &wrong),
        ),
    ]
}

fn with_expired_key() -> Customer {
    let Customer { code, .. } = STACK.customer();
    let key = STACK.store.issue_key_for(&code, "1s").unwrap();
    wait::until("the key has expired", || {
        let keys = STACK.store.run(&["key", "list", &code]).unwrap();
        let listed = keys
            .as_array()
            .unwrap()
            .iter()
            .find(|listed| listed["id"] == *key.id);
        listed.unwrap()["state"] == "expired"
    });
    Customer { code, key }
}

fn with_basic(code: &str, key: &str) -> Request {
    let credentials = STANDARD.encode(format!("{code}:{key}"));
    Request::post("/auth/token")
        .header("authorization", format!("Basic {credentials}"))
        .form("grant_type=client_credentials")
}

fn refused(request: &Request) -> Response {
    let exchange = STACK.send(request.clone());
    exchange.stopped().without_date()
}

#[test]
fn c6_every_hopeless_token_request_gets_the_same_bytes() {
    let mut requests = hopeless(token_request);
    requests.extend(hopeless(with_basic));
    let first = refused(&requests[0].1);
    assert_eq!(first.status, 401, "{first:?}");
    assert_eq!(
        first.json(),
        json!({"error": "invalid_client", "error_description": "Invalid client credentials."})
    );
    for (cause, request) in &requests[1..] {
        assert_eq!(refused(request), first, "{cause}");
    }
}

#[test]
fn d2_every_401_of_the_token_endpoint_carries_a_basic_challenge() {
    for request in [token_request("NOBODY", "x"), with_basic("NOBODY", "x")] {
        let response = refused(&request);
        assert_eq!(response.status, 401, "{response:?}");
        let challenge = response.value("www-authenticate").unwrap_or_default();
        assert!(challenge.starts_with("Basic realm=\""), "{response:?}");
    }
}

#[test]
fn d2_basic_credentials_are_accepted_as_well() {
    let customer = STACK.customer();
    let response = STACK
        .send(with_basic(&customer.code, &customer.key.secret))
        .response;
    assert_eq!(response.status, 200, "{response:?}");
}

#[test]
fn c5_errors_are_those_of_the_documentation() {
    let customer = STACK.customer();
    let (code, key) = (&customer.code, &customer.key.secret);
    for (form, error) in [
        (
            format!("client_id={code}&client_secret={key}"),
            "unsupported_grant_type",
        ),
        (
            format!("grant_type=&client_id={code}&client_secret={key}"),
            "unsupported_grant_type",
        ),
        (
            format!("grant_type=password&client_id={code}&client_secret={key}"),
            "unsupported_grant_type",
        ),
        ("grant_type=password".to_owned(), "unsupported_grant_type"),
        (String::new(), "unsupported_grant_type"),
        (
            format!("grant_type=client_credentials&client_id={code}"),
            "invalid_request",
        ),
        (
            format!("grant_type=client_credentials&client_secret={key}"),
            "invalid_request",
        ),
        (
            format!("grant_type=client_credentials&client_id=&client_secret={key}"),
            "invalid_request",
        ),
        (
            format!("grant_type=client_credentials&client_id={code}&client_secret="),
            "invalid_request",
        ),
    ] {
        let response = refused(&Request::post("/auth/token").form(&*form));
        assert_eq!(response.status, 400, "{form}: {response:?}");
        let reply = response.json();
        assert_eq!(reply["error"], error, "{form}");
        assert!(reply["error_description"].is_string(), "{form}");
        assert_eq!(reply.as_object().unwrap().len(), 2, "{form}");
    }
}

#[test]
fn d8_errors_are_never_stored() {
    let customer = STACK.customer();
    for request in [
        Request::get("/auth/token"),
        Request::post("/auth/token"),
        token_request("NOBODY", "x"),
        token_request(&customer.code, "wrong"),
    ] {
        let response = refused(&request);
        assert!(response.status >= 400, "{response:?}");
        assert_eq!(
            response.value("content-type"),
            Some("application/json"),
            "{response:?}"
        );
        assert_eq!(
            response.value("cache-control"),
            Some("no-store"),
            "{response:?}"
        );
        assert_eq!(response.value("pragma"), Some("no-cache"), "{response:?}");
    }
}

#[test]
fn c11_no_key_and_no_token_is_ever_logged_or_stored() {
    let customer = STACK.customer();
    let token = STACK.token(&customer);
    assert_eq!(
        STACK
            .send(Request::get("/products").bearer(&token))
            .response
            .status,
        200
    );
    assert_eq!(
        STACK
            .request_token("NOBODY", &customer.key.secret)
            .response
            .status,
        401
    );
    assert_eq!(
        STACK
            .send(Request::get(format!("/{}", customer.code)).bearer(&token))
            .response
            .status,
        200
    );
    wait::until("the last request is in the access log", || {
        STACK.envoy.log().contains(&format!("/{}\"", customer.code))
    });
    for file in std::fs::read_dir(&STACK.folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let holds = |text: &str| {
                bytes
                    .windows(text.len())
                    .any(|window| window == text.as_bytes())
            };
            assert!(
                !holds(&customer.key.secret),
                "the API Key is in {}",
                path.display()
            );
            assert!(!holds(&token), "the token is in {}", path.display());
        }
    }
}
