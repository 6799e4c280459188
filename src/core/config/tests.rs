mod secrets;

use super::*;
use serde_json::{Value, json};

/// The configuration of the design, with everything in it.
fn full() -> Value {
    json!({
        "issuer": "https://api.kiss.example.com",
        "audience": "https://api.kiss.example.com",
        "keys": [
            {"alg": "HS256", "secret": {"env": "SIGNING"}},
            {"kid": "2026-05", "alg": "HS256", "secret": {"env": "OLD", "encoding": "base64"}, "use": "verify"}
        ],
        "leeway_seconds": 0,
        "token_endpoint": {
            "path": "/auth/token",
            "ttl_seconds": 3600,
            "on_headers": "stop_iteration",
            "require_https": false,
            "lookup": {
                "cluster": "credential_lookup",
                "authority": "credential-store",
                "path": "/v1/clients/{client_id}",
                "headers": {"authorization": {"env": "TOKEN", "prefix": "Bearer "}},
                "record": "",
                "timeout_ms": 500
            },
            "throttle": {"failures": 10, "window_seconds": 60}
        },
        "access": [
            {"match": {"path": "/healthz"}, "allow": "public"},
            {"match": {"prefix": "/admin/"}, "require": {"scope": ["admin"]}},
            {"match": {"methods": ["GET", "HEAD"]}, "require": {"scope": ["read"]}},
            {"match": {}, "deny": true}
        ],
        "identity": {"headers": {"x-customer-code": "sub", "x-token-scope": "scope"}, "authorization": "forward"}
    })
}

fn environment(name: &str) -> Option<String> {
    match name {
        "SIGNING" => Some("s3cr3t-signing-key-of-32-bytes!!".to_owned()),
        // 32 bytes
        "OLD" => Some("QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=".to_owned()),
        "TOKEN" => Some("s3cr3t-lookup-token".to_owned()),
        "SHORT" => Some("s3cr3t-short".to_owned()),
        "EMPTY" => Some(String::new()),
        "CRLF" => Some("s3cr3t\r\nx: y".to_owned()),
        _ => None,
    }
}

fn load(value: &Value) -> Result<Config, ConfigError> {
    Config::load(value.to_string().as_bytes(), &environment)
}

/// The full configuration with the value at a JSON Pointer replaced, or a new member added.
fn with(pointer: &str, value: Value) -> Value {
    let mut full = full();
    match full.pointer_mut(pointer) {
        Some(place) => *place = value,
        None => {
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            full.pointer_mut(parent).unwrap()[name] = value;
        }
    }
    full
}

fn without(pointer: &str) -> Value {
    let mut full = full();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    full.pointer_mut(parent)
        .unwrap()
        .as_object_mut()
        .unwrap()
        .remove(name)
        .unwrap();
    full
}

#[test]
fn the_documented_configuration_is_accepted_without_a_warning() {
    assert!(load(&full()).unwrap().warnings().is_empty());
}

#[test]
fn the_least_configuration_only_verifies() {
    let least = json!({"issuer": "i", "keys": [{"alg": "HS256", "secret": {"env": "SIGNING"}}]});
    let config = load(&least).unwrap();
    assert!(config.token_endpoint.is_none());
    assert_eq!(config.identity.headers[0].name, "x-customer-code");
    let all = [json!("a"), json!(["a", "b"])];
    assert!(
        all.into_iter()
            .all(|audience| load(&with("/audience", audience)).is_ok())
    );
}

#[test]
fn d19_a_wrong_value_is_refused_with_its_json_path() {
    for (pointer, value, path) in [
        ("/issuer", json!(""), "issuer"),
        ("/issuer", json!("a\"b"), "issuer"),
        ("/issuer", json!(1), "issuer"),
        ("/audience", json!(1), "audience"),
        ("/audience", json!(["a", 1]), "audience[1]"),
        ("/audience", json!([""]), "audience"),
        ("/audience", json!([]), "audience"),
        ("/keys", json!([]), "keys"),
        ("/keys/0/alg", json!("RS256"), "keys[0].alg"),
        ("/keys/0/alg", json!("none"), "keys[0].alg"),
        ("/keys/0/secret", json!("text"), "keys[0].secret"),
        ("/keys/0/secret", json!({}), "keys[0].secret"),
        (
            "/keys/0/secret",
            json!({"env": "SIGNING", "inline": "x"}),
            "keys[0].secret",
        ),
        (
            "/keys/0/secret",
            json!({"env": "MISSING"}),
            "keys[0].secret.env",
        ),
        (
            "/keys/0/secret",
            json!({"env": "EMPTY"}),
            "keys[0].secret.env",
        ),
        ("/keys/0/secret", json!({"env": "SHORT"}), "keys[0].secret"),
        (
            "/keys/0/secret",
            json!({"env": "TOKEN", "encoding": "base64"}),
            "keys[0].secret.env",
        ),
        ("/keys/0/alg", json!("HS512"), "keys[0].secret"),
        ("/keys/0/kid", json!("2026-05"), "keys[1].kid"),
        ("/keys/0/kid", json!(""), "keys[0].kid"),
        ("/keys/0/use", json!("verify"), "keys"),
        ("/keys/0/use", json!("sometimes"), "keys[0].use"),
        ("/leeway_seconds", json!(61), "leeway_seconds"),
        ("/leeway_seconds", json!(-1), "leeway_seconds"),
        ("/token_endpoint/path", json!("auth"), "token_endpoint.path"),
        (
            "/token_endpoint/path",
            json!("//auth"),
            "token_endpoint.path",
        ),
        (
            "/token_endpoint/path",
            json!("/auth?x"),
            "token_endpoint.path",
        ),
        (
            "/token_endpoint/ttl_seconds",
            json!(0),
            "token_endpoint.ttl_seconds",
        ),
        (
            "/token_endpoint/ttl_seconds",
            json!(86401),
            "token_endpoint.ttl_seconds",
        ),
        (
            "/token_endpoint/ttl_seconds",
            json!("3600"),
            "token_endpoint.ttl_seconds",
        ),
        (
            "/token_endpoint/on_headers",
            json!("stop"),
            "token_endpoint.on_headers",
        ),
        (
            "/token_endpoint/lookup/cluster",
            json!(""),
            "token_endpoint.lookup.cluster",
        ),
        (
            "/token_endpoint/lookup/authority",
            json!("a b\r\n"),
            "token_endpoint.lookup.authority",
        ),
        (
            "/token_endpoint/lookup/path",
            json!("/v1/clients/"),
            "token_endpoint.lookup.path",
        ),
        (
            "/token_endpoint/lookup/record",
            json!("data"),
            "token_endpoint.lookup.record",
        ),
        (
            "/token_endpoint/lookup/timeout_ms",
            json!(0),
            "token_endpoint.lookup.timeout_ms",
        ),
        (
            "/token_endpoint/lookup/timeout_ms",
            json!(1.5),
            "token_endpoint.lookup.timeout_ms",
        ),
        (
            "/token_endpoint/lookup/headers/a b",
            json!({"value": "x"}),
            "token_endpoint.lookup.headers.a b",
        ),
        (
            "/token_endpoint/lookup/headers/host",
            json!({"value": "x"}),
            "token_endpoint.lookup.headers.host",
        ),
        (
            "/token_endpoint/lookup/headers/x",
            json!({}),
            "token_endpoint.lookup.headers.x",
        ),
        (
            "/token_endpoint/lookup/headers/x",
            json!({"env": "MISSING"}),
            "token_endpoint.lookup.headers.x.env",
        ),
        (
            "/token_endpoint/lookup/headers/x",
            json!({"env": "CRLF"}),
            "token_endpoint.lookup.headers.x",
        ),
        (
            "/token_endpoint/lookup/pepper",
            json!({"env": "MISSING"}),
            "token_endpoint.lookup.pepper.env",
        ),
        (
            "/token_endpoint/throttle/failures",
            json!(1),
            "token_endpoint.throttle.failures",
        ),
        (
            "/token_endpoint/throttle/window_seconds",
            json!(0),
            "token_endpoint.throttle.window_seconds",
        ),
        ("/access/0/allow", json!("everyone"), "access[0].allow"),
        (
            "/access/0/match/path",
            json!("/a/../b"),
            "access[0].match.path",
        ),
        (
            "/access/1/match/prefix",
            json!("admin/"),
            "access[1].match.prefix",
        ),
        (
            "/access/1/require/scope",
            json!([]),
            "access[1].require.scope",
        ),
        (
            "/access/1/require/scope",
            json!(["a b"]),
            "access[1].require.scope",
        ),
        (
            "/access/1/require/scope",
            json!([""]),
            "access[1].require.scope",
        ),
        ("/access/1/deny", json!(true), "access[1]"),
        (
            "/access/2/match/methods",
            json!([]),
            "access[2].match.methods",
        ),
        ("/access/3/deny", json!(false), "access[3]"),
        ("/access/3/match", json!(null), "access[3].match"),
        (
            "/identity/headers/authorization",
            json!("sub"),
            "identity.headers.authorization",
        ),
        (
            "/identity/headers/:path",
            json!("sub"),
            "identity.headers.:path",
        ),
        (
            "/identity/headers/x_Customer_Code",
            json!("sub"),
            "identity.headers.x_Customer_Code",
        ),
        (
            "/identity/headers/x-customer-code",
            json!(""),
            "identity.headers.x-customer-code",
        ),
        (
            "/identity/headers/x-customer-code",
            json!("/a~2"),
            "identity.headers.x-customer-code",
        ),
        (
            "/identity/authorization",
            json!("keep"),
            "identity.authorization",
        ),
        ("/mode", json!("off"), "mode"),
    ] {
        let error = load(&with(pointer, value.clone())).expect_err(&format!("{pointer} = {value}"));
        assert_eq!(error.path, path, "{pointer} = {value}: {error}");
    }
}

#[test]
fn an_unknown_key_is_refused_wherever_it_stands() {
    for at in [
        "",
        "/keys/0",
        "/keys/0/secret",
        "/token_endpoint",
        "/token_endpoint/lookup",
        "/token_endpoint/throttle",
        "/access/0",
        "/access/0/match",
        "/access/1/require",
        "/identity",
    ] {
        let error = load(&with(&format!("{at}/surprise"), json!(1))).expect_err(at);
        assert!(error.found.contains("`surprise`"), "{at}: {error}");
        assert!(error.path.ends_with("surprise"), "{at}: {error}");
    }
}

#[test]
fn a_missing_required_key_is_named() {
    for (pointer, path) in [
        ("/issuer", "(top level)"),
        ("/keys", "(top level)"),
        ("/keys/0/alg", "keys[0]"),
        ("/keys/0/secret", "keys[0]"),
        ("/token_endpoint/lookup", "token_endpoint"),
        ("/token_endpoint/lookup/cluster", "token_endpoint.lookup"),
        ("/access/0/match", "access[0]"),
        ("/access/0/allow", "access[0]"),
    ] {
        let error = load(&without(pointer)).expect_err(pointer);
        assert_eq!(error.path, path, "{pointer}: {error}");
    }
}

#[test]
fn a_key_given_twice_is_refused() {
    let twice = full()
        .to_string()
        .replacen("\"issuer\"", "\"leeway_seconds\":0,\"issuer\"", 1);
    assert!(Config::load(twice.as_bytes(), &environment).is_err());
    let header = full().to_string().replacen(
        "\"x-token-scope\"",
        "\"x-customer-code\":\"a\",\"x-token-scope\"",
        1,
    );
    assert!(Config::load(header.as_bytes(), &environment).is_err());
}

#[test]
fn what_is_not_json_text_gets_a_hint_at_the_struct_mistake() {
    let deep = "[".repeat(100_000);
    for text in [
        &b""[..],
        b"\n\x0aissuer\x12",
        b"\xff",
        b"{",
        b"{} {}",
        deep.as_bytes(),
    ] {
        let error = Config::load(text, &environment).unwrap_err();
        assert!(error.expected.contains("StringValue"), "{error}");
    }
}
