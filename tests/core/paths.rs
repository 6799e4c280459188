//! What the spelling of a path opens (D17).

use latchkey_core::Action;
use latchkey_tests::vectors::{Configurations, PathFile, PathVector, load};

use crate::desk::{NOW, ask, authorization, engine};

#[test]
fn d17_no_spelling_opens_more_than_its_path() {
    let known = Configurations::load();
    let file: PathFile = load("paths");
    let mut engine = engine(&known, &file.configuration);
    let token = known.authorization(&["Bearer <token>".to_owned()], &Default::default(), NOW);
    for PathVector {
        method,
        target,
        raw,
        ..
    } in &file.vectors
    {
        // What Envoy refuses never comes here.
        if raw[0].starts_with("envoy") {
            continue;
        }
        for (values, expected) in [vec![], token.clone()].into_iter().zip(raw) {
            let reason = match ask(&mut engine, method, path(target), &authorization(values)) {
                Action::Pass(pass) => pass.outcome().reason,
                Action::Reply(reply) => reply.outcome.reason,
                other => panic!("{method} {target}: {other:?}"),
            };
            assert_eq!(reason.as_str(), expected, "{method} {target}");
        }
    }
}

/// The path of an absolute target, which Envoy takes apart.
fn path(target: &str) -> &str {
    let Some(rest) = target.strip_prefix("http://") else {
        return target;
    };
    rest.find('/').map_or("/", |at| &rest[at..])
}
