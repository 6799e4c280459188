//! What all the other tests of this folder have left behind. Cargo runs test programs in the order of their names, so this one comes last.

use latchkey_tests::{SIGNING_KEY, Stack, files};
use regex::bytes::Regex;
use std::path::PathBuf;
use std::{fs, io};

/// The shapes of what must not be written down, wherever it came from.
const SECRETS: [(&str, &str); 5] = [
    ("an API Key", r"lk_[A-Za-z0-9]{43}"),
    (
        "a token",
        r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    ),
    ("a Bearer header", r"(?i)bearer [A-Za-z0-9._~+/-]{16,}"),
    ("a Basic header", r"(?i)basic [A-Za-z0-9+/]{12,}"),
    ("a form with a key", r"client_secret=[^&\s]"),
];

/// Every log file of every stack, of Envoy and of the store.
fn logs() -> io::Result<Vec<PathBuf>> {
    let mut logs = Vec::new();
    for folder in fs::read_dir(files::system_folder())? {
        let folder = folder?;
        // The run of customers' clients has Envoy log the header on purpose, to see what they send.
        if folder.file_name().to_string_lossy().starts_with("clients.") {
            continue;
        }
        for file in fs::read_dir(folder.path())? {
            let path = file?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let ours = name.starts_with("envoy") || name.starts_with("store");
            if ours && name.ends_with(".log") {
                logs.push(path);
            }
        }
    }
    Ok(logs)
}

#[test]
fn c11_no_log_of_the_whole_run_holds_a_key_a_token_or_a_header_with_credentials() {
    let own = Stack::start();
    let customer = own.customer();
    let token = own.token(&customer);
    let patterns = SECRETS.map(|(what, pattern)| (what, Regex::new(pattern).unwrap()));
    // The patterns find what they are for.
    for sample in [
        customer.key.secret.clone(),
        token.clone(),
        format!("Bearer {token}"),
        "authorization: Basic QUNNRTAxOnNlY3JldA==".into(),
        "client_secret=x".into(),
    ] {
        assert!(
            patterns
                .iter()
                .any(|(_, pattern)| pattern.is_match(sample.as_bytes())),
            "{sample}"
        );
    }
    let logs = logs().unwrap();
    assert!(
        logs.iter().any(|path| path.starts_with(&own.folder)),
        "{logs:?}"
    );
    for path in logs {
        let text = fs::read(&path).unwrap();
        for (what, pattern) in &patterns {
            let found = pattern
                .find(&text)
                .map(|found| String::from_utf8_lossy(found.as_bytes()));
            assert_eq!(found, None, "{what} is in {}", path.display());
        }
        for secret in [SIGNING_KEY, own.service_token()] {
            let found = text
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(
                !found,
                "a secret of the test's configuration is in {}",
                path.display()
            );
        }
    }
}
