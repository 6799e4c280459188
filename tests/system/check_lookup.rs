//! `check-lookup` finds nothing at the store, and finds what is wrong with services that are.

use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use latchkey_core::lookup::reply::{Answer, Found, read};
use latchkey_tests::process::Process;
use latchkey_tests::stack::SERVICE_TOKEN;
use latchkey_tests::{Store, files, wait};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::process::{Command, Output};

const HASH: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn check(
    address: SocketAddr,
    path: &str,
    token: Option<&str>,
    more: &[&str],
) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_check-lookup"));
    command
        .args([
            "--client",
            "ACME01",
            "--url",
            &format!("http://{address}{path}"),
        ])
        .args(more);
    command.env_remove("LATCHKEY_LOOKUP_TOKEN");
    if let Some(token) = token {
        command.env("LATCHKEY_LOOKUP_TOKEN", token);
    }
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    (
        status.code(),
        String::from_utf8([stdout, stderr].concat()).unwrap(),
    )
}

/// A service that answers with this body for ACME01, and with 404 for everyone else, to everyone.
fn service(body: impl Into<String>) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let body = body.into();
    let app = Router::new().fallback(async move |uri: Uri| match uri.path() {
        "/c/ACME01" => body.into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    });
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, app).await.unwrap();
        });
    });
    address
}

fn record() -> Value {
    json!({"client_id": "ACME01", "enabled": true, "scope": "read",
        "keys": [{"id": "k_1", "hash": HASH, "expires_at": 1_827_072_000, "revoked_at": null}]})
}

#[test]
fn the_store_keeps_the_contract_and_a_wrong_token_is_seen() {
    let folder = files::run_folder().unwrap();
    let store = Store::start(
        &folder.join("store.sqlite"),
        &folder.join("store.log"),
        SERVICE_TOKEN,
    )
    .unwrap();
    store.add_customer("ACME01").unwrap();
    store.issue_key("ACME01").unwrap();
    let (code, said) = check(
        store.address(),
        "/v1/clients/{client_id}",
        Some(SERVICE_TOKEN),
        &[],
    );
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(
        said.lines().filter(|line| line.starts_with("ok ")).count(),
        14,
        "{said}"
    );

    let (code, said) = check(
        store.address(),
        "/v1/clients/{client_id}",
        Some("not-the-service-token"),
        &[],
    );
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("found status 401, expected 200"), "{said}");
    let (code, said) = check(store.address(), "/v1/{client_id}", Some(SERVICE_TOKEN), &[]);
    assert_eq!(code, Some(1), "{said}");
}

#[test]
fn a_record_inside_another_is_found_where_told() {
    let address = service(json!({"data": {"data": record()}}).to_string());
    let (code, said) = check(address, "/c/{client_id}", None, &["--record", "/data/data"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("whoever reaches the service can read all hashes"),
        "{said}"
    );
    let (code, said) = check(address, "/c/{client_id}", None, &[]);
    assert_eq!(code, Some(1));
    assert!(said.contains("/client_id is missing"), "{said}");
}

#[test]
fn what_is_wrong_with_a_record_is_named_by_place() {
    let with = |pointer: &str, value: Value| {
        let mut record = record();
        *record.pointer_mut(pointer).unwrap() = value;
        record.to_string()
    };
    let misspelled = record().to_string().replace("expires_at", "expiresAt");
    let long = format!("{}{}", record(), " ".repeat(70_000));
    for (body, expected) in [
        (
            with("/client_id", json!("acme01")),
            "/client_id is \"acme01\"",
        ),
        (with("/enabled", json!(1)), "/enabled is 1"),
        (with("/scope", json!(["read"])), "/scope is [\"read\"]"),
        (
            with("/scope", json!("read  write")),
            "scope is \"read  write\"",
        ),
        (
            with("/keys/0/hash", json!("lk_secret")),
            "/keys/0/hash is something else",
        ),
        (
            with("/keys/0/hash", json!("md5:00")),
            "has a tag that the filter does not know",
        ),
        (
            with("/keys/0/expires_at", json!(1_827_072_000_000_i64)),
            "in seconds, not milliseconds",
        ),
        (misspelled, "/keys/0/expires_at is missing"),
        (long, "over 64 KiB"),
    ] {
        let (code, said) = check(service(body), "/c/{client_id}", None, &[]);
        assert_eq!(code, Some(1), "{said}");
        assert!(
            said.contains(expected) && !said.contains("lk_secret"),
            "{expected}: {said}"
        );
    }
}

#[test]
fn an_open_service_and_one_that_does_not_say_404_are_seen() {
    let open = service(record().to_string());
    let (code, said) = check(
        open,
        "/c/{client_id}",
        Some("a-token-that-is-not-looked-at"),
        &[],
    );
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("found 200, expected 401 or 403"), "{said}");

    let (code, said) = check(open, "/c/ACME01?x={client_id}", None, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("found 200, expected 404"), "{said}");
}

#[test]
fn a_command_line_that_makes_no_sense_is_refused() {
    let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
    for (path, more) in [
        ("/c", &[][..]),
        ("/{client_id}/{client_id}", &[]),
        ("/{client_id}", &["--header", "x"]),
    ] {
        assert_eq!(
            check(nobody, path, None, more).0,
            Some(2),
            "{path} {more:?}"
        );
    }
    let (code, said) = check(nobody, "/{client_id}", None, &[]);
    assert_eq!(code, Some(1));
    assert!(said.contains("WRONG"), "{said}");
}

/// The text of docs/lookup.md's code block that follows each such mark, with what the mark says.
fn blocks(mark: &str) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(files::checkout().join("docs/lookup.md")).unwrap();
    let mark = format!("<!-- {mark}");
    let parts = text.split(&mark).skip(1);
    let block = |part: &str| {
        let (said, rest) = part.split_once("-->").unwrap();
        let code = rest.split("```").nth(1).unwrap();
        (
            said.trim().to_owned(),
            code.split_once('\n').unwrap().1.to_owned(),
        )
    };
    parts.map(block).collect()
}

#[test]
fn every_reply_in_the_documentation_is_read_by_the_filters_own_reader() {
    let replies = blocks("reply:");
    assert_eq!(replies.len(), 5);
    for (mark, body) in replies {
        let words: Vec<&str> = mark.split(' ').collect();
        let answer = Answer {
            status: Some(words[0].as_bytes()),
            body: body.as_bytes(),
            body_size: body.len(),
        };
        let found = read(&answer, words.get(2).unwrap_or(&""), words[1]).unwrap();
        assert_eq!(
            matches!(found, Found::Record(_)),
            words[0] == "200",
            "{mark}"
        );
    }
}

#[test]
fn the_service_in_the_documentation_keeps_the_contract() {
    let [(_, program)] = &blocks("program")[..] else {
        panic!("docs/lookup.md has one program");
    };
    let folder = files::run_folder().unwrap();
    let path = folder.join("lookup.py");
    std::fs::write(&path, program).unwrap();
    let mut python = Command::new("python3");
    python.arg(path).arg("0").env("LOOKUP_TOKEN", SERVICE_TOKEN);
    let mut process = Process::spawn("lookup.py", python, &folder.join("lookup.log")).unwrap();
    let address = wait::wait_for(|| {
        process.check().unwrap();
        let log = process.log();
        log.lines()
            .find_map(|line| line.strip_prefix("listening on http://")?.parse().ok())
    });
    let address = address.expect("the program never listened");
    let (code, said) = check(address, "/v1/clients/{client_id}", Some(SERVICE_TOKEN), &[]);
    assert_eq!(code, Some(0), "{said}");
}
