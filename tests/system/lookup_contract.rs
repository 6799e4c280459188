//! What the filter asks the lookup service, and what it takes for a record (C2, C9, C10, D9).

use latchkey_tests::lookup::{hmac_sha256, record, reply, sha256};
use latchkey_tests::{Behaviour, Lookup, Request, Stack, token_request, wait};
use serde_json::{Value, json};
use std::sync::LazyLock;

const PEPPER: &str = "the pepper of the system tests";

static LOOKUP: LazyLock<Lookup> = LazyLock::new(|| Lookup::start().unwrap());

static STACK: LazyLock<Stack> = LazyLock::new(|| {
    Stack::setup()
        .configuration(json!({"token_endpoint": {"lookup": {
            "pepper": {"env": "LATCHKEY_PEPPER"},
            "headers": {"x-asked-by": {"value": "latchkey"}},
        }}}))
        .environment("LATCHKEY_PEPPER", PEPPER)
        .bootstrap(|bootstrap| {
            bootstrap.show_variable("LATCHKEY_PEPPER")?;
            bootstrap.connect_lookup(Some(LOOKUP.address()))
        })
        .start()
});

/// Makes a customer known to the lookup service.
fn known(record: Value) {
    let code = record["client_id"].as_str().unwrap();
    LOOKUP.on(code, Behaviour::Send(reply("200 OK", record.to_string())));
}

#[track_caller]
fn issued(request: Request) {
    let exchange = STACK.send(request);
    assert_eq!(exchange.stopped().status, 200, "{:?}", exchange.response);
}

#[track_caller]
fn refused(request: Request) {
    let exchange = STACK.send(request);
    assert_eq!(exchange.stopped().status, 401, "{:?}", exchange.response);
}

#[test]
fn c2_the_lookup_is_one_request_with_the_code_as_one_escaped_segment() {
    for (code, segment) in [
        ("../x", "..%2Fx"),
        ("..%2fx-1", "..%252fx-1"),
        ("a/b", "a%2Fb"),
        ("a?b=c", "a%3Fb%3Dc"),
        ("a#b", "a%23b"),
        ("a b", "a%20b"),
        ("a;b,c&d", "a%3Bb%2Cc%26d"),
        ("a\\b", "a%5Cb"),
        ("~a-b._c", "~a-b._c"),
    ] {
        let sent: String = code.bytes().map(|byte| format!("%{byte:02x}")).collect();
        refused(token_request(&sent, "x"));
        let seen = LOOKUP.seen(&format!("/v1/clients/{code}"));
        let paths: Vec<&str> = seen.iter().map(|seen| &*seen.path).collect();
        assert_eq!(paths, [format!("/v1/clients/{segment}")], "{code}");
        assert_eq!(seen[0].method, "GET");
    }
}

#[test]
fn c2_a_code_that_no_customer_can_have_is_refused_without_a_lookup() {
    // The other tests of this file ask only for codes without this mark.
    let long = format!("NONE{}", "a".repeat(5000));
    for code in [
        "NONE%00",
        "NONE%0D%0Ax-evil:+1",
        "NONE%C3%A9",
        "+NONE",
        "NONE+",
        "NONE%7F",
        &*long,
    ] {
        refused(token_request(code, "x"));
    }
    for code in [".", ".."] {
        refused(token_request(code, "x"));
    }
    assert!(LOOKUP.seen("NONE").is_empty(), "{:?}", LOOKUP.seen("NONE"));
    let dots = LOOKUP.all().into_iter().filter(|seen| {
        matches!(
            &*seen.path,
            "/v1/clients/." | "/v1/clients/.." | "/v1/clients/%2E%2E" | "/v1/" | "/v1/clients/"
        )
    });
    assert_eq!(dots.count(), 0);
}

#[test]
fn c2_the_lookup_carries_its_own_credential_and_the_ids_of_the_request_and_nothing_else_of_it() {
    known(record("TRACED", "the-key-that-stays-here"));
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let request = token_request("TRACED", "the-key-that-stays-here")
        .header("x-request-id", "7d3c0a5e-0f8f-4c1c-8e52-b1b9a1f83a4d")
        .header("traceparent", trace)
        .header("cookie", "the-cookie")
        .header("x-private", "the-private-header");
    issued(request);
    let seen = LOOKUP.seen("TRACED");
    let [lookup] = &seen[..] else {
        panic!("{seen:?}")
    };
    let token = STACK.service_token();
    assert_eq!(
        lookup.value("authorization"),
        Some(&*format!("Bearer {token}"))
    );
    assert_eq!(lookup.value("host"), Some("credential-store"));
    assert_eq!(lookup.value("x-asked-by"), Some("latchkey"));
    assert_eq!(lookup.value("traceparent"), Some(trace));
    // Envoy, as the edge, gives each request an id of its own, which its access log names.
    let id = lookup.value("x-request-id").unwrap().to_owned();
    wait::until("the access log has the id of the lookup", || {
        STACK.envoy.log().contains(&id)
    });
    let all = format!("{lookup:?}")
        + &lookup
            .headers
            .iter()
            .map(|(_, value)| String::from_utf8_lossy(value))
            .collect::<String>();
    for text in [
        "the-key-that-stays-here",
        "the-cookie",
        "the-private-header",
        "client_credentials",
    ] {
        assert!(!all.contains(text), "{all}");
    }
}

#[test]
fn c10_any_of_several_keys_opens_whether_peppered_or_not_and_an_unknown_hash_opens_nothing() {
    let mut customer = record("KEYS", "first");
    let key = |id: &str, hash: String, expires_at: Value, revoked_at: Value| json!({"id": id, "hash": hash, "expires_at": expires_at, "revoked_at": revoked_at});
    let keys = customer["keys"].as_array_mut().unwrap();
    keys.push(key(
        "k_2",
        hmac_sha256("peppered", PEPPER.as_bytes()),
        Value::Null,
        Value::Null,
    ));
    keys.push(key(
        "k_3",
        hmac_sha256("other-pepper", b"another pepper"),
        Value::Null,
        Value::Null,
    ));
    keys.push(key(
        "k_4",
        "argon2id:unheard-of".into(),
        Value::Null,
        Value::Null,
    ));
    keys.push(key("k_5", sha256("expired"), json!(1), Value::Null));
    keys.push(key("k_6", sha256("revoked"), Value::Null, json!(1)));
    known(customer);
    for good in ["first", "peppered"] {
        issued(token_request("KEYS", good));
    }
    for bad in [
        "other-pepper",
        "unheard-of",
        "argon2id:unheard-of",
        "expired",
        "revoked",
    ] {
        refused(token_request("KEYS", bad));
    }
    assert!(STACK.envoy.stat("wasmcustom.latchkey_unknown_hashes_total") > 0);
}

#[test]
fn c9_a_customer_is_asked_for_at_every_token_request_and_never_remembered() {
    known(record("EVERY", "key"));
    for number in 1..=5 {
        issued(token_request("EVERY", "key"));
        assert_eq!(LOOKUP.seen("EVERY").len(), number);
    }
    let mut disabled = record("EVERY", "key");
    disabled["enabled"] = json!(false);
    known(disabled);
    refused(token_request("EVERY", "key"));
}

/// Replies in the form in which the two services document them.
const VAULT: &str = include_str!("replies/vault-kv-v2.json");
const VAULT_UNKNOWN: &str = include_str!("replies/vault-kv-v2-unknown.json");
const POSTGREST: &str = include_str!("replies/postgrest-object.json");
const POSTGREST_UNKNOWN: &str = include_str!("replies/postgrest-unknown.json");
const THEIR_KEY: &str = "lk_a-key-in-someone-elses-store";

/// A stack whose lookup service answers for ACME01, and knows nobody else.
#[track_caller]
fn assert_serves(lookup: Value, found: &str, unknown: &str, path: &str, headers: &[(&str, &str)]) {
    let server = Lookup::start().unwrap();
    let address = server.address();
    server.on("", Behaviour::Send(reply("404 Not Found", unknown)));
    server.on("ACME01", Behaviour::Send(reply("200 OK", found)));
    let stack = Stack::setup()
        .configuration(json!({"token_endpoint": {"lookup": lookup}}))
        .bootstrap(move |bootstrap| bootstrap.connect_lookup(Some(address)))
        .start();
    let exchange = stack.request_token("ACME01", THEIR_KEY);
    assert_eq!(exchange.stopped().status, 200, "{:?}", exchange.response);
    assert_eq!(stack.request_token("ACME01", "wrong").response.status, 401);
    assert_eq!(
        stack.request_token("NOBODY", THEIR_KEY).response.status,
        401
    );
    let seen = &server.seen("ACME01")[0];
    assert_eq!(seen.path, path);
    for (name, value) in headers {
        assert_eq!(seen.value(name), Some(*value), "{seen:?}");
    }
}

#[test]
fn d9_a_reply_of_vaults_key_value_store_works_unchanged() {
    let lookup = json!({
        "path": "/v1/secret/data/clients/{client_id}",
        "record": "/data/data",
        "headers": {"authorization": null, "x-vault-token": {"env": "LATCHKEY_LOOKUP_TOKEN"}},
    });
    let token = STACK.service_token();
    assert_serves(
        lookup,
        VAULT,
        VAULT_UNKNOWN,
        "/v1/secret/data/clients/ACME01",
        &[("x-vault-token", token)],
    );
}

#[test]
fn d9_a_single_object_of_postgrest_works_unchanged() {
    let lookup = json!({
        "path": "/rpc/latchkey_client?client_id={client_id}",
        "headers": {"accept": {"value": "application/vnd.pgrst.object+json"}},
    });
    let headers = [("accept", "application/vnd.pgrst.object+json")];
    assert_serves(
        lookup,
        POSTGREST,
        POSTGREST_UNKNOWN,
        "/rpc/latchkey_client?client_id=ACME01",
        &headers,
    );
}
