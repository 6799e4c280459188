//! What must not show, and what is said in its place.

use super::*;

#[test]
fn an_error_never_holds_a_secret() {
    let secret = "s3cr3t-inline-secret-that-must-not-show";
    for wrong in [
        with("/keys/0/secret", json!(secret)),
        with(
            "/keys/0/secret",
            json!({"inline": secret, "encoding": "base64"}),
        ),
        with("/keys/0/secret", json!({"inline": [secret]})),
        with("/keys/0/secret", json!({"env": "SHORT"})),
        with(
            "/keys/0/secret",
            json!({"env": "TOKEN", "encoding": "base64"}),
        ),
        with("/token_endpoint/lookup/pepper", json!(secret)),
        with("/token_endpoint/lookup/headers/x", json!(secret)),
        with("/token_endpoint/lookup/headers/x", json!({"env": "CRLF"})),
    ] {
        let error = load(&wrong).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error}");
    }
    assert!(!format!("{:?}", load(&full()).unwrap()).contains("s3cr3t"));
}

#[test]
fn an_inline_secret_is_accepted_with_a_warning_that_does_not_repeat_it() {
    let config = load(&with(
        "/keys/0/secret",
        json!({"inline": "s3cr3t-inline-secret-of-32-bytes"}),
    ))
    .unwrap();
    assert_eq!(config.warnings().len(), 1);
    assert!(
        config.warnings()[0].starts_with("keys[0].secret.inline:"),
        "{:?}",
        config.warnings()
    );
    assert!(!config.warnings()[0].contains("s3cr3t"));
}
