//! The service tokens: who may ask.

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use std::fmt;
use subtle::{Choice, ConstantTimeEq};

const SHORTEST: usize = 16;

/// The tokens of which a caller must present one. Several at once, so that they can be rotated.
pub struct ServiceTokens(Vec<[u8; 32]>);

/// Why a list of tokens cannot be used. The tokens themselves are left out on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokensError {
    #[error(
        "there is no service token: set LATCHKEY_SERVICE_TOKENS to one or more, separated by commas"
    )]
    None,
    #[error(
        "service token number {0} in LATCHKEY_SERVICE_TOKENS is too short or holds characters a header cannot: \
         at least {SHORTEST} printable ASCII characters without spaces, for example from `openssl rand -hex 32`"
    )]
    Unusable(usize),
}

impl ServiceTokens {
    /// Reads a comma-separated list.
    pub fn parse(list: &str) -> Result<Self, TokensError> {
        if list.trim().is_empty() {
            return Err(TokensError::None);
        }
        let digest = |(index, token): (usize, &str)| {
            let token = token.trim();
            if token.len() < SHORTEST || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(TokensError::Unusable(index + 1));
            }
            Ok(Sha256::digest(token).into())
        };
        Ok(Self(
            list.split(',')
                .enumerate()
                .map(digest)
                .collect::<Result<_, _>>()?,
        ))
    }

    /// Whether the request carries exactly one Authorization header with one of the tokens.
    pub fn admit(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return false;
        };
        let Some((scheme, token)) = value.as_bytes().split_at_checked("Bearer ".len()) else {
            return false;
        };
        scheme.eq_ignore_ascii_case(b"Bearer ") && self.holds(token)
    }

    /// Digests are compared, so that neither a token's length nor its first wrong character shows in the time taken;
    /// and all of them, so that its place in the list does not either.
    fn holds(&self, token: &[u8]) -> bool {
        let digest: [u8; 32] = Sha256::digest(token).into();
        let found = self
            .0
            .iter()
            .fold(Choice::from(0), |found, known| found | known.ct_eq(&digest));
        found.into()
    }
}

impl fmt::Debug for ServiceTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} redacted]", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    const OLD: &str = "old-token-0123456789";
    const NEW: &str = "new-token-0123456789";

    fn admitted(tokens: &ServiceTokens, values: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        tokens.admit(&headers)
    }

    #[test]
    fn any_of_the_service_tokens_is_admitted_and_nothing_else() {
        let tokens = ServiceTokens::parse(&format!("{OLD}, {NEW}")).unwrap();
        assert!(admitted(&tokens, &[&format!("Bearer {OLD}")]));
        assert!(admitted(&tokens, &[&format!("bearer {NEW}")]));
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            OLD,
            &format!("Basic {OLD}"),
            &format!("Bearer {OLD}x"),
            "Bearer  ",
        ] {
            assert!(!admitted(&tokens, &[wrong]), "{wrong:?}");
        }
        assert!(!admitted(&tokens, &[]));
        assert!(!admitted(
            &tokens,
            &[&format!("Bearer {OLD}"), &format!("Bearer {NEW}")]
        ));
    }

    #[test]
    fn a_list_without_a_usable_token_is_refused_and_not_repeated() {
        for none in ["", " "] {
            assert_eq!(ServiceTokens::parse(none).unwrap_err(), TokensError::None);
        }
        for (list, place) in [
            ("short", 1),
            (",", 1),
            (&*format!("{OLD},"), 2),
            ("with a space inside", 1),
        ] {
            let error = ServiceTokens::parse(list).unwrap_err();
            assert_eq!(error, TokensError::Unusable(place));
            assert!(!error.to_string().contains("short,"));
        }
        assert_eq!(
            format!("{:?}", ServiceTokens::parse(OLD).unwrap()),
            "[1 redacted]"
        );
    }
}
