//! The lookup call: one customer's path, never the API Key.

use crate::http::is_header_value;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use std::time::Duration;

/// Everything but the unreserved characters of RFC 3986 section 2.3, so that a Customer Code stays one
/// path segment, or one query value, whatever it holds.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

const PLACEHOLDER: &str = "{client_id}";

/// A path with exactly one `{client_id}` in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathTemplate {
    before: String,
    after: String,
}

impl PathTemplate {
    /// Reads a template: it begins with `/`, holds the placeholder once, and is otherwise visible ASCII
    /// without a fragment.
    pub fn parse(text: &str) -> Option<Self> {
        let (before, after) = text.split_once(PLACEHOLDER)?;
        let legal = |part: &str| {
            !part.contains(PLACEHOLDER)
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && byte != b'#')
        };
        (before.starts_with('/') && legal(before) && legal(after)).then(|| Self {
            before: before.to_owned(),
            after: after.to_owned(),
        })
    }

    /// The path for one customer. A code of dots alone would still be a dot segment when encoded, so
    /// there is no path for it.
    pub fn path(&self, client_id: &str) -> Option<String> {
        if matches!(client_id, "" | "." | "..") {
            return None;
        }
        let segment = percent_encode(client_id.as_bytes(), SEGMENT);
        Some(format!("{}{segment}{}", self.before, self.after))
    }
}

/// Where and how customers' records are looked up.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// The Envoy cluster.
    pub cluster: String,
    /// `:authority` of the call.
    pub authority: String,
    /// Its path.
    pub path: PathTemplate,
    /// Further header fields.
    pub headers: Vec<(String, HeaderText)>,
    /// A JSON Pointer to the record inside the reply.
    pub record: String,
    /// How long the whole lookup may take, a second attempt included.
    pub timeout: Duration,
}

/// A header value of the configuration, checked to be a legal one. It may be a credential.
#[derive(Clone)]
pub struct HeaderText(String);

impl HeaderText {
    /// Takes a text that [`is_header_value`].
    pub fn new(text: String) -> Option<Self> {
        is_header_value(text.as_bytes()).then_some(Self(text))
    }
}

impl std::fmt::Debug for HeaderText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// One call the shell is to make. It is a `GET`.
#[derive(Clone)]
pub struct Call {
    /// The Envoy cluster.
    pub cluster: String,
    /// All header fields, `:method` and the like among them; values may be secret.
    pub headers: Vec<(String, String)>,
    /// How long Envoy is to wait.
    pub timeout: Duration,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call")
            .field("cluster", &self.cluster)
            .finish_non_exhaustive()
    }
}

impl Lookup {
    /// The call for one customer; `passed_on` are fields of the token request that go with it.
    /// `None`: the code cannot be a customer's.
    pub fn call(
        &self,
        client_id: &str,
        passed_on: &[(&'static str, String)],
        timeout: Duration,
    ) -> Option<Call> {
        let mut headers = vec![
            (":method".to_owned(), "GET".to_owned()),
            (":scheme".to_owned(), "http".to_owned()),
            (":path".to_owned(), self.path.path(client_id)?),
            (":authority".to_owned(), self.authority.clone()),
        ];
        let own = self.headers.iter();
        headers.extend(own.map(|(name, value)| (name.clone(), value.0.clone())));
        let foreign = passed_on.iter();
        headers.extend(foreign.map(|(name, value)| ((*name).to_owned(), value.clone())));
        Some(Call {
            cluster: self.cluster.clone(),
            headers,
            timeout,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_customer_code_is_one_percent_encoded_segment_whatever_it_holds() {
        let template = PathTemplate::parse("/v1/clients/{client_id}").unwrap();
        for (code, path) in [
            ("ACME01", "/v1/clients/ACME01"),
            ("../x", "/v1/clients/..%2Fx"),
            ("a/b?c#d", "/v1/clients/a%2Fb%3Fc%23d"),
            ("a\r\nb\0", "/v1/clients/a%0D%0Ab%00"),
            ("é %", "/v1/clients/%C3%A9%20%25"),
            ("a-._~b", "/v1/clients/a-._~b"),
        ] {
            assert_eq!(template.path(code).as_deref(), Some(path));
        }
        for none in ["", ".", ".."] {
            assert_eq!(template.path(none), None, "{none}");
        }
    }

    #[test]
    fn a_template_holds_the_placeholder_once_and_only_legal_characters() {
        assert!(PathTemplate::parse("/clients?id=eq.{client_id}&limit=1").is_some());
        for bad in [
            "",
            "/x",
            "x/{client_id}",
            "{client_id}",
            "/{client_id}/{client_id}",
            "/a b/{client_id}",
            "/{client_id}#x",
            "/{client_id}\r\n",
        ] {
            assert_eq!(PathTemplate::parse(bad), None, "{bad:?}");
        }
    }
}
