//! The token a customer gets.

use super::verify::Verifier;
use crate::scope::Scope;
use crate::time::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

/// What a token is made from.
#[derive(Debug)]
pub struct Grant<'a> {
    /// The Customer Code, as the record spells it.
    pub client_id: &'a str,
    /// The scope it gets.
    pub scope: &'a Scope,
    /// Seconds it lives.
    pub ttl: u32,
    /// 128 random bits for `jti`, so that no two tokens are alike.
    pub random: [u8; 16],
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<Audience<'a>>,
    iat: u64,
    exp: u64,
    jti: String,
    scope: String,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Audience<'a> {
    One(&'a str),
    Many(&'a [String]),
}

impl Verifier {
    /// Signs a token that this verifier accepts. `None` where no key signs.
    pub fn mint(&self, grant: &Grant<'_>, now: Timestamp) -> Option<String> {
        let aud = match self.audience.as_slice() {
            [] => None,
            [one] => Some(Audience::One(one)),
            many => Some(Audience::Many(many)),
        };
        let claims = Claims {
            iss: &self.issuer,
            sub: grant.client_id,
            client_id: grant.client_id,
            aud,
            iat: now.seconds(),
            exp: now.seconds().saturating_add(u64::from(grant.ttl)),
            jti: URL_SAFE_NO_PAD.encode(grant.random),
            scope: grant.scope.to_string(),
        };
        self.ring.sign(&serde_json::to_vec(&claims).ok()?)
    }
}
