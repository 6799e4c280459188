//! Every request but those to the token endpoint: may it pass, and as whom (RFC 6750)?

use crate::access::Demand;
use crate::bearer::{Credentials, credentials};
use crate::caller::{Caller, Callers};
use crate::config::{Config, Mode};
use crate::engine::Pass;
use crate::http::{Reply, RequestHead, error_body};
use crate::outcome::{Endpoint, Outcome, Reason, Verdict};
use crate::scope::Scope;
use crate::time::Timestamp;
use std::borrow::Cow;
use std::sync::Arc;

/// A request that may not pass.
struct Refusal {
    reason: Reason,
    /// The scope a 403 names (RFC 6750 section 3.1).
    needed: Option<Scope>,
    customer: Option<Arc<str>>,
}

/// Decides on a request's head.
pub fn decide(
    config: &Config,
    callers: &mut Callers,
    head: &RequestHead<'_>,
    now: Timestamp,
) -> Result<Pass, Reply> {
    match check(config, callers, head, now) {
        Ok(None) => {
            let edits = config.identity.anonymous(head);
            Ok(Pass::new(
                edits,
                outcome(Verdict::Allowed, Reason::Public, None),
            ))
        }
        Ok(Some(caller)) => {
            let edits = config.identity.verified(head, &caller);
            let customer = Some(Arc::clone(caller.customer()));
            Ok(Pass::new(
                edits,
                outcome(Verdict::Allowed, Reason::ValidToken, customer),
            ))
        }
        Err(refusal) if config.mode == Mode::Report => {
            // Identity only ever comes with a request that is allowed: no header, and no filter state that an
            // RBAC filter might go by.
            let edits = config.identity.anonymous(head);
            let outcome = outcome(Verdict::Reported, refusal.reason, None);
            Ok(Pass::new(edits, outcome))
        }
        Err(refusal) => Err(refusal.reply(&config.realm)),
    }
}

/// Who may pass; `None`: anyone, since the path is public.
fn check(
    config: &Config,
    callers: &mut Callers,
    head: &RequestHead<'_>,
    now: Timestamp,
) -> Result<Option<Arc<Caller>>, Refusal> {
    // A tunnel would carry requests that nobody checks, so CONNECT is neither public nor allowed.
    let demand = match head.method {
        b"CONNECT" => Cow::Owned(Demand::Deny),
        method => config.access.demand(method, head.path_only()),
    };
    if *demand == Demand::Public {
        return Ok(None);
    }
    let token = match credentials(head.authorization) {
        Credentials::None => return Err(Refusal::because(Reason::MissingToken)),
        Credentials::Malformed => return Err(Refusal::because(Reason::MalformedAuthorization)),
        Credentials::Token(token) => token,
    };
    let caller = callers
        .identify(config, token, now)
        .map_err(Refusal::because)?;
    let refused = |reason, needed| {
        let customer = Some(Arc::clone(caller.customer()));
        Err(Refusal {
            reason,
            needed,
            customer,
        })
    };
    match demand.as_ref() {
        Demand::Scope(needed) if caller.scope().covers(needed) => Ok(Some(caller)),
        Demand::Scope(needed) => refused(Reason::InsufficientScope, Some(needed.clone())),
        Demand::Deny | Demand::Public => refused(Reason::Denied, None),
    }
}

impl Refusal {
    fn because(reason: Reason) -> Self {
        Self {
            reason,
            needed: None,
            customer: None,
        }
    }

    /// 401 or 403 with the challenge of RFC 6750 section 3 (D11, D12).
    fn reply(self, realm: &str) -> Reply {
        let (status, error, description) = match self.reason {
            // Section 3.1: without credentials the challenge says no error. The body may.
            Reason::MissingToken => (401, None, "A Bearer access token is required."),
            Reason::Expired => (401, Some("invalid_token"), "The access token expired"),
            Reason::InsufficientScope => (
                403,
                Some("insufficient_scope"),
                "The access token lacks the scope this request needs",
            ),
            Reason::Denied => (403, None, "This request is not allowed."),
            _ => (401, Some("invalid_token"), "The access token is invalid"),
        };
        let mut headers = vec![("content-type", "application/json".to_owned())];
        if self.reason != Reason::Denied {
            headers.push((
                "www-authenticate",
                challenge(realm, error, description, &self.needed),
            ));
        }
        let error = error.unwrap_or(if status == 403 {
            "access_denied"
        } else {
            "invalid_token"
        });
        Reply {
            status,
            headers,
            body: error_body(error, description),
            outcome: outcome(Verdict::Refused, self.reason, self.customer),
        }
    }
}

fn challenge(
    realm: &str,
    error: Option<&str>,
    description: &str,
    needed: &Option<Scope>,
) -> String {
    let mut challenge = format!("Bearer realm=\"{realm}\"");
    if let Some(error) = error {
        challenge.push_str(&format!(
            ", error=\"{error}\", error_description=\"{description}\""
        ));
    }
    if let Some(scope) = needed {
        challenge.push_str(&format!(", scope=\"{scope}\""));
    }
    challenge
}

fn outcome(verdict: Verdict, reason: Reason, customer: Option<Arc<str>>) -> Outcome {
    Outcome {
        endpoint: Endpoint::Guard,
        verdict,
        reason,
        customer,
    }
}
