//! What the core needs to know of HTTP: a request's head as the host hands it over, and replies.

use crate::identity::Identity;
use crate::outcome::{Endpoint, Outcome, Reason, Verdict};
use serde::Serialize;

/// One header field: its name in lower case, as Envoy hands it over, and its bytes, which may be anything.
pub type HeaderPair<'a> = (&'a [u8], &'a [u8]);

/// A header field that makes sense only once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Field<'a> {
    /// It was not sent.
    #[default]
    Absent,
    /// It was sent once.
    Once(&'a [u8]),
    /// It was sent more than once.
    Repeated,
}

impl<'a> Field<'a> {
    fn add(&mut self, value: &'a [u8]) {
        *self = match self {
            Self::Absent => Self::Once(value),
            Self::Once(_) | Self::Repeated => Self::Repeated,
        };
    }

    /// The value, where there is exactly one.
    pub fn once(self) -> Option<&'a [u8]> {
        match self {
            Self::Once(value) => Some(value),
            Self::Absent | Self::Repeated => None,
        }
    }
}

/// The head of a request, sorted out in one pass over its header fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestHead<'a> {
    /// `:method`
    pub method: &'a [u8],
    /// `:path` with its query; empty for CONNECT
    pub path: &'a [u8],
    /// `authorization`
    pub authorization: Field<'a>,
    /// `content-type`
    pub content_type: Field<'a>,
    /// `content-length`
    pub content_length: Field<'a>,
    /// `x-forwarded-proto`, as the connection manager leaves it
    pub forwarded_proto: Field<'a>,
    /// `x-request-id`
    pub request_id: Field<'a>,
    /// `traceparent`
    pub traceparent: Field<'a>,
    /// Names under which the caller sent what only the filter may say (D18).
    pub forged: Vec<&'a [u8]>,
    /// Whether nothing follows the head.
    pub end_of_stream: bool,
}

impl<'a> RequestHead<'a> {
    /// Sorts the fields of a request. `identity` tells which names callers may not use.
    pub fn read(
        pairs: impl IntoIterator<Item = HeaderPair<'a>>,
        end_of_stream: bool,
        identity: &Identity,
    ) -> Self {
        let mut head = Self {
            end_of_stream,
            ..Self::default()
        };
        for (name, value) in pairs {
            match name {
                b":method" => head.method = value,
                b":path" => head.path = value,
                b"authorization" => head.authorization.add(value),
                b"content-type" => head.content_type.add(value),
                b"content-length" => head.content_length.add(value),
                b"x-forwarded-proto" => head.forwarded_proto.add(value),
                b"x-request-id" => head.request_id.add(value),
                b"traceparent" => head.traceparent.add(value),
                _ if identity.owns(name) && !head.forged.contains(&name) => head.forged.push(name),
                _ => {}
            }
        }
        head
    }

    /// The path without its query.
    pub fn path_only(&self) -> &'a [u8] {
        self.split_path().0
    }

    /// What follows the first `?`, if there is one.
    pub fn query(&self) -> Option<&'a [u8]> {
        self.split_path().1
    }

    fn split_path(&self) -> (&'a [u8], Option<&'a [u8]>) {
        match self.path.iter().position(|&byte| byte == b'?') {
            Some(at) => (
                self.path.get(..at).unwrap_or_default(),
                self.path.get(at.saturating_add(1)..),
            ),
            None => (self.path, None),
        }
    }
}

/// An answer the filter gives itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Header fields beside those Envoy adds.
    pub headers: Vec<(&'static str, String)>,
    /// The body, JSON.
    pub body: String,
    /// What operators are told.
    pub outcome: Outcome,
}

impl Reply {
    /// The answer where nothing can be decided: closed (D19), and for no cache to keep (D8).
    pub fn internal(endpoint: Endpoint) -> Self {
        Self {
            status: 500,
            headers: uncachable_json(),
            body: error_body("server_error", "The request cannot be answered."),
            outcome: Outcome {
                endpoint,
                verdict: Verdict::Error,
                reason: Reason::Internal,
                customer: None,
            },
        }
    }
}

/// RFC 6749 section 5.1: no cache may keep a token; errors get the same headers (D8).
pub(crate) fn uncachable_json() -> Vec<(&'static str, String)> {
    vec![
        ("content-type", "application/json".to_owned()),
        ("cache-control", "no-store".to_owned()),
        ("pragma", "no-cache".to_owned()),
    ]
}

/// The body of every refusal: the two members of RFC 6749 section 5.2, in its order.
pub(crate) fn error_body(error: &str, error_description: &str) -> String {
    #[derive(Serialize)]
    struct ErrorBody<'a> {
        error: &'a str,
        error_description: &'a str,
    }
    to_json(&ErrorBody {
        error,
        error_description,
    })
}

/// Structs of texts and numbers always serialise.
pub(crate) fn to_json(body: &impl Serialize) -> String {
    serde_json::to_string(body).unwrap_or_default()
}

/// Whether bytes may stand as a header value here: visible ASCII with single spaces or more between,
/// none at either end (RFC 9110 section 5.5, without `obs-text`, which recipients disagree about).
pub fn is_header_value(value: &[u8]) -> bool {
    value.iter().all(|byte| matches!(byte, 0x20..=0x7e))
        && value.first() != Some(&b' ')
        && value.last() != Some(&b' ')
}

/// Whether bytes are a header name in lower case (RFC 9110 section 5.6.2, `token`).
pub fn is_header_name(name: &[u8]) -> bool {
    !name.is_empty()
        && name.iter().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(byte)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_field_is_never_taken_for_one_of_its_values() {
        let identity = Identity::default();
        let pairs: [HeaderPair<'_>; 2] = [(b"authorization", b"a"), (b"authorization", b"a")];
        let head = RequestHead::read(pairs, true, &identity);
        assert_eq!(head.authorization, Field::Repeated);
        assert_eq!(head.authorization.once(), None);
    }

    #[test]
    fn the_query_begins_at_the_first_question_mark() {
        for (path, only, query) in [
            (&b"/a?b?c"[..], &b"/a"[..], Some(&b"b?c"[..])),
            (b"/a?", b"/a", Some(b"")),
            (b"/a", b"/a", None),
        ] {
            let head = RequestHead {
                path,
                ..RequestHead::default()
            };
            assert_eq!((head.path_only(), head.query()), (only, query));
        }
    }

    #[test]
    fn d16_header_values_are_visible_ascii_with_spaces_only_inside() {
        for byte in 0..=0xffu8 {
            let legal = (0x20..=0x7e).contains(&byte);
            assert_eq!(is_header_value(&[b'a', byte, b'b']), legal, "{byte:#x}");
        }
        for (value, legal) in [
            (&b""[..], true),
            (b" a", false),
            (b"a ", false),
            (b" ", false),
        ] {
            assert_eq!(is_header_value(value), legal);
        }
    }
}
