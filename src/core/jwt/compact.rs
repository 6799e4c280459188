//! The compact serialisation (RFC 7515 section 7.1), read strictly (D15).

use super::verify::TokenError;
use crate::json::{Json, Members};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The longest token that is looked at, in bytes.
pub const MAX_TOKEN: usize = 8 * 1024;

/// A token cut at its dots: `BASE64URL(header) "." BASE64URL(claims) "." BASE64URL(signature)`.
#[derive(Debug, PartialEq, Eq)]
pub struct Compact<'a> {
    /// What was signed: both first segments with the dot between.
    pub signed: &'a str,
    /// The first segment, still encoded.
    pub header: &'a str,
    /// The second.
    pub claims: &'a str,
    /// The third.
    pub signature: &'a str,
}

impl<'a> Compact<'a> {
    /// Cuts a token. Exactly two dots, three segments that are not empty, of the base64url alphabet
    /// alone (RFC 7515 section 2: no padding, no white space), at most [`MAX_TOKEN`] bytes.
    pub fn split(token: &'a [u8]) -> Result<Self, TokenError> {
        if token.len() > MAX_TOKEN || !token.iter().all(|&byte| byte == b'.' || is_base64url(byte))
        {
            return Err(TokenError::Malformed);
        }
        let token = std::str::from_utf8(token).map_err(|_| TokenError::Malformed)?;
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        if header.is_empty() || claims.is_empty() || claims.contains('.') || signature.is_empty() {
            return Err(TokenError::Malformed);
        }
        Ok(Self {
            signed,
            header,
            claims,
            signature,
        })
    }
}

/// Decodes a segment; the last character's unused bits must be zero, so that there is one spelling only.
pub fn decode(segment: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD
        .decode(segment)
        .map_err(|_| TokenError::Malformed)
}

/// Encodes a segment.
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What the header (RFC 7515 section 4) says that matters here.
#[derive(Debug, PartialEq, Eq)]
pub struct Header {
    /// The algorithm the signer says it used.
    pub alg: String,
    /// Which key.
    pub kid: Option<String>,
}

impl Header {
    /// Reads a decoded header. `crit` (section 4.1.11) and `b64` (RFC 7797) name extensions that are
    /// not understood here, so the token is refused; `jwk`, `jku`, `x5u` and `x5c` are never looked at.
    pub fn parse(bytes: &[u8]) -> Result<Self, TokenError> {
        let Ok(Json::Object(members)) = Json::parse(bytes) else {
            return Err(TokenError::Malformed);
        };
        if members.contains_key("crit") || members.contains_key("b64") {
            return Err(TokenError::Malformed);
        }
        Ok(Self {
            alg: text(&members, "alg")?.ok_or(TokenError::Malformed)?,
            kid: text(&members, "kid")?,
        })
    }
}

fn text(members: &Members<'_>, name: &str) -> Result<Option<String>, TokenError> {
    match members.get(name) {
        None => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.to_string())),
        Some(_) => Err(TokenError::Malformed),
    }
}

const fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d15_only_three_base64url_segments_are_a_token() {
        let split = Compact::split(b"aa.bb.cc").unwrap();
        assert_eq!((split.signed, split.signature), ("aa.bb", "cc"));
        for bad in [
            "",
            ".",
            "..",
            "a.b",
            "a.b.",
            ".b.c",
            "a..c",
            "a.b.c.d",
            "a.b.c.d.e",
            "a.b.c=",
            "a.b.c ",
            " a.b.c",
            "a.b,c.d",
            "a.b.c+",
            "a.b/.c",
            "a.b.c\n",
            "a.b.ç",
        ] {
            assert_eq!(
                Compact::split(bad.as_bytes()),
                Err(TokenError::Malformed),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn d15_a_token_over_8_kib_is_not_looked_at() {
        let fits = format!("a.b.{}", "c".repeat(8192 - 4));
        assert!(Compact::split(fits.as_bytes()).is_ok());
        assert!(Compact::split(format!("{fits}c").as_bytes()).is_err());
    }

    #[test]
    fn d15_a_segment_has_one_spelling() {
        assert_eq!(decode("YQ"), Ok(b"a".to_vec()));
        for other in ["YR", "YQ==", "Y", "YQ="] {
            assert_eq!(decode(other), Err(TokenError::Malformed), "{other}");
        }
    }

    #[test]
    fn d15_headers_that_ask_for_more_or_are_no_object_of_texts_are_malformed() {
        assert!(Header::parse(br#"{"alg":"HS256","typ":"JWT","jwk":{"k":"x"},"x5c":[]}"#).is_ok());
        assert_eq!(
            Header::parse(br#"{"\u0061lg":"HS\u003256"}"#).unwrap().alg,
            "HS256"
        );
        for bad in [
            r#"{}"#,
            r#"[]"#,
            r#""HS256""#,
            r#"null"#,
            r#"{"alg":null}"#,
            r#"{"alg":1}"#,
            r#"{"alg":["HS256"]}"#,
            r#"{"alg":"HS256","kid":1}"#,
            r#"{"alg":"HS256","kid":null}"#,
            r#"{"alg":"HS256","crit":[]}"#,
            r#"{"alg":"HS256","crit":["exp"]}"#,
            r#"{"alg":"HS256","b64":false}"#,
            r#"{"alg":"HS256","alg":"HS256"}"#,
            r#"{"alg":"HS256","\u0061lg":"none"}"#,
        ] {
            assert_eq!(
                Header::parse(bad.as_bytes()),
                Err(TokenError::Malformed),
                "{bad}"
            );
        }
    }
}
