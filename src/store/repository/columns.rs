//! Texts of the database, believed only if this program could have written them.

use super::Error;
use crate::api_key::KeyId;
use crate::customer::{CustomerCode, Scope};
use latchkey_core::lookup::KeyHash;

pub(super) fn code(text: String) -> Result<CustomerCode, Error> {
    text.parse().map_err(|_| Error::Unreadable {
        what: "a Customer Code",
        found: text,
    })
}

pub(super) fn scope(text: String) -> Result<Scope, Error> {
    text.parse().map_err(|_| Error::Unreadable {
        what: "a scope",
        found: text,
    })
}

pub(super) fn key_id(text: String) -> Result<KeyId, Error> {
    text.parse().map_err(|_| Error::Unreadable {
        what: "a key id",
        found: text,
    })
}

/// The message names the key, not the hash.
pub(super) fn hash(text: String, id: &KeyId) -> Result<KeyHash, Error> {
    KeyHash::try_from(text).map_err(|_| Error::Unreadable {
        what: "a key hash",
        found: format!("that of {id}"),
    })
}
