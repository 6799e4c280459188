//! Every example of a token (D13–D16).

use latchkey_core::Action;
use latchkey_core::outcome::{Reason, Verdict};
use latchkey_tests::vectors::{Configurations, token_files};
use std::collections::{BTreeMap, BTreeSet};

use crate::desk::{NOW, ask, authorization, engine};

#[test]
fn d13_d14_d15_d16_every_example_of_a_token_is_decided_as_it_says() {
    let known = Configurations::load();
    let named = known.configurations.iter();
    let mut engines: BTreeMap<_, _> = named
        .map(|(name, configuration)| (name, engine(&known, configuration)))
        .collect();
    let mut wrong = Vec::new();
    for file in token_files() {
        for vector in &file.vectors {
            let engine = engines
                .get_mut(&vector.configuration)
                .expect("a configuration");
            let values = known.authorization(&vector.authorization, &vector.recipe, NOW);
            let headers = authorization(values);
            let verdict = if vector.is_accepted() {
                Verdict::Allowed
            } else {
                Verdict::Refused
            };
            // Again, since a token that has been seen before may take another way through the code.
            for time in ["at first", "again"] {
                let outcome = match ask(engine, "GET", "/products", &headers) {
                    Action::Pass(pass) => pass.outcome().clone(),
                    Action::Reply(reply) => reply.outcome,
                    other => panic!("{}: {other:?}", vector.name),
                };
                if (outcome.verdict, outcome.reason.as_str()) != (verdict, &vector.expect) {
                    let got = format!("{} {} {time}", outcome.verdict, outcome.reason);
                    wrong.push(format!(
                        "{} {}: {got}, not {}",
                        file.rule, vector.name, vector.expect
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_reason_to_refuse_a_token_has_an_example() {
    let reasons = [
        Reason::ValidToken,
        Reason::MissingToken,
        Reason::MalformedAuthorization,
        Reason::MalformedToken,
        Reason::UnknownKey,
        Reason::WrongAlgorithm,
        Reason::BadSignature,
        Reason::WrongIssuer,
        Reason::WrongAudience,
        Reason::Expired,
        Reason::NotYetValid,
        Reason::UnusableClaim,
        Reason::InsufficientScope,
    ];
    let files = token_files();
    let vectors = files.iter().flat_map(|file| &file.vectors);
    let shown: BTreeSet<&str> = vectors.map(|vector| vector.expect.as_str()).collect();
    assert_eq!(
        shown,
        reasons.iter().map(|reason| reason.as_str()).collect()
    );
}
