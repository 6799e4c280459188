//! The filter's configuration, in JSON or not.

use crate::oracle;
use crate::world::{self, GOOD_TOKEN, SECRETS};
use latchkey_core::http::RequestHead;
use latchkey_core::outcome::Verdict;
use latchkey_core::{Action, Config, Engine, Event, State};
use serde_json::Value;

/// What loads is JSON without a member named twice, has an issuer and a key of its own, and lets nothing pass without a
/// token but what a public rule or report mode says. No error and no warning shows a secret.
pub fn check(data: &[u8]) {
    let config = Config::load(data, &world::variable);
    let text = match &config {
        Err(error) => error.to_string(),
        Ok(config) => config.warnings().join("\n"),
    };
    for secret in SECRETS
        .iter()
        .map(|(_, value)| (*value).to_owned())
        .chain(inline(data))
    {
        assert!(!text.contains(&secret), "{text} shows {secret}");
    }
    let Ok(config) = config else { return };
    let value = oracle::object(data).expect("only JSON without repeated names loads");
    let issuer = value["issuer"].as_str().expect("an issuer");
    assert!(!issuer.is_empty() && !value["keys"].as_array().expect("keys").is_empty());
    let mut engine = Engine::new(config);
    for path in [&b"/products"[..], b"/healthz", b"/", b"/%2e"] {
        let pairs = [(&b":method"[..], &b"GET"[..]), (b":path", path)];
        let head = RequestHead::read(pairs, true, engine.identity());
        let (_, step) = engine.step(State::default(), Event::Head(head), world::now());
        if let Action::Pass(pass) = step.action {
            let reported = pass.outcome().verdict == Verdict::Reported;
            assert!(if reported {
                value["mode"] == "report"
            } else {
                has_public_rule(&value["access"])
            });
            assert!(pass.edits().set().is_empty());
        }
    }
    let stranger = GOOD_TOKEN.rsplit_once('.').expect("a signature").0;
    let bearer = format!("Bearer {stranger}.{}", world::encode(&[0; 32]));
    let pairs = [
        (&b":method"[..], &b"GET"[..]),
        (b":path", b"/%2e"),
        (b"authorization", bearer.as_bytes()),
    ];
    let head = RequestHead::read(pairs, true, engine.identity());
    let (_, step) = engine.step(State::default(), Event::Head(head), world::now());
    let Action::Pass(pass) = step.action else {
        return;
    };
    assert_eq!(
        pass.outcome().verdict,
        Verdict::Reported,
        "a token that nobody signed passes"
    );
}

fn has_public_rule(access: &Value) -> bool {
    let rules = access.as_array().into_iter().flatten();
    rules.into_iter().any(|rule| rule["allow"] == "public")
}

/// Secrets that stand in the text itself, as far as they cannot be there for another reason.
fn inline(data: &[u8]) -> Vec<String> {
    let Ok(value) = serde_json::from_slice::<Value>(data) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for key in value["keys"].as_array().into_iter().flatten() {
        found.extend(key["secret"]["inline"].as_str().map(str::to_owned));
    }
    let pepper = &value["token_endpoint"]["lookup"]["pepper"]["inline"];
    found.extend(pepper.as_str().map(str::to_owned));
    let elsewhere = |secret: &String| {
        String::from_utf8_lossy(data)
            .matches(secret.as_str())
            .count()
            != 1
    };
    found.retain(|secret| secret.len() >= 24 && !elsewhere(secret));
    found
}
