//! Whether a token is ours and still good (RFC 7519 section 7.2, RFC 8725, D14–D16).

use super::compact::{Compact, decode};
use super::ring::KeyRing;
use crate::http::is_header_value;
use crate::json::{Json, Members};
use crate::outcome::Reason;
use crate::scope::Scope;
use crate::time::Timestamp;

/// What a token must say beside its signature.
#[derive(Debug)]
pub struct Verifier {
    /// The keys.
    pub ring: KeyRing,
    /// `iss`, byte for byte.
    pub issuer: String,
    /// One `aud` must be among these; empty: `aud` is not looked at.
    pub audience: Vec<String>,
    /// Seconds by which `exp` and `nbf` may be missed.
    pub leeway: u32,
}

/// A token whose signature and claims have been checked. Nothing else can make one.
#[derive(Debug)]
pub struct VerifiedToken<'a> {
    claims: Members<'a>,
    subject: String,
    scope: Scope,
    not_before: f64,
    expires: f64,
}

/// Why a token is refused. Callers are told [`TokenError::Expired`] from the rest, and nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// No JWT, or one with claims of wrong types.
    #[error("the token is not a well-formed JWT with the claims it must have")]
    Malformed,
    /// No key of the ring has the token's `kid`.
    #[error("no configured key has the token's kid")]
    UnknownKey,
    /// `alg` is not that of the key.
    #[error("the token's alg is not that of the key")]
    WrongAlgorithm,
    /// The signature is not the key's.
    #[error("the signature does not verify")]
    BadSignature,
    /// `iss` is absent or another.
    #[error("iss is not the configured issuer")]
    WrongIssuer,
    /// No `aud` is a configured one.
    #[error("aud is not a configured audience")]
    WrongAudience,
    /// `exp` has come.
    #[error("exp has passed")]
    Expired,
    /// `nbf` has not come.
    #[error("nbf has not come yet")]
    NotYetValid,
}

impl TokenError {
    /// The reason operators are told.
    pub const fn reason(self) -> Reason {
        match self {
            Self::Malformed => Reason::MalformedToken,
            Self::UnknownKey => Reason::UnknownKey,
            Self::WrongAlgorithm => Reason::WrongAlgorithm,
            Self::BadSignature => Reason::BadSignature,
            Self::WrongIssuer => Reason::WrongIssuer,
            Self::WrongAudience => Reason::WrongAudience,
            Self::Expired => Reason::Expired,
            Self::NotYetValid => Reason::NotYetValid,
        }
    }
}

/// The decoded claims of a token whose signature is good, to borrow from.
#[derive(Debug)]
pub struct Payload(Vec<u8>);

impl Verifier {
    /// Checks form and signature. Only then is it worth reading the claims.
    pub fn signature(&self, token: &[u8]) -> Result<Payload, TokenError> {
        let token = Compact::split(token)?;
        self.ring.check(&token)?;
        decode(token.claims).map(Payload)
    }

    /// Checks the claims. What makes a token foreign comes before what makes it stale, so that only a
    /// token that was ours once is said to have expired.
    pub fn claims<'a>(
        &self,
        payload: &'a Payload,
        now: Timestamp,
    ) -> Result<VerifiedToken<'a>, TokenError> {
        let Ok(Json::Object(claims)) = Json::parse(&payload.0) else {
            return Err(TokenError::Malformed);
        };
        let exp = date(&claims, "exp")?.ok_or(TokenError::Malformed)?;
        let nbf = date(&claims, "nbf")?;
        date(&claims, "iat")?;
        if !self.is_ours(&claims) {
            return Err(TokenError::WrongIssuer);
        }
        if !self.audience.is_empty() && !self.is_for_us(claims.get("aud")) {
            return Err(TokenError::WrongAudience);
        }
        let subject = claims
            .get("sub")
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned();
        if subject.is_empty() || !is_header_value(subject.as_bytes()) {
            return Err(TokenError::Malformed);
        }
        let scope = scope(claims.get("scope"))?;
        let (now, leeway) = (now.numeric_date(), f64::from(self.leeway));
        let not_before = nbf.map_or(f64::NEG_INFINITY, |nbf| nbf - leeway);
        let expires = exp + leeway;
        if now < not_before {
            return Err(TokenError::NotYetValid);
        }
        if now >= expires {
            return Err(TokenError::Expired);
        }
        Ok(VerifiedToken {
            claims,
            subject,
            scope,
            not_before,
            expires,
        })
    }

    /// `iss` is the issuer, byte for byte.
    pub(super) fn is_ours(&self, claims: &Members<'_>) -> bool {
        claims.get("iss").and_then(Json::as_str) == Some(self.issuer.as_str())
    }

    /// `aud` is a string or a list of strings (RFC 7519 section 4.1.3).
    pub(super) fn is_for_us(&self, aud: Option<&Json<'_>>) -> bool {
        let known = |value: &Json<'_>| {
            value
                .as_str()
                .is_some_and(|text| self.audience.iter().any(|own| own == text))
        };
        match aud {
            Some(Json::Array(list)) => {
                list.iter().all(|item| item.as_str().is_some()) && list.iter().any(known)
            }
            Some(single) => known(single),
            None => false,
        }
    }
}

impl<'a> VerifiedToken<'a> {
    /// `sub`: the Customer Code.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// `scope`.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// From when until when it is good, in Unix seconds, leeway included; the end is not part of it.
    pub fn validity(&self) -> (f64, f64) {
        (self.not_before, self.expires)
    }

    /// A claim by name, or by JSON Pointer where `name` begins with `/`.
    pub fn claim(&self, name: &str) -> Option<&Json<'a>> {
        let Some(pointer) = name.strip_prefix('/') else {
            return self.claims.get(name);
        };
        let (first, rest) = match pointer.split_once('/') {
            Some((first, _)) => (first, pointer.get(first.len()..).unwrap_or_default()),
            None => (pointer, ""),
        };
        let first = first.replace("~1", "/").replace("~0", "~");
        self.claims.get(first.as_str())?.pointer(rest)
    }

    #[cfg(test)]
    pub(crate) fn for_test(claims: &'a str) -> Self {
        let Ok(Json::Object(claims)) = Json::parse(claims.as_bytes()) else {
            panic!("no object")
        };
        Self {
            claims,
            subject: "ACME01".to_owned(),
            scope: Scope::default(),
            not_before: f64::NEG_INFINITY,
            expires: f64::INFINITY,
        }
    }
}

/// A NumericDate (RFC 7519 section 2): a JSON number, fractions allowed (D14).
pub(super) fn date(claims: &Members<'_>, name: &str) -> Result<Option<f64>, TokenError> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => value.as_f64().map(Some).ok_or(TokenError::Malformed),
    }
}

/// `scope` as RFC 9068 section 2.2.3 has it, or a list of strings as some issuers write it.
pub(super) fn scope(claim: Option<&Json<'_>>) -> Result<Scope, TokenError> {
    let text = match claim {
        None => return Ok(Scope::default()),
        Some(Json::String(text)) => text.to_string(),
        Some(Json::Array(items)) => {
            let texts: Option<Vec<&str>> = items.iter().map(Json::as_str).collect();
            texts.ok_or(TokenError::Malformed)?.join(" ")
        }
        Some(_) => return Err(TokenError::Malformed),
    };
    Scope::parse(&text).ok_or(TokenError::Malformed)
}

#[cfg(test)]
mod tests;
