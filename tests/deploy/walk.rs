//! A customer's way through a running proxy.

use crate::caller::Caller;
use latchkey_tests::{Seen, Stack, Store, Upstream};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The header by which the upstream knows a request again.
const EXCHANGE: &str = "x-test-exchange";

/// A token, data with it, and a refusal for each way of not having one.
#[track_caller]
pub(crate) fn issues_and_guards(caller: &Caller, store: &Store, upstream: &Upstream) {
    let code = format!("WALK{:04}", next());
    store.add_customer(&code).unwrap();
    let key = store.issue_key(&code).unwrap();

    let reply = caller.ask_for_token(&code, &key.secret);
    assert_eq!(reply.status, 200, "{reply:?}");
    let token = reply.json()["access_token"].as_str().unwrap().to_owned();
    opens(caller, upstream, &token, &code);

    let refused = caller.ask_for_token(&code, "lk_wrong");
    assert_eq!(refused.status, 401, "{refused:?}");
    assert_eq!(refused.json()["error"], "invalid_client");
}

/// For a proxy without a token endpoint: tokens of another are checked.
#[track_caller]
pub(crate) fn only_guards(stack: &Stack, caller: &Caller) {
    let token = stack.forge(json!({"sub": "ACME01"}));
    opens(caller, &stack.upstream, &token, "ACME01");
    let expired = caller.read("/products", &stack.forge(json!({"exp": 1})), &[]);
    assert_eq!(expired.status, 401, "{expired:?}");
    let no_endpoint = caller.ask_for_token("ACME01", "lk_x");
    assert_eq!(no_endpoint.status, 401, "{no_endpoint:?}");
}

/// The token opens data as this customer's, and what has no token or does more than read opens nothing.
#[track_caller]
fn opens(caller: &Caller, upstream: &Upstream, token: &str, code: &str) {
    let number = next().to_string();
    let marked = format!("{EXCHANGE}: {number}");
    let seen = || -> Vec<Seen> { upstream.requests_with(EXCHANGE, &number) };

    let without = caller.ask("/products", &["--header", &marked]);
    assert_eq!(without.status, 401, "{without:?}");
    let write = ["--request", "POST", "--header", &*marked];
    assert_eq!(caller.read("/products", token, &write).status, 403);
    assert!(seen().is_empty(), "{:?}", seen());

    let pretend = ["--header", &*marked, "--header", "x-customer-code: EVIL"];
    let reply = caller.read("/products", token, &pretend);
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(seen().len(), 1);
    assert_eq!(seen()[0].value("x-customer-code"), Some(code));
}

fn next() -> usize {
    static NUMBER: AtomicUsize = AtomicUsize::new(1);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}
