//! From what is written to what is meant.

use super::error::ConfigError;
use super::raw::{
    RawAlgorithm, RawAllow, RawAuthorization, RawConfig, RawIdentity, RawKey, RawLookup, RawMatch,
    RawMode, RawOnHeaders, RawRule, RawThrottle, RawTokenEndpoint, RawUse,
};
use super::source::Source;
use super::{Config, Mode};
use crate::access::{AccessRules, Demand, PathMatch, Rule};
use crate::http::{is_header_name, is_header_value};
use crate::identity::{Identity, IdentityHeader};
use crate::json::is_pointer;
use crate::jwt::{Algorithm, KeyRing, RingError, SigningKey, Verifier};
use crate::lookup::{Lookup, PathTemplate, Pepper};
use crate::path::CanonicalPath;
use crate::scope::Scope;
use crate::throttle::Limit;
use crate::token::{OnHeaders, TokenEndpoint};
use std::ops::RangeInclusive;
use std::time::Duration;

type Result<T> = std::result::Result<T, ConfigError>;

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

pub(super) fn resolve(
    raw: RawConfig,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Config> {
    let RawConfig {
        issuer,
        audience,
        keys,
        leeway_seconds,
        token_endpoint,
        access,
        identity,
        mode,
    } = raw;
    let mut source = Source {
        environment,
        warnings: Vec::new(),
    };
    let quotable = |text: &str| is_header_value(text.as_bytes()) && !text.contains(['"', '\\']);
    if issuer.is_empty() || !quotable(&issuer) {
        let expected = "visible ASCII without quotes or backslashes, for example a URL";
        return Err(ConfigError::new(
            "issuer",
            "a string that does not fit",
            expected,
        ));
    }
    let audience = audience.map(|audience| audience.0).unwrap_or_default();
    if audience.iter().any(String::is_empty) {
        return Err(ConfigError::new(
            "audience",
            "an empty string",
            "non-empty strings",
        ));
    }
    let ring = ring(&keys, &mut source)?;
    if token_endpoint.is_some() && !ring.can_sign() {
        let expected = "a key that signs, since there is a token_endpoint";
        return Err(ConfigError::new(
            "keys",
            "only keys with \"use\": \"verify\"",
            expected,
        ));
    }
    let leeway = within("leeway_seconds", leeway_seconds, 0..=60)?;
    let token_endpoint = token_endpoint
        .map(|raw| self::token_endpoint(raw, &mut source))
        .transpose()?;
    let rules: Result<Vec<Rule>> = access
        .into_iter()
        .enumerate()
        .map(|(at, raw)| rule(&format!("access[{at}]"), raw))
        .collect();
    Ok(Config {
        realm: issuer.clone(),
        verifier: Verifier {
            ring,
            issuer,
            audience,
            leeway,
        },
        token_endpoint,
        access: AccessRules::new(rules?),
        identity: self::identity(identity)?,
        mode: match mode {
            RawMode::Enforce => Mode::Enforce,
            RawMode::Report => Mode::Report,
        },
        warnings: source.warnings,
    })
}

fn ring(raw: &[RawKey], source: &mut Source<'_>) -> Result<KeyRing> {
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

fn token_endpoint(raw: RawTokenEndpoint, source: &mut Source<'_>) -> Result<TokenEndpoint> {
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

fn rule(at: &str, raw: RawRule) -> Result<Rule> {
    let RawRule {
        matches,
        require,
        allow,
        deny,
    } = raw;
    let RawMatch {
        path,
        prefix,
        methods,
    } = matches;
    let canonical_at = |field: &str, text: Option<String>| {
        text.map(|text| canonical(&format!("{at}.match.{field}"), &text))
            .transpose()
    };
    let path = match (canonical_at("path", path)?, canonical_at("prefix", prefix)?) {
        (None, None) => None,
        (Some(path), None) => Some(PathMatch::Exact(path)),
        (None, Some(prefix)) => Some(PathMatch::Prefix(prefix)),
        (Some(path), Some(prefix)) => Some(PathMatch::Both { path, prefix }),
    };
    if methods.as_ref().is_some_and(Vec::is_empty) {
        let path = format!("{at}.match.methods");
        return Err(ConfigError::new(
            path,
            "an empty list",
            "at least one method, or no `methods`",
        ));
    }
    let demand = match (require, allow, deny) {
        (Some(require), None, None) => {
            let scope =
                Scope::parse(&require.scope.join(" ")).filter(|_| !require.scope.is_empty());
            Demand::Scope(scope.ok_or_else(|| {
                let expected = "a list of scope tokens (RFC 6749 section 3.3)";
                ConfigError::new(
                    format!("{at}.require.scope"),
                    "a list that does not fit",
                    expected,
                )
            })?)
        }
        (None, Some(RawAllow::Public), None) => Demand::Public,
        (None, None, Some(true)) => Demand::Deny,
        _ => {
            let expected = "exactly one of `require`, `\"allow\": \"public\"` and `\"deny\": true`";
            return Err(ConfigError::new(at, "none or several", expected));
        }
    };
    Ok(Rule {
        path,
        methods: methods.unwrap_or_default(),
        demand,
    })
}

fn identity(raw: Option<RawIdentity>) -> Result<Identity> {
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

fn canonical(at: &str, path: &str) -> Result<CanonicalPath> {
    CanonicalPath::new(path.as_bytes()).ok_or_else(|| {
        let expected = "a canonical path: it begins with /, without query, dot segments, //, \\, ; or needless escapes";
        ConfigError::new(at, format!("{path:?}"), expected)
    })
}

fn within(at: &str, value: u32, range: RangeInclusive<u32>) -> Result<u32> {
    if range.contains(&value) {
        return Ok(value);
    }
    let expected = format!("a number from {} to {}", range.start(), range.end());
    Err(ConfigError::new(at, value.to_string(), expected))
}
