//! The token endpoint (RFC 6749 section 4.4, client credentials).
//!
//! # The order of checks
//! The first that fails answers. What costs nothing and tells nothing of customers comes first.
//!
//! | # | check | answer | source |
//! |---|---|---|---|
//! | 1 | the request came over HTTPS, where that is asked | 400 `invalid_request` | RFC 6749 §3.2, C14 |
//! | 2 | method is POST | 405, `Allow: POST` | §3.2, D5 |
//! | 3 | content type is a form | 400 `invalid_request` | §4.4.2, C1, D5 |
//! | 4 | size | 413 `invalid_request` | D6 |
//! | 5 | no credentials in the query | 400 `invalid_request` | §2.3.1, D4 |
//! | 6 | the form can be decoded, no parameter twice | 400 `invalid_request` | §3.2, App. B, D3 |
//! | 7 | `grant_type` | 400 `unsupported_grant_type` | §4.4.2, §5.2, D1 |
//! | 8 | one client authentication method, well-formed | 400 `invalid_request` | §2.3, D2 |
//! | 9 | `client_id` and `client_secret` are there | 400 `invalid_request` | C5 |
//! | 10 | `scope` is one | 400 `invalid_scope` | §3.3, D7 |
//! | 11 | not too many failures | 429 `slow_down` | D10 |
//! | 12 | the lookup | 503 `temporarily_unavailable` | D9 |
//! | 13 | a key of the customer, not expired, not revoked; the customer enabled | 401 `invalid_client` | §5.2, C5, C6 |
//! | 14 | the customer has the scope asked for | 400 `invalid_scope` | §3.3, D7 |
//!
//! 1 to 5 need only the head, except that a body without `content-length` is measured as it comes.
//! [`request`] holds 1 to 10, [`attempt`] 11 to 14.

pub mod attempt;
pub mod basic;
pub mod form;
pub mod reply;
pub mod request;

use crate::lookup::{Lookup, Pepper};
use crate::throttle::Limit;
use std::time::Duration;

/// The largest body that is read, in bytes (D6).
pub const MAX_BODY: usize = 16 * 1024;

/// How long the body may take to arrive.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the very first body of a worker may take before the host is suspected of never delivering it.
pub const FIRST_BODY_TIMEOUT: Duration = Duration::from_secs(3);

/// The resolved configuration of the token endpoint.
#[derive(Clone, Debug)]
pub struct TokenEndpoint {
    /// Its path, byte for byte, without query.
    pub path: crate::path::CanonicalPath,
    /// Seconds a token lives.
    pub ttl: u32,
    /// How the filter waits for the body.
    pub on_headers: OnHeaders,
    /// Whether a request known to have come over plain HTTP is refused.
    pub require_https: bool,
    /// Where customers are looked up.
    pub lookup: Lookup,
    /// The pepper of `hmac-sha256:` hashes.
    pub pepper: Option<Pepper>,
    /// How many failures are too many.
    pub limit: Limit,
}

/// What the filter tells Envoy while the body is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnHeaders {
    /// Stop at the head; needs `allow_on_headers_stop_iteration` on the host.
    StopIteration,
    /// Let the head go on, to a buffer filter that holds it until the body is complete.
    Continue,
}
