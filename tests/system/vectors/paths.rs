//! What the spelling of a path opens (D17).

use latchkey_tests::vectors::{PathFile, PathVector, load};
use latchkey_tests::{Exchange, Request, now};
use serde_json::Value;
use std::sync::LazyLock;

use crate::lab::LAB;

pub static FILE: LazyLock<PathFile> = LazyLock::new(|| load("paths"));

pub fn ask(listener: &str, vector: &PathVector, token: Option<&str>) -> Exchange {
    let mut request = Request::new(&vector.method, &vector.target);
    if let Some(token) = token {
        request = request.bearer(token);
    }
    LAB.stack.send_to(LAB.address(listener), request)
}

/// What the exchange shows, in the words of the file.
fn shown(exchange: &Exchange, token: bool) -> Result<&'static str, String> {
    let response = &exchange.response;
    let error = serde_json::from_slice::<Value>(&response.body).unwrap_or_default()["error"].take();
    let word = match (&exchange.upstream[..], response.status, error.as_str()) {
        ([seen], 200, _) => match seen.value("x-customer-code") {
            Some("ACME01") if token => "valid_token",
            None if is_public(&seen.path) => "public",
            code => return Err(format!("{} reached the upstream as {code:?}", seen.path)),
        },
        ([], 401, Some("invalid_token")) if !token => "missing_token",
        ([], 403, Some("insufficient_scope")) => "insufficient_scope",
        ([], 403, Some("access_denied")) => "denied",
        ([], 400, None) => "envoy",
        ([], 404, None) => "envoy 404",
        (seen, ..) => return Err(format!("{} reached the upstream: {response:?}", seen.len())),
    };
    Ok(word)
}

fn is_public(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    FILE.public.iter().any(|public| public == path) || path.starts_with("/open/")
}

fn check(listener: &str, expected: impl Fn(&PathVector) -> &[String; 2]) {
    let token = LAB.known.token(&Default::default(), now());
    let token = String::from_utf8(token).unwrap();
    let before = LAB.stack.envoy.machines();
    let mut wrong = Vec::new();
    for vector in &FILE.vectors {
        for (token, expected) in [None, Some(&*token)].into_iter().zip(expected(vector)) {
            let exchange = ask(listener, vector, token);
            let shown = shown(&exchange, token.is_some());
            if shown.as_deref() != Ok(expected) {
                let PathVector { method, target, .. } = vector;
                let token = if token.is_some() { "with" } else { "without" };
                wrong.push(format!(
                    "{method} {target} {token} a token: {shown:?}, not {expected}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(LAB.stack.envoy.machines(), before);
}

#[test]
fn d17_where_paths_come_as_they_are_no_spelling_opens_more_than_its_path() {
    check("ours-paths", |vector| &vector.raw);
}

#[test]
fn d17_where_envoy_normalises_paths_no_spelling_opens_more_than_its_path() {
    check("ours-normalised", |vector| &vector.normalised);
}
