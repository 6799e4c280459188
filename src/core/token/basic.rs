//! HTTP Basic for clients (RFC 6749 section 2.3.1, RFC 7617, D2).

use super::form::decode;
use crate::bearer::strip_scheme;
use crate::http::Field;
use crate::secret::Secret;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Some clients leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Both parts as they came, before any form-decoding.
#[derive(Debug)]
pub struct Basic {
    user: Vec<u8>,
    password: Vec<u8>,
}

/// What an `Authorization` header at the token endpoint holds.
#[derive(Debug)]
pub enum Header {
    /// Nothing of the Basic scheme. A Bearer token that a client adds to everything it sends is no
    /// authentication here.
    None,
    /// Basic credentials; a part may be empty.
    Basic(Basic),
    /// Basic that cannot be read, or the header twice.
    Malformed,
}

/// Reads the header.
pub fn read(authorization: Field<'_>) -> Header {
    let value = match authorization {
        Field::Absent => return Header::None,
        Field::Repeated => return Header::Malformed,
        Field::Once(value) => value,
    };
    if !value
        .get(..5)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic"))
    {
        return Header::None;
    }
    let decoded = strip_scheme(value, b"basic").and_then(|text| BASE64.decode(text).ok());
    let Some(decoded) = decoded else {
        return Header::Malformed;
    };
    match decoded.iter().position(|&byte| byte == b':') {
        Some(colon) => Header::Basic(Basic {
            user: decoded.get(..colon).unwrap_or_default().to_vec(),
            password: decoded
                .get(colon.saturating_add(1)..)
                .unwrap_or_default()
                .to_vec(),
        }),
        None => Header::Malformed,
    }
}

impl Basic {
    /// The Customer Code in each way it may be meant: form-decoded, then as sent. Not text: it is nobody's.
    pub fn client_ids(&self) -> Vec<String> {
        let mut ids = Vec::with_capacity(1);
        for reading in [decode(&self.user).into_owned(), self.user.clone()] {
            if let Ok(id) = String::from_utf8(reading)
                && !ids.contains(&id)
            {
                ids.push(id);
            }
        }
        ids
    }

    /// The API Key likewise.
    pub fn secrets(&self) -> Vec<Secret> {
        let decoded = decode(&self.password).into_owned();
        if decoded == self.password {
            return vec![Secret::new(decoded)];
        }
        vec![Secret::new(decoded), Secret::new(self.password.clone())]
    }

    /// Whether the part that names the customer, or the key, is empty.
    pub fn lacks_a_part(&self) -> bool {
        self.user.is_empty() || self.password.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose;

    fn parts(credentials: &str) -> (Vec<String>, Vec<String>) {
        let header = format!("Basic {}", general_purpose::STANDARD.encode(credentials));
        let Header::Basic(basic) = read(Field::Once(header.as_bytes())) else {
            panic!("{credentials}")
        };
        let texts = basic
            .secrets()
            .into_iter()
            .map(|secret| String::from_utf8(secret.expose().to_vec()).unwrap());
        (basic.client_ids(), texts.collect())
    }

    #[test]
    fn d2_both_parts_are_form_decoded_and_tried_as_sent_where_that_differs() {
        for (sent, ids, secrets) in [
            ("ACME01:key", vec!["ACME01"], vec!["key"]),
            ("ACME01:a%2Bb", vec!["ACME01"], vec!["a+b", "a%2Bb"]),
            ("ACME01:a+b", vec!["ACME01"], vec!["a b", "a+b"]),
            ("A%2DB:k:e:y", vec!["A-B", "A%2DB"], vec!["k:e:y"]),
            ("a%zz:100%", vec!["a%zz"], vec!["100%"]),
        ] {
            let expected = (
                ids.into_iter().map(str::to_owned).collect(),
                secrets.into_iter().map(str::to_owned).collect(),
            );
            assert_eq!(parts(sent), expected, "{sent}");
        }
    }

    #[test]
    fn d2_scheme_case_spaces_and_padding_are_free() {
        for value in [
            "Basic QTpi",
            "basic QTpi",
            "BASIC   QTpi",
            "Basic QTpiYw",
            "Basic QTpiYw==",
        ] {
            assert!(
                matches!(read(Field::Once(value.as_bytes())), Header::Basic(_)),
                "{value}"
            );
        }
    }

    #[test]
    fn d2_a_damaged_or_repeated_header_is_malformed_and_another_scheme_is_none() {
        for value in [
            "Basic",
            "Basic ",
            "Basic !!!",
            "Basic QQ==",
            "Basic QTpi, Basic QTpi",
            "BasicQTpi",
            "Basic\tQTpi",
            "Basic QTpi QTpi",
        ] {
            assert!(
                matches!(read(Field::Once(value.as_bytes())), Header::Malformed),
                "{value}"
            );
        }
        assert!(matches!(read(Field::Repeated), Header::Malformed));
        for value in ["Bearer abc", "", "Bas", "Digest x"] {
            assert!(
                matches!(read(Field::Once(value.as_bytes())), Header::None),
                "{value}"
            );
        }
    }

    #[test]
    fn bytes_that_are_no_text_name_nobody() {
        let header = format!("Basic {}", general_purpose::STANDARD.encode(b"\xff:\xff"));
        let Header::Basic(basic) = read(Field::Once(header.as_bytes())) else {
            panic!()
        };
        assert!(basic.client_ids().is_empty());
    }
}
