//! An account as a file has it: not yet checked, and with what may be left out left out.

use super::{Account, AccountKey, Refusal};
use crate::api_key::{KeyId, KeyState, MOST_WORKING};
use latchkey_core::lookup::KeyHash;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

/// The year 10000. A time beyond it is most likely in milliseconds.
const END_OF_TIME: i64 = 253_402_300_800;
const PREFIX_MAX: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawAccount {
    pub client_id: String,
    #[serde(default = "yes")]
    pub enabled: bool,
    #[serde(default = "read")]
    pub scope: String,
    /// Left out: now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<i64>,
    #[serde(default)]
    pub keys: Vec<RawKey>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawKey {
    /// Left out: a new one is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(deserialize_with = "tagged")]
    pub hash: KeyHash,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Left out: now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<i64>,
    /// Null: never. It cannot be left out, since a misspelled name must not mean "never".
    #[serde(deserialize_with = "Option::deserialize")]
    pub expires_at: Option<i64>,
    #[serde(default)]
    pub revoked_at: Option<i64>,
}

impl RawAccount {
    /// Checks everything. `new_id` makes the ids that are left out.
    pub fn resolve(
        self,
        now: i64,
        new_id: fn() -> Result<KeyId, getrandom::Error>,
    ) -> Result<Account, Refusal> {
        let working =
            |key: &&RawKey| KeyState::of(key.expires_at, key.revoked_at, now) == KeyState::Active;
        let working = self.keys.iter().filter(working).count();
        if working > MOST_WORKING {
            return Err(Refusal::TooManyKeys(working));
        }
        let keys = self.keys.into_iter().map(|key| key.resolve(now, new_id));
        Ok(Account {
            code: self.client_id.parse()?,
            scope: self.scope.parse()?,
            enabled: self.enabled,
            created_at: time("created_at", self.created_at)?.unwrap_or(now),
            keys: keys.collect::<Result<_, _>>()?,
        })
    }
}

impl RawKey {
    fn resolve(
        self,
        now: i64,
        new_id: fn() -> Result<KeyId, getrandom::Error>,
    ) -> Result<AccountKey, Refusal> {
        if matches!(self.hash, KeyHash::Unknown(_)) {
            return Err(Refusal::UnknownHash);
        }
        let visible = |prefix: &String| {
            (1..=PREFIX_MAX).contains(&prefix.len())
                && prefix.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if !self.prefix.iter().all(visible) {
            return Err(Refusal::Prefix);
        }
        Ok(AccountKey {
            id: match self.id {
                Some(id) => id.parse()?,
                None => new_id()?,
            },
            prefix: self.prefix,
            hash: self.hash,
            created_at: time("created_at", self.created_at)?.unwrap_or(now),
            expires_at: time("expires_at", self.expires_at)?,
            revoked_at: match time("revoked_at", self.revoked_at)? {
                Some(later) if later > now => return Err(Refusal::RevokedLater(later)),
                revoked_at => revoked_at,
            },
        })
    }
}

/// The core reads hashes without serde, which would be dead weight in the filter.
fn tagged<'de, D: Deserializer<'de>>(deserializer: D) -> Result<KeyHash, D::Error> {
    KeyHash::try_from(String::deserialize(deserializer)?).map_err(D::Error::custom)
}

impl From<Account> for RawAccount {
    fn from(account: Account) -> Self {
        let Account {
            code,
            scope,
            enabled,
            created_at,
            keys,
        } = account;
        Self {
            client_id: code.to_string(),
            enabled,
            scope: scope.to_string(),
            created_at: Some(created_at),
            keys: keys.into_iter().map(RawKey::from).collect(),
        }
    }
}

impl From<AccountKey> for RawKey {
    fn from(key: AccountKey) -> Self {
        let AccountKey {
            id,
            prefix,
            hash,
            created_at,
            expires_at,
            revoked_at,
        } = key;
        Self {
            id: Some(id.to_string()),
            hash,
            prefix,
            created_at: Some(created_at),
            expires_at,
            revoked_at,
        }
    }
}

fn time(field: &'static str, time: Option<i64>) -> Result<Option<i64>, Refusal> {
    match time {
        Some(found) if !(0..END_OF_TIME).contains(&found) => Err(Refusal::Time { field, found }),
        time => Ok(time),
    }
}

fn yes() -> bool {
    true
}

fn read() -> String {
    "read".to_owned()
}
