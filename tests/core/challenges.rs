//! What a refused caller is told (D11, D12).

use latchkey_core::Action;
use latchkey_tests::vectors::{ChallengeVector, Configurations, PathFile, load};
use serde_json::Value;

use crate::desk::{NOW, ask, authorization, engine};

#[test]
fn d11_d12_a_refused_caller_is_told_this_and_nothing_more() {
    let known = Configurations::load();
    let mut engine = engine(&known, &load::<PathFile>("paths").configuration);
    let vectors: Vec<ChallengeVector> = load("challenges");
    for vector in &vectors {
        let values = known.authorization(&vector.authorization, &vector.recipe, NOW);
        let headers = authorization(values);
        let Action::Reply(reply) = ask(&mut engine, "GET", &vector.target, &headers) else {
            panic!("{} is not refused", vector.name)
        };
        let challenge = reply
            .headers
            .iter()
            .find(|(name, _)| *name == "www-authenticate");
        let body: Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!(reply.status, vector.status, "{}", vector.name);
        assert_eq!(
            challenge.map(|(_, value)| value),
            vector.challenge.as_ref(),
            "{}",
            vector.name
        );
        assert_eq!(body, vector.body, "{}", vector.name);
    }
}
