//! From what is written to what is meant.

use super::error::{ConfigError, Result};
use super::one_or_many::OneOrMany;
use super::raw::{RawConfig, RawMode};
use super::source::Source;
use super::text::within;
use super::{Config, Mode, endpoint, headers, keys, rules};
use crate::access::{AccessRules, Rule};
use crate::http::is_header_value;
use crate::jwt::Verifier;

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
    let audience = match audience {
        None => Vec::new(),
        Some(OneOrMany(all)) if !all.is_empty() && !all.iter().any(String::is_empty) => all,
        // An empty list would let tokens for anyone through, and nobody writes one to mean that.
        Some(_) => {
            let found = "an empty list or an empty string";
            return Err(ConfigError::new("audience", found, "non-empty strings"));
        }
    };
    let ring = keys::ring(&keys, &mut source)?;
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
        .map(|raw| endpoint::token_endpoint(raw, &mut source))
        .transpose()?;
    let rules: Result<Vec<Rule>> = access
        .into_iter()
        .enumerate()
        .map(|(at, raw)| rules::rule(&format!("access[{at}]"), raw))
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
        identity: headers::identity(identity)?,
        mode: match mode {
            RawMode::Enforce => Mode::Enforce,
            RawMode::Report => Mode::Report,
        },
        warnings: source.warnings,
    })
}
