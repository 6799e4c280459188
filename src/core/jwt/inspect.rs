//! What each rule for tokens says of one, with the very functions that decide.

use super::compact::{Compact, Header, MAX_TOKEN, decode};
use super::verify::{TokenError, Verifier, date, scope};
use crate::http::is_header_value;
use crate::inspect::Inspection;
use crate::json::{Json, Members};
use crate::outcome::Reason;
use crate::time::Timestamp;

const NO_CONFIGURATION: &str = "there is no configuration to check it against";

impl Inspection {
    /// Everything but what depends on the request.
    pub(crate) fn of_token(token: &[u8], verifier: Option<&Verifier>, now: Timestamp) -> Self {
        let mut inspection = Self::default();
        let compact = match Compact::split(token) {
            Ok(compact) => compact,
            Err(error) => {
                inspection.broken("form", error.reason(), form(token));
                return inspection;
            }
        };
        let detail = format!("three segments of base64url, {} bytes", token.len());
        inspection.holds("form", detail);
        inspection.header(&compact);
        match verifier {
            Some(verifier) => inspection.signature(&compact, verifier),
            None => inspection.not_checked("signature", NO_CONFIGURATION),
        }
        let payload = decode(compact.claims);
        let claims = payload.as_deref().map(Json::parse);
        match (&payload, &claims) {
            (Ok(text), Ok(Ok(Json::Object(claims)))) => {
                inspection.claims = Some(String::from_utf8_lossy(text).into_owned());
                inspection.holds("claims", "one JSON object, no name twice");
                inspection.dates_are_numbers(claims);
                inspection.issuer(claims, verifier);
                inspection.subject(claims);
                inspection.dates(claims, verifier, now);
            }
            (Ok(text), Ok(other)) => {
                inspection.claims = Some(String::from_utf8_lossy(text).into_owned());
                let detail = match other {
                    Ok(_) => "JSON, but no object".to_owned(),
                    Err(error) => format!("no JSON that can be taken: {error}"),
                };
                inspection.broken("claims", Reason::MalformedToken, detail);
            }
            _ => inspection.broken("claims", Reason::MalformedToken, SPELLING),
        }
        inspection
    }

    fn header(&mut self, compact: &Compact<'_>) {
        let Ok(bytes) = decode(compact.header) else {
            return self.broken("header", Reason::MalformedToken, SPELLING);
        };
        self.header = Some(String::from_utf8_lossy(&bytes).into_owned());
        match Header::parse(&bytes) {
            Ok(Header { alg, kid: None }) => self.holds("header", format!("alg {alg}, no kid")),
            Ok(Header {
                alg,
                kid: Some(kid),
            }) => {
                self.holds("header", format!("alg {alg}, kid {kid:?}"));
            }
            Err(error) => self.broken("header", error.reason(), header(&bytes)),
        }
    }

    /// `kid`, `alg` and the MAC, of which each is looked at only if the one before holds.
    fn signature(&mut self, compact: &Compact<'_>, verifier: &Verifier) {
        let rule = "signature";
        if !decode(compact.header).is_ok_and(|bytes| Header::parse(&bytes).is_ok()) {
            return self.not_checked(rule, "the header does not say how it was made");
        }
        match verifier.ring.check(compact) {
            Ok(()) => self.holds(rule, "made with a configured key"),
            Err(TokenError::Malformed) => self.broken(rule, Reason::MalformedToken, SPELLING),
            Err(error) => self.broken(rule, error.reason(), error.to_string()),
        }
    }

    fn dates_are_numbers(&mut self, claims: &Members<'_>) {
        let rule = "exp, nbf, iat";
        let wrong = ["exp", "nbf", "iat"].map(|name| date(claims, name).is_err().then_some(name));
        let wrong: Vec<&str> = wrong.into_iter().flatten().collect();
        if !claims.contains_key("exp") {
            self.broken(rule, Reason::MalformedToken, "there is no exp");
        } else if wrong.is_empty() {
            self.holds(rule, "JSON numbers where they are there");
        } else {
            let detail = format!("no JSON number: {}", wrong.join(", "));
            self.broken(rule, Reason::MalformedToken, detail);
        }
    }

    fn issuer(&mut self, claims: &Members<'_>, verifier: Option<&Verifier>) {
        let Some(verifier) = verifier else {
            self.not_checked("iss", NO_CONFIGURATION);
            return self.not_checked("aud", NO_CONFIGURATION);
        };
        if verifier.is_ours(claims) {
            self.holds("iss", "the configured issuer");
        } else {
            let detail = format!("not the configured issuer, {:?}", verifier.issuer);
            self.broken("iss", Reason::WrongIssuer, detail);
        }
        if verifier.audience.is_empty() {
            self.holds("aud", "not looked at, since no audience is configured");
        } else if verifier.is_for_us(claims.get("aud")) {
            self.holds("aud", "a configured audience");
        } else {
            let detail = format!("none of the configured, {:?}", verifier.audience);
            self.broken("aud", Reason::WrongAudience, detail);
        }
    }

    fn subject(&mut self, claims: &Members<'_>) {
        match claims.get("sub").and_then(Json::as_str) {
            Some(sub) if !sub.is_empty() && is_header_value(sub.as_bytes()) => {
                self.holds("sub", format!("{sub:?}"));
            }
            _ => {
                let detail = "no string of visible ASCII, without spaces at its ends";
                self.broken("sub", Reason::MalformedToken, detail);
            }
        }
        match scope(claims.get("scope")) {
            Ok(scope) => {
                self.holds("scope", format!("\"{scope}\""));
                self.scope = Some(scope);
            }
            Err(error) => {
                let detail = "neither scope words with one space between nor a list of them";
                self.broken("scope", error.reason(), detail);
            }
        }
    }

    fn dates(&mut self, claims: &Members<'_>, verifier: Option<&Verifier>, now: Timestamp) {
        let leeway = f64::from(verifier.map_or(0, |verifier| verifier.leeway));
        let now = now.numeric_date();
        let told = |at: f64| format!("{at}, {:.0} s from now", at - now);
        match date(claims, "nbf") {
            Ok(None) => {}
            Ok(Some(nbf)) if now < nbf - leeway => {
                self.broken("not before", Reason::NotYetValid, told(nbf));
            }
            Ok(Some(nbf)) => self.holds("not before", told(nbf)),
            Err(_) => self.not_checked("not before", "nbf is no number"),
        }
        match date(claims, "exp") {
            Ok(Some(exp)) if now >= exp + leeway => {
                self.broken("expiry", Reason::Expired, told(exp));
            }
            Ok(Some(exp)) => self.holds("expiry", told(exp)),
            _ => self.not_checked("expiry", "exp is no number"),
        }
    }
}

const SPELLING: &str = "not base64url without padding and without stray bits at its end";

/// Why it is no compact serialisation.
fn form(token: &[u8]) -> String {
    if token.len() > MAX_TOKEN {
        return format!("{} bytes, more than {MAX_TOKEN}", token.len());
    }
    let legal = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    if let Some(at) = token.iter().position(|byte| !legal(byte)) {
        return format!(
            "byte {} is neither a dot nor of base64url",
            at.saturating_add(1)
        );
    }
    match token.iter().filter(|&&byte| byte == b'.').count() {
        2 => "a segment is empty".to_owned(),
        1 => "1 dot, not 2".to_owned(),
        dots => format!("{dots} dots, not 2"),
    }
}

/// Why it is no header.
fn header(bytes: &[u8]) -> String {
    let members = match Json::parse(bytes) {
        Ok(Json::Object(members)) => members,
        Ok(_) => return "JSON, but no object".to_owned(),
        Err(error) => return format!("no JSON that can be taken: {error}"),
    };
    let critical = ["crit", "b64"]
        .into_iter()
        .find(|name| members.contains_key(*name));
    match critical {
        Some(name) => format!("{name} asks for what is not understood here"),
        None if members.get("alg").and_then(Json::as_str).is_none() => {
            "alg is no string".to_owned()
        }
        None => "kid is no string".to_owned(),
    }
}
