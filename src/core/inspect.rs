//! A token looked at rule by rule: not only the first that refuses it, as [`crate::engine`] does, but every
//! one, and what it found.

use crate::access::Demand;
use crate::config::Config;
use crate::identity::{Identity, IdentityHeader};
use crate::outcome::Reason;
use crate::scope::Scope;
use crate::time::Timestamp;

/// A token taken apart.
#[derive(Debug, Default)]
pub struct Inspection {
    /// The text of its header, where it can be decoded.
    pub header: Option<String>,
    /// The text of its claims.
    pub claims: Option<String>,
    /// What each rule says, in the order in which the filter asks them.
    pub findings: Vec<Finding>,
    /// The token's scope, where it can be read.
    pub(crate) scope: Option<Scope>,
}

/// What one rule says.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule in a word or two.
    pub rule: &'static str,
    /// What it says.
    pub state: State,
    /// What was found. It repeats parts of the token, and never of a secret.
    pub detail: String,
}

/// What a rule can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It holds.
    Holds,
    /// It refuses the token.
    Broken(Reason),
    /// It could not be asked.
    NotChecked,
}

/// A request that the token is to be used for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its path, without query.
    pub path: &'a str,
}

/// Looks at a token. What needs a configuration or a request is not checked where there is none.
pub fn inspect(
    token: &[u8],
    config: Option<&Config>,
    request: Option<Request<'_>>,
    now: Timestamp,
) -> Inspection {
    let verifier = config.map(|config| &config.verifier);
    let mut inspection = Inspection::of_token(token, verifier, now);
    if let Some(config) = config {
        inspection.identity(token, config, now);
    }
    if let (Some(config), Some(request)) = (config, request) {
        inspection.access(config, request);
    }
    inspection
}

impl Inspection {
    /// Why the filter would refuse the token; `None`: no rule that was asked does.
    pub fn refusal(&self) -> Option<Reason> {
        self.findings
            .iter()
            .find_map(|finding| match finding.state {
                State::Broken(reason) => Some(reason),
                State::Holds | State::NotChecked => None,
            })
    }

    pub(crate) fn holds(&mut self, rule: &'static str, detail: impl Into<String>) {
        self.add(rule, State::Holds, detail);
    }

    pub(crate) fn broken(&mut self, rule: &'static str, reason: Reason, detail: impl Into<String>) {
        self.add(rule, State::Broken(reason), detail);
    }

    pub(crate) fn not_checked(&mut self, rule: &'static str, detail: impl Into<String>) {
        self.add(rule, State::NotChecked, detail);
    }

    fn add(&mut self, rule: &'static str, state: State, detail: impl Into<String>) {
        let detail = detail.into();
        self.findings.push(Finding {
            rule,
            state,
            detail,
        });
    }

    fn access(&mut self, config: &Config, request: Request<'_>) {
        let (method, path) = (request.method.as_bytes(), request.path.as_bytes());
        let rule = "access";
        match (&*config.access.demand(method, path), &self.scope) {
            (Demand::Public, _) => self.holds(rule, "public: the token is not even looked at"),
            (Demand::Deny, _) => self.broken(rule, Reason::Denied, "a rule denies the request"),
            (Demand::Scope(_), None) => self.not_checked(rule, "the scope cannot be read"),
            (Demand::Scope(needed), Some(scope)) if scope.covers(needed) => {
                let detail = format!("the request needs scope \"{needed}\"");
                self.holds(rule, detail);
            }
            (Demand::Scope(needed), Some(_)) => {
                let detail = format!("the request needs scope \"{needed}\"");
                self.broken(rule, Reason::InsufficientScope, detail);
            }
        }
    }

    fn identity(&mut self, token: &[u8], config: &Config, now: Timestamp) {
        let rule = "identity headers";
        let payload = config.verifier.signature(token);
        let verified = payload
            .as_ref()
            .ok()
            .and_then(|payload| config.verifier.claims(payload, now).ok());
        let Some(verified) = verified else {
            return self.not_checked(rule, "they are taken from good tokens only");
        };
        let unusable = |header: &&IdentityHeader| {
            let alone = Identity {
                headers: vec![(*header).clone()],
                strip_authorization: false,
            };
            alone.values(&verified).is_err()
        };
        let unusable: Vec<&str> = config
            .identity
            .headers
            .iter()
            .filter(unusable)
            .map(|header| header.claim.as_str())
            .collect();
        if unusable.is_empty() {
            return self.holds(rule, "every claim fits its header");
        }
        let detail = format!("cannot be header values: {}", unusable.join(", "));
        self.broken(rule, Reason::UnusableClaim, detail);
    }
}
