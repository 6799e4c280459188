//! A token looked at rule by rule says the same as the filter.

use latchkey_core::inspect::{Request, State, inspect};
use latchkey_core::{Config, Timestamp};
use latchkey_tests::vectors::{Configurations, token_files};

use crate::desk::NOW;

fn now() -> Timestamp {
    Timestamp::from_seconds(NOW)
}

fn config(known: &Configurations, name: &str) -> Config {
    let text = known.configurations[name].to_string();
    Config::load(text.as_bytes(), &|name| known.secrets.get(name).cloned()).unwrap()
}

#[test]
fn every_example_is_refused_for_the_reason_that_the_filter_gives() {
    let known = Configurations::load();
    let products = Request {
        method: "GET",
        path: "/products",
    };
    // The header around the token is not a matter of the token.
    let files = token_files();
    let tokens = files.iter().filter(|file| file.rule != "D13");
    for vector in tokens.flat_map(|file| &file.vectors) {
        let token = known.token(&vector.recipe, NOW);
        let config = config(&known, &vector.configuration);
        let inspection = inspect(&token, Some(&config), Some(products), now());
        let reason = inspection
            .refusal()
            .map_or("valid_token", |reason| reason.as_str());
        assert_eq!(
            reason, vector.expect,
            "{}: {:#?}",
            vector.name, inspection.findings
        );
    }
}

#[test]
fn several_broken_rules_are_all_named() {
    let known = Configurations::load();
    let mut recipe = latchkey_tests::recipe::Recipe::default();
    for (claim, text) in [
        ("exp", "1"),
        ("iss", "\"x\""),
        ("aud", "[]"),
        ("sub", "\"\""),
    ] {
        recipe.set.insert(claim.to_owned(), Some(text.to_owned()));
    }
    recipe.key = "STRANGER".to_owned();
    let config = config(&known, "single");
    let inspection = inspect(&known.token(&recipe, NOW), Some(&config), None, now());
    let broken = inspection
        .findings
        .iter()
        .filter(|finding| matches!(finding.state, State::Broken(_)));
    let broken: Vec<&str> = broken.map(|finding| finding.rule).collect();
    assert_eq!(broken, ["signature", "iss", "aud", "sub", "expiry"]);
}

#[test]
fn without_a_configuration_only_what_the_token_says_by_itself_is_checked() {
    let known = Configurations::load();
    let inspection = inspect(&known.token(&Default::default(), NOW), None, None, now());
    let unchecked = inspection
        .findings
        .iter()
        .filter(|finding| finding.state == State::NotChecked);
    let unchecked: Vec<&str> = unchecked.map(|finding| finding.rule).collect();
    assert_eq!(unchecked, ["signature", "iss", "aud"]);
    assert_eq!(inspection.refusal(), None);
    assert_eq!(
        inspection.header.as_deref(),
        Some(r#"{"alg":"HS256","typ":"JWT"}"#)
    );
}
