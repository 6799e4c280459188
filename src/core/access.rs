//! Access rules: what a request needs before the upstream sees it. First match wins; what no rule
//! matches needs a valid token.

use crate::path::{CanonicalPath, is_canonical, readings};
use crate::scope::Scope;
use std::borrow::Cow;

/// The resolved rules, in order.
#[derive(Clone, Debug, Default)]
pub struct AccessRules(Vec<Rule>);

/// One rule: what it applies to, and what it asks.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Which paths; `None`: any.
    pub path: Option<PathMatch>,
    /// Which methods, byte for byte; empty: any.
    pub methods: Vec<String>,
    /// What the rule asks.
    pub demand: Demand,
}

/// How a rule names paths.
#[derive(Clone, Debug)]
pub enum PathMatch {
    /// Exactly this path.
    Exact(CanonicalPath),
    /// Every path that begins so.
    Prefix(CanonicalPath),
    /// Both at once.
    Both {
        /// The exact path.
        path: CanonicalPath,
        /// What it must begin with.
        prefix: CanonicalPath,
    },
}

/// What a rule asks of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Nothing: the request passes without identity, a token in it unread.
    Public,
    /// A valid token that holds this scope.
    Scope(Scope),
    /// It is refused, whoever asks.
    Deny,
}

impl AccessRules {
    /// Takes rules in the order in which they are tried.
    pub fn new(rules: Vec<Rule>) -> Self {
        Self(rules)
    }

    /// What a request needs. `path` is as it arrived, without its query.
    ///
    /// A path that is not canonical is never public, and must satisfy the rules under every reading a
    /// server might make of it (D17), so that `//admin/` asks for what `/admin/` does.
    pub fn demand(&self, method: &[u8], path: &[u8]) -> Cow<'_, Demand> {
        if is_canonical(path) {
            return match self.first_match(method, path) {
                Some(rule) => Cow::Borrowed(&rule.demand),
                None => Cow::Owned(Demand::Scope(Scope::default())),
            };
        }
        let mut needed = Scope::default();
        for reading in readings(path) {
            match self.first_match(method, &reading).map(|rule| &rule.demand) {
                Some(Demand::Deny) => return Cow::Owned(Demand::Deny),
                Some(Demand::Scope(scope)) => needed = needed.union(scope),
                Some(Demand::Public) | None => {}
            }
        }
        Cow::Owned(Demand::Scope(needed))
    }

    fn first_match(&self, method: &[u8], path: &[u8]) -> Option<&Rule> {
        self.0.iter().find(|rule| rule.matches(method, path))
    }
}

impl Rule {
    fn matches(&self, method: &[u8], path: &[u8]) -> bool {
        (self.methods.is_empty() || self.methods.iter().any(|known| known.as_bytes() == method))
            && self
                .path
                .as_ref()
                .is_none_or(|matcher| matcher.matches(path))
    }
}

impl PathMatch {
    fn matches(&self, candidate: &[u8]) -> bool {
        match self {
            Self::Exact(path) => candidate == path.as_bytes(),
            Self::Prefix(prefix) => candidate.starts_with(prefix.as_bytes()),
            Self::Both { path, prefix } => {
                candidate == path.as_bytes() && candidate.starts_with(prefix.as_bytes())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Demand {
        Demand::Scope(Scope::parse(text).unwrap())
    }

    fn canonical(path: &str) -> CanonicalPath {
        CanonicalPath::new(path.as_bytes()).unwrap()
    }

    fn rules() -> AccessRules {
        let rule = |path, methods: &[&str], demand| Rule {
            path,
            methods: methods.iter().map(|&method| method.to_owned()).collect(),
            demand,
        };
        AccessRules::new(vec![
            rule(
                Some(PathMatch::Exact(canonical("/healthz"))),
                &[],
                Demand::Public,
            ),
            rule(
                Some(PathMatch::Prefix(canonical("/admin/"))),
                &[],
                scope("admin"),
            ),
            rule(
                Some(PathMatch::Prefix(canonical("/internal/"))),
                &[],
                Demand::Deny,
            ),
            rule(None, &["OPTIONS"], Demand::Public),
            rule(None, &["GET", "HEAD"], scope("read")),
        ])
    }

    #[test]
    fn c13_the_first_matching_rule_decides_and_no_match_needs_a_token() {
        for (method, path, expected) in [
            ("POST", "/healthz", Demand::Public),
            ("GET", "/admin/x", scope("admin")),
            ("GET", "/admin", scope("read")),
            ("GET", "/internal/x", Demand::Deny),
            ("OPTIONS", "/products", Demand::Public),
            ("HEAD", "/products", scope("read")),
            ("get", "/products", scope("")),
            ("POST", "/products", scope("")),
        ] {
            assert_eq!(
                *rules().demand(method.as_bytes(), path.as_bytes()),
                expected,
                "{method} {path}"
            );
        }
    }

    #[test]
    fn c13_a_rule_with_path_and_prefix_applies_where_both_do() {
        let rules = |path, prefix| {
            AccessRules::new(vec![Rule {
                path: Some(PathMatch::Both {
                    path: canonical(path),
                    prefix: canonical(prefix),
                }),
                methods: Vec::new(),
                demand: Demand::Public,
            }])
        };
        let is_public =
            |rules: &AccessRules, path: &[u8]| *rules.demand(b"GET", path) == Demand::Public;
        let both = rules("/docs/index", "/docs/");
        assert!(is_public(&both, b"/docs/index"));
        assert!(!is_public(&both, b"/docs/other"));
        assert!(!is_public(&rules("/index", "/docs/"), b"/index"));
        assert!(!is_public(&rules("/index", "/docs/"), b"/docs/x"));
    }

    #[test]
    fn d17_no_spelling_of_a_path_is_public_unless_it_is_that_path() {
        for spelling in [
            "//healthz",
            "/./healthz",
            "/a/../healthz",
            "/health%7a",
            "/healthz;a",
            "/healthz%00",
            "\\healthz",
            "/healthz/.",
            "*",
            "",
        ] {
            assert_ne!(
                *rules().demand(b"OPTIONS", spelling.as_bytes()),
                Demand::Public,
                "{spelling}"
            );
            assert_ne!(
                *rules().demand(b"GET", spelling.as_bytes()),
                Demand::Public,
                "{spelling}"
            );
        }
    }

    #[test]
    fn d17_a_rule_that_asks_for_more_is_not_escaped_by_another_spelling() {
        for spelling in [
            "//admin/x",
            "/%61dmin/x",
            "/products/..%2fadmin/x",
            "/x/..;/admin/x",
            "/admin;/x",
        ] {
            let demand = rules().demand(b"GET", spelling.as_bytes()).into_owned();
            let Demand::Scope(needed) = demand else {
                panic!("{spelling}: {demand:?}")
            };
            assert!(needed.covers(&Scope::parse("admin").unwrap()), "{spelling}");
        }
        assert_eq!(*rules().demand(b"GET", b"//internal/x"), Demand::Deny);
        assert_eq!(*rules().demand(b"GET", b"//products"), scope("read"));
    }
}
