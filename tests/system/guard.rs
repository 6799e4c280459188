//! Without a good token nothing reaches the upstream.

use latchkey_tests::{Request, Response, SIGNING_KEY, Stack, jwt, now};
use serde_json::{Value, json};
use std::sync::LazyLock;

static STACK: LazyLock<Stack> = LazyLock::new(Stack::start);

#[track_caller]
fn refused(request: Request) -> Response {
    let exchange = STACK.send(request);
    let response = exchange.stopped();
    assert_eq!(response.status, 401, "{response:?}");
    let challenge = response.value("www-authenticate").unwrap_or_default();
    assert!(challenge.starts_with("Bearer realm=\""), "{response:?}");
    assert_eq!(response.value("content-type"), Some("application/json"));
    response.clone()
}

#[track_caller]
fn refused_token(token: &str) -> Response {
    let response = refused(Request::get("/products").bearer(token));
    let challenge = response.value("www-authenticate").unwrap_or_default();
    assert!(
        challenge.contains("error=\"invalid_token\""),
        "{response:?}"
    );
    assert_eq!(response.json()["error"], "invalid_token");
    response
}

fn sign(header: &str, claims: &Value) -> String {
    jwt::sign(SIGNING_KEY.as_bytes(), header, &claims.to_string())
}

#[test]
fn a_token_made_by_these_tests_is_accepted_so_that_refusals_mean_something() {
    let exchange = STACK.send(Request::get("/products").bearer(&STACK.forge(json!({}))));
    assert_eq!(exchange.response.status, 200, "{:?}", exchange.response);
    assert_eq!(exchange.reached().value("x-customer-code"), Some("ACME01"));
}

#[test]
fn c7_d11_without_credentials_the_challenge_names_no_error() {
    let response = refused(Request::get("/products"));
    let challenge = response.value("www-authenticate").unwrap();
    assert!(!challenge.contains("error"), "{challenge}");
}

#[test]
fn c7_every_method_and_path_needs_a_token() {
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"] {
        for path in [
            "/products",
            "/products/1?x=y",
            "/auth/token/x",
            "/auth",
            "/AUTH/TOKEN",
        ] {
            refused(Request::new(method, path));
        }
    }
}

#[test]
fn c8_an_expired_token_is_refused_and_told_that_it_expired() {
    let token = STACK.forge(json!({"iat": now() - 3600, "exp": now() - 1}));
    let response = refused_token(&token);
    assert!(
        response
            .value("www-authenticate")
            .unwrap()
            .contains("The access token expired")
    );
    assert_eq!(
        response.json()["error_description"],
        "The access token expired"
    );
}

#[test]
fn c7_a_token_signed_with_another_key_is_refused() {
    let claims = STACK.claims(json!({})).to_string();
    let token = jwt::sign(
        b"another key that is long enough for HS256",
        jwt::HS256_HEADER,
        &claims,
    );
    let response = refused_token(&token);
    assert!(!response.text().contains("signature"), "{response:?}");
}

#[test]
fn c7_a_token_with_exchanged_claims_is_refused() {
    let token = STACK.token(&STACK.customer());
    let segments: Vec<&str> = token.split('.').collect();
    let evil = jwt::encode(STACK.claims(json!({"sub": "EVIL"})).to_string());
    refused_token(&[segments[0], &evil, segments[2]].join("."));
}

#[test]
fn c7_one_changed_character_anywhere_breaks_a_token() {
    let token = STACK.forge(json!({}));
    for place in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        refused_token(std::str::from_utf8(&bytes).unwrap());
    }
}

#[test]
fn d15_an_algorithm_that_is_not_the_keys_own_is_refused() {
    let claims = STACK.claims(json!({}));
    for algorithm in [
        "none", "None", "HS512", "HS384", "RS256", "ES256", "hs256", "",
    ] {
        let token = sign(
            &json!({"alg": algorithm, "typ": "JWT"}).to_string(),
            &claims,
        );
        refused_token(&token);
        let (signed, _) = token.rsplit_once('.').unwrap();
        refused_token(&format!("{signed}."));
    }
}

#[test]
fn d15_a_header_that_asks_for_more_than_hs256_is_refused() {
    let claims = STACK.claims(json!({}));
    for header in [
        r#"{"alg":"HS256","typ":"JWT","crit":["exp"]}"#,
        r#"{"alg":"HS256","alg":"none","typ":"JWT"}"#,
        r#"{"alg":"HS256","typ":"JWT","kid":"unknown"}"#,
        r#"{"typ":"JWT"}"#,
        r#"["HS256"]"#,
        "",
    ] {
        refused_token(&sign(header, &claims));
    }
}

#[test]
fn d15_what_is_no_compact_token_is_refused() {
    let token = STACK.forge(json!({}));
    for broken in [
        "x",
        "..",
        "...",
        "a.b.c",
        &format!("{token}="),
        &format!("{token}."),
        &format!("{token}.{token}"),
        &format!(".{token}"),
        &format!("{token}+"),
        &format!("{token} {token}"),
        &format!("{token},{token}"),
        &"a".repeat(9000),
        &STACK.forge(json!({"filler": "a".repeat(8192)})),
    ] {
        refused_token(broken);
    }
}

#[test]
fn d15_claims_that_are_not_one_json_object_without_repetition_are_refused() {
    let good = STACK.claims(json!({})).to_string();
    for claims in [
        "",
        "{}",
        "[]",
        "null",
        &good[1..],
        &format!("{good} x"),
        &good.replacen('{', r#"{"sub":"EVIL","#, 1),
        &good.replacen('{', r#"{"exp":99999999999,"#, 1),
    ] {
        refused_token(&jwt::sign(
            SIGNING_KEY.as_bytes(),
            jwt::HS256_HEADER,
            claims,
        ));
    }
}

#[test]
fn d16_issuer_audience_and_subject_must_be_ours() {
    let issuer = STACK.configuration()["issuer"].as_str().unwrap();
    for patch in [
        json!({"iss": null}),
        json!({"iss": "https://other.example.com"}),
        json!({"iss": format!("{issuer}/")}),
        json!({"iss": [issuer]}),
        json!({"aud": null}),
        json!({"aud": "https://other.example.com"}),
        json!({"aud": []}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": 7}),
        json!({"sub": "A\r\nx-admin: 1"}),
        json!({"sub": "A\u{0}"}),
        json!({"sub": "Ä"}),
    ] {
        refused_token(&STACK.forge(patch));
    }
}

#[test]
fn d14_dates_must_be_numbers_and_exp_must_be_there() {
    for patch in [
        json!({"exp": null}),
        json!({"exp": (now() + 60).to_string()}),
        json!({"exp": now()}),
        json!({"nbf": now() + 600}),
        json!({"nbf": "0"}),
        json!({"iat": "0"}),
        json!({"exp": [now() + 60]}),
        json!({"exp": true}),
    ] {
        refused_token(&STACK.forge(patch));
    }
    let fractions = STACK.forge(json!({"exp": now() as f64 + 60.5, "nbf": now() as f64 - 0.5}));
    let exchange = STACK.send(Request::get("/products").bearer(&fractions));
    assert_eq!(exchange.response.status, 200, "{:?}", exchange.response);
}

#[test]
fn d13_the_scheme_is_any_letter_case_with_one_token_after_one_or_more_spaces() {
    let token = STACK.forge(json!({}));
    for scheme in ["Bearer ", "bearer ", "BEARER ", "bEaReR   "] {
        let request = Request::get("/products").header("Authorization", format!("{scheme}{token}"));
        let exchange = STACK.send(request);
        assert_eq!(
            exchange.response.status, 200,
            "{scheme:?}: {:?}",
            exchange.response
        );
    }
    for value in [
        "Bearer\t",
        "Bearer",
        "",
        "Basic ",
        "Token ",
        "Bearer Bearer ",
        "Bearer, ",
    ] {
        refused(Request::get("/products").header("authorization", format!("{value}{token}")));
    }
    refused(Request::get("/products").header("authorization", "Bearer"));
    refused(Request::get(format!("/products?access_token={token}")));
}

#[test]
fn d13_two_authorization_headers_are_refused_even_if_both_are_good() {
    let token = STACK.forge(json!({}));
    refused(Request::get("/products").bearer(&token).bearer(&token));
    refused(Request::get("/products").bearer("x").bearer(&token));
}

#[test]
fn d17_the_example_gives_each_path_one_spelling_or_refuses_it() {
    let token = STACK.forge(json!({}));
    for path in [
        "//products",
        "/./products",
        "/x/../products",
        "/x/%2e%2e/products",
        "/%70roducts",
    ] {
        let exchange = STACK.send(Request::get(path).bearer(&token));
        assert_eq!(exchange.reached().path, "/products", "{path}");
    }
    for path in ["/products%2fx", "/products%5cx", "/products%00"] {
        let exchange = STACK.send(Request::get(path).bearer(&token));
        assert_eq!(exchange.stopped().status, 400, "{path}");
    }
    let underscore = Request::get("/products")
        .bearer(&token)
        .header("x_customer_code", "EVIL");
    assert_eq!(STACK.send(underscore).stopped().status, 400);
}
