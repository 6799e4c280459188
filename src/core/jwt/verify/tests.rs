use super::*;
use crate::jwt::{Algorithm, SigningKey};
use crate::secret::Secret;

const NOW: u64 = 1_800_000_000;

fn verifier() -> Verifier {
    let key = SigningKey {
        kid: None,
        algorithm: Algorithm::Hs256,
        secret: Secret::new([7; 32]),
        verify_only: false,
    };
    Verifier {
        ring: KeyRing::new(vec![key]).unwrap(),
        issuer: "https://issuer".to_owned(),
        audience: vec!["api".to_owned()],
        leeway: 0,
    }
}

fn at(verifier: &Verifier, claims: &str, now: Timestamp) -> Result<String, TokenError> {
    let token = verifier.ring.sign(claims.as_bytes()).unwrap();
    let payload = verifier.signature(token.as_bytes())?;
    verifier
        .claims(&payload, now)
        .map(|token| token.subject().to_owned())
}

/// The good claims with one of them replaced; `None` leaves it out.
fn with(name: &str, value: Option<&str>) -> String {
    let good = [
        ("iss", r#""https://issuer""#),
        ("aud", r#""api""#),
        ("sub", r#""ACME01""#),
        ("exp", "1800003600"),
    ];
    let mut members: Vec<String> = good
        .iter()
        .filter(|(known, _)| *known != name)
        .map(|(known, value)| format!("\"{known}\":{value}"))
        .collect();
    members.extend(value.map(|value| format!("\"{name}\":{value}")));
    format!("{{{}}}", members.join(","))
}

fn check(name: &str, value: Option<&str>) -> Result<String, TokenError> {
    at(
        &verifier(),
        &with(name, value),
        Timestamp::from_seconds(NOW),
    )
}

#[test]
fn d14_a_token_is_expired_from_the_very_nanosecond_of_exp() {
    let verifier = verifier();
    let exp = Timestamp::from_seconds(NOW + 3600);
    let before = Timestamp::from_nanos((NOW + 3600) * 1_000_000_000 - 1_000);
    assert!(at(&verifier, &with("", None), before).is_ok());
    assert_eq!(
        at(&verifier, &with("", None), exp),
        Err(TokenError::Expired)
    );
}

#[test]
fn d14_leeway_moves_exp_and_nbf_and_nothing_else() {
    let verifier = Verifier {
        leeway: 60,
        ..verifier()
    };
    let at_second = |claims: &str, second| at(&verifier, claims, Timestamp::from_seconds(second));
    assert!(at_second(&with("", None), NOW + 3659).is_ok());
    assert_eq!(
        at_second(&with("", None), NOW + 3660),
        Err(TokenError::Expired)
    );
    assert!(at_second(&with("nbf", Some("1800000060")), NOW).is_ok());
    assert_eq!(
        at_second(&with("nbf", Some("1800000061")), NOW),
        Err(TokenError::NotYetValid)
    );
}

#[test]
fn d14_a_token_tells_from_when_until_when_it_is_good_leeway_included() {
    let verifier = Verifier {
        leeway: 60,
        ..verifier()
    };
    let validity = |claims: &str| {
        let token = verifier.ring.sign(claims.as_bytes()).unwrap();
        let payload = verifier.signature(token.as_bytes()).unwrap();
        let verified = verifier.claims(&payload, Timestamp::from_seconds(NOW));
        verified.unwrap().validity()
    };
    let with_nbf = with("nbf", Some("1800000001.5"));
    assert_eq!(validity(&with_nbf), (1_799_999_941.5, 1_800_003_660.0));
    let without = validity(&with("", None));
    assert_eq!(without, (f64::NEG_INFINITY, 1_800_003_660.0));
}

#[test]
fn d14_dates_must_be_json_numbers() {
    for name in ["exp", "nbf", "iat"] {
        for bad in [r#""1800003600""#, "null", "true", "[]", "{}", "1e400"] {
            assert_eq!(
                check(name, Some(bad)),
                Err(TokenError::Malformed),
                "{name} {bad}"
            );
        }
    }
    assert_eq!(check("exp", None), Err(TokenError::Malformed));
    for (exp, expected) in [
        ("1800000000.5", Ok(())),
        ("1.8000036e9", Ok(())),
        ("-1", Err(TokenError::Expired)),
        ("0", Err(TokenError::Expired)),
    ] {
        assert_eq!(check("exp", Some(exp)).map(|_| ()), expected, "{exp}");
    }
    assert!(check("exp", Some("18000036000000000000")).is_ok());
    assert!(check("exp", Some("99999999999999999999")).is_ok());
    assert!(check("nbf", Some("-1")).is_ok());
}

#[test]
fn d16_issuer_and_audience_must_be_ours_byte_for_byte() {
    for bad in [
        None,
        Some(r#""https://issuer/""#),
        Some(r#""HTTPS://issuer""#),
        Some("null"),
        Some(r#"["https://issuer"]"#),
    ] {
        assert_eq!(check("iss", bad), Err(TokenError::WrongIssuer), "{bad:?}");
    }
    for bad in [
        None,
        Some(r#""API""#),
        Some("[]"),
        Some("null"),
        Some(r#"["other"]"#),
        Some(r#"["api",1]"#),
    ] {
        assert_eq!(check("aud", bad), Err(TokenError::WrongAudience), "{bad:?}");
    }
    assert!(check("aud", Some(r#"["other","api"]"#)).is_ok());
}

#[test]
fn d16_the_subject_must_be_a_legal_header_value() {
    for bad in [
        None,
        Some(r#""""#),
        Some("1"),
        Some("null"),
        Some(r#"["ACME01"]"#),
        Some(r#""A\r\nx: y""#),
        Some(r#"" A""#),
        Some(r#""\u00e9""#),
    ] {
        assert_eq!(check("sub", bad), Err(TokenError::Malformed), "{bad:?}");
    }
    assert_eq!(check("sub", Some(r#""a code""#)), Ok("a code".to_owned()));
}

#[test]
fn d12_a_scope_is_a_string_or_a_list_of_strings() {
    for bad in ["1", "null", "{}", "[1]", r#""a  b""#, r#""\"""#] {
        assert_eq!(
            check("scope", Some(bad)),
            Err(TokenError::Malformed),
            "{bad}"
        );
    }
    assert!(check("scope", Some(r#""read write""#)).is_ok());
    assert!(check("scope", Some(r#"["read","write"]"#)).is_ok());
}

#[test]
fn d14_only_a_token_that_was_ours_is_said_to_have_expired() {
    let stale = with("iss", Some(r#""x""#)).replace("1800003600", "1");
    assert_eq!(
        at(&verifier(), &stale, Timestamp::from_seconds(NOW)),
        Err(TokenError::WrongIssuer)
    );
}

#[test]
fn claims_are_reached_by_name_or_pointer() {
    let token = VerifiedToken::for_test(r#"{"a":{"b":["c"]},"a/b":1,"":{"x":2}}"#);
    assert_eq!(token.claim("/a/b/0").and_then(Json::as_str), Some("c"));
    assert_eq!(token.claim("/a~1b").and_then(Json::as_f64), Some(1.0));
    assert_eq!(token.claim("a/b").and_then(Json::as_f64), Some(1.0));
    assert_eq!(token.claim("//x").and_then(Json::as_f64), Some(2.0));
    assert_eq!(token.claim("/b"), None);
}
