//! A customer's record, as any lookup service sends it.

use super::KeyHash;
use serde::{Deserialize, Serialize};

/// What the lookup service knows of one customer. Fields it does not name are ignored, so that the contract can grow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientRecord {
    /// The Customer Code (RFC 6749 `client_id`), spelled as tokens will carry it.
    pub client_id: String,
    /// `false` where the account is disabled: no key opens it.
    pub enabled: bool,
    /// The customer's whole scope, space-separated (RFC 6749 section 3.3).
    pub scope: String,
    /// Every key issued and not yet forgotten, in any state.
    pub keys: Vec<KeyRecord>,
}

/// One API Key of a customer: its hash and its dates, never the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// The name under which the key is listed and revoked.
    pub id: String,
    /// The hash of the key.
    pub hash: KeyHash,
    /// Unix seconds from which the key no longer opens anything; `null`: never. The field must be there,
    /// since a misspelled name must not mean "never".
    #[serde(deserialize_with = "Option::deserialize")]
    pub expires_at: Option<i64>,
    /// Unix seconds from which the key is revoked; `null` or absent: it is not.
    #[serde(default)]
    pub revoked_at: Option<i64>,
}
