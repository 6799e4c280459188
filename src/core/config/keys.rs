//! `keys`: secrets become a ring.

use super::error::{ConfigError, Result};
use super::raw::{RawAlgorithm, RawKey, RawUse};
use super::source::Source;
use crate::jwt::{Algorithm, KeyRing, RingError, SigningKey};

/// Builds the ring, which signs and verifies a probe with every key.
pub(super) fn ring(raw: &[RawKey], source: &mut Source<'_>) -> Result<KeyRing> {
    let mut keys = Vec::with_capacity(raw.len());
    for (
        at,
        RawKey {
            kid,
            alg,
            secret,
            usage,
        },
    ) in raw.iter().enumerate()
    {
        if kid.as_deref() == Some("") {
            return Err(ConfigError::new(
                format!("keys[{at}].kid"),
                "an empty string",
                "a name",
            ));
        }
        keys.push(SigningKey {
            kid: kid.clone(),
            algorithm: match alg {
                RawAlgorithm::Hs256 => Algorithm::Hs256,
                RawAlgorithm::Hs384 => Algorithm::Hs384,
                RawAlgorithm::Hs512 => Algorithm::Hs512,
            },
            secret: source.secret(&format!("keys[{at}].secret"), secret)?,
            verify_only: *usage == RawUse::Verify,
        });
    }
    let minimum = |at: usize| keys.get(at).map_or(0, |key| key.algorithm.minimum_secret());
    let minimums: Vec<usize> = (0..keys.len()).map(minimum).collect();
    KeyRing::new(keys).map_err(|error| match error {
        RingError::Empty => ConfigError::new("keys", "an empty list", "at least one key"),
        RingError::TooShort(at) => ConfigError::new(
            format!("keys[{at}].secret"),
            "a secret that is too short",
            format!(
                "at least {} bytes (RFC 7518 section 3.2)",
                minimums.get(at).unwrap_or(&0)
            ),
        ),
        RingError::SameKid(at) => ConfigError::new(
            format!("keys[{at}].kid"),
            "the kid of an earlier key",
            "a kid of its own for every key",
        ),
        RingError::Unusable(at) => ConfigError::new(
            format!("keys[{at}]"),
            "a key that does not verify what it signed",
            "a usable key",
        ),
    })
}
