//! A wrong configuration keeps Envoy from starting, and says where it is wrong.

use latchkey_tests::Stack;
use serde_json::{Value, json};

/// The log names the place and what to do, and holds no secret.
#[track_caller]
fn assert_refused(patch: Value, expected: &[&str]) {
    let log = Stack::setup().configuration(patch.clone()).refused();
    for text in expected {
        assert!(
            log.contains(text),
            "{patch} is refused without {text:?}:\n{log}"
        );
    }
}

#[test]
fn an_unknown_name_is_refused_with_its_path() {
    assert_refused(json!({"isuer": "x"}), &["isuer"]);
    assert_refused(
        json!({"token_endpoint": {"lookup": {"time_out": 1}}}),
        &["token_endpoint.lookup", "time_out"],
    );
}

#[test]
fn a_missing_value_is_refused_with_its_path() {
    assert_refused(json!({"issuer": null}), &["issuer"]);
    assert_refused(json!({"keys": []}), &["keys"]);
    assert_refused(json!({"keys": [{"alg": "HS256"}]}), &["keys[0]", "secret"]);
}

#[test]
fn a_value_of_the_wrong_kind_is_refused_with_its_path() {
    assert_refused(
        json!({"token_endpoint": {"ttl_seconds": "3600"}}),
        &["token_endpoint.ttl_seconds"],
    );
    assert_refused(
        json!({"access": [{"match": {}, "allow": "everyone"}]}),
        &["access[0].allow"],
    );
    assert_refused(
        json!({"identity": {"headers": {"x customer": "sub"}}}),
        &["identity.headers", "x customer"],
    );
}

#[test]
fn a_signing_key_that_is_not_in_the_environment_is_refused_with_its_path() {
    let keys = json!([{"alg": "HS256", "secret": {"env": "LATCHKEY_NOT_SET"}}]);
    assert_refused(
        json!({"keys": keys}),
        &["keys[0].secret", "LATCHKEY_NOT_SET", "host_env_keys"],
    );
}

#[test]
fn a_signing_key_under_32_bytes_is_refused_with_its_path_and_never_shown() {
    let short = "31 bytes, one fewer than needed";
    assert_eq!(short.len(), 31);
    let log = Stack::setup()
        .environment("LATCHKEY_SIGNING_KEY", short)
        .refused();
    assert!(
        log.contains("keys[0].secret") && log.contains("32"),
        "{log}"
    );
    assert!(!log.contains(short), "{log}");
}

#[test]
fn text_that_is_no_json_is_refused() {
    for text in ["", "{", "issuer: x", "[]"] {
        let log = Stack::setup()
            .bootstrap(|bootstrap| bootstrap.replace_configuration(text))
            .refused();
        assert!(log.contains("(top level)"), "{text:?}:\n{log}");
    }
}

#[test]
fn a_configuration_given_as_a_struct_is_refused() {
    let log = Stack::setup()
        .bootstrap(|bootstrap| {
            bootstrap.plugin()?["configuration"] = json!({
                "@type": "type.googleapis.com/google.protobuf.Struct",
                "value": {"issuer": "http://127.0.0.1:10000"},
            });
            Ok(())
        })
        .refused();
    assert!(log.contains("StringValue"), "{log}");
}

#[test]
fn the_example_recovers_from_a_crash_and_never_fails_open() {
    let mut bootstrap = latchkey_tests::Bootstrap::example().unwrap();
    assert_eq!(bootstrap.plugin().unwrap()["failure_policy"], "FAIL_RELOAD");
}
