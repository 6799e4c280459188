//! Tokens of any shape, made and read without the code under test.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

/// The header of every token that Latchkey issues under a key without a `kid` (C4).
pub const HS256_HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// An HS256 token over the exact texts given, which need not be JSON.
pub fn sign(key: &[u8], header: &str, claims: &str) -> String {
    let signed = format!("{}.{}", encode(header), encode(claims));
    let signature = mac(key, &signed).finalize().into_bytes();
    format!("{signed}.{}", encode(signature))
}

/// Base64url without padding, as the segments of a token are written.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The claims of a token; fails the test unless it is an HS256 token under `key`.
#[track_caller]
pub fn verify(key: &[u8], token: &str) -> Value {
    let (signed, signature) = token.rsplit_once('.').expect("a token has three segments");
    let signature = URL_SAFE_NO_PAD
        .decode(signature)
        .expect("the signature is base64url");
    mac(key, signed)
        .verify_slice(&signature)
        .expect("the token is signed with the key");
    let (header, claims) = signed.split_once('.').expect("a token has three segments");
    assert_eq!(segment(header)["alg"], "HS256");
    segment(claims)
}

/// The JSON inside a segment.
#[track_caller]
pub fn segment(text: &str) -> Value {
    let bytes = URL_SAFE_NO_PAD
        .decode(text)
        .expect("the segment is base64url");
    serde_json::from_slice(&bytes).expect("the segment holds JSON")
}

fn mac(key: &[u8], signed: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(signed.as_bytes());
    mac
}
