//! Paths: written in the one plain way, and in others.

use crate::config;
use latchkey_core::path::{is_canonical, readings};
use proptest::collection::vec;
use proptest::prelude::*;

/// A segment of any text, escaped as RFC 3986 has it; empty where no escape can make it plain.
fn segment() -> impl Strategy<Value = String> {
    "[^\\p{Cc}/\\\\;%]{1,8}".prop_map(|text| {
        let encode = |byte: u8| match byte {
            b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        };
        let text: String = text.bytes().map(encode).collect();
        if matches!(text.as_str(), "." | "..") {
            "dots".to_owned()
        } else {
            text
        }
    })
}

fn path() -> impl Strategy<Value = String> {
    (vec(segment(), 1..5), any::<bool>()).prop_map(|(segments, folder)| {
        format!("/{}{}", segments.join("/"), if folder { "/" } else { "" })
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn d17_a_path_whose_segments_are_escaped_by_rfc_3986_is_canonical(path in path()) {
        prop_assert!(is_canonical(path.as_bytes()), "{}", path);
    }

    #[test]
    fn d17_a_detour_is_not_canonical_and_the_path_is_among_its_readings(
        path in path(),
        detour in prop::sample::select(vec!["/", "/.", "/x/..", "/%2e", "/x/%2e%2E", "/x/..;p", "/;", "\\", "/x/%2e%2e%2f%2e"]),
        at in any::<prop::sample::Index>(),
    ) {
        let slashes: Vec<usize> = path.match_indices('/').map(|(at, _)| at).collect();
        let mut other = path.clone();
        other.insert_str(slashes[at.index(slashes.len())], detour);
        prop_assert!(!is_canonical(other.as_bytes()), "{}", other);
        let found = readings(other.as_bytes());
        prop_assert!(found.iter().any(|reading| reading == path.as_bytes() || *reading == decoded(&path)), "{} of {}", path, other);
    }

    #[test]
    fn d17_a_plain_letter_in_disguise_is_not_canonical_and_the_path_is_among_the_readings(
        path in "/[a-z]{1,8}/[a-z]{1,8}",
        at in any::<prop::sample::Index>(),
        twice in any::<bool>(),
    ) {
        let letters: Vec<usize> = path.char_indices().filter(|(_, letter)| letter.is_ascii_lowercase()).map(|(at, _)| at).collect();
        let at = letters[at.index(letters.len())];
        let escape = format!("%{}{:02x}", if twice { "25" } else { "" }, path.as_bytes()[at]);
        let other = [&path[..at], &escape, &path[at + 1..]].concat();
        prop_assert!(!is_canonical(other.as_bytes()));
        prop_assert!(readings(other.as_bytes()).contains(&path.clone().into_bytes()));
    }
}

fn decoded(path: &str) -> Vec<u8> {
    percent_encoding::percent_decode_str(path).collect()
}
