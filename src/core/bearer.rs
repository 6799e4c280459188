//! The `Authorization` header of a protected request (RFC 6750 section 2.1, D13).

use crate::http::Field;

/// What a request's `Authorization` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials<'a> {
    /// No such header.
    None,
    /// One Bearer token, not yet looked at.
    Token(&'a [u8]),
    /// Another scheme, no token, more than one, or the header twice.
    Malformed,
}

/// Reads the header: `credentials = "Bearer" 1*SP b64token`. The scheme's letter case is free (RFC 9110
/// section 11.1); a tab is not a space, and nothing may follow the token.
pub fn credentials(authorization: Field<'_>) -> Credentials<'_> {
    let value = match authorization {
        Field::Absent => return Credentials::None,
        Field::Repeated => return Credentials::Malformed,
        Field::Once(value) => value,
    };
    match strip_scheme(value, b"bearer") {
        // What is no JWT either (commas of joined headers, spaces, `~+/=`) falls to the token's own parser.
        Some(token) if !token.is_empty() => Credentials::Token(token),
        _ => Credentials::Malformed,
    }
}

/// What follows a scheme (given in lower case) and at least one space.
pub(crate) fn strip_scheme<'a>(value: &'a [u8], scheme: &[u8]) -> Option<&'a [u8]> {
    let (name, rest) = value.split_at_checked(scheme.len())?;
    if !name.eq_ignore_ascii_case(scheme) || rest.first() != Some(&b' ') {
        return None;
    }
    let start = rest
        .iter()
        .position(|&byte| byte != b' ')
        .unwrap_or(rest.len());
    rest.get(start..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d13_the_scheme_is_case_insensitive_and_followed_by_spaces_and_one_token() {
        for value in ["Bearer abc", "bearer abc", "BEARER abc", "bEaReR   abc"] {
            assert_eq!(
                credentials(Field::Once(value.as_bytes())),
                Credentials::Token(b"abc"),
                "{value}"
            );
        }
        for value in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer   ",
            "Bearerabc",
            "Bearer\tabc",
            " Bearer abc",
            "Basic abc",
            "xBearer abc",
            "Token Bearer abc",
        ] {
            assert_eq!(
                credentials(Field::Once(value.as_bytes())),
                Credentials::Malformed,
                "{value:?}"
            );
        }
        assert_eq!(
            credentials(Field::Once(b"\xff\xfe")),
            Credentials::Malformed
        );
    }

    #[test]
    fn d13_no_header_and_two_headers_are_told_apart_from_one() {
        assert_eq!(credentials(Field::Absent), Credentials::None);
        assert_eq!(credentials(Field::Repeated), Credentials::Malformed);
    }
}
