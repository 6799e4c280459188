//! `application/x-www-form-urlencoded` (RFC 6749 appendix B, WHATWG URL section 5.1).

use percent_encoding::percent_decode;
use std::borrow::Cow;

/// The parameters the token endpoint reads. An empty value counts as absent (RFC 6749 section 3.2).
#[derive(Debug, Default)]
pub struct Form {
    /// `grant_type`
    pub grant_type: Option<String>,
    /// `client_id`
    pub client_id: Option<String>,
    /// `client_secret`
    pub client_secret: Option<crate::secret::Secret>,
    /// `scope`
    pub scope: Option<String>,
}

/// Why a form is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormError {
    /// A parameter that is read here came twice, plainly or hidden by encoding.
    Repeated,
    /// A parameter that is read here is not UTF-8.
    NotUtf8,
}

impl Form {
    /// Reads a body. Parameters that are not known are ignored, repeated or not (section 3.2).
    pub fn parse(body: &[u8]) -> Result<Self, FormError> {
        let [mut grant_type, mut client_id, mut client_secret, mut scope] = [const { None }; 4];
        for (name, value) in pairs(body) {
            let place = match name.as_ref() {
                b"grant_type" => &mut grant_type,
                b"client_id" => &mut client_id,
                b"client_secret" => &mut client_secret,
                b"scope" => &mut scope,
                _ => continue,
            };
            let value = String::from_utf8(value.into_owned()).map_err(|_| FormError::NotUtf8)?;
            if place.replace(value).is_some() {
                return Err(FormError::Repeated);
            }
        }
        let present = |value: Option<String>| value.filter(|text| !text.is_empty());
        Ok(Self {
            grant_type: present(grant_type),
            client_id: present(client_id),
            client_secret: present(client_secret).map(crate::secret::Secret::new),
            scope: present(scope),
        })
    }
}

/// Whether a query names a credential, however it is encoded (D4).
pub fn holds_credentials(query: &[u8]) -> bool {
    pairs(query).any(|(name, _)| matches!(name.as_ref(), b"client_id" | b"client_secret"))
}

/// Decodes one text: `+` is a space, then percent-encoding; a broken escape stays as it is.
pub fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'+') {
        return percent_decode(text).into();
    }
    let spaced: Vec<u8> = text
        .iter()
        .map(|&byte| if byte == b'+' { b' ' } else { byte })
        .collect();
    Cow::Owned(percent_decode(&spaced).collect())
}

/// `name=value` pairs, decoded; empty pairs are none, and a pair without `=` has an empty value.
fn pairs(text: &[u8]) -> impl Iterator<Item = (Cow<'_, [u8]>, Cow<'_, [u8]>)> {
    text.split(|&byte| byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let mut parts = pair.splitn(2, |&byte| byte == b'=');
            let name = parts.next().unwrap_or_default();
            let value = parts.next().unwrap_or_default();
            (decode(name), decode(value))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client_id(body: &str) -> Option<String> {
        Form::parse(body.as_bytes()).unwrap().client_id
    }

    #[test]
    fn c1_names_and_values_are_decoded_by_the_rules_of_appendix_b() {
        for (body, expected) in [
            ("client_id=ACME01", "ACME01"),
            ("client%5Fid=a", "a"),
            ("client_id=a%20b", "a b"),
            ("client_id=a+b", "a b"),
            ("client_id=a%2Bb", "a+b"),
            ("client_id=a%zzb", "a%zzb"),
            ("client_id=a%", "a%"),
            ("client_id=a%2", "a%2"),
            ("client_id=a=b", "a=b"),
            ("&&client_id=a&&", "a"),
            ("client_id=%C3%A9", "é"),
            ("client_id=é", "é"),
            ("=x&client_id=a&=&y", "a"),
            ("client_id=%00", "\0"),
        ] {
            assert_eq!(client_id(body).as_deref(), Some(expected), "{body}");
        }
    }

    #[test]
    fn c1_decoding_agrees_with_the_form_urlencoded_crate() {
        for text in [
            "a", "a%20b", "a+b", "%zz", "%", "%2", "a%2", "%%41", "%25", "a%2Bb", "%C3%A9", "é",
        ] {
            let body = format!("client_id={text}");
            let theirs = form_urlencoded::parse(body.as_bytes())
                .next()
                .unwrap()
                .1
                .into_owned();
            assert_eq!(client_id(&body), Some(theirs), "{text}");
        }
    }

    #[test]
    fn d3_a_repeated_parameter_hidden_by_percent_encoding_is_refused() {
        for body in [
            "client_id=a&client_id=a",
            "client_id=a&client%5fid=b",
            "scope&scope=",
            "client_id=&client_id=a",
            "%67rant_type=a&grant_type=a",
        ] {
            assert_eq!(
                Form::parse(body.as_bytes()).unwrap_err(),
                FormError::Repeated,
                "{body}"
            );
        }
        assert!(Form::parse(b"x=1&x=2&resource=a&resource=b").is_ok());
        assert_eq!(client_id("Client_Id=a&client_id=b").as_deref(), Some("b"));
    }

    #[test]
    fn d3_an_empty_value_counts_as_absent() {
        for body in ["", "client_id", "client_id=", "&=&"] {
            assert_eq!(client_id(body), None, "{body}");
        }
    }

    #[test]
    fn a_value_that_is_not_utf8_is_an_error_only_where_it_is_read() {
        assert_eq!(
            Form::parse(b"client_secret=%ff").unwrap_err(),
            FormError::NotUtf8
        );
        assert_eq!(
            Form::parse(b"client_id=\xff").unwrap_err(),
            FormError::NotUtf8
        );
        assert!(Form::parse(b"other=%ff&\xff=1").is_ok());
    }

    #[test]
    fn d4_credentials_in_a_query_are_seen_through_encoding() {
        for query in [
            "client_id=a",
            "x=1&client%5Fsecret=b",
            "client_secret",
            "client_id",
        ] {
            assert!(holds_credentials(query.as_bytes()), "{query}");
        }
        for query in [
            "",
            "x=client_id",
            "client_idx=1",
            "grant_type=client_credentials",
        ] {
            assert!(!holds_credentials(query.as_bytes()), "{query}");
        }
    }
}
