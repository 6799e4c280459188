//! Scopes (RFC 6749 section 3.3).

use std::collections::BTreeSet;
use std::fmt;

/// A set of scope tokens in the order they were given.
///
/// `scope = scope-token *( SP scope-token )`, `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope(Vec<String>);

impl Scope {
    /// Reads a scope; the empty text is the empty scope, and a token given twice counts once.
    /// `None`: a character that no scope holds, or more than one space in a row.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::default());
        }
        let mut tokens: Vec<String> = Vec::new();
        // A stranger chooses how many there are, so finding a repeated one must not take the square of it.
        let mut seen = BTreeSet::new();
        for token in text.split(' ') {
            if token.is_empty() || !token.bytes().all(is_scope_char) {
                return None;
            }
            if seen.insert(token) {
                tokens.push(token.to_owned());
            }
        }
        Some(Self(tokens))
    }

    /// Whether every token of `wanted` is here.
    pub fn covers(&self, wanted: &Self) -> bool {
        wanted.0.iter().all(|token| self.0.contains(token))
    }

    /// This scope and what `other` adds to it.
    pub fn union(mut self, other: &Self) -> Self {
        for token in &other.0 {
            if !self.0.contains(token) {
                self.0.push(token.clone());
            }
        }
        self
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

fn is_scope_char(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d7_every_legal_scope_character_is_taken_and_those_just_outside_are_not() {
        for byte in 0..=0x7fu8 {
            let legal =
                byte == 0x21 || (0x23..=0x5b).contains(&byte) || (0x5d..=0x7e).contains(&byte);
            let text = format!("a{}b", char::from(byte));
            let expected = legal || byte == b' ';
            assert_eq!(Scope::parse(&text).is_some(), expected, "{byte:#x}");
        }
        for bad in [" ", " a", "a ", "a  b", "é"] {
            assert_eq!(Scope::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn d7_a_scope_covers_its_parts_and_a_repeated_token_counts_once() {
        let all = Scope::parse("read write read").unwrap();
        assert_eq!(all.to_string(), "read write");
        assert!(all.covers(&Scope::parse("write read").unwrap()));
        assert!(all.covers(&Scope::default()));
        assert!(!all.covers(&Scope::parse("read admin").unwrap()));
    }
}
