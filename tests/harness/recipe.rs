//! Tokens from recipes: data that says what stands in each segment, who signs, and what is bent afterwards.
//!
//! Texts may hold placeholders. Everywhere: `<now>`, `<now+60>`, `<now-60>`, `<repeat:ab:9>` (`ab` nine times) and
//! `<hex:ff00>` (bytes). In `signed` and `token` also `<header>`, `<claims>`, `<signed>` and `<signature>`, encoded;
//! `<signature*>` has its unused last bits set, `<header/>` is in the alphabet of plain Base64, `<signature:16>`
//! is cut to so many bytes before it is encoded, and `<signature^>` has its first bit turned.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::{Sha256, Sha384, Sha512};
use std::collections::BTreeMap;

const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// How a token is made. What is left out makes a good token.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The text of the first segment, which need not be JSON.
    #[serde(default = "good_header")]
    pub header: String,
    /// The whole text of the second segment, in place of the good claims.
    #[serde(default)]
    pub claims: Option<String>,
    /// Single claims as JSON text in place of the good ones; `null` leaves one out, and one more is added.
    #[serde(default)]
    pub set: BTreeMap<String, Option<String>>,
    /// The name of the secret that signs.
    #[serde(default = "good_key")]
    pub key: String,
    /// The hash of the MAC, whatever the header says.
    #[serde(default)]
    pub mac: Hash,
    /// What is signed.
    #[serde(default = "good_signed")]
    pub signed: String,
    /// The token.
    #[serde(default = "good_token")]
    pub token: String,
}

/// The hash functions of HS256, HS384 and HS512.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub enum Hash {
    /// SHA-256
    #[default]
    HS256,
    /// SHA-384
    HS384,
    /// SHA-512
    HS512,
}

/// What recipes are filled with.
pub struct Kitchen<'a> {
    /// The good claims, each as JSON text.
    pub claims: &'a BTreeMap<String, String>,
    /// The secrets by name.
    pub secrets: &'a BTreeMap<String, String>,
    /// The time in Unix seconds.
    pub now: u64,
}

impl Recipe {
    /// The token's bytes; fails the test if the recipe does not make sense.
    #[track_caller]
    pub fn token(&self, kitchen: &Kitchen<'_>) -> Vec<u8> {
        let claims = match &self.claims {
            Some(text) => text.clone(),
            None => self.changed_claims(kitchen.claims),
        };
        let mut segments = BTreeMap::from([
            ("header", fill(&self.header, kitchen.now)),
            ("claims", fill(&claims, kitchen.now)),
        ]);
        let signed = expand(&self.signed, |name| segment(name, &segments, kitchen.now));
        let secret = kitchen.secrets.get(&self.key);
        let secret = secret.unwrap_or_else(|| panic!("no secret is named {}", self.key));
        segments.insert("signature", self.mac.sign(secret.as_bytes(), &signed));
        expand(&self.token, |name| match name {
            "signed" => signed.clone(),
            _ => segment(name, &segments, kitchen.now),
        })
    }

    fn changed_claims(&self, good: &BTreeMap<String, String>) -> String {
        let mut claims = good.clone();
        for (name, value) in &self.set {
            match value {
                Some(value) => claims.insert(name.clone(), value.clone()),
                None => claims.remove(name),
            };
        }
        let members: Vec<String> = claims
            .iter()
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .collect();
        format!("{{{}}}", members.join(","))
    }
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            header: good_header(),
            claims: None,
            set: BTreeMap::new(),
            key: good_key(),
            mac: Hash::default(),
            signed: good_signed(),
            token: good_token(),
        }
    }
}

impl Hash {
    fn sign(self, secret: &[u8], signed: &[u8]) -> Vec<u8> {
        fn mac<M: Mac + KeyInit>(secret: &[u8], signed: &[u8]) -> Vec<u8> {
            let mac =
                <M as KeyInit>::new_from_slice(secret).expect("HMAC takes keys of any length");
            mac.chain_update(signed).finalize().into_bytes().to_vec()
        }
        match self {
            Self::HS256 => mac::<Hmac<Sha256>>(secret, signed),
            Self::HS384 => mac::<Hmac<Sha384>>(secret, signed),
            Self::HS512 => mac::<Hmac<Sha512>>(secret, signed),
        }
    }
}

/// A text with its placeholders filled.
#[track_caller]
pub fn fill(text: &str, now: u64) -> Vec<u8> {
    expand(text, |name| {
        common(name, now).unwrap_or_else(|| panic!("what is <{name}>?"))
    })
}

/// Puts what `value` says in the place of every `<…>`.
#[track_caller]
pub(crate) fn expand(text: &str, value: impl Fn(&str) -> Vec<u8>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        let (name, after) = after
            .split_once('>')
            .unwrap_or_else(|| panic!("a < without > in {text}"));
        bytes.extend(before.bytes());
        bytes.extend(value(name));
        rest = after;
    }
    bytes.extend(rest.bytes());
    bytes
}

fn common(name: &str, now: u64) -> Option<Vec<u8>> {
    if let Some(offset) = name.strip_prefix("now") {
        let offset: i64 = if offset.is_empty() {
            0
        } else {
            offset.parse().ok()?
        };
        return Some(now.checked_add_signed(offset)?.to_string().into_bytes());
    }
    if let Some(digits) = name.strip_prefix("hex:") {
        let pairs = (0..digits.len()).step_by(2);
        return pairs
            .map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok())
            .collect();
    }
    let (text, count) = name.strip_prefix("repeat:")?.rsplit_once(':')?;
    Some(text.repeat(count.parse().ok()?).into_bytes())
}

#[track_caller]
fn segment(name: &str, segments: &BTreeMap<&str, Vec<u8>>, now: u64) -> Vec<u8> {
    let end = name.find(['*', '/', ':', '^']).unwrap_or(name.len());
    let Some(bytes) = segments.get(&name[..end]) else {
        return common(name, now).unwrap_or_else(|| panic!("what is <{name}>?"));
    };
    match &name[end..] {
        "" => URL_SAFE_NO_PAD.encode(bytes).into_bytes(),
        "*" => with_stray_bits(bytes),
        "/" => {
            let plain = STANDARD_NO_PAD.encode(bytes);
            assert_ne!(
                plain,
                URL_SAFE_NO_PAD.encode(bytes),
                "<{name}> is no different"
            );
            plain.into_bytes()
        }
        "^" => {
            let mut bytes = bytes.clone();
            bytes[0] ^= 0x80;
            URL_SAFE_NO_PAD.encode(bytes).into_bytes()
        }
        size => {
            let size: usize = size[1..].parse().expect("a number of bytes");
            URL_SAFE_NO_PAD.encode(&bytes[..size]).into_bytes()
        }
    }
}

/// The same bytes in another spelling: the last character has bits that decode to nothing.
fn with_stray_bits(bytes: &[u8]) -> Vec<u8> {
    let mut text = URL_SAFE_NO_PAD.encode(bytes).into_bytes();
    assert_ne!(bytes.len() % 3, 0, "there are no unused bits");
    let last = text.last_mut().expect("there is a last character");
    let value = ALPHABET.iter().position(|letter| letter == last);
    *last = ALPHABET[value.expect("it is of the alphabet") + 1];
    text
}

fn good_header() -> String {
    crate::jwt::HS256_HEADER.to_owned()
}

fn good_key() -> String {
    "SIGNING".to_owned()
}

fn good_signed() -> String {
    "<header>.<claims>".to_owned()
}

fn good_token() -> String {
    "<signed>.<signature>".to_owned()
}
