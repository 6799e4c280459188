//! What is wrong with a record. The filter only says that it is none; a person wants to know where.

use crate::client::Reply;
use latchkey_core::lookup::reply::MAX_REPLY;
use latchkey_core::lookup::{ClientRecord, KeyHash};
use latchkey_core::scope::Scope;
use serde_json::Value;

/// The year 10000.
const END_OF_TIME: i64 = 253_402_300_800;

/// Why the filter takes this for no record of this customer.
pub(crate) fn why_not(reply: &Reply, pointer: &str, client_id: &str) -> String {
    if reply.status != 200 {
        return format!("found status {}, expected 200", reply.status);
    }
    if reply.body.len() > MAX_REPLY {
        return format!(
            "the reply is over {} KiB, which is all that the filter reads",
            MAX_REPLY / 1024
        );
    }
    let value: Value = match serde_json::from_slice(&reply.body) {
        Ok(value) => value,
        Err(error) => return format!("the body is not JSON: {error}"),
    };
    let Some(record) = value.pointer(pointer) else {
        return format!("there is nothing at {pointer:?} in the reply; see --record");
    };
    let mut wrong = Vec::new();
    expect(
        record,
        pointer,
        "client_id",
        "the code that was asked for",
        |value| value == client_id,
        &mut wrong,
    );
    expect(
        record,
        pointer,
        "enabled",
        "true or false",
        Value::is_boolean,
        &mut wrong,
    );
    expect(
        record,
        pointer,
        "scope",
        "a text, words one space apart",
        Value::is_string,
        &mut wrong,
    );
    expect(
        record,
        pointer,
        "keys",
        "a list",
        Value::is_array,
        &mut wrong,
    );
    for (index, key) in record["keys"].as_array().into_iter().flatten().enumerate() {
        let place = format!("{pointer}/keys/{index}");
        expect(key, &place, "id", "a text", Value::is_string, &mut wrong);
        expect(
            key,
            &place,
            "hash",
            "sha256: or hmac-sha256: and 64 hexadecimal digits",
            is_hash,
            &mut wrong,
        );
        expect(
            key,
            &place,
            "expires_at",
            "whole Unix seconds, or null for never",
            is_time,
            &mut wrong,
        );
        if key.get("revoked_at").is_some() {
            expect(
                key,
                &place,
                "revoked_at",
                "whole Unix seconds, or null",
                is_time,
                &mut wrong,
            );
        }
    }
    if wrong.is_empty() {
        return "the record has a member twice, which readers take differently".to_owned();
    }
    wrong.join("\n")
}

/// What the filter reads, but hardly as it was meant.
pub(crate) fn oddities(record: &ClientRecord) -> Vec<String> {
    let mut odd = Vec::new();
    if Scope::parse(&record.scope).is_none() {
        odd.push(format!(
            "scope is {:?}, expected words of RFC 6749, one space apart",
            record.scope
        ));
    }
    for key in &record.keys {
        if matches!(key.hash, KeyHash::Unknown(_)) {
            odd.push(format!(
                "the hash of key {} has a tag that the filter does not know: it never matches",
                key.id
            ));
        }
        for (name, time) in [
            ("expires_at", key.expires_at),
            ("revoked_at", key.revoked_at),
        ] {
            if let Some(time) = time.filter(|time| !(0..END_OF_TIME).contains(time)) {
                odd.push(format!(
                    "{name} of key {} is {time}; it is in seconds, not milliseconds",
                    key.id
                ));
            }
        }
    }
    odd
}

fn expect(
    object: &Value,
    place: &str,
    name: &str,
    expected: &str,
    is_right: impl Fn(&Value) -> bool,
    wrong: &mut Vec<String>,
) {
    match object.get(name) {
        None => wrong.push(format!("{place}/{name} is missing, expected {expected}")),
        Some(value) if !is_right(value) => {
            // A hash may be a key that someone forgot to hash.
            let found = if name == "hash" {
                "something else".to_owned()
            } else {
                value.to_string()
            };
            wrong.push(format!("{place}/{name} is {found}, expected {expected}"));
        }
        Some(_) => {}
    }
}

fn is_hash(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| KeyHash::try_from(text.to_owned()).is_ok())
}

fn is_time(value: &Value) -> bool {
    value.is_null() || value.is_i64()
}
