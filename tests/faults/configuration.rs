//! Whatever is wrong with the configuration: Envoy does not start, and the log names the place.

use latchkey_tests::{Request, Setup, Stack, files};
use serde_json::{Value, json};
use std::fs;

use crate::answer::stopped;
use crate::matrix::Matrix;

const GROUP: &str = "configuration";

pub fn run(matrix: &mut Matrix) {
    let patches = [missing(), wrong()].concat();
    let fault = "fields of docs/configuration.md that no row below gets wrong";
    matrix.add(GROUP, fault, &["none"], || (untried(&patches), None));
    for (place, patch) in patches {
        let fault = format!("`{patch}`");
        refused(matrix, fault, place, Stack::setup().configuration(patch));
    }
    for (algorithm, size) in [("HS256", 31), ("HS384", 47), ("HS512", 63)] {
        let fault = format!("a secret of {size} bytes for {algorithm}");
        let secret = &"the secret that is a byte too short for what it is to be used with"[..size];
        let key = json!({"alg": algorithm, "secret": {"env": "LATCHKEY_SIGNING_KEY"}});
        let setup = Stack::setup()
            .configuration(json!({"keys": [key]}))
            .environment("LATCHKEY_SIGNING_KEY", secret);
        refused(matrix, fault, "keys[0].secret", setup);
    }
    let setup = Stack::setup().environment("LATCHKEY_SIGNING_KEY", "");
    refused(matrix, "an empty secret", "keys[0].secret.env", setup);
    for (fault, text) in [
        ("no text at all", ""),
        ("text that is no JSON", "issuer: x"),
        ("half of the JSON", "{\"issuer\":"),
    ] {
        let setup = Stack::setup().bootstrap(|bootstrap| bootstrap.replace_configuration(text));
        refused(matrix, fault, "(top level)", setup);
    }
    let fault = "1 MB of rules, the last two of which decide";
    let expected = &["403 access_denied, then 200"];
    matrix.add(GROUP, fault, expected, || (large(), None));
}

/// Envoy does not start, and the one line of its log about it tells where the mistake is.
fn refused(matrix: &mut Matrix, fault: impl Into<String>, place: &str, setup: Setup) {
    let expected = format!("refused, at {place}");
    matrix.add(GROUP, fault, &[&expected], || {
        let log = setup.refused();
        let line = log
            .lines()
            .find(|line| line.contains("configuration refused"));
        let seen = match line {
            Some(line) if line.contains(&format!(" {place}: ")) => expected.clone(),
            Some(line) => format!("refused, but not at {place}: {line}"),
            None => "refused, without a word".to_owned(),
        };
        (seen, None)
    });
}

/// The fields that the documentation has and no patch names.
fn untried(patches: &[(&str, Value)]) -> String {
    let page = files::checkout().join("docs/configuration.md");
    let page = fs::read_to_string(page).expect("the page is there");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let fields = rows.filter_map(|row| Some(row.split_once('`')?.0));
    let tried: String = patches.iter().map(|(_, patch)| patch.to_string()).collect();
    let untried: Vec<&str> = fields
        .filter(|field| !tried.contains(&format!("\"{field}\":")))
        .collect();
    match untried.len() {
        0 => "none".to_owned(),
        _ => untried.join(", "),
    }
}

fn missing() -> Vec<(&'static str, Value)> {
    vec![
        ("(top level)", json!({"issuer": null})),
        ("(top level)", json!({"keys": null})),
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
            json!({"keys": [{"alg": "HS256", "secret": {"encoding": "text"}}]}),
        ),
        (
            "keys[0].secret.env",
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
            "token_endpoint.lookup.headers.x-a.env",
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
        ("audience", json!({"audience": []})),
        ("audience", json!({"audience": [""]})),
        ("leeway_seconds", json!({"leeway_seconds": 61})),
        ("leeway_seconds", json!({"leeway_seconds": -1})),
        ("mode", json!({"mode": "off"})),
        ("keys[0].alg", key("alg", json!("none"))),
        ("keys[0].alg", key("alg", json!("RS256"))),
        ("keys[0].kid", key("kid", json!(1))),
        ("keys[0].kid", key("kid", json!(""))),
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
            "keys[0].secret.env",
            key(
                "secret",
                json!({"env": "LATCHKEY_SIGNING_KEY", "encoding": "base64"}),
            ),
        ),
        (
            "keys[0].secret.encoding",
            key(
                "secret",
                json!({"env": "LATCHKEY_SIGNING_KEY", "encoding": "hex"}),
            ),
        ),
        ("keys[0].secret.env", key("secret", json!({"env": 1}))),
        (
            "keys[0].secret.inline",
            key("secret", json!({"inline": ["x"]})),
        ),
        ("token_endpoint", json!({"token_endpoint": true})),
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
            "token_endpoint.lookup.headers.x a",
            lookup("headers", json!({"x a": {"value": "b"}})),
        ),
        (
            "token_endpoint.lookup.headers.x-a.value",
            lookup("headers", json!({"x-a": {"value": 1}})),
        ),
        (
            "token_endpoint.lookup.headers.x-a.prefix",
            lookup("headers", json!({"x-a": {"value": "b", "prefix": 1}})),
        ),
        (
            "token_endpoint.lookup.pepper.env",
            lookup("pepper", json!({"env": "LATCHKEY_NOT_SET"})),
        ),
        ("token_endpoint.throttle", endpoint("throttle", json!(10))),
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
        ("access[0].deny", rule("deny", json!("yes"))),
        ("access[0].require", rule("require", json!("read"))),
        (
            "access[0].match",
            json!({"access": [{"match": "/x", "deny": true}]}),
        ),
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
        ("identity", json!({"identity": "sub"})),
        (
            "identity.headers.x customer",
            json!({"identity": {"headers": {"x customer": "sub"}}}),
        ),
        (
            "identity.authorization",
            json!({"identity": {"authorization": "hide"}}),
        ),
    ]
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
