//! The lookup service's answer (D9). The first byte chooses the status, the rest is the body.

use crate::oracle;
use crate::world::{self, API_KEY, NOW};
use latchkey_core::lookup::Answer;
use latchkey_core::{Action, Event};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// In the body, this text stands for the hash of the key that is asked with.
const HASH: &str = "HASH";

static KEY_HASH: LazyLock<String> = LazyLock::new(|| {
    let digest = Sha256::digest(API_KEY);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
});

/// A token is issued exactly where the record is the customer's, whole, enabled, and has the key, still good. What is
/// no record is never an answer about the key: 503. Only 404 is an unknown customer.
pub fn check(data: &[u8]) {
    let (&mode, body) = data.split_first().unwrap_or((&0, b""));
    let status: &[u8] = [
        &b"200"[..],
        b"404",
        b"500",
        b"503",
        b"504",
        b"204",
        b"2000",
        b"",
    ][usize::from(mode) % 8];
    let status = (mode < 0xf0).then_some(status);
    let body = filled(body);
    let expected = match status {
        Some(b"404") => 401,
        Some(b"200") if body.len() <= 64 * 1024 => verdict(&body),
        _ => 503,
    };
    let seen = asked(&Answer {
        status,
        body: &body,
        body_size: body.len(),
    });
    assert_eq!(
        seen,
        expected,
        "{status:?} {}",
        String::from_utf8_lossy(&body)
    );
}

/// The status a caller with [`API_KEY`] gets once the lookup is answered so.
fn asked(answer: &Answer<'_>) -> u16 {
    world::with_engine(|engine| {
        let head = [
            (&b":method"[..], &b"POST"[..]),
            (b":path", b"/auth/token"),
            (b"content-type", b"application/x-www-form-urlencoded"),
        ];
        let form =
            format!("grant_type=client_credentials&client_id=ACME01&client_secret={API_KEY}");
        let (state, _) = world::head(engine, &head, false);
        let address = world::fresh_address();
        let body = Event::Body {
            bytes: form.as_bytes(),
            complete: true,
            address: address.as_bytes(),
        };
        let (state, step) = engine.step(state, body, world::now());
        assert!(matches!(step.action, Action::Call(_)), "{step:?}");
        let event = || Event::Answer {
            answer: *answer,
            random: [7; 16],
        };
        let (state, step) = engine.step(state, event(), world::now());
        // An address that cannot be reached is tried once more.
        let step = match step.action {
            Action::Call(_) => engine.step(state, event(), world::now()).1,
            _ => step,
        };
        match step.action {
            Action::Reply(reply) => {
                assert_eq!(reply.body.contains("access_token"), reply.status == 200);
                reply.status
            }
            other => panic!("{other:?}"),
        }
    })
}

fn verdict(body: &[u8]) -> u16 {
    match opens(body) {
        None => 503,
        Some(false) => 401,
        Some(true) => 200,
    }
}

/// Whether the record opens for the key; `None`: it is no record of the customer.
fn opens(body: &[u8]) -> Option<bool> {
    let record = oracle::object(body)?;
    let enabled = record.get("enabled")?.as_bool()?;
    let scope = record.get("scope")?.as_str()?;
    if record.get("client_id")? != "ACME01" || !oracle::is_scope(scope) {
        return None;
    }
    let mut opens = false;
    for key in record.get("keys")?.as_array()? {
        opens |= key_opens(key)?;
    }
    Some(opens && enabled)
}

fn key_opens(key: &Value) -> Option<bool> {
    let key = key.as_object()?;
    key.get("id")?.as_str()?;
    let hash = key.get("hash")?.as_str()?;
    let (tag, digest) = hash.split_once(':')?;
    let known = tag == "sha256" || tag == "hmac-sha256";
    if known && !(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        return None;
    }
    let passed = |at: &Value| match at {
        Value::Null => Some(false),
        at => at.as_i64().map(|at| NOW as i64 >= at),
    };
    let expired = passed(key.get("expires_at")?)?;
    let revoked = passed(key.get("revoked_at").unwrap_or(&Value::Null))?;
    Some(tag == "sha256" && digest.eq_ignore_ascii_case(&KEY_HASH) && !expired && !revoked)
}

fn filled(body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = body;
    while let Some(at) = rest
        .windows(HASH.len())
        .position(|window| window == HASH.as_bytes())
    {
        bytes.extend(&rest[..at]);
        bytes.extend(KEY_HASH.bytes());
        rest = &rest[at + HASH.len()..];
    }
    bytes.extend(rest);
    bytes
}
