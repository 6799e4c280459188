//! `token_endpoint` and its `lookup`.

use super::error::{ConfigError, Result};
use super::raw::{RawLookup, RawOnHeaders, RawThrottle, RawTokenEndpoint};
use super::source::Source;
use super::text::{canonical, within};
use crate::http::{is_header_name, is_header_value};
use crate::json::is_pointer;
use crate::lookup::{Lookup, PathTemplate, Pepper};
use crate::throttle::Limit;
use crate::token::{OnHeaders, TokenEndpoint};
use std::time::Duration;

/// The token endpoint.
pub(super) fn token_endpoint(
    raw: RawTokenEndpoint,
    source: &mut Source<'_>,
) -> Result<TokenEndpoint> {
    let RawTokenEndpoint {
        path,
        ttl_seconds,
        on_headers,
        require_https,
        lookup,
        throttle,
    } = raw;
    let RawThrottle {
        failures,
        window_seconds,
    } = throttle;
    let pepper = match &lookup.pepper {
        None => None,
        Some(raw) => {
            let secret = source.secret("token_endpoint.lookup.pepper", raw)?;
            Pepper::new(secret.expose())
        }
    };
    Ok(TokenEndpoint {
        path: canonical("token_endpoint.path", &path)?,
        ttl: within("token_endpoint.ttl_seconds", ttl_seconds, 1..=86_400)?,
        on_headers: match on_headers {
            RawOnHeaders::StopIteration => OnHeaders::StopIteration,
            RawOnHeaders::Continue => OnHeaders::Continue,
        },
        require_https,
        lookup: self::lookup(lookup, source)?,
        pepper,
        limit: Limit {
            // One failure must not lock anyone out: some clients try Basic first.
            failures: within("token_endpoint.throttle.failures", failures, 2..=1_000_000)?,
            window: Duration::from_secs(u64::from(within(
                "token_endpoint.throttle.window_seconds",
                window_seconds,
                1..=86_400,
            )?)),
        },
    })
}

fn lookup(raw: RawLookup, source: &Source<'_>) -> Result<Lookup> {
    let RawLookup {
        cluster,
        authority,
        path,
        headers,
        record,
        timeout_ms,
        pepper: _,
    } = raw;
    let at = |field: &str| format!("token_endpoint.lookup.{field}");
    if cluster.is_empty() {
        return Err(ConfigError::new(
            at("cluster"),
            "an empty string",
            "the name of a cluster",
        ));
    }
    let authority = authority.unwrap_or_else(|| cluster.clone());
    if authority.is_empty() || !is_header_value(authority.as_bytes()) {
        return Err(ConfigError::new(
            at("authority"),
            "a string that does not fit",
            "a host name",
        ));
    }
    let path = PathTemplate::parse(&path).ok_or_else(|| {
        let expected = "a path that begins with / and holds {client_id} exactly once";
        ConfigError::new(at("path"), "a string that does not fit", expected)
    })?;
    if !is_pointer(&record) {
        let expected = "a JSON Pointer (RFC 6901), for example /data/data";
        return Err(ConfigError::new(
            at("record"),
            "a string that does not fit",
            expected,
        ));
    }
    let mut fields = Vec::with_capacity(headers.0.len());
    for (name, raw) in &headers.0 {
        let path = at(&format!("headers.{name}"));
        let name = name.to_ascii_lowercase();
        if !is_header_name(name.as_bytes()) || name == "host" {
            return Err(ConfigError::new(
                path,
                "no header name",
                "a header name other than host",
            ));
        }
        fields.push((name, source.header(&path, raw)?));
    }
    let timeout = within(&at("timeout_ms"), timeout_ms, 1..=60_000)?;
    Ok(Lookup {
        cluster,
        authority,
        path,
        headers: fields,
        record,
        timeout: Duration::from_millis(u64::from(timeout)),
    })
}
