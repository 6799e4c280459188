//! API Keys at rest: only ever a tagged hash.

use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fmt;
use subtle::{Choice, ConstantTimeEq};

const SHA256: &str = "sha256";
const HMAC_SHA256: &str = "hmac-sha256";

/// The hash of one API Key as the lookup contract spells it: `sha256:<64 hex>` or
/// `hmac-sha256:<64 hex>`, over the key's bytes. 256 random bits need no slow hash.
///
/// A tag of a later version of the contract is kept as it came, and never matches.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub enum KeyHash {
    /// SHA-256 of the key.
    Sha256([u8; 32]),
    /// HMAC-SHA-256 of the key under a [`Pepper`] that filter and store share.
    HmacSha256([u8; 32]),
    /// A tag this version does not know, with its value.
    Unknown(String),
}

/// The secret under which `hmac-sha256:` hashes are made. Never printed.
#[derive(Clone)]
pub struct Pepper(Hmac<Sha256>);

/// Why a text is no key hash. The text itself is left out on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// There is no `tag:` in front.
    #[error("a key hash must be written as tag:value, for example sha256:<64 hex digits>")]
    NoTag,
    /// The tag is known, but what follows is not 64 hexadecimal digits.
    #[error("a key hash must hold exactly 64 hexadecimal digits after its tag")]
    NotHex,
}

impl KeyHash {
    /// The plain hash of a key, as the reference store keeps it.
    pub fn sha256(key: &[u8]) -> Self {
        Self::Sha256(Sha256::digest(key).into())
    }

    /// The hash of a key under a pepper.
    pub fn hmac_sha256(key: &[u8], pepper: &Pepper) -> Self {
        let mut mac = pepper.0.clone();
        mac.update(key);
        Self::HmacSha256(mac.finalize().into_bytes().into())
    }

    /// Whether both are the same hash. The digests are compared in constant time; the tags are no secret.
    pub fn matches(&self, other: &Self) -> Choice {
        match (self, other) {
            (Self::Sha256(a), Self::Sha256(b)) | (Self::HmacSha256(a), Self::HmacSha256(b)) => {
                a.ct_eq(b)
            }
            _ => Choice::from(0),
        }
    }
}

impl Pepper {
    /// A pepper of any length.
    pub fn new(secret: &[u8]) -> Option<Self> {
        Hmac::new_from_slice(secret).ok().map(Self)
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(_) => write!(f, "{SHA256}:[redacted]"),
            Self::HmacSha256(_) => write!(f, "{HMAC_SHA256}:[redacted]"),
            Self::Unknown(_) => f.write_str("[unknown hash]"),
        }
    }
}

impl TryFrom<String> for KeyHash {
    type Error = HashError;

    fn try_from(text: String) -> Result<Self, HashError> {
        let (tag, value) = text.split_once(':').ok_or(HashError::NoTag)?;
        match tag {
            SHA256 => unhex(value).map(Self::Sha256).ok_or(HashError::NotHex),
            HMAC_SHA256 => unhex(value).map(Self::HmacSha256).ok_or(HashError::NotHex),
            _ => Ok(Self::Unknown(text)),
        }
    }
}

impl From<KeyHash> for String {
    fn from(hash: KeyHash) -> Self {
        match hash {
            KeyHash::Sha256(digest) => format!("{SHA256}:{}", hex(&digest)),
            KeyHash::HmacSha256(digest) => format!("{HMAC_SHA256}:{}", hex(&digest)),
            KeyHash::Unknown(text) => text,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut digest = [0; 32];
    for (place, pair) in digest.iter_mut().zip(text.as_bytes().chunks(2)) {
        *place = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn c11_a_key_hash_is_the_sha256_of_the_keys_bytes() {
        assert_eq!(String::from(KeyHash::sha256(b"abc")), ABC);
        assert_eq!(
            KeyHash::try_from(ABC.to_owned()),
            Ok(KeyHash::sha256(b"abc"))
        );
    }

    #[test]
    fn an_hmac_hash_matches_only_under_the_same_pepper() {
        let (one, two) = (Pepper::new(b"one").unwrap(), Pepper::new(b"two").unwrap());
        let stored = KeyHash::hmac_sha256(b"key", &one);
        assert!(bool::from(
            stored.matches(&KeyHash::hmac_sha256(b"key", &one))
        ));
        assert!(!bool::from(
            stored.matches(&KeyHash::hmac_sha256(b"key", &two))
        ));
        assert!(!bool::from(stored.matches(&KeyHash::sha256(b"key"))));
    }

    #[test]
    fn an_unknown_tag_is_kept_and_never_matches_even_itself() {
        let text = "argon2id:whatever".to_owned();
        let hash = KeyHash::try_from(text.clone()).unwrap();
        assert!(!bool::from(hash.matches(&hash)));
        assert_eq!(String::from(hash), text);
    }

    #[test]
    fn a_damaged_hash_is_an_error_that_does_not_repeat_it() {
        assert_eq!(KeyHash::try_from("abc".to_owned()), Err(HashError::NoTag));
        for bad in [
            "sha256:",
            "sha256:zz",
            &ABC[..70],
            &format!("{ABC}0"),
            &ABC.replace('b', "+"),
        ] {
            let error = KeyHash::try_from(bad.to_owned()).unwrap_err();
            assert_eq!(error, HashError::NotHex, "{bad}");
        }
    }

    #[test]
    fn hashes_and_peppers_do_not_show_in_debug_output() {
        let pepper = Pepper::new(b"pepper").unwrap();
        assert_eq!(format!("{pepper:?}"), "[redacted]");
        assert_eq!(
            format!("{:?}", KeyHash::sha256(b"abc")),
            "sha256:[redacted]"
        );
    }
}
