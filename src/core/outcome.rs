//! What operators are told of each decision: closed sets of words, for metrics, filter state and logs.

use std::fmt;
use std::sync::Arc;

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Which part of the filter decided.
    pub endpoint: Endpoint,
    /// What became of the request.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// The Customer Code, where a record or a verified token has told it. Never what a caller claims,
    /// since a muddled caller may send its API Key for it.
    pub customer: Option<Arc<str>>,
}

/// The two things the filter does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// It guards the upstream.
    Guard,
    /// It answers the token endpoint.
    Token,
}

/// The outcome of one lookup call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupOutcome {
    /// How it ended.
    pub status: LookupStatus,
    /// Milliseconds from call to answer.
    pub duration_ms: u64,
    /// How many keys of the record had a hash of an unknown tag.
    pub unknown_hashes: usize,
}

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_meta])* $variant),+ }

        impl $name {
            /// Every value, for defining metrics.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word for it in metrics, filter state and logs.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// What became of a request: the `result` label.
    Verdict {
        /// It went on to the upstream.
        Allowed = "allowed",
        /// A token was issued.
        Issued = "issued",
        /// The caller was told what is wrong with the request.
        Refused = "refused",
        /// It went on in report mode, and would have been refused.
        Reported = "reported",
        /// The filter could not decide.
        Error = "error",
    }
}

words! {
    /// Why: the `reason` label.
    Reason {
        /// A valid token with enough scope.
        ValidToken = "valid_token",
        /// A public rule.
        Public = "public",
        /// No `Authorization` header.
        MissingToken = "missing_token",
        /// An `Authorization` header that holds no single Bearer token.
        MalformedAuthorization = "malformed_authorization",
        /// No JWT that any key of ours could have signed.
        MalformedToken = "malformed_token",
        /// A `kid` that is not in the ring.
        UnknownKey = "unknown_key",
        /// An `alg` that is not the key's own.
        WrongAlgorithm = "wrong_algorithm",
        /// The signature is not the key's.
        BadSignature = "bad_signature",
        /// `iss` is absent or not the configured one.
        WrongIssuer = "wrong_issuer",
        /// No `aud` is the configured one.
        WrongAudience = "wrong_audience",
        /// `exp` has come.
        Expired = "expired",
        /// `nbf` has not come.
        NotYetValid = "not_yet_valid",
        /// A claim for an identity header cannot be a header value.
        UnusableClaim = "unusable_claim",
        /// The token lacks scope.
        InsufficientScope = "insufficient_scope",
        /// A `deny` rule, or CONNECT.
        Denied = "denied",
        /// A token was issued.
        Issued = "issued",
        /// The token endpoint was asked by another method than POST.
        MethodNotAllowed = "method_not_allowed",
        /// The token request did not come over HTTPS.
        InsecureTransport = "insecure_transport",
        /// The body is no form.
        WrongContentType = "wrong_content_type",
        /// The body is over 16 KiB.
        BodyTooLarge = "body_too_large",
        /// The body did not come in time.
        BodyTimeout = "body_timeout",
        /// Credentials in the query string.
        CredentialsInQuery = "credentials_in_query",
        /// A parameter came twice.
        RepeatedParameter = "repeated_parameter",
        /// A parameter or the Basic header cannot be decoded.
        MalformedRequest = "malformed_request",
        /// Another grant type, or none.
        UnsupportedGrantType = "unsupported_grant_type",
        /// Credentials both in the header and in the body.
        ConflictingCredentials = "conflicting_credentials",
        /// `client_id` or `client_secret` is missing.
        MissingParameter = "missing_parameter",
        /// A scope the customer does not have, or that is none.
        InvalidScope = "invalid_scope",
        /// Too many failures.
        Throttled = "throttled",
        /// No such customer.
        UnknownClient = "unknown_client",
        /// None of the customer's keys.
        WrongKey = "wrong_key",
        /// The key has expired.
        ExpiredKey = "expired_key",
        /// The key is revoked.
        RevokedKey = "revoked_key",
        /// The customer is disabled.
        DisabledClient = "disabled_client",
        /// The lookup cluster did not answer usefully.
        LookupFailed = "lookup_failed",
        /// The host never delivers the body: `allow_on_headers_stop_iteration` is missing.
        HostMisconfigured = "host_misconfigured",
        /// Something that cannot be: the filter is closed.
        Internal = "internal",
    }
}

words! {
    /// How a lookup ended: the `status` label.
    LookupStatus {
        /// 200 with a usable record.
        Found = "found",
        /// 404.
        NotFound = "not_found",
        /// Envoy could not connect, or had no endpoint.
        Unreachable = "unreachable",
        /// No answer in time.
        Timeout = "timeout",
        /// The connection or the answer broke off.
        Reset = "reset",
        /// Another status.
        BadStatus = "bad_status",
        /// 200 with something that is no record of this customer.
        BadRecord = "bad_record",
        /// An answer over 64 KiB.
        TooLarge = "too_large",
        /// Envoy refused to make the call: the cluster is unknown or empty, or its circuit breaker open.
        NotSent = "not_sent",
    }
}

impl Reason {
    /// What an operator should do about it, where the word alone does not tell.
    pub const fn advice(self) -> Option<&'static str> {
        match self {
            Self::HostMisconfigured => Some(
                "no request body has ever arrived on this worker: set allow_on_headers_stop_iteration: true \
                 in the plugin's configuration (Envoy 1.35 or later), or \"on_headers\": \"continue\" here \
                 and envoy.filters.http.buffer after this filter",
            ),
            Self::LookupFailed => Some(
                "the credential lookup cluster gave no usable answer; latchkey_lookups_total tells which",
            ),
            _ => None,
        }
    }
}

impl Endpoint {
    /// The word for it in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Guard => "guard",
            Self::Token => "token",
        }
    }
}

impl fmt::Display for Outcome {
    /// One line of `key=value`. It holds nothing a caller sent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "endpoint={} result={} reason={}",
            self.endpoint.as_str(),
            self.verdict,
            self.reason
        )?;
        if let Some(customer) = &self.customer {
            write!(f, " customer={customer:?}")?;
        }
        match self.reason.advice() {
            Some(advice) => write!(f, " advice={advice:?}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_distinct_and_fit_metric_labels() {
        let words: Vec<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        for (at, word) in words.iter().enumerate() {
            assert!(
                word.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
                "{word}"
            );
            assert!(!words[..at].contains(word), "{word} twice");
        }
    }
}
