//! `access`: what requests need.

use super::error::{ConfigError, Result};
use super::raw::{RawAllow, RawMatch, RawRule};
use super::text::canonical;
use crate::access::{Demand, PathMatch, Rule};
use crate::scope::Scope;

/// One rule; `at` is its JSON path.
pub(super) fn rule(at: &str, raw: RawRule) -> Result<Rule> {
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
            let one = |token: &String| !token.is_empty() && !token.contains(' ');
            let fits = !require.scope.is_empty() && require.scope.iter().all(one);
            let scope = Scope::parse(&require.scope.join(" ")).filter(|_| fits);
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
