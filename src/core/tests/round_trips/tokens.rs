//! Tokens: signed here, read there, and the other way round.

use crate::config;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use latchkey_core::Timestamp;
use latchkey_core::jwt::{Algorithm, Grant, KeyRing, SigningKey, TokenError, Verifier};
use latchkey_core::scope::Scope;
use latchkey_core::secret::Secret;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Sha256, Sha384, Sha512};

const NOW: u64 = 1_800_000_000;

prop_compose! {
    fn verifiers()(
        secret in vec(any::<u8>(), 64..100),
        kid in option::of(any::<String>()),
        algorithm in prop_oneof![Just(Algorithm::Hs256), Just(Algorithm::Hs384), Just(Algorithm::Hs512)],
        issuer in any::<String>(),
        audience in vec(any::<String>(), 0..3),
    ) -> (Verifier, Vec<u8>) {
        let key = SigningKey { kid, algorithm, secret: Secret::new(secret.clone()), verify_only: false };
        let ring = KeyRing::new(vec![key]).unwrap();
        (Verifier { ring, issuer, audience, leeway: 0 }, secret)
    }
}

/// What a Customer Code may be: visible ASCII, spaces inside.
const CODE: &str = "[!-~]([ -~]{0,30}[!-~])?";
const SCOPE: &str = "([!#-\\[\\]-~]{1,8}( [!#-\\[\\]-~]{1,8}){0,4})?";

fn mac(algorithm: Algorithm, secret: &[u8], signed: &str) -> Vec<u8> {
    fn with<M: Mac + KeyInit>(secret: &[u8], signed: &str) -> Vec<u8> {
        let mac = <M as KeyInit>::new_from_slice(secret).unwrap();
        mac.chain_update(signed).finalize().into_bytes().to_vec()
    }
    match algorithm {
        Algorithm::Hs256 => with::<Hmac<Sha256>>(secret, signed),
        Algorithm::Hs384 => with::<Hmac<Sha384>>(secret, signed),
        Algorithm::Hs512 => with::<Hmac<Sha512>>(secret, signed),
    }
}

fn algorithm(header: &Value) -> Algorithm {
    match header["alg"].as_str().unwrap() {
        "HS256" => Algorithm::Hs256,
        "HS384" => Algorithm::Hs384,
        "HS512" => Algorithm::Hs512,
        other => panic!("{other}"),
    }
}

fn decoded(segment: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(segment).unwrap()).unwrap()
}

fn subject(verifier: &Verifier, token: &[u8], now: u64) -> Result<(String, Scope), TokenError> {
    let payload = verifier.signature(token)?;
    let verified = verifier.claims(&payload, Timestamp::from_seconds(now))?;
    Ok((verified.subject().to_owned(), verified.scope().clone()))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn c4_d14_what_is_minted_reads_back_until_its_exp_and_anybody_with_the_key_can_read_it(
        (verifier, secret) in verifiers(),
        code in CODE,
        scope in SCOPE,
        ttl in 1u32..100_000,
        random in any::<[u8; 16]>(),
    ) {
        let scope = Scope::parse(&scope).unwrap();
        let grant = Grant { client_id: &code, scope: &scope, ttl, random };
        let token = verifier.mint(&grant, Timestamp::from_seconds(NOW)).unwrap();
        let end = NOW + u64::from(ttl);
        prop_assert_eq!(subject(&verifier, token.as_bytes(), NOW), Ok((code.clone(), scope.clone())));
        prop_assert_eq!(subject(&verifier, token.as_bytes(), end - 1), Ok((code.clone(), scope.clone())));
        prop_assert_eq!(subject(&verifier, token.as_bytes(), end), Err(TokenError::Expired));

        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let (header, claims) = (decoded(header), decoded(claims));
        prop_assert_eq!(URL_SAFE_NO_PAD.decode(signature).unwrap(), mac(algorithm(&header), &secret, signed));
        prop_assert_eq!(&claims["iss"], verifier.issuer.as_str());
        prop_assert_eq!(&claims["sub"], code.as_str());
        prop_assert_eq!(&claims["scope"], &scope.to_string());
        prop_assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), u64::from(ttl));
        prop_assert_eq!(claims["jti"].as_str().unwrap(), URL_SAFE_NO_PAD.encode(random));
    }

    #[test]
    fn d15_d16_what_another_library_signs_reads_back(
        (verifier, secret) in verifiers(),
        code in CODE,
        scope in SCOPE,
        extra in vec((any::<String>(), any::<String>()), 0..4),
        spaces in "[ \t\r\n]{0,3}",
    ) {
        let own = verifier.mint(&Grant { client_id: "x", scope: &Scope::default(), ttl: 1, random: [0; 16] }, Timestamp::from_seconds(NOW));
        let header = decoded(own.unwrap().split('.').next().unwrap());
        let mut claims = serde_json::Map::from_iter(extra.into_iter().map(|(name, value)| (name, value.into())));
        for (name, value) in [("iss", json!(verifier.issuer)), ("aud", json!(verifier.audience)), ("sub", json!(code)), ("scope", json!(scope)), ("exp", json!(NOW + 1))] {
            claims.insert(name.to_owned(), value);
        }
        for name in ["nbf", "iat"] {
            claims.remove(name);
        }
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(format!("{spaces}{}{spaces}", serde_json::to_string_pretty(value).unwrap()));
        let signed = format!("{}.{}", encode(&header), encode(&claims.into()));
        let signature = URL_SAFE_NO_PAD.encode(mac(algorithm(&header), &secret, &signed));
        let token = format!("{signed}.{signature}");
        prop_assume!(token.len() <= 8 * 1024);
        prop_assert_eq!(subject(&verifier, token.as_bytes(), NOW), Ok((code, Scope::parse(&scope).unwrap())));
    }

    #[test]
    fn d15_a_token_of_which_any_byte_is_another_is_refused(
        (verifier, _) in verifiers(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let grant = Grant { client_id: "ACME01", scope: &Scope::default(), ttl: 60, random: [7; 16] };
        let mut token = verifier.mint(&grant, Timestamp::from_seconds(NOW)).unwrap().into_bytes();
        let at = at.index(token.len());
        prop_assume!(token[at] != byte);
        token[at] = byte;
        prop_assert!(subject(&verifier, &token, NOW).is_err());
    }

    #[test]
    fn d15_a_text_of_base64url_is_read_only_if_it_is_how_its_bytes_are_written(text in "[A-Za-z0-9_-]{1,12}") {
        let key = SigningKey { kid: None, algorithm: Algorithm::Hs256, secret: Secret::new([7; 32]), verify_only: false };
        let verifier = Verifier { ring: KeyRing::new(vec![key]).unwrap(), issuer: String::new(), audience: vec![], leeway: 0 };
        let signed = format!("{}.{text}", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#));
        let signature = URL_SAFE_NO_PAD.encode(mac(Algorithm::Hs256, &[7; 32], &signed));
        let read = verifier.signature(format!("{signed}.{signature}").as_bytes());
        let bytes = URL_SAFE_NO_PAD.decode(&text);
        let is_the_one = bytes.is_ok_and(|bytes| URL_SAFE_NO_PAD.encode(bytes) == text);
        prop_assert_eq!(read.is_ok(), is_the_one);
    }
}
