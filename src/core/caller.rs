//! Who a valid token says is calling, kept for the next request with the same token.

use crate::bounded::{Bounded, Limit};
use crate::config::Config;
use crate::jwt::{TokenError, VerifiedToken};
use crate::outcome::Reason;
use crate::plain_hash::BuildPlainHasher;
use crate::scope::Scope;
use crate::time::Timestamp;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// Tokens longer than this are checked anew each time.
const MAX_CACHED_TOKEN: usize = 2048;

/// One generation of the cache; there are two.
const CACHE: Limit = Limit {
    entries: 1024,
    bytes: 512 * 1024,
};

/// What the filter takes from a verified token. Only a [`VerifiedToken`] makes one.
#[derive(Debug)]
pub struct Caller {
    customer: Arc<str>,
    scope: Scope,
    headers: Arc<[(String, String)]>,
    /// Seconds since the epoch, leeway included.
    not_before: f64,
    expires: f64,
}

impl Caller {
    fn new(config: &Config, token: &VerifiedToken<'_>) -> Result<Self, Reason> {
        let headers = config
            .identity
            .values(token)
            .map_err(|_| Reason::UnusableClaim)?;
        let (not_before, expires) = token.validity();
        Ok(Self {
            customer: token.subject().into(),
            scope: token.scope().clone(),
            headers: headers.into(),
            not_before,
            expires,
        })
    }

    /// The Customer Code.
    pub fn customer(&self) -> &Arc<str> {
        &self.customer
    }

    /// What the token allows.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The identity headers and their values.
    pub fn headers(&self) -> &Arc<[(String, String)]> {
        &self.headers
    }

    fn is_valid(&self, now: Timestamp) -> bool {
        (self.not_before..self.expires).contains(&now.numeric_date())
    }

    /// About what keeping it takes, the token included.
    fn weight(&self, token: &[u8]) -> usize {
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| name.len().saturating_add(value.len()));
        headers.fold(token.len().saturating_add(256), usize::saturating_add)
    }
}

/// Verifies tokens, and remembers those that passed: bounded in entries and bytes, by the whole token,
/// never past its `exp`. Nothing refused is remembered.
#[derive(Debug)]
pub struct Callers {
    known: Bounded<Tail, Known, BuildPlainHasher>,
}

/// A token that passed.
#[derive(Debug)]
struct Known {
    token: Vec<u8>,
    caller: Arc<Caller>,
}

/// The last bytes of a token: where to look for it. They are the signature's, so nobody can choose them for a
/// token that passes, and two such tokens share them by a chance of one in 2^46.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Tail(u64);

impl Tail {
    fn of(token: &[u8]) -> Option<Self> {
        token
            .last_chunk()
            .map(|tail| Self(u64::from_le_bytes(*tail)))
    }
}

impl Known {
    /// Compares every byte, whatever the first ones are, so that the time tells nothing of a token.
    fn is(&self, token: &[u8]) -> bool {
        let (own, own_rest) = self.token.as_chunks::<8>();
        let (sent, sent_rest) = token.as_chunks::<8>();
        let words = own.iter().zip(sent);
        // Eight bytes at a time: one by one takes a while for each request.
        let same = words.fold(own_rest.ct_eq(sent_rest), |same, (own, sent)| {
            same & u64::from_ne_bytes(*own).ct_eq(&u64::from_ne_bytes(*sent))
        });
        self.token.len() == token.len() && same.into()
    }

    fn weight(&self) -> usize {
        self.caller.weight(&self.token)
    }
}

impl Default for Callers {
    fn default() -> Self {
        Self {
            known: Bounded::new(CACHE),
        }
    }
}

impl Callers {
    /// Who calls with this token.
    pub fn identify(
        &mut self,
        config: &Config,
        token: &[u8],
        now: Timestamp,
    ) -> Result<Arc<Caller>, Reason> {
        let tail = Tail::of(token).ok_or(Reason::MalformedToken)?;
        if let Some(caller) = self.recall(&tail, token) {
            if caller.is_valid(now) {
                return Ok(caller);
            }
            self.known.remove(&tail);
        }
        let payload = config
            .verifier
            .signature(token)
            .map_err(TokenError::reason)?;
        let verified = config
            .verifier
            .claims(&payload, now)
            .map_err(TokenError::reason)?;
        let caller = Arc::new(Caller::new(config, &verified)?);
        if token.len() <= MAX_CACHED_TOKEN {
            let known = Known {
                token: token.to_vec(),
                caller: Arc::clone(&caller),
            };
            let weight = known.weight();
            self.known.insert(tail, known, weight);
        }
        Ok(caller)
    }

    fn recall(&mut self, tail: &Tail, token: &[u8]) -> Option<Arc<Caller>> {
        if let Some(known) = self.known.young(tail) {
            return known.is(token).then(|| Arc::clone(&known.caller));
        }
        if !self.known.get(tail)?.is(token) {
            return None;
        }
        let (tail, known) = self.known.take_old(tail)?;
        let (caller, weight) = (Arc::clone(&known.caller), known.weight());
        self.known.insert(tail, known, weight);
        Some(caller)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_the_token() {
        let token = b"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJBQ01FMDEifQ.AAAAAAAAAAAAAAAAAAAAAAAAA";
        let caller = Caller {
            customer: "ACME01".into(),
            scope: Scope::default(),
            headers: Arc::default(),
            not_before: 0.0,
            expires: 1.0,
        };
        let known = Known {
            token: token.to_vec(),
            caller: Arc::new(caller),
        };
        assert!(known.is(token));
        for at in 0..token.len() {
            let mut other = token.to_vec();
            other[at] ^= 1;
            assert!(!known.is(&other), "byte {at}");
            assert!(!known.is(&token[at..][..token.len() - at - 1]), "{at}");
        }
        assert!(!known.is(&[&token[..], b"A"].concat()));
        assert!(!known.is(b""));
    }
}
