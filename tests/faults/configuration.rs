//! Whatever is wrong with the configuration: Envoy does not start, and the log names the place.

use latchkey_tests::{Request, Stack};
use serde_json::{Value, json};

use crate::answer::stopped;
use crate::matrix::Matrix;

const GROUP: &str = "configuration";

pub fn run(matrix: &mut Matrix) {
    for (place, patch) in missing().into_iter().chain(wrong()) {
        let fault = format!("`{patch}`").replace('|', "/");
        matrix.row_without_envoy(GROUP, fault, &[&format!("refused, at {place}")], || {
            refused(place, patch)
        });
    }
    for (fault, name, value, place) in [
        (
            "a secret of 31 bytes",
            "LATCHKEY_SIGNING_KEY",
            "31 bytes, one fewer than needed",
            "keys[0].secret",
        ),
        (
            "an empty secret",
            "LATCHKEY_SIGNING_KEY",
            "",
            "keys[0].secret",
        ),
    ] {
        matrix.row_without_envoy(GROUP, fault, &[&format!("refused, at {place}")], || {
            told(place, &Stack::setup().environment(name, value).refused())
        });
    }
    for (fault, text) in [
        ("no text at all", ""),
        ("text that is no JSON", "issuer: x"),
        ("half of the JSON", "{\"issuer\":"),
    ] {
        matrix.row_without_envoy(GROUP, fault, &["refused, at (top level)"], || {
            told(
                "(top level)",
                &Stack::setup()
                    .bootstrap(|bootstrap| bootstrap.replace_configuration(text))
                    .refused(),
            )
        });
    }
    matrix.row_without_envoy(
        GROUP,
        "1 MB of rules, the last of which decides",
        &["403 access_denied, then 200"],
        large,
    );
}

fn missing() -> Vec<(&'static str, Value)> {
    vec![
        ("issuer", json!({"issuer": null})),
        ("keys", json!({"keys": null})),
        ("keys", json!({"keys": []})),
        (
            "keys[0]",
            json!({"keys": [{"secret": {"env": "LATCHKEY_SIGNING_KEY"}}]}),
        ),
        ("keys[0]", json!({"keys": [{"alg": "HS256"}]})),
        (
            "keys[0].secret",
            json!({"keys": [{"alg": "HS256", "secret": {}}]}),
        ),
        (
            "keys[0].secret",
            json!({"keys": [{"alg": "HS256", "secret": {"env": "LATCHKEY_NOT_SET"}}]}),
        ),
        (
            "token_endpoint",
            json!({"token_endpoint": {"lookup": null}}),
        ),
        (
            "token_endpoint.lookup",
            json!({"token_endpoint": {"lookup": {"cluster": null}}}),
        ),
        (
            "token_endpoint.lookup.headers.x-a",
            json!({"token_endpoint": {"lookup": {"headers": {"x-a": {}}}}}),
        ),
        (
            "token_endpoint.lookup.headers.x-a",
            json!({"token_endpoint": {"lookup": {"headers": {"x-a": {"env": "LATCHKEY_NOT_SET"}}}}}),
        ),
        ("access[0]", json!({"access": [{"allow": "public"}]})),
        ("access[0]", json!({"access": [{"match": {}}]})),
        (
            "access[0].require",
            json!({"access": [{"match": {}, "require": {}}]}),
        ),
    ]
}

fn wrong() -> Vec<(&'static str, Value)> {
    let key = |changed: &str, value: Value| {
        let mut key = json!({"alg": "HS256", "secret": {"env": "LATCHKEY_SIGNING_KEY"}});
        key[changed] = value;
        json!({"keys": [key]})
    };
    let endpoint = |name: &str, value: Value| json!({"token_endpoint": {name: value}});
    let lookup = |name: &str, value: Value| json!({"token_endpoint": {"lookup": {name: value}}});
    let throttle =
        |name: &str, value: Value| json!({"token_endpoint": {"throttle": {name: value}}});
    let rule = |name: &str, value: Value| json!({"access": [{"match": {}, name: value}]});
    let matching =
        |name: &str, value: Value| json!({"access": [{"match": {name: value}, "deny": true}]});
    vec![
        ("isuer", json!({"isuer": "x"})),
        ("issuer", json!({"issuer": ""})),
        ("issuer", json!({"issuer": 1})),
        ("issuer", json!({"issuer": "a\"b"})),
        ("audience", json!({"audience": 1})),
        ("leeway_seconds", json!({"leeway_seconds": 61})),
        ("leeway_seconds", json!({"leeway_seconds": -1})),
        ("mode", json!({"mode": "off"})),
        ("keys[0].alg", key("alg", json!("none"))),
        ("keys[0].alg", key("alg", json!("RS256"))),
        ("keys[0].kid", key("kid", json!(1))),
        ("keys[0].use", key("use", json!("encrypt"))),
        ("keys[0].secret", key("secret", json!("text"))),
        (
            "keys[0].secret",
            key(
                "secret",
                json!({"env": "LATCHKEY_SIGNING_KEY", "inline": "x"}),
            ),
        ),
        (
            "keys[0].secret",
            key(
                "secret",
                json!({"env": "LATCHKEY_SIGNING_KEY", "encoding": "base64"}),
            ),
        ),
        (
            "token_endpoint.path",
            endpoint("path", json!("/auth//token")),
        ),
        ("token_endpoint.path", endpoint("path", json!("auth"))),
        (
            "token_endpoint.ttl_seconds",
            endpoint("ttl_seconds", json!(0)),
        ),
        (
            "token_endpoint.ttl_seconds",
            endpoint("ttl_seconds", json!("3600")),
        ),
        (
            "token_endpoint.on_headers",
            endpoint("on_headers", json!("pause")),
        ),
        (
            "token_endpoint.require_https",
            endpoint("require_https", json!("yes")),
        ),
        (
            "token_endpoint.lookup.cluster",
            lookup("cluster", json!("")),
        ),
        (
            "token_endpoint.lookup.authority",
            lookup("authority", json!("a\r\nb")),
        ),
        (
            "token_endpoint.lookup.path",
            lookup("path", json!("/clients")),
        ),
        (
            "token_endpoint.lookup.record",
            lookup("record", json!("data")),
        ),
        (
            "token_endpoint.lookup.timeout_ms",
            lookup("timeout_ms", json!(0)),
        ),
        (
            "token_endpoint.lookup.headers",
            lookup("headers", json!({"x a": {"value": "b"}})),
        ),
        (
            "token_endpoint.throttle.failures",
            throttle("failures", json!(1)),
        ),
        (
            "token_endpoint.throttle.window_seconds",
            throttle("window_seconds", json!(0)),
        ),
        ("access", json!({"access": {}})),
        ("access[0].allow", rule("allow", json!("everyone"))),
        ("access[0]", rule("deny", json!(false))),
        (
            "access[0].require.scope",
            rule("require", json!({"scope": []})),
        ),
        (
            "access[0].require.scope",
            rule("require", json!({"scope": ["a b"]})),
        ),
        ("access[0].match.path", matching("path", json!("//x"))),
        ("access[0].match.prefix", matching("prefix", json!("/%2e"))),
        ("access[0].match.methods", matching("methods", json!([]))),
        (
            "identity.headers",
            json!({"identity": {"headers": {"x customer": "sub"}}}),
        ),
        (
            "identity.authorization",
            json!({"identity": {"authorization": "hide"}}),
        ),
    ]
}

fn refused(place: &str, patch: Value) -> String {
    told(place, &Stack::setup().configuration(patch).refused())
}

/// The line of the log that tells what is wrong.
fn told(place: &str, log: &str) -> String {
    let line = log
        .lines()
        .find(|line| line.contains("configuration refused"));
    match line {
        Some(line) if line.contains(place) => format!("refused, at {place}"),
        Some(line) => format!("refused, but not at {place}: {}", line.replace('|', "/")),
        None => "refused, without a word".to_owned(),
    }
}

fn large() -> String {
    let mut rules: Vec<Value> = (0..18_000)
        .map(|number| json!({"match": {"path": format!("/rule/{number}")}, "require": {"scope": ["never"]}}))
        .collect();
    rules.push(json!({"match": {"path": "/last"}, "deny": true}));
    rules.push(json!({"match": {}, "require": {"scope": ["read"]}}));
    let access = json!({"access": rules});
    assert!(access.to_string().len() > 1_000_000);
    let stack = Stack::setup().configuration(access).start();
    let bearer = stack.forge(json!({}));
    let denied = stopped(&stack.send(Request::get("/last").bearer(&bearer)));
    let allowed = stack
        .send(Request::get("/products").bearer(&bearer))
        .response
        .status;
    format!("{denied}, then {allowed}")
}
