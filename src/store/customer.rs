//! Customers: their code, their scope, their state.

use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

const CODE_MAX: usize = 64;
const SCOPE_MAX: usize = 1024;

/// A Customer Code, the OAuth `client_id`. It is compared byte for byte, letter case included.
///
/// `code = alnum *63( alnum / "." / "_" / "-" )`: nothing in it needs encoding in a URL, a form or HTTP Basic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomerCode(String);

/// A scope as RFC 6749 section 3.3 spells it: one or more tokens, one space apart, none twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope(String);

/// A customer, without the keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Customer {
    #[serde(rename = "client_id")]
    pub code: CustomerCode,
    pub enabled: bool,
    pub scope: Scope,
    pub created_at: i64,
    pub disabled_at: Option<i64>,
    /// Days since 1970; the last day on which the lookup service was asked for this customer.
    #[serde(serialize_with = "crate::clock::serialize_day")]
    pub last_lookup_day: Option<i64>,
}

/// Why a text is no Customer Code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a Customer Code: 1 to {CODE_MAX} letters A-Z a-z, digits 0-9, '.', '_' and '-', \
     the first a letter or a digit, for example ACME01"
)]
pub struct CodeError(String);

/// Why a text is no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a scope: 1 to {SCOPE_MAX} characters, words of printable ASCII without '\"' and '\\', \
     one space apart, none twice, for example \"read\" or \"read write\""
)]
pub struct ScopeError(String);

impl CustomerCode {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CustomerCode {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let starts_well = text
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric());
        if !starts_well || text.len() > CODE_MAX || !text.bytes().all(legal) {
            return Err(CodeError(excerpt(text)));
        }
        Ok(Self(text.to_owned()))
    }
}

impl Scope {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether every word of `self` is one of `other`'s too.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0
            .split(' ')
            .all(|word| other.0.split(' ').any(|candidate| candidate == word))
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        // The core drops a word that comes again, so that the text differs.
        let scope =
            latchkey_core::scope::Scope::parse(text).filter(|scope| scope.to_string() == text);
        if scope.is_none() || text.is_empty() || text.len() > SCOPE_MAX {
            return Err(ScopeError(excerpt(text)));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for CustomerCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for CustomerCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// As much of a refused text as an error message has room for.
fn excerpt(text: &str) -> String {
    text.chars().take(CODE_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c2_a_customer_code_is_made_of_the_documented_characters_only() {
        for byte in 0..=0x7fu8 {
            let inside = format!("A{}", char::from(byte));
            let legal = byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            assert_eq!(inside.parse::<CustomerCode>().is_ok(), legal, "{inside:?}");
            let first = format!("{}A", char::from(byte));
            assert_eq!(
                first.parse::<CustomerCode>().is_ok(),
                byte.is_ascii_alphanumeric(),
                "{first:?}"
            );
        }
        assert!("Ä1".parse::<CustomerCode>().is_err());
    }

    #[test]
    fn c2_a_customer_code_has_1_to_64_characters() {
        assert!("".parse::<CustomerCode>().is_err());
        assert!("A".parse::<CustomerCode>().is_ok());
        assert!("A".repeat(64).parse::<CustomerCode>().is_ok());
        assert!("A".repeat(65).parse::<CustomerCode>().is_err());
    }

    #[test]
    fn a_wrong_customer_code_is_answered_with_the_grammar() {
        let message = "ACME 01".parse::<CustomerCode>().unwrap_err().to_string();
        assert!(
            message.contains("\"ACME 01\"") && message.contains("1 to 64 letters"),
            "{message}"
        );
    }

    #[test]
    fn d7_a_scope_is_made_of_rfc_6749_scope_tokens() {
        for byte in 0..=0x7fu8 {
            let text = format!("a{}b", char::from(byte));
            let legal = matches!(byte, b' ' | 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            assert_eq!(text.parse::<Scope>().is_ok(), legal, "{text:?}");
        }
        for bad in ["", " ", "read ", " read", "read  write", "read read", "lé"] {
            assert!(bad.parse::<Scope>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_scope_is_within_another_when_none_of_its_words_is_missing_there() {
        let scope = |text: &str| text.parse::<Scope>().unwrap();
        assert!(scope("read").is_within(&scope("write read")));
        assert!(!scope("read write").is_within(&scope("read")));
        assert!(!scope("rea").is_within(&scope("read")));
    }
}
