//! JSON Web Tokens (RFC 7519), signed with HMAC (RFC 7518 section 3.2): made and checked.
//!
//! Signing and comparing signatures is jsonwebtoken's, over the `hmac` crate ([`provider`]). What it
//! is lax about (RFC 8725) is decided before it: [`compact`] splits, [`ring`] chooses the key,
//! [`verify`] checks the claims.

mod compact;
#[cfg(feature = "tools")]
mod inspect;
mod mint;
mod provider;
mod ring;
mod verify;

pub use mint::Grant;
pub use provider::Algorithm;
pub use ring::{KeyRing, RingError, SigningKey};
pub use verify::{TokenError, VerifiedToken, Verifier};

/// The first segment of tokens signed with a key that has no `kid` (C4).
pub const HS256_SEGMENT: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";
