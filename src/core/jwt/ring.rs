//! The key ring: which key may have signed a token, and which one signs.

use super::compact::{Compact, Header, decode, encode};
use super::provider::{Algorithm, install, verifier};
use super::verify::TokenError;
use crate::secret::Secret;
use jsonwebtoken::crypto::{self, JwtVerifier};
use jsonwebtoken::{DecodingKey, EncodingKey};
use std::fmt;

/// One key as it is configured.
#[derive(Clone, Debug)]
pub struct SigningKey {
    /// Its name in tokens.
    pub kid: Option<String>,
    /// The only algorithm it is used with (RFC 8725 section 3.1).
    pub algorithm: Algorithm,
    /// The shared secret.
    pub secret: Secret,
    /// Whether it only verifies: the outgoing key of a rotation.
    pub verify_only: bool,
}

/// Keys that verify; the first that may signs.
#[derive(Debug)]
pub struct KeyRing {
    keys: Vec<Key>,
    signer: Option<(usize, EncodingKey)>,
}

struct Key {
    kid: Option<String>,
    algorithm: Algorithm,
    /// With the secret already hashed in, which is a quarter of the work on a short token.
    verifier: Box<dyn JwtVerifier>,
    /// The encoded header of tokens signed with this key, which is what nearly every token begins with.
    segment: String,
}

/// Why keys make no ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingError {
    /// The secret of the key at this place is shorter than its algorithm asks.
    TooShort(usize),
    /// The key at this place has the `kid` of an earlier one.
    SameKid(usize),
    /// The key at this place cannot sign and verify a probe.
    Unusable(usize),
    /// There is no key at all.
    Empty,
}

impl KeyRing {
    /// Builds the ring, and lets every key sign and verify a probe.
    pub fn new(keys: Vec<SigningKey>) -> Result<Self, RingError> {
        install();
        if keys.is_empty() {
            return Err(RingError::Empty);
        }
        let mut ring = Self {
            keys: Vec::with_capacity(keys.len()),
            signer: None,
        };
        for (at, key) in keys.into_iter().enumerate() {
            let secret = key.secret.expose();
            if secret.len() < key.algorithm.minimum_secret() {
                return Err(RingError::TooShort(at));
            }
            if key.kid.is_some() && ring.keys.iter().any(|other| other.kid == key.kid) {
                return Err(RingError::SameKid(at));
            }
            let signer = EncodingKey::from_secret(secret);
            let verifier = verifier(
                &key.algorithm.jsonwebtoken(),
                &DecodingKey::from_secret(secret),
            );
            let entry = Key {
                segment: header_segment(&key),
                kid: key.kid,
                algorithm: key.algorithm,
                verifier: verifier.map_err(|_| RingError::Unusable(at))?,
            };
            if !entry.probe(&signer) {
                return Err(RingError::Unusable(at));
            }
            if ring.signer.is_none() && !key.verify_only {
                ring.signer = Some((at, signer));
            }
            ring.keys.push(entry);
        }
        Ok(ring)
    }

    /// Whether a key of this ring may sign.
    pub fn can_sign(&self) -> bool {
        self.signer.is_some()
    }

    /// Signs encoded claims: the whole token. `None` where no key signs.
    pub fn sign(&self, claims: &[u8]) -> Option<String> {
        let (at, signer) = self.signer.as_ref()?;
        self.keys.get(*at)?.sign(claims, signer)
    }

    /// Checks that a key of this ring signed the token.
    ///
    /// A token with a `kid` is tried against that key alone; one without, against the keys without, and
    /// against the only key there is. `alg` must be the key's own.
    pub fn check(&self, token: &Compact<'_>) -> Result<(), TokenError> {
        if let Some(key) = self.keys.iter().find(|key| key.segment == token.header)
            && (key.kid.is_some() || self.keys.len() == 1)
        {
            return key.verify(token);
        }
        let header = Header::parse(&decode(token.header)?)?;
        let mut refusal = TokenError::UnknownKey;
        let only = self.keys.len() == 1 && header.kid.is_none();
        for key in self.keys.iter().filter(|key| only || key.kid == header.kid) {
            if key.algorithm.as_str() != header.alg {
                refusal = refusal.or(TokenError::WrongAlgorithm);
                continue;
            }
            match key.verify(token) {
                Ok(()) => return Ok(()),
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }
}

impl Key {
    fn sign(&self, claims: &[u8], signer: &EncodingKey) -> Option<String> {
        let mut token = format!("{}.{}", self.segment, encode(claims));
        let signature =
            crypto::sign(token.as_bytes(), signer, self.algorithm.jsonwebtoken()).ok()?;
        token.push('.');
        token.push_str(&signature);
        Some(token)
    }

    fn verify(&self, token: &Compact<'_>) -> Result<(), TokenError> {
        let signature = decode(token.signature)?;
        let verified = self.verifier.verify(token.signed.as_bytes(), &signature);
        verified.map_err(|_| TokenError::BadSignature)
    }

    fn probe(&self, signer: &EncodingKey) -> bool {
        self.sign(b"{}", signer).is_some_and(|token| {
            Compact::split(token.as_bytes()).is_ok_and(|token| self.verify(&token).is_ok())
        })
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// `{"alg":…,"typ":"JWT"}` in this order, and `kid` behind it where there is one (C4).
fn header_segment(key: &SigningKey) -> String {
    let alg = key.algorithm.as_str();
    let header = match &key.kid {
        None => format!(r#"{{"alg":"{alg}","typ":"JWT"}}"#),
        Some(kid) => {
            let kid = serde_json::Value::from(kid.as_str());
            format!(r#"{{"alg":"{alg}","typ":"JWT","kid":{kid}}}"#)
        }
    };
    encode(header.as_bytes())
}

impl TokenError {
    fn or(self, other: Self) -> Self {
        if self == Self::UnknownKey {
            other
        } else {
            self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwt::HS256_SEGMENT;

    fn key(kid: Option<&str>, fill: u8) -> SigningKey {
        SigningKey {
            kid: kid.map(str::to_owned),
            algorithm: Algorithm::Hs256,
            secret: Secret::new([fill; 32]),
            verify_only: false,
        }
    }

    fn ring(keys: Vec<SigningKey>) -> KeyRing {
        KeyRing::new(keys).unwrap()
    }

    fn check(ring: &KeyRing, token: &str) -> Result<(), TokenError> {
        ring.check(&Compact::split(token.as_bytes()).unwrap())
    }

    #[test]
    fn c4_the_first_segment_is_exactly_the_contracts_without_kid_and_appends_a_kid() {
        assert_eq!(header_segment(&key(None, 1)), HS256_SEGMENT);
        let with_kid = decode(&header_segment(&key(Some("a\"b"), 1))).unwrap();
        assert_eq!(with_kid, br#"{"alg":"HS256","typ":"JWT","kid":"a\"b"}"#);
    }

    #[test]
    fn d15_a_token_with_kid_is_tried_against_that_key_alone() {
        let both = ring(vec![key(Some("new"), 1), key(Some("old"), 2)]);
        let old = ring(vec![key(Some("old"), 2)]).sign(b"{}").unwrap();
        assert_eq!(check(&both, &old), Ok(()));
        let claims_new = ring(vec![key(Some("new"), 2)]).sign(b"{}").unwrap();
        assert_eq!(check(&both, &claims_new), Err(TokenError::BadSignature));
        let unknown = ring(vec![key(Some("x"), 1)]).sign(b"{}").unwrap();
        assert_eq!(check(&both, &unknown), Err(TokenError::UnknownKey));
    }

    #[test]
    fn d15_a_token_without_kid_is_tried_against_keys_without_and_against_a_single_key() {
        let bare = ring(vec![key(None, 1)]).sign(b"{}").unwrap();
        assert_eq!(check(&ring(vec![key(Some("only"), 1)]), &bare), Ok(()));
        assert_eq!(
            check(&ring(vec![key(Some("a"), 1), key(Some("b"), 1)]), &bare),
            Err(TokenError::UnknownKey)
        );
        assert_eq!(
            check(&ring(vec![key(None, 2), key(None, 1)]), &bare),
            Ok(())
        );
        assert_eq!(
            check(&ring(vec![key(Some("a"), 1), key(None, 2)]), &bare),
            Err(TokenError::BadSignature)
        );
        let named = ring(vec![key(Some("x"), 1)]).sign(b"{}").unwrap();
        assert_eq!(
            check(&ring(vec![key(None, 1)]), &named),
            Err(TokenError::UnknownKey)
        );
    }

    #[test]
    fn d15_alg_must_be_the_keys_own() {
        let token = |header: &str| format!("{}.e30.AAAA", encode(header.as_bytes()));
        let ring = ring(vec![key(None, 1)]);
        for alg in ["none", "None", "HS384", "hs256", "RS256", ""] {
            let token = token(&format!(r#"{{"alg":"{alg}"}}"#));
            assert_eq!(
                check(&ring, &token),
                Err(TokenError::WrongAlgorithm),
                "{alg}"
            );
        }
    }

    #[test]
    fn the_first_key_that_is_not_for_verifying_only_signs() {
        let outgoing = SigningKey {
            verify_only: true,
            ..key(None, 1)
        };
        let token = ring(vec![outgoing.clone(), key(Some("new"), 2)])
            .sign(b"{}")
            .unwrap();
        assert_eq!(check(&ring(vec![key(Some("new"), 2)]), &token), Ok(()));
        assert!(!ring(vec![outgoing]).can_sign());
    }

    #[test]
    fn c11_a_key_shows_its_name_and_algorithm_and_nothing_of_its_secret() {
        let shown = format!("{:?}", ring(vec![key(Some("new"), 1)]));
        assert!(
            shown.contains(r#"Key { kid: Some("new"), algorithm: Hs256, .. }"#),
            "{shown}"
        );
        assert!(!shown.contains("1, 1, 1"), "{shown}");
    }

    #[test]
    fn short_secrets_and_equal_kids_make_no_ring() {
        let short = SigningKey {
            secret: Secret::new([1; 31]),
            ..key(None, 1)
        };
        let short512 = SigningKey {
            algorithm: Algorithm::Hs512,
            secret: Secret::new([1; 63]),
            ..key(None, 1)
        };
        assert_eq!(
            KeyRing::new(vec![key(None, 1), short]).unwrap_err(),
            RingError::TooShort(1)
        );
        assert_eq!(
            KeyRing::new(vec![short512]).unwrap_err(),
            RingError::TooShort(0)
        );
        assert_eq!(
            KeyRing::new(vec![key(Some("a"), 1), key(Some("a"), 2)]).unwrap_err(),
            RingError::SameKid(1)
        );
        assert_eq!(KeyRing::new(vec![]).unwrap_err(), RingError::Empty);
    }

    #[test]
    fn d15_a_signature_with_stray_bits_or_cut_short_is_refused() {
        let ring = ring(vec![key(None, 1)]);
        let token = ring.sign(b"{}").unwrap();
        let (rest, last) = token.split_at(token.len() - 1);
        let next = if last == "A" { "B" } else { "A" };
        assert!(check(&ring, rest).is_err());
        assert!(check(&ring, &format!("{rest}{next}")).is_err());
        assert!(check(&ring, &format!("{token}AAAA")).is_err());
    }
}
