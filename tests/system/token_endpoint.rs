//! What the token endpoint accepts, and what is in the tokens it gives (C1–C4, D2, D7).

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use latchkey_tests::lookup::{record, reply};
use latchkey_tests::{
    Behaviour, Lookup, Request, Response, SIGNING_KEY, Stack, jwt, token_request,
};
use serde_json::{Value, json};
use std::sync::LazyLock;

static LOOKUP: LazyLock<Lookup> = LazyLock::new(|| Lookup::start().unwrap());

static STACK: LazyLock<Stack> = LazyLock::new(|| {
    Stack::setup()
        .bootstrap(|bootstrap| bootstrap.connect_lookup(Some(LOOKUP.address())))
        .start()
});

/// Makes a customer known to the lookup service.
fn known(record: Value) {
    let code = record["client_id"].as_str().unwrap();
    LOOKUP.on(code, Behaviour::Send(reply("200 OK", record.to_string())));
}

fn form(text: impl AsRef<str>) -> Request {
    Request::post("/auth/token").form(text.as_ref())
}

fn basic(user_and_password: &str) -> String {
    format!("Basic {}", STANDARD.encode(user_and_password))
}

/// The claims of the token that this request gets.
#[track_caller]
fn issued(request: Request) -> (Value, Value) {
    let exchange = STACK.send(request);
    let response = exchange.stopped();
    assert_eq!(response.status, 200, "{response:?}");
    let body = response.json();
    let claims = jwt::verify(
        SIGNING_KEY.as_bytes(),
        body["access_token"].as_str().unwrap(),
    );
    (claims, body)
}

#[track_caller]
fn refused(request: Request) -> Response {
    let exchange = STACK.send(request);
    assert_eq!(exchange.stopped().status, 401, "{:?}", exchange.response);
    exchange.response
}

#[test]
fn c1_c2_the_form_is_decoded_by_the_rules_of_the_web() {
    known(record("DE CODE+1", "k+e y&=%/é"));
    let key = "k%2Be+y%26%3D%25%2F%C3%A9";
    for text in [
        format!("grant_type=client_credentials&client_id=DE+CODE%2B1&client_secret={key}"),
        format!("client_secret={key}&client_id=DE%20CODE%2b1&grant_type=client_credentials"),
        format!(
            "&&grant%5Ftype=client%5fcredentials&&%63lient_id=DE+CODE%2B1&client_secret={key}&"
        ),
        format!("grant_type=client_credentials&client_id=DE+CODE%2B1&client_secret={key}&scope="),
        format!(
            "grant_type=client_credentials&client_id=DE+CODE%2B1&client_secret={key}&x&x=1&x=2&=&resource=a&resource=b&other=%ff"
        ),
        // What needs no encoding may be encoded, and what is not an escape stands for itself.
        format!(
            "grant_type=client_credentials&client_id=%44E+CODE%2B1&client_secret={}",
            "k%2Be+y%26=%/é"
        ),
    ] {
        let (claims, _) = issued(form(&text));
        assert_eq!(claims["sub"], "DE CODE+1", "{text}");
    }
    refused(form(format!(
        "grant_type=client_credentials&client_id=DE+CODE+1&client_secret={key}"
    )));
}

#[test]
fn c3_c4_a_key_with_a_kid_signs_with_it_and_the_header_names_it_last() {
    let keys = json!([
        {"kid": "2026-05", "alg": "HS256", "secret": {"env": "LATCHKEY_SIGNING_KEY"}},
        {"alg": "HS256", "secret": {"env": "LATCHKEY_LOOKUP_TOKEN"}, "use": "verify"},
    ]);
    let stack = Stack::setup()
        .configuration(json!({"keys": keys, "token_endpoint": {"ttl_seconds": 90}}))
        .start();
    let customer = stack.customer();
    let response = stack
        .request_token(&customer.code, &customer.key.secret)
        .response;
    let body = response.json();
    assert_eq!(body["expires_in"], 90, "{response:?}");
    let token = body["access_token"].as_str().unwrap();
    let claims = jwt::verify(SIGNING_KEY.as_bytes(), token);
    assert_eq!(
        claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(),
        90
    );
    let header = token.split('.').next().unwrap();
    assert_eq!(
        header,
        jwt::encode(r#"{"alg":"HS256","typ":"JWT","kid":"2026-05"}"#)
    );
    assert_eq!(
        stack
            .send(Request::get("/products").bearer(token))
            .response
            .status,
        200
    );
}

#[test]
fn d2_basic_credentials_are_taken_form_encoded_and_as_sent() {
    known(record("BASIC-1", "a+b%41/é"));
    for credentials in [
        "BASIC-1:a+b%41/é",
        "BASIC-1:a%2Bb%2541%2F%C3%A9",
        "BASIC%2D1:a%2Bb%2541%2F%C3%A9",
    ] {
        let request =
            form("grant_type=client_credentials").header("authorization", basic(credentials));
        assert_eq!(issued(request).0["sub"], "BASIC-1", "{credentials}");
    }
    for credentials in [
        "BASIC-1:a b%41/é",
        "BASIC-1:a+bA/é",
        "BASIC-1:",
        "BASIC-1:a+b%41/é ",
    ] {
        let request =
            form("grant_type=client_credentials").header("authorization", basic(credentials));
        assert_ne!(STACK.send(request).stopped().status, 200, "{credentials}");
    }
}

#[test]
fn d2_a_code_that_holds_a_percent_sign_can_be_sent_either_way() {
    known(record("A%2DB", "key"));
    for credentials in ["A%2DB:key", "A%252DB:key"] {
        let request =
            form("grant_type=client_credentials").header("authorization", basic(credentials));
        assert_eq!(issued(request).0["sub"], "A%2DB", "{credentials}");
    }
}

#[test]
fn d2_scheme_case_spaces_padding_and_an_equal_client_id_in_the_body_make_no_difference() {
    known(record("BASIC-2", "key12"));
    let unpadded = STANDARD_NO_PAD.encode("BASIC-2:key12");
    let padded = STANDARD.encode("BASIC-2:key12");
    assert_ne!(padded, unpadded);
    for value in [
        format!("Basic {unpadded}"),
        format!("bAsIc {padded}"),
        format!("BASIC   {padded}"),
    ] {
        let request = form("grant_type=client_credentials&client_id=BASIC-2&client_secret=")
            .header("authorization", &value);
        assert_eq!(issued(request).0["sub"], "BASIC-2", "{value}");
    }
}

#[test]
fn c1_the_endpoint_needs_no_authentication_of_its_own_and_other_schemes_do_not_matter() {
    known(record("BEARER", "key"));
    for value in ["Bearer not.a.token", "Negotiate x", "Basi", ""] {
        let request = token_request("BEARER", "key").header("authorization", value);
        assert_eq!(issued(request).0["sub"], "BEARER", "{value}");
    }
}

#[test]
fn d7_the_scope_asked_for_is_granted_and_echoed_and_without_asking_it_is_the_whole() {
    let mut customer = record("SCOPES", "key");
    customer["scope"] = json!("read write admin");
    known(customer);
    let good = "grant_type=client_credentials&client_id=SCOPES&client_secret=key";
    for (asked, granted) in [("", "read write admin"), ("&scope=", "read write admin")] {
        let (claims, body) = issued(form(format!("{good}{asked}")));
        assert_eq!(
            (&claims["scope"], body.get("scope")),
            (&json!(granted), None),
            "{asked}"
        );
    }
    for asked in ["write", "read", "admin read", "read write admin"] {
        let (claims, body) = issued(form(format!("{good}&scope={}", asked.replace(' ', "+"))));
        let words = |value: &Value| {
            let mut words: Vec<String> = value
                .as_str()
                .unwrap()
                .split(' ')
                .map(str::to_owned)
                .collect();
            words.sort();
            words
        };
        assert_eq!(words(&claims["scope"]), words(&json!(asked)));
        assert_eq!(words(&body["scope"]), words(&json!(asked)));
    }
}

#[test]
fn d17_another_spelling_of_the_path_is_never_the_token_endpoint() {
    known(record("SPELLING", "key"));
    let body = "grant_type=client_credentials&client_id=SPELLING&client_secret=key";
    for path in [
        "/auth/token/",
        "/Auth/Token",
        "/auth/token;a=b",
        "/auth/token%20",
        "/auth",
        "/auth/tokens",
    ] {
        let exchange = STACK.send(Request::post(path).form(body));
        let response = exchange.stopped();
        assert_eq!(response.status, 401, "{path}: {response:?}");
        let challenge = response.value("www-authenticate").unwrap_or_default();
        assert!(challenge.starts_with("Bearer "), "{path}: {response:?}");
    }
}
