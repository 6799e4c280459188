//! The rules once more, from the RFCs and `docs/contract.md`, in the plainest form: slow, and without the core.

use crate::world::{Hash, NOW};
use serde_json::{Map, Value};
use std::collections::HashSet;

/// RFC 4648 section 5.
pub const BASE64URL: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// RFC 4648 section 4.
pub const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The subject of a token that must be accepted at [`NOW`]; `None`: it must be refused.
pub fn subject(token: &[u8]) -> Option<String> {
    if token.len() > 8 * 1024 {
        return None;
    }
    let segments: Vec<&[u8]> = token.split(|&byte| byte == b'.').collect();
    let &[header, claims, signature] = &segments[..] else {
        return None;
    };
    let signed = &token[..header.len() + 1 + claims.len()];
    let key = key_of(&object(&unbase64(BASE64URL, header)?)?)?;
    let mac = unbase64(BASE64URL, signature)?;
    let hash = if key == 2 { Hash::Sha512 } else { Hash::Sha256 };
    if signature.is_empty() || mac != hash.sign(key, signed) {
        return None;
    }
    subject_of(&object(&unbase64(BASE64URL, claims)?)?)
}

/// Which key of the ring the header names (D15).
fn key_of(header: &Map<String, Value>) -> Option<usize> {
    if header.contains_key("crit") || header.contains_key("b64") {
        return None;
    }
    let alg = header.get("alg")?.as_str()?;
    let key = match header.get("kid") {
        None => 0,
        Some(kid) if kid == "b" => 1,
        Some(kid) if kid == "c" => 2,
        Some(_) => return None,
    };
    (alg == if key == 2 { "HS512" } else { "HS256" }).then_some(key)
}

/// D14, D16, and what identity headers can carry.
pub fn subject_of(claims: &Map<String, Value>) -> Option<String> {
    let date = |name| match claims.get(name) {
        None => Some(None),
        Some(value) => value.as_f64().map(Some),
    };
    let now = NOW as f64;
    let (exp, nbf, _iat) = (date("exp")??, date("nbf")?, date("iat")?);
    if now >= exp || nbf.is_some_and(|nbf| now < nbf) || claims.get("iss")? != "https://issuer" {
        return None;
    }
    let for_us = match claims.get("aud")? {
        Value::Array(list) => {
            list.iter().all(Value::is_string) && list.iter().any(|one| one == "api")
        }
        one => one == "api",
    };
    let scope_is_one = match claims.get("scope") {
        None => true,
        Some(Value::String(text)) => is_scope(text),
        Some(Value::Array(list)) => {
            let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
            let texts = texts?;
            is_scope(&texts.join(" ")) && !texts.iter().any(|text| text.contains(','))
        }
        Some(_) => false,
    };
    let subject = claims.get("sub")?.as_str()?;
    (for_us && scope_is_one && !subject.is_empty() && is_header_value(subject.as_bytes()))
        .then(|| subject.to_owned())
}

/// RFC 6749 section 3.3; the empty text is the empty scope.
pub fn is_scope(text: &str) -> bool {
    let legal = |byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    text.is_empty()
        || text
            .split(' ')
            .all(|token| !token.is_empty() && token.bytes().all(legal))
}

/// Visible ASCII with spaces only inside.
pub fn is_header_value(value: &[u8]) -> bool {
    value.iter().all(|byte| (0x20..0x7f).contains(byte))
        && !value.starts_with(b" ")
        && !value.ends_with(b" ")
}

/// The one decoding of an unpadded text; `None` where it is not the one encoding of it.
pub fn unbase64(alphabet: &[u8; 64], text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for chunk in text.chunks(4) {
        let mut bits = 0u32;
        for letter in chunk {
            bits = bits << 6
                | u32::try_from(alphabet.iter().position(|known| known == letter)?).ok()?;
        }
        bits <<= 6 * (4 - chunk.len());
        let whole = chunk.len() * 6 / 8;
        if chunk.len() == 1 || bits & ((1 << (24 - 8 * whole)) - 1) != 0 {
            return None;
        }
        bytes.extend(&bits.to_be_bytes()[1..=whole]);
    }
    Some(bytes)
}

/// A JSON object in which no member is named twice, at any depth.
pub fn object(text: &[u8]) -> Option<Map<String, Value>> {
    match unique(text)? {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

/// A JSON value in which no member is named twice, at any depth.
pub fn unique(text: &[u8]) -> Option<Value> {
    let value = serde_json::from_slice(text).ok()?;
    is_unique(text).then_some(value)
}

/// Walks over a text that is known to be JSON, and keeps the names of every object that is open.
fn is_unique(text: &[u8]) -> bool {
    let mut open: Vec<HashSet<String>> = Vec::new();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'{' | b'[' => open.push(HashSet::new()),
            b'}' | b']' => drop(open.pop()),
            b'"' => {
                let start = at;
                at += 1;
                while text[at] != b'"' {
                    at += if text[at] == b'\\' { 2 } else { 1 };
                }
                let next = text[at + 1..]
                    .iter()
                    .find(|byte| !byte.is_ascii_whitespace());
                if next == Some(&b':') {
                    let name = serde_json::from_slice(&text[start..=at]).expect("a string of JSON");
                    if !open.last_mut().expect("an object is open").insert(name) {
                        return false;
                    }
                }
            }
            _ => {}
        }
        at += 1;
    }
    true
}
