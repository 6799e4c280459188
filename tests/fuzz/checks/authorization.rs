//! `Authorization` of a protected request (D13). In the input, 0x00 stands for a good token and 0x01 begins a second
//! header of the name.

use crate::world::{self, GOOD_TOKEN};
use latchkey_core::Action;
use latchkey_core::http::HeaderPair;

/// It passes exactly with one header of `Bearer`, spaces and the token.
pub fn check(data: &[u8]) {
    let values: Vec<Vec<u8>> = data.split(|&byte| byte == 1).map(filled).collect();
    let headers: Vec<HeaderPair<'_>> = values
        .iter()
        .map(|value| (&b"authorization"[..], &value[..]))
        .collect();
    let passes = match world::get(b"/products", &headers) {
        Action::Pass(pass) => {
            assert_eq!(pass.outcome().customer.as_deref(), Some("ACME01"));
            true
        }
        Action::Reply(reply) => {
            assert_eq!(reply.status, 401);
            false
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(
        passes,
        values.len() == 1 && is_bearer(&values[0]),
        "{values:?}"
    );
}

fn filled(part: &[u8]) -> Vec<u8> {
    let mut value = Vec::new();
    for &byte in part {
        match byte {
            0 => value.extend(GOOD_TOKEN.bytes()),
            _ => value.push(byte),
        }
    }
    value
}

fn is_bearer(value: &[u8]) -> bool {
    let Some(before) = value.strip_suffix(GOOD_TOKEN.as_bytes()) else {
        return false;
    };
    let scheme = before.to_ascii_lowercase();
    let spaces = scheme.strip_prefix(b"bearer");
    spaces.is_some_and(|spaces| !spaces.is_empty() && spaces.iter().all(|&byte| byte == b' '))
}
