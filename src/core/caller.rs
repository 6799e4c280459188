//! Who a valid token says is calling, kept for the next request with the same token.

use crate::bounded::{Bounded, Limit};
use crate::config::Config;
use crate::jwt::{TokenError, VerifiedToken};
use crate::outcome::Reason;
use crate::scope::Scope;
use crate::time::Timestamp;
use std::sync::Arc;

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
    known: Bounded<Vec<u8>, Arc<Caller>>,
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
        if let Some(caller) = self.recall(token) {
            if caller.is_valid(now) {
                return Ok(caller);
            }
            self.known.remove(token);
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
            let weight = caller.weight(token);
            self.known
                .insert(token.to_vec(), Arc::clone(&caller), weight);
        }
        Ok(caller)
    }

    fn recall(&mut self, token: &[u8]) -> Option<Arc<Caller>> {
        if let Some(caller) = self.known.young(token) {
            return Some(Arc::clone(caller));
        }
        let (token, caller) = self.known.take_old(token)?;
        let weight = caller.weight(&token);
        self.known.insert(token, Arc::clone(&caller), weight);
        Some(caller)
    }
}
