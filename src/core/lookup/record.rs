//! A customer's record, as any lookup service sends it.

use super::KeyHash;
use crate::json::{Json, Members};
use serde::Serialize;

/// What the lookup service knows of one customer. Fields it does not name are ignored, so that the contract can grow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyRecord {
    /// The name under which the key is listed and revoked.
    pub id: String,
    /// The hash of the key.
    pub hash: KeyHash,
    /// Unix seconds from which the key no longer opens anything; `null`: never. The field must be there,
    /// since a misspelled name must not mean "never".
    pub expires_at: Option<i64>,
    /// Unix seconds from which the key is revoked; `null` or absent: it is not.
    pub revoked_at: Option<i64>,
}

/// A value that is no record: something that decides is missing, or of another type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRecord;

impl TryFrom<&Json<'_>> for ClientRecord {
    type Error = NoRecord;

    fn try_from(json: &Json<'_>) -> Result<Self, NoRecord> {
        let Json::Object(members) = json else {
            return Err(NoRecord);
        };
        let (Some(Json::Bool(enabled)), Some(Json::Array(keys))) =
            (members.get("enabled"), members.get("keys"))
        else {
            return Err(NoRecord);
        };
        Ok(Self {
            client_id: text(members, "client_id")?,
            enabled: *enabled,
            scope: text(members, "scope")?,
            keys: keys
                .iter()
                .map(KeyRecord::try_from)
                .collect::<Result<_, _>>()?,
        })
    }
}

impl TryFrom<&Json<'_>> for KeyRecord {
    type Error = NoRecord;

    fn try_from(json: &Json<'_>) -> Result<Self, NoRecord> {
        let Json::Object(members) = json else {
            return Err(NoRecord);
        };
        Ok(Self {
            id: text(members, "id")?,
            hash: KeyHash::try_from(text(members, "hash")?).map_err(|_| NoRecord)?,
            expires_at: time(members.get("expires_at").ok_or(NoRecord)?)?,
            revoked_at: members.get("revoked_at").map_or(Ok(None), time)?,
        })
    }
}

fn text(members: &Members<'_>, name: &str) -> Result<String, NoRecord> {
    members
        .get(name)
        .and_then(Json::as_str)
        .map(str::to_owned)
        .ok_or(NoRecord)
}

/// Whole Unix seconds, or `null`.
fn time(json: &Json<'_>) -> Result<Option<i64>, NoRecord> {
    match json {
        Json::Null => Ok(None),
        Json::Number(number) => number.as_i64().map(Some).ok_or(NoRecord),
        _ => Err(NoRecord),
    }
}
