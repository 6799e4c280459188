//! What the upstream learns of the customer (D18).

use latchkey_core::Action;
use latchkey_tests::vectors::{Configurations, IdentityVector, load};

use crate::desk::{NOW, ask, engine};

#[test]
fn d18_the_upstream_learns_what_a_verified_token_says_and_nothing_else() {
    let known = Configurations::load();
    let mut engine = engine(&known, &known.configurations["headers"]);
    let vectors: Vec<IdentityVector> = load("identity");
    for vector in &vectors {
        let sent: Vec<(String, Vec<u8>)> = vector
            .headers(&known, NOW)
            .into_iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect();
        let headers: Vec<(&str, Vec<u8>)> = sent
            .iter()
            .map(|(name, value)| (&**name, value.clone()))
            .collect();
        let Action::Pass(pass) = ask(&mut engine, "GET", vector.path(), &headers) else {
            panic!("{} is refused", vector.name)
        };
        let edits = pass.edits();
        let replaced = |name: &str| {
            edits.remove().iter().any(|own| own == name)
                || edits.set().iter().any(|(own, _)| own == name)
        };
        let kept = headers.iter().filter(|(name, _)| !replaced(name));
        let kept = kept.map(|(name, value)| (*name, &**value));
        let set = edits
            .set()
            .iter()
            .map(|(name, value)| (&**name, value.as_bytes()));
        vector.assert_arrives(&known, kept.chain(set));
    }
}
