//! Whole requests through the state machine, by comparing values.

mod guard;
mod token;

use latchkey_core::http::{HeaderPair, Reply, RequestHead};
use latchkey_core::lookup::{Answer, Call, KeyHash};
use latchkey_core::outcome::{LookupStatus, Reason, Verdict};
use latchkey_core::{Action, Config, Engine, Event, State, Step, Timestamp};
use serde_json::{Value, json};
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const KEY: &str = "lk_right";

fn engine_with(change: impl FnOnce(&mut Value)) -> Engine {
    let mut config = json!({
        "issuer": "https://issuer",
        "audience": "api",
        "keys": [{"alg": "HS256", "secret": {"env": "KEY"}}],
        "token_endpoint": {
            "lookup": {"cluster": "store", "headers": {"authorization": {"env": "TOKEN", "prefix": "Bearer "}}},
            "throttle": {"failures": 3, "window_seconds": 60}
        },
        "access": [
            {"match": {"path": "/healthz"}, "allow": "public"},
            {"match": {"prefix": "/admin/"}, "require": {"scope": ["admin"]}},
            {"match": {"methods": ["GET"]}, "require": {"scope": ["read"]}},
            {"match": {}, "deny": true}
        ]
    });
    change(&mut config);
    let environment = |name: &str| Some(format!("{name}-0123456789012345678901234567890123456789"));
    Engine::new(Config::load(config.to_string().as_bytes(), &environment).unwrap())
}

fn engine() -> Engine {
    engine_with(|_| {})
}

/// A request on its way through an engine.
struct Request<'a> {
    engine: &'a mut Engine,
    state: State,
    now: Timestamp,
}

impl<'a> Request<'a> {
    fn new(engine: &'a mut Engine) -> Self {
        Self {
            engine,
            state: State::default(),
            now: NOW,
        }
    }

    fn step(&mut self, event: Event<'_>) -> Step {
        let (state, step) = self
            .engine
            .step(std::mem::take(&mut self.state), event, self.now);
        self.state = state;
        step
    }

    fn head(&mut self, pairs: &[(&str, &str)], end_of_stream: bool) -> Action {
        let pairs: Vec<HeaderPair<'_>> = pairs
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
            .collect();
        let head = RequestHead::read(pairs, end_of_stream, self.engine.identity());
        self.step(Event::Head(head)).action
    }

    fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> Action {
        let mut pairs = vec![(":method", "GET"), (":path", path)];
        pairs.extend(headers);
        self.head(&pairs, true)
    }

    fn post(&mut self, body: &str) -> Action {
        self.post_with(body, &[])
    }

    fn post_with(&mut self, body: &str, headers: &[(&str, &str)]) -> Action {
        let mut head = vec![
            (":method", "POST"),
            (":path", "/auth/token"),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        head.extend(headers);
        assert!(matches!(self.head(&head, false), Action::AwaitBody));
        self.step(Event::Body {
            bytes: body.as_bytes(),
            complete: true,
            address: b"192.0.2.1:5",
        })
        .action
    }

    fn ask(&mut self, key: &str) -> Action {
        self.post(&format!(
            "grant_type=client_credentials&client_id=ACME01&client_secret={key}"
        ))
    }

    fn answer(&mut self, status: &str, body: &str) -> Step {
        let answer = Answer {
            status: Some(status.as_bytes()),
            body: body.as_bytes(),
            body_size: body.len(),
        };
        self.step(Event::Answer {
            answer,
            random: [7; 16],
        })
    }
}

fn record(key: &str) -> String {
    json!({"client_id": "ACME01", "enabled": true, "scope": "read write", "keys": [
        {"id": "k", "hash": KeyHash::sha256(key.as_bytes()), "expires_at": 1_900_000_000, "revoked_at": null}
    ]})
    .to_string()
}

fn reply(action: Action) -> Reply {
    match action {
        Action::Reply(reply) => reply,
        other => panic!("no reply but {other:?}"),
    }
}

fn call(action: Action) -> Call {
    match action {
        Action::Call(call) => call,
        other => panic!("no call but {other:?}"),
    }
}

fn issue(engine: &mut Engine, extra: &str) -> Reply {
    let mut request = Request::new(engine);
    call(request.post(&format!(
        "grant_type=client_credentials&client_id=ACME01&client_secret={KEY}{extra}"
    )));
    reply(request.answer("200", &record(KEY)).action)
}

fn token(engine: &mut Engine, extra: &str) -> String {
    let reply = issue(engine, extra);
    assert_eq!(reply.status, 200, "{}", reply.body);
    let body: Value = serde_json::from_str(&reply.body).unwrap();
    body["access_token"].as_str().unwrap().to_owned()
}

fn claims(token: &str) -> Value {
    use base64::Engine as _;
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(payload)
            .unwrap(),
    )
    .unwrap()
}

fn request_wrong_key(engine: &mut Engine) -> Action {
    let mut request = Request::new(engine);
    call(request.ask("wrong"));
    request.answer("200", &record(KEY)).action
}
