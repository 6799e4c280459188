//! Every request but those to the token endpoint: may it pass, and as whom (RFC 6750)?

use crate::access::Demand;
use crate::bearer::{Credentials, credentials};
use crate::config::{Config, Mode};
use crate::engine::Pass;
use crate::http::{Reply, RequestHead};
use crate::identity::Edits;
use crate::outcome::{Endpoint, Outcome, Reason, Verdict};
use crate::scope::Scope;
use crate::time::Timestamp;
use serde::Serialize;

/// A request that may not pass.
struct Refusal {
    reason: Reason,
    /// The scope a 403 names (RFC 6750 section 3.1).
    needed: Option<Scope>,
    customer: Option<String>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
    error_description: &'a str,
}

/// Decides on a request's head.
pub fn decide(config: &Config, head: &RequestHead<'_>, now: Timestamp) -> Result<Pass, Reply> {
    match check(config, head, now) {
        Ok((edits, reason, customer)) => Ok(Pass::new(
            edits,
            outcome(Verdict::Allowed, reason, customer),
        )),
        Err(refusal) if config.mode == Mode::Report => {
            // Identity only ever comes with a valid token, so nothing but removals goes with it.
            let edits = config.identity.anonymous(head);
            Ok(Pass::new(
                edits,
                outcome(Verdict::Reported, refusal.reason, refusal.customer),
            ))
        }
        Err(refusal) => Err(refusal.reply(&config.realm)),
    }
}

type Passed = (Edits, Reason, Option<String>);

fn check(config: &Config, head: &RequestHead<'_>, now: Timestamp) -> Result<Passed, Refusal> {
    let demand = config.access.demand(head.method, head.path_only());
    if *demand == Demand::Public && head.method != b"CONNECT" {
        return Ok((config.identity.anonymous(head), Reason::Public, None));
    }
    let token = match credentials(head.authorization) {
        Credentials::None => return Err(Refusal::because(Reason::MissingToken)),
        Credentials::Malformed => return Err(Refusal::because(Reason::MalformedAuthorization)),
        Credentials::Token(token) => token,
    };
    let refuse = |error: crate::jwt::TokenError| Refusal::because(error.reason());
    let payload = config.verifier.signature(token).map_err(refuse)?;
    let token = config.verifier.claims(&payload, now).map_err(refuse)?;
    let customer = Some(token.subject().to_owned());
    match demand.as_ref() {
        // A tunnel would carry requests that nobody checks.
        _ if head.method == b"CONNECT" => {
            return Err(Refusal {
                reason: Reason::Denied,
                needed: None,
                customer,
            });
        }
        Demand::Scope(needed) if !token.scope().covers(needed) => {
            let needed = Some(needed.clone());
            return Err(Refusal {
                reason: Reason::InsufficientScope,
                needed,
                customer,
            });
        }
        Demand::Scope(_) => {}
        Demand::Deny | Demand::Public => {
            return Err(Refusal {
                reason: Reason::Denied,
                needed: None,
                customer,
            });
        }
    }
    match config.identity.verified(head, &token) {
        Ok(edits) => Ok((edits, Reason::ValidToken, customer)),
        Err(_) => Err(Refusal {
            reason: Reason::UnusableClaim,
            needed: None,
            customer,
        }),
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
        let body = ErrorBody {
            error,
            error_description: description,
        };
        Reply {
            status,
            headers,
            body: serde_json::to_string(&body).unwrap_or_default(),
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

fn outcome(verdict: Verdict, reason: Reason, customer: Option<String>) -> Outcome {
    Outcome {
        endpoint: Endpoint::Guard,
        verdict,
        reason,
        customer,
    }
}
