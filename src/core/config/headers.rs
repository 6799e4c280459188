//! `identity`: which headers only the filter may set.

use super::error::{ConfigError, Result};
use super::raw::{RawAuthorization, RawIdentity};
use crate::http::is_header_name;
use crate::identity::{Identity, IdentityHeader};
use crate::json::is_pointer;

/// Header names an identity header must not take: they steer Envoy, or the connection.
const RESERVED: [&str; 8] = [
    "authorization",
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "upgrade",
    "te",
    "trailer",
];

/// The identity headers; by default the Customer Code alone.
pub(super) fn identity(raw: Option<RawIdentity>) -> Result<Identity> {
    let default = || IdentityHeader {
        name: "x-customer-code".to_owned(),
        claim: "sub".to_owned(),
    };
    let Some(RawIdentity {
        headers,
        authorization,
    }) = raw
    else {
        return Ok(Identity {
            headers: vec![default()],
            strip_authorization: false,
        });
    };
    let strip_authorization = authorization == RawAuthorization::Strip;
    let Some(headers) = headers else {
        return Ok(Identity {
            headers: vec![default()],
            strip_authorization,
        });
    };
    let mut identity = Identity {
        headers: Vec::new(),
        strip_authorization,
    };
    for (name, claim) in headers.0 {
        let path = format!("identity.headers.{name}");
        let name = name.to_ascii_lowercase();
        if !is_header_name(name.as_bytes()) || RESERVED.contains(&name.as_str()) {
            let expected = "a header name that does not steer the connection";
            return Err(ConfigError::new(path, "a name that does not fit", expected));
        }
        if identity.owns(name.as_bytes()) {
            let expected = "names that differ in more than letter case and _ for -";
            return Err(ConfigError::new(
                path,
                "the name of an earlier header",
                expected,
            ));
        }
        if claim.is_empty() || (claim.starts_with('/') && !is_pointer(&claim)) {
            let expected = "the name of a claim, or a JSON Pointer to one";
            return Err(ConfigError::new(
                path,
                "a string that does not fit",
                expected,
            ));
        }
        identity.headers.push(IdentityHeader { name, claim });
    }
    Ok(identity)
}
