//! Token requests: forms, Basic headers and scopes.

use crate::config;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use latchkey_core::http::Field;
use latchkey_core::scope::Scope;
use latchkey_core::token::basic::{Header, read};
use latchkey_core::token::form::{Form, FormError, decode};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Each byte as it is, escaped, or `+` for a space: whichever of them stands for it.
fn spelled(text: &str, choices: &[u8]) -> String {
    let choices = choices.iter().chain(std::iter::repeat(&0));
    text.bytes()
        .zip(choices)
        .map(|(byte, choice)| match (byte, choice % 3) {
            (b' ', 1) => "+".to_owned(),
            (byte, 1 | 2) if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            (byte, 2) => format!("%{byte:02x}"),
            (byte, _) => format!("%{byte:02X}"),
        })
        .collect()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn c1_a_form_reads_back_however_its_client_spells_it(
        values in prop::array::uniform4(any::<String>()),
        others in vec(("[a-z]{0,6}", any::<String>()), 0..4),
        choices in vec(any::<u8>(), 0..40),
    ) {
        let names = ["grant_type", "client_id", "client_secret", "scope"];
        let mut by_crate = form_urlencoded::Serializer::new(String::new());
        let mut by_hand = Vec::new();
        for (name, value) in names.iter().zip(&values) {
            by_crate.append_pair(name, value);
            by_hand.push(format!("{}={}", spelled(name, &choices), spelled(value, &choices)));
        }
        for (name, value) in others.iter().filter(|(name, _)| name != "scope") {
            by_crate.append_pair(name, value);
            by_hand.insert(0, format!("{}={}", spelled(name, &choices), spelled(value, &choices)));
        }
        for body in [by_crate.finish(), by_hand.join("&")] {
            let form = Form::parse(body.as_bytes()).unwrap();
            let read = [form.grant_type, form.client_id, form.client_secret.map(|secret| String::from_utf8(secret.expose().to_vec()).unwrap()), form.scope];
            let read = read.map(Option::unwrap_or_default);
            prop_assert_eq!(&read, &values, "{}", body);
        }
    }

    #[test]
    fn d3_a_parameter_that_comes_twice_is_refused_however_it_is_spelled(
        which in 0..4usize,
        values in prop::array::uniform2(any::<String>()),
        choices in vec(any::<u8>(), 0..40),
    ) {
        let name = ["grant_type", "client_id", "client_secret", "scope"][which];
        let body = format!("{name}={}&{}={}", spelled(&values[0], &choices), spelled(name, &choices), spelled(&values[1], &choices));
        prop_assert_eq!(Form::parse(body.as_bytes()).unwrap_err(), FormError::Repeated);
    }

    #[test]
    fn c1_any_bytes_decode_as_the_form_urlencoded_crate_has_it(text in vec(prop_oneof![Just(b'%'), Just(b'+'), prop::char::range('0', 'f').prop_map(|digit| digit as u8), any::<u8>()], 0..40)) {
        prop_assume!(!text.contains(&b'&') && !text.contains(&b'='));
        let theirs = form_urlencoded::parse(&text).next().map(|(name, _)| name.into_owned());
        let ours = String::from_utf8_lossy(&decode(&text)).into_owned();
        prop_assert_eq!(ours, theirs.unwrap_or_default());
    }

    #[test]
    fn d2_credentials_of_a_basic_header_read_back_form_encoded_or_as_they_are(code in any::<String>(), key in any::<String>(), choices in vec(any::<u8>(), 0..40), padded in any::<bool>()) {
        let parts = |user: &str, password: &str| {
            let mut text = STANDARD.encode(format!("{user}:{password}"));
            if !padded {
                text.truncate(text.trim_end_matches('=').len());
            }
            let header = format!("Basic {text}");
            let Header::Basic(basic) = read(Field::Once(header.as_bytes())) else { panic!("{header}") };
            let keys: Vec<Vec<u8>> = basic.secrets().iter().map(|key| key.expose().to_vec()).collect();
            (basic.client_ids(), keys)
        };
        let (codes, keys) = parts(&spelled(&code, &choices), &spelled(&key, &choices));
        prop_assert_eq!(codes.first(), Some(&code));
        prop_assert_eq!(keys.first().map(Vec::as_slice), Some(key.as_bytes()));
        prop_assume!(!code.contains(':'));
        let (codes, keys) = parts(&code, &key);
        prop_assert!(codes.contains(&code));
        prop_assert!(keys.iter().any(|known| known == key.as_bytes()));
    }

    #[test]
    fn d7_a_scope_reads_back_as_the_set_of_its_words(words in vec("[!#-\\[\\]-~]{1,6}", 0..8)) {
        let scope = Scope::parse(&words.join(" ")).unwrap();
        let text = scope.to_string();
        prop_assert_eq!(Scope::parse(&text), Some(scope.clone()));
        let read: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
        let distinct: BTreeSet<&str> = words.iter().map(String::as_str).collect();
        prop_assert_eq!(read.len(), distinct.len());
        for word in &words {
            prop_assert!(scope.covers(&Scope::parse(word).unwrap()));
        }
    }

    #[test]
    fn d7_a_text_that_is_no_scope_is_none(text in any::<String>()) {
        let legal = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        let is_scope = text.is_empty() || text.split(' ').all(|word| !word.is_empty() && word.bytes().all(legal));
        prop_assert_eq!(Scope::parse(&text).is_some(), is_scope);
    }
}
