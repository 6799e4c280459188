//! Requests as Envoy hands them over, and what the core says to them.

use latchkey_core::http::{HeaderPair, RequestHead};
use latchkey_core::{Action, Config, Engine, Event, State, Timestamp};
use latchkey_tests::vectors::Configurations;
use serde_json::Value;

/// The time of every example.
pub const NOW: u64 = 1_800_000_000;

/// An engine with a configuration, and the examples' secrets.
#[track_caller]
pub fn engine(known: &Configurations, configuration: &Value) -> Engine {
    let environment = |name: &str| known.secrets.get(name).cloned();
    let text = configuration.to_string();
    let loaded = Config::load(text.as_bytes(), &environment);
    Engine::new(loaded.unwrap_or_else(|error| panic!("{text}: {error}")))
}

/// Asks with these headers, whose names are in lower case.
#[track_caller]
pub fn ask(engine: &mut Engine, method: &str, path: &str, headers: &[(&str, Vec<u8>)]) -> Action {
    // Two `Authorization` headers arrive as one value.
    let own = |(name, value): &(&str, Vec<u8>)| (*name == "authorization").then(|| value.clone());
    let values: Vec<Vec<u8>> = headers.iter().filter_map(own).collect();
    let joined = values.join(&b","[..]);
    let mut pairs: Vec<HeaderPair<'_>> = vec![(b":method", method.as_bytes())];
    if method != "CONNECT" {
        pairs.push((b":path", path.as_bytes()));
    }
    if !values.is_empty() {
        pairs.push((b"authorization", &joined));
    }
    let others = headers.iter().filter(|(name, _)| *name != "authorization");
    pairs.extend(others.map(|(name, value)| (name.as_bytes(), &**value)));
    let head = RequestHead::read(pairs, true, engine.identity());
    let now = Timestamp::from_seconds(NOW);
    engine
        .step(State::default(), Event::Head(head), now)
        .1
        .action
}

/// The values under the name of the header that carries them.
pub fn authorization(values: Vec<Vec<u8>>) -> Vec<(&'static str, Vec<u8>)> {
    values
        .into_iter()
        .map(|value| ("authorization", value))
        .collect()
}
