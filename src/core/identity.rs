//! What the upstream learns of the customer, and the one place where callers' own claims to it are
//! removed (D18).

use crate::caller::Caller;
use crate::http::{Field, RequestHead, is_header_value};
use crate::json::Json;
use crate::jwt::VerifiedToken;
use std::borrow::Cow;
use std::sync::Arc;

/// Which identity headers there are, from which claims, and what becomes of `Authorization`.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// Header and claim, one pair a header.
    pub headers: Vec<IdentityHeader>,
    /// Whether the upstream must not see the token.
    pub strip_authorization: bool,
}

/// One identity header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityHeader {
    /// Its name in lower case.
    pub name: String,
    /// The claim it repeats: a name, or a JSON Pointer (RFC 6901) where it begins with `/`.
    pub claim: String,
}

/// What changes in the head of a request that goes on to the upstream. Only this module can make one.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Edits {
    remove: Vec<String>,
    set: Arc<[(String, String)]>,
}

impl Edits {
    /// Fields to remove, all their values.
    pub fn remove(&self) -> &[String] {
        &self.remove
    }

    /// Fields to set; whatever values they have are replaced.
    pub fn set(&self) -> &[(String, String)] {
        &self.set
    }
}

/// A claim for an identity header has a value that no header can have (D16).
#[derive(Debug, PartialEq, Eq)]
pub struct UnusableClaim;

impl Identity {
    /// Whether a name the caller sent stands for one of these headers. `_` counts as `-`, since servers
    /// that hand headers on as variables (CGI, WSGI) make them the same.
    pub fn owns(&self, name: &[u8]) -> bool {
        self.headers
            .iter()
            .any(|header| same_name(header.name.as_bytes(), name))
    }

    /// For a request that passes without a token, and for the trailers of any: whatever it says of identity is
    /// removed.
    pub fn anonymous(&self, head: &RequestHead<'_>) -> Edits {
        Edits {
            remove: self.removed(head, &[]),
            set: Arc::default(),
        }
    }

    /// For a request with a valid token: the headers are set from its claims and from nothing else.
    pub fn verified(&self, head: &RequestHead<'_>, caller: &Caller) -> Edits {
        let set = caller.headers();
        Edits {
            remove: self.removed(head, set),
            set: Arc::clone(set),
        }
    }

    fn removed(&self, head: &RequestHead<'_>, set: &[(String, String)]) -> Vec<String> {
        let mut remove = forged(head, set);
        // A token stays behind on public paths too, where nobody has looked at it.
        if self.strip_authorization && head.authorization != Field::Absent {
            remove.push("authorization".to_owned());
        }
        remove
    }

    /// The headers' values, as a token's claims have them; a claim that is not there gives none.
    pub fn values(
        &self,
        token: &VerifiedToken<'_>,
    ) -> Result<Vec<(String, String)>, UnusableClaim> {
        let mut set = Vec::with_capacity(self.headers.len());
        for header in &self.headers {
            if let Some(value) = claim_value(token, &header.claim)? {
                set.push((header.name.clone(), value));
            }
        }
        Ok(set)
    }
}

/// The names the caller forged, without those that are about to be set anyhow.
fn forged(head: &RequestHead<'_>, set: &[(String, String)]) -> Vec<String> {
    head.forged
        .iter()
        .filter(|name| !set.iter().any(|(own, _)| own.as_bytes() == **name))
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect()
}

fn same_name(own: &[u8], sent: &[u8]) -> bool {
    let plain = |byte: u8| {
        if byte == b'_' {
            b'-'
        } else {
            byte.to_ascii_lowercase()
        }
    };
    own.len() == sent.len()
        && own
            .iter()
            .zip(sent)
            .all(|(&own, &sent)| plain(own) == plain(sent))
}

fn claim_value(token: &VerifiedToken<'_>, claim: &str) -> Result<Option<String>, UnusableClaim> {
    let text: Cow<'_, str> = match token.claim(claim) {
        None | Some(Json::Null) => return Ok(None),
        Some(Json::String(text)) => Cow::Borrowed(text),
        Some(Json::Number(number)) => number.to_string().into(),
        Some(Json::Bool(value)) => value.to_string().into(),
        Some(Json::Array(items)) => joined(items)?.into(),
        Some(Json::Object(_)) => return Err(UnusableClaim),
    };
    if text.is_empty() {
        return Ok(None);
    }
    if !is_header_value(text.as_bytes()) {
        return Err(UnusableClaim);
    }
    Ok(Some(text.into_owned()))
}

/// A list of strings as a header list (RFC 9110 section 5.6.1). A comma inside an item would make two of it.
fn joined(items: &[Json<'_>]) -> Result<String, UnusableClaim> {
    let mut texts = Vec::with_capacity(items.len());
    for item in items {
        match item.as_str() {
            Some(text) if !text.contains(',') => texts.push(text),
            _ => return Err(UnusableClaim),
        }
    }
    Ok(texts.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::HeaderPair;

    fn identity(claim: &str) -> Identity {
        let header = IdentityHeader {
            name: "x-customer-code".to_owned(),
            claim: claim.to_owned(),
        };
        Identity {
            headers: vec![header],
            strip_authorization: false,
        }
    }

    fn set_from(claim: &str, claims: &str) -> Result<Option<String>, UnusableClaim> {
        let token = VerifiedToken::for_test(claims);
        claim_value(&token, claim)
    }

    #[test]
    fn d18_every_spelling_of_an_identity_header_is_the_filters_own() {
        let identity = identity("sub");
        for name in [
            "x-customer-code",
            "X-Customer-Code",
            "x_customer_code",
            "x-customer_code",
        ] {
            assert!(identity.owns(name.as_bytes()), "{name}");
        }
        for name in ["x-customer-codes", "x-customer", "xcustomercode", ""] {
            assert!(!identity.owns(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn d18_what_a_caller_says_of_identity_is_removed_where_there_is_no_token() {
        let identity = identity("sub");
        let pairs: [HeaderPair<'_>; 3] = [
            (b"x-customer-code", b"EVIL"),
            (b"x_customer_code", b"EVIL"),
            (b"x-customer-code", b"E2"),
        ];
        let edits = identity.anonymous(&RequestHead::read(pairs, true, &identity));
        assert_eq!(edits.remove(), ["x-customer-code", "x_customer_code"]);
        assert!(edits.set().is_empty());
    }

    #[test]
    fn c12_a_token_that_is_to_be_stripped_stays_behind_on_public_paths_too() {
        let mut identity = identity("sub");
        let pairs: [HeaderPair<'_>; 1] = [(b"authorization", b"Bearer x")];
        let edits = |identity: &Identity, pairs: &[HeaderPair<'static>]| {
            let head = RequestHead::read(pairs.iter().copied(), true, identity);
            identity.anonymous(&head).remove().to_vec()
        };
        assert!(edits(&identity, &pairs).is_empty());
        identity.strip_authorization = true;
        assert_eq!(edits(&identity, &pairs), ["authorization"]);
        assert!(edits(&identity, &[]).is_empty());
    }

    #[test]
    fn d18_every_spelling_goes_from_trailers_too() {
        let identity = identity("sub");
        let pairs: [HeaderPair<'_>; 4] = [
            (b"x_customer_code", b"EVIL"),
            (b"x-checksum", b"7"),
            (b"x-customer-code", b"EVIL"),
            (b"x-customer-code", b"EVIL"),
        ];
        let edits = identity.anonymous(&RequestHead::read(pairs, true, &identity));
        assert_eq!(edits.remove(), ["x_customer_code", "x-customer-code"]);
    }

    #[test]
    fn d18_a_header_that_is_not_set_is_removed_all_the_same() {
        let identity = identity("absent");
        let pairs: [HeaderPair<'_>; 1] = [(b"x-customer-code", b"EVIL")];
        let head = RequestHead::read(pairs, true, &identity);
        assert_eq!(identity.values(&VerifiedToken::for_test("{}")), Ok(vec![]));
        assert_eq!(forged(&head, &[]), ["x-customer-code"]);
        let set = [("x-customer-code".to_owned(), "ACME01".to_owned())];
        assert!(forged(&head, &set).is_empty());
    }

    #[test]
    fn d18_scalars_lists_and_nested_claims_become_header_values() {
        let claims =
            r#"{"s":"A 1","n":42,"b":true,"l":["a","b"],"o":{"in":["x"]},"e":"","z":null}"#;
        for (claim, value) in [
            ("s", Some("A 1")),
            ("n", Some("42")),
            ("b", Some("true")),
            ("l", Some("a,b")),
            ("/o/in", Some("x")),
            ("/o/in/0", Some("x")),
            ("e", None),
            ("z", None),
            ("absent", None),
            ("/absent", None),
        ] {
            assert_eq!(
                set_from(claim, claims),
                Ok(value.map(str::to_owned)),
                "{claim}"
            );
        }
    }

    #[test]
    fn d16_a_claim_that_cannot_be_a_header_value_is_an_error() {
        for claims in [
            r#"{"c":"a\r\nx: y"}"#,
            r#"{"c":" a"}"#,
            r#"{"c":"\u0000"}"#,
            r#"{"c":"é"}"#,
            r#"{"c":{}}"#,
            r#"{"c":["a,b"]}"#,
            r#"{"c":[1]}"#,
        ] {
            assert_eq!(set_from("c", claims), Err(UnusableClaim), "{claims}");
        }
    }
}
