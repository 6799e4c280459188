//! API Keys: made here, shown once, kept as a hash.

use latchkey_core::lookup::KeyHash;
use serde::Serialize;
use std::fmt;
use std::str::FromStr;

const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// 43 characters of 62 hold 43 × log2(62) = 256.03 bits.
const KEY_CHARACTERS: usize = 43;
const KEY_TAG: &str = "lk_";
/// What stays visible of a key: the tag and 4 characters, which leaves 39 × log2(62) = 232 bits unknown.
const PREFIX_LENGTH: usize = KEY_TAG.len() + 4;
const ID_TAG: &str = "k_";
const ID_CHARACTERS: usize = 12;
/// Imported ids may be longer than those made here.
const ID_MAX: usize = 64;
/// How many keys of one customer may work at the same time. What the filter reads of a reply is bounded.
pub const MOST_WORKING: usize = 100;

/// An API Key, the OAuth `client_secret`. It is never printed except through [`ApiKey::reveal`].
pub struct ApiKey(String);

/// The name under which a key is listed and revoked. No secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct KeyId(String);

/// Why a text is no key id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a key id: 1 to {ID_MAX} letters A-Z a-z, digits 0-9, '.', '_' and '-'")]
pub struct KeyIdError(String);

/// A key as it is listed: everything but the key and its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyInfo {
    pub id: KeyId,
    #[serde(rename = "client_id")]
    pub customer: crate::customer::CustomerCode,
    /// The first characters of the key; not known for a key that was imported by its hash.
    pub prefix: Option<String>,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub revoked_at: Option<i64>,
    /// Days since 1970; the last day on which the lookup service was asked for the customer. The API Key itself never
    /// leaves Envoy, so which of the customer's keys it was is not known here.
    #[serde(serialize_with = "crate::clock::serialize_day")]
    pub last_lookup_day: Option<i64>,
}

/// What a key is good for at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    Active,
    Expired,
    Revoked,
}

impl ApiKey {
    /// A new key from the operating system's random source.
    pub fn generate() -> Result<Self, getrandom::Error> {
        Ok(Self(format!("{KEY_TAG}{}", random_text(KEY_CHARACTERS)?)))
    }

    /// The key itself, for the one time it is shown.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub fn hash(&self) -> KeyHash {
        KeyHash::sha256(self.0.as_bytes())
    }

    pub fn prefix(&self) -> &str {
        &self.0[..PREFIX_LENGTH]
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl KeyId {
    pub fn generate() -> Result<Self, getrandom::Error> {
        Ok(Self(format!("{ID_TAG}{}", random_text(ID_CHARACTERS)?)))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyId {
    type Err = KeyIdError;

    fn from_str(text: &str) -> Result<Self, KeyIdError> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if !(1..=ID_MAX).contains(&text.len()) || !text.bytes().all(legal) {
            return Err(KeyIdError(text.chars().take(ID_MAX).collect()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl KeyInfo {
    pub fn state(&self, now: i64) -> KeyState {
        KeyState::of(self.expires_at, self.revoked_at, now)
    }
}

impl KeyState {
    pub fn of(expires_at: Option<i64>, revoked_at: Option<i64>, now: i64) -> Self {
        if revoked_at.is_some_and(|at| at <= now) {
            return Self::Revoked;
        }
        if expires_at.is_some_and(|at| at <= now) {
            return Self::Expired;
        }
        Self::Active
    }
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        })
    }
}

/// Random characters of the alphabet, each equally likely: a byte past the last whole multiple of 62 is thrown away.
fn random_text(length: usize) -> Result<String, getrandom::Error> {
    let fair = 256 - 256 % ALPHABET.len();
    let mut text = String::with_capacity(length);
    let mut bytes = [0; 64];
    while text.len() < length {
        getrandom::fill(&mut bytes)?;
        let usable = bytes
            .iter()
            .map(|byte| usize::from(*byte))
            .filter(|byte| *byte < fair);
        let wanted = length - text.len();
        text.extend(
            usable
                .take(wanted)
                .map(|byte| char::from(ALPHABET[byte % ALPHABET.len()])),
        );
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn c11_an_api_key_holds_256_random_bits_in_letters_and_digits() {
        assert!(KEY_CHARACTERS as f64 * (ALPHABET.len() as f64).log2() >= 256.0);
        let keys: Vec<ApiKey> = (0..1000).map(|_| ApiKey::generate().unwrap()).collect();
        for key in &keys {
            let random = key.reveal().strip_prefix("lk_").unwrap();
            assert!(random.len() == 43 && random.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        }
        let distinct: HashSet<&str> = keys.iter().map(ApiKey::reveal).collect();
        assert_eq!(distinct.len(), keys.len());
    }

    #[test]
    fn c11_every_character_of_a_key_is_equally_likely() {
        let text = random_text(62_000).unwrap();
        for letter in ALPHABET {
            // 1,000 expected, standard deviation 31: seven deviations either way.
            let seen = text.bytes().filter(|byte| byte == letter).count();
            assert!(
                (780..1220).contains(&seen),
                "{}: {seen}",
                char::from(*letter)
            );
        }
    }

    #[test]
    fn c11_an_api_key_does_not_show_in_debug_output() {
        assert_eq!(format!("{:?}", ApiKey::generate().unwrap()), "[redacted]");
    }

    #[test]
    fn c10_a_key_is_expired_from_its_expiry_on_and_revoked_whatever_its_expiry() {
        let mut key = KeyInfo {
            id: KeyId::generate().unwrap(),
            customer: "ACME01".parse().unwrap(),
            prefix: None,
            created_at: 0,
            expires_at: Some(100),
            revoked_at: None,
            last_lookup_day: None,
        };
        assert_eq!(key.state(99), KeyState::Active);
        assert_eq!(key.state(100), KeyState::Expired);
        key.revoked_at = Some(50);
        assert_eq!(key.state(49), KeyState::Active);
        assert_eq!(key.state(50), KeyState::Revoked);
        assert_eq!(key.state(100), KeyState::Revoked);
    }
}
