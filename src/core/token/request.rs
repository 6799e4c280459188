//! Reading a token request: checks 1 to 10 of the order in [`super`].

use super::basic::{self, Basic};
use super::form::{Form, FormError, holds_credentials};
use super::reply::Refusal;
use super::{MAX_BODY, TokenEndpoint};
use crate::credential::Presented;
use crate::http::{Field, RequestHead, is_header_value};
use crate::scope::Scope;

/// The longest Customer Code that is looked up, in bytes.
const MAX_CLIENT_ID: usize = 256;

/// The longest field of a caller's that goes with the lookup: far above what is usual, and below what makes
/// a lookup service refuse the call.
const MAX_PASSED_ON: usize = 256;

/// What of the head is needed once the body is there.
#[derive(Debug)]
pub struct TokenRequest {
    basic: basic::Header,
    /// Header fields that go with the lookup.
    pub passed_on: Vec<(&'static str, String)>,
}

/// A token request that is well-formed: whom to authenticate, and for what.
#[derive(Debug)]
pub struct Asked {
    /// Credentials to try, in order; more than one only where a Basic user can be read two ways.
    /// Empty: no customer can have such a code.
    pub presented: Vec<Presented>,
    /// The scope asked for.
    pub scope: Option<Scope>,
}

impl TokenRequest {
    /// Checks 1 to 5, as far as the head tells.
    pub fn head(endpoint: &TokenEndpoint, head: &RequestHead<'_>) -> Result<Self, Refusal> {
        if endpoint.require_https && head.forwarded_proto != Field::Once(b"https") {
            return Err(Refusal::InsecureTransport);
        }
        if head.method != b"POST" {
            return Err(Refusal::MethodNotAllowed);
        }
        if !head.content_type.once().is_some_and(is_form) {
            return Err(Refusal::WrongContentType);
        }
        if announces_too_much(head.content_length) {
            return Err(Refusal::BodyTooLarge);
        }
        if head.query().is_some_and(holds_credentials) {
            return Err(Refusal::CredentialsInQuery);
        }
        let passed_on = [
            ("x-request-id", head.request_id),
            ("traceparent", head.traceparent),
        ]
        .into_iter()
        .filter_map(|(name, field)| Some((name, header_text(field)?)))
        .collect();
        Ok(Self {
            basic: basic::read(head.authorization),
            passed_on,
        })
    }

    /// Checks 6 to 10, on the whole body.
    pub fn body(&self, body: &[u8]) -> Result<Asked, Refusal> {
        if body.len() > MAX_BODY {
            return Err(Refusal::BodyTooLarge);
        }
        let form = Form::parse(body).map_err(|error| match error {
            FormError::Repeated => Refusal::RepeatedParameter,
            FormError::NotUtf8 => Refusal::NotUtf8,
        })?;
        if form.grant_type.as_deref() != Some("client_credentials") {
            return Err(Refusal::UnsupportedGrantType);
        }
        let presented = match &self.basic {
            basic::Header::Malformed => return Err(Refusal::MalformedBasic),
            basic::Header::Basic(basic) => from_basic(basic, &form)?,
            basic::Header::None => from_body(&form)?,
        };
        let scope = match &form.scope {
            None => None,
            Some(text) => Some(Scope::parse(text).ok_or(Refusal::InvalidScope)?),
        };
        Ok(Asked { presented, scope })
    }
}

fn from_body(form: &Form) -> Result<Vec<Presented>, Refusal> {
    match (&form.client_id, &form.client_secret) {
        (Some(id), Some(secret)) if is_client_id(id) => Ok(vec![Presented {
            client_id: id.clone(),
            secrets: vec![secret.clone()],
        }]),
        (Some(_), Some(_)) => Ok(Vec::new()),
        _ => Err(Refusal::MissingParameter),
    }
}

/// A `client_id` in the body beside Basic is no second authentication as long as it says the same.
fn from_basic(basic: &Basic, form: &Form) -> Result<Vec<Presented>, Refusal> {
    let ids = basic.client_ids();
    let differs = form.client_id.as_ref().is_some_and(|id| !ids.contains(id));
    if form.client_secret.is_some() || differs {
        return Err(Refusal::ConflictingCredentials);
    }
    if basic.lacks_a_part() {
        return Err(Refusal::MissingParameter);
    }
    let known = ids.into_iter().filter(|id| is_client_id(id));
    Ok(known
        .map(|client_id| Presented {
            client_id,
            secrets: basic.secrets(),
        })
        .collect())
}

/// `client-id = *VSCHAR`, `VSCHAR = %x20-7E` (RFC 6749 appendix A.1), of a length worth looking up, and
/// fit for the header that will carry it (D16).
fn is_client_id(text: &str) -> bool {
    text.len() <= MAX_CLIENT_ID && is_header_value(text.as_bytes()) && !holds_api_key(text)
}

/// Whoever sends code and key the wrong way round, or one inside the other, must not have the key written into the
/// lookup's URL: a key never leaves Envoy. The shape is that of the reference store's keys.
fn holds_api_key(text: &str) -> bool {
    text.match_indices("lk_").any(|(at, prefix)| {
        let rest = text.as_bytes().get(at.saturating_add(prefix.len())..);
        let letters = rest.unwrap_or_default().iter();
        letters
            .take_while(|byte| byte.is_ascii_alphanumeric())
            .count()
            >= 43
    })
}

/// A field's value, where it is one that may be sent on.
fn header_text(field: Field<'_>) -> Option<String> {
    let fits = |value: &&[u8]| value.len() <= MAX_PASSED_ON && is_header_value(value);
    let value = field.once().filter(fits)?;
    String::from_utf8(value.to_vec()).ok()
}

/// The media type, in any letter case, whatever parameters follow (C1, RFC 9110 section 8.3.1).
fn is_form(content_type: &[u8]) -> bool {
    let end = content_type
        .iter()
        .position(|&byte| byte == b';')
        .unwrap_or(content_type.len());
    let essence = content_type.get(..end).unwrap_or_default().trim_ascii();
    essence.eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
}

/// A length that is no number is left to the measuring of the body itself.
fn announces_too_much(content_length: Field<'_>) -> bool {
    content_length
        .once()
        .and_then(|text| std::str::from_utf8(text).ok()?.parse::<u64>().ok())
        .is_some_and(|length| length > MAX_BODY as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c1_the_content_type_may_have_parameters_and_any_letter_case() {
        for good in [
            "application/x-www-form-urlencoded",
            "Application/X-WWW-Form-Urlencoded",
            "application/x-www-form-urlencoded;charset=UTF-8",
            "application/x-www-form-urlencoded ; charset=utf-8",
        ] {
            assert!(is_form(good.as_bytes()), "{good}");
        }
        for bad in [
            "",
            "application/json",
            "application/x-www-form-urlencoded2",
            "text/plain;application/x-www-form-urlencoded",
            "multipart/form-data",
            "application/x-www-form-urlencoded, application/json",
        ] {
            assert!(!is_form(bad.as_bytes()), "{bad}");
        }
    }

    fn with_basic(header: &str, body: &str) -> Result<Asked, Refusal> {
        let basic = basic::read(if header.is_empty() {
            Field::Absent
        } else {
            Field::Once(header.as_bytes())
        });
        TokenRequest {
            basic,
            passed_on: Vec::new(),
        }
        .body(body.as_bytes())
    }

    const GRANT: &str = "grant_type=client_credentials";
    /// `ACME01:key`
    const BASIC: &str = "Basic QUNNRTAxOmtleQ==";

    #[test]
    fn d1_the_grant_type_is_checked_before_the_other_parameters() {
        for body in [
            "",
            "grant_type=",
            "grant_type=password",
            "grant_type=Client_Credentials",
            "client_id=a&client_secret=b",
        ] {
            assert_eq!(
                with_basic("", body).unwrap_err(),
                Refusal::UnsupportedGrantType,
                "{body}"
            );
        }
    }

    #[test]
    fn d2_basic_and_body_credentials_together_are_refused() {
        for extra in [
            "client_secret=key",
            "client_id=ACME01&client_secret=key",
            "client_id=OTHER",
        ] {
            let body = format!("{GRANT}&{extra}");
            assert_eq!(
                with_basic(BASIC, &body).unwrap_err(),
                Refusal::ConflictingCredentials,
                "{extra}"
            );
        }
        for extra in ["", "&client_id=ACME01", "&client_id=&client_secret="] {
            let asked = with_basic(BASIC, &format!("{GRANT}{extra}")).unwrap();
            assert_eq!(asked.presented[0].client_id, "ACME01", "{extra}");
        }
    }

    #[test]
    fn c5_a_missing_customer_code_or_key_is_an_invalid_request() {
        for extra in [
            "",
            "&client_id=a",
            "&client_secret=b",
            "&client_id=&client_secret=b",
        ] {
            assert_eq!(
                with_basic("", &format!("{GRANT}{extra}")).unwrap_err(),
                Refusal::MissingParameter,
                "{extra}"
            );
        }
        for header in ["Basic Og==", "Basic QTo=", "Basic OmI="] {
            assert_eq!(
                with_basic(header, GRANT).unwrap_err(),
                Refusal::MissingParameter,
                "{header}"
            );
        }
    }

    #[test]
    fn a_customer_code_nobody_can_have_is_well_formed_but_nobodys() {
        let long = "a".repeat(MAX_CLIENT_ID + 1);
        for id in ["%0D%0A", "%00", "%C3%A9", "%7f", long.as_str()] {
            let asked = with_basic("", &format!("{GRANT}&client_id={id}&client_secret=b")).unwrap();
            assert!(asked.presented.is_empty(), "{id}");
        }
    }

    #[test]
    fn an_api_key_in_the_place_of_the_code_is_nobodys_and_never_looked_up() {
        let key = format!("lk_{}", "aB3".repeat(15).split_at(43).0);
        for (id, known) in [
            (key.as_str(), false),
            (&format!("\"{key}\""), false),
            (&format!("ACME01:{key}"), false),
            (&key[..45], true),
            ("lk_", true),
            (&key.replace('B', "-"), true),
        ] {
            let asked = with_basic("", &format!("{GRANT}&client_id={id}&client_secret=b")).unwrap();
            assert_eq!(!asked.presented.is_empty(), known, "{id}");
        }
    }

    #[test]
    fn d7_a_scope_that_is_none_is_refused() {
        let body = format!("{GRANT}&client_id=a&client_secret=b&scope=read++write");
        assert_eq!(with_basic("", &body).unwrap_err(), Refusal::InvalidScope);
    }

    #[test]
    fn d6_a_length_over_16_kib_is_refused_unread() {
        assert!(announces_too_much(Field::Once(b"16385")));
        for fits in [
            Field::Once(&b"16384"[..]),
            Field::Absent,
            Field::Once(b"junk"),
            Field::Repeated,
        ] {
            assert!(!announces_too_much(fits));
        }
    }
}
