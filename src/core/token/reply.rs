//! The token endpoint's answers (RFC 6749 sections 5.1 and 5.2, D8). Nothing a caller sent is in them.

use crate::http::{Reply, error_body, to_json, uncachable_json};
use crate::outcome::{Endpoint, Outcome, Reason, Verdict};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// Every way in which a token request ends without a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Another method than POST.
    MethodNotAllowed,
    /// It came over plain HTTP.
    InsecureTransport,
    /// The body is not a form.
    WrongContentType,
    /// The body is too large.
    BodyTooLarge,
    /// The body did not come.
    BodyTimeout,
    /// Credentials stand in the query.
    CredentialsInQuery,
    /// A parameter came twice.
    RepeatedParameter,
    /// A parameter is not UTF-8.
    NotUtf8,
    /// The Basic header cannot be read.
    MalformedBasic,
    /// Another grant.
    UnsupportedGrantType,
    /// Credentials both ways.
    ConflictingCredentials,
    /// No customer, or no key.
    MissingParameter,
    /// No scope of this customer.
    InvalidScope,
    /// Too many failures.
    Throttled(Duration),
    /// Not a customer and key of ours; the reason is for operators only.
    InvalidClient(Reason),
    /// The customer cannot be looked up.
    LookupFailed,
    /// The host never delivers bodies.
    HostMisconfigured,
    /// What cannot be.
    Internal,
}

#[derive(Serialize)]
struct TokenBody<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

/// 200 with the token. `scope` is what was asked for and granted.
pub fn issued(token: &str, ttl: u32, scope: Option<String>, customer: Arc<str>) -> Reply {
    let body = TokenBody {
        access_token: token,
        token_type: "Bearer",
        expires_in: ttl,
        scope,
    };
    Reply {
        status: 200,
        headers: uncachable_json(),
        body: to_json(&body),
        outcome: outcome(Verdict::Issued, Reason::Issued, Some(customer)),
    }
}

impl Refusal {
    /// The answer. `customer` is named to operators where a record has told who it is.
    pub fn reply(self, realm: &str, customer: Option<Arc<str>>) -> Reply {
        let (status, error, error_description) = self.words();
        let mut headers = uncachable_json();
        match self {
            // RFC 9110 section 15.5.2 wants a challenge, and C6 the same one for every client.
            Self::InvalidClient(_) => {
                headers.push(("www-authenticate", format!("Basic realm=\"{realm}\"")));
            }
            Self::MethodNotAllowed => headers.push(("allow", "POST".to_owned())),
            Self::Throttled(wait) => headers.push(("retry-after", whole_seconds(wait))),
            Self::LookupFailed => headers.push(("retry-after", "1".to_owned())),
            _ => {}
        }
        let verdict = if status >= 500 {
            Verdict::Error
        } else {
            Verdict::Refused
        };
        Reply {
            status,
            headers,
            body: error_body(error, error_description),
            outcome: outcome(verdict, self.reason(), customer),
        }
    }

    const fn words(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::MethodNotAllowed => (
                405,
                "invalid_request",
                "The token endpoint accepts POST only.",
            ),
            Self::InsecureTransport => (
                400,
                "invalid_request",
                "The token endpoint must be called over HTTPS.",
            ),
            Self::WrongContentType => (
                400,
                "invalid_request",
                "The request body must be application/x-www-form-urlencoded.",
            ),
            Self::BodyTooLarge => (
                413,
                "invalid_request",
                "The request body must not exceed 16384 bytes.",
            ),
            Self::BodyTimeout => (
                408,
                "invalid_request",
                "The request body did not arrive in time.",
            ),
            Self::CredentialsInQuery => (
                400,
                "invalid_request",
                "Credentials must be sent in the request body, not in the URL.",
            ),
            Self::RepeatedParameter => (
                400,
                "invalid_request",
                "A parameter must not be sent more than once.",
            ),
            Self::NotUtf8 => (400, "invalid_request", "A parameter is not valid UTF-8."),
            Self::MalformedBasic => (
                400,
                "invalid_request",
                "The Authorization header is not valid HTTP Basic.",
            ),
            Self::UnsupportedGrantType => (
                400,
                "unsupported_grant_type",
                "grant_type must be client_credentials.",
            ),
            Self::ConflictingCredentials => (
                400,
                "invalid_request",
                "Send the credentials either in the body or with HTTP Basic, not both.",
            ),
            Self::MissingParameter => (
                400,
                "invalid_request",
                "client_id and client_secret are required.",
            ),
            Self::InvalidScope => (
                400,
                "invalid_scope",
                "The requested scope is not available to this client.",
            ),
            Self::Throttled(_) => (
                429,
                "slow_down",
                "Too many failed attempts. Try again later.",
            ),
            Self::InvalidClient(_) => (401, "invalid_client", "Invalid client credentials."),
            Self::LookupFailed => (
                503,
                "temporarily_unavailable",
                "Credentials cannot be checked at the moment. Try again later.",
            ),
            Self::HostMisconfigured => (
                500,
                "server_error",
                "The token endpoint is not configured correctly. Please tell its operator.",
            ),
            Self::Internal => (500, "server_error", "The request cannot be answered."),
        }
    }

    const fn reason(self) -> Reason {
        match self {
            Self::MethodNotAllowed => Reason::MethodNotAllowed,
            Self::InsecureTransport => Reason::InsecureTransport,
            Self::WrongContentType => Reason::WrongContentType,
            Self::BodyTooLarge => Reason::BodyTooLarge,
            Self::BodyTimeout => Reason::BodyTimeout,
            Self::CredentialsInQuery => Reason::CredentialsInQuery,
            Self::RepeatedParameter => Reason::RepeatedParameter,
            Self::NotUtf8 | Self::MalformedBasic => Reason::MalformedRequest,
            Self::UnsupportedGrantType => Reason::UnsupportedGrantType,
            Self::ConflictingCredentials => Reason::ConflictingCredentials,
            Self::MissingParameter => Reason::MissingParameter,
            Self::InvalidScope => Reason::InvalidScope,
            Self::Throttled(_) => Reason::Throttled,
            Self::InvalidClient(reason) => reason,
            Self::LookupFailed => Reason::LookupFailed,
            Self::HostMisconfigured => Reason::HostMisconfigured,
            Self::Internal => Reason::Internal,
        }
    }
}

fn outcome(verdict: Verdict, reason: Reason, customer: Option<Arc<str>>) -> Outcome {
    Outcome {
        endpoint: Endpoint::Token,
        verdict,
        reason,
        customer,
    }
}

/// Seconds for `Retry-After`, rounded up so that the retry is not early.
fn whole_seconds(wait: Duration) -> String {
    let rounded = wait
        .as_secs()
        .saturating_add(u64::from(wait.subsec_nanos() > 0));
    rounded.max(1).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every() -> Vec<Refusal> {
        use Refusal::*;
        vec![
            MethodNotAllowed,
            InsecureTransport,
            WrongContentType,
            BodyTooLarge,
            BodyTimeout,
            CredentialsInQuery,
            RepeatedParameter,
            NotUtf8,
            MalformedBasic,
            UnsupportedGrantType,
            ConflictingCredentials,
            MissingParameter,
            InvalidScope,
            Throttled(Duration::from_millis(1500)),
            InvalidClient(Reason::WrongKey),
            LookupFailed,
            HostMisconfigured,
            Internal,
        ]
    }

    #[test]
    fn c5_the_errors_of_the_contract_are_word_for_word() {
        let reply = Refusal::InvalidClient(Reason::WrongKey).reply("r", None);
        assert_eq!(reply.status, 401);
        assert_eq!(
            reply.body,
            r#"{"error":"invalid_client","error_description":"Invalid client credentials."}"#
        );
        assert!(
            reply
                .headers
                .contains(&("www-authenticate", "Basic realm=\"r\"".to_owned()))
        );
        for (refusal, error) in [
            (Refusal::UnsupportedGrantType, "unsupported_grant_type"),
            (Refusal::MissingParameter, "invalid_request"),
        ] {
            let reply = refusal.reply("r", None);
            assert_eq!(reply.status, 400);
            assert!(
                reply.body.starts_with(&format!("{{\"error\":\"{error}\"")),
                "{}",
                reply.body
            );
        }
    }

    #[test]
    fn c6_every_cause_of_invalid_client_is_the_same_to_the_caller() {
        let seen = |reason| {
            let reply = Refusal::InvalidClient(reason).reply("r", None);
            (reply.status, reply.headers, reply.body)
        };
        for reason in [
            Reason::UnknownClient,
            Reason::ExpiredKey,
            Reason::RevokedKey,
            Reason::DisabledClient,
        ] {
            assert_eq!(seen(reason), seen(Reason::WrongKey));
        }
    }

    #[test]
    fn d8_every_reply_is_uncachable_json_in_the_rfcs_characters() {
        for refusal in every() {
            let reply = refusal.reply("r", None);
            for header in uncachable_json() {
                assert!(reply.headers.contains(&header), "{refusal:?}");
            }
            let body: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
            // RFC 6749 section 5.2: %x20-21 / %x23-5B / %x5D-7E
            let legal = |text: &str| {
                text.bytes()
                    .all(|byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e))
            };
            assert!(
                legal(body["error"].as_str().unwrap())
                    && legal(body["error_description"].as_str().unwrap()),
                "{refusal:?}"
            );
        }
    }

    #[test]
    fn d8_the_documentation_has_a_row_for_every_refusal_and_no_other() {
        let page = include_str!("../../../docs/token-endpoint.md");
        let rows: Vec<&str> = page
            .lines()
            .filter(|line| line.starts_with(['|']))
            .collect();
        let documented = rows
            .iter()
            .filter(|row| row.starts_with("| 4") || row.starts_with("| 5"));
        let mut expected: Vec<String> = every()
            .into_iter()
            .map(|refusal| {
                let (status, error, description) = refusal.words();
                format!("| {status} | `{error}` | {description} |")
            })
            .collect();
        for row in documented {
            let known = expected.iter().position(|start| row.starts_with(start));
            expected.remove(known.unwrap_or_else(|| panic!("no refusal is like this: {row}")));
        }
        assert_eq!(expected, Vec::<String>::new());
    }

    #[test]
    fn d10_retry_after_is_in_whole_seconds_rounded_up() {
        for (millis, expected) in [(1, "1"), (0, "1"), (1000, "1"), (1001, "2"), (59_999, "60")] {
            assert_eq!(whole_seconds(Duration::from_millis(millis)), expected);
        }
    }
}
