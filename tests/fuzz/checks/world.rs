//! The engine that is attacked, and the keys that its attacker does not have.

use hmac::{Hmac, KeyInit, Mac};
use latchkey_core::http::{HeaderPair, RequestHead};
use latchkey_core::{Action, Config, Engine, Event, State, Step, Timestamp};
use sha2::{Sha256, Sha384, Sha512};
use std::cell::{Cell, RefCell};
use std::sync::LazyLock;

/// The time of every check.
pub const NOW: u64 = 1_800_000_000;

/// The API Key of `ACME01`.
pub const API_KEY: &str = "lk_the-key-that-opens";

/// The secrets by the names that [`CONFIGURATION`] gives them, and one of a stranger.
pub const SECRETS: [(&str, &str); 4] = [
    ("KEY_A", "signing-key-a-0123456789-0123456789-0123456789"),
    ("KEY_B", "signing-key-b-0123456789-0123456789-0123456789"),
    (
        "KEY_C",
        "signing-key-c-0123456789-0123456789-0123456789-0123456789-0123456789",
    ),
    (
        "STRANGER",
        "another-key-0123456789-0123456789-0123456789-0123",
    ),
];

/// The configuration under attack. `/products` needs a valid token and no scope.
pub const CONFIGURATION: &str = r#"{
  "issuer": "https://issuer",
  "audience": "api",
  "keys": [
    {"alg": "HS256", "secret": {"env": "KEY_A"}},
    {"kid": "b", "alg": "HS256", "secret": {"env": "KEY_B"}, "use": "verify"},
    {"kid": "c", "alg": "HS512", "secret": {"env": "KEY_C"}, "use": "verify"}
  ],
  "token_endpoint": {
    "lookup": {"cluster": "store"},
    "throttle": {"failures": 1000000, "window_seconds": 1}
  },
  "access": [
    {"match": {"path": "/healthz"}, "allow": "public"},
    {"match": {"prefix": "/public/"}, "allow": "public"},
    {"match": {"prefix": "/admin/"}, "require": {"scope": ["admin"]}},
    {"match": {"prefix": "/internal/"}, "deny": true}
  ],
  "identity": {"headers": {"x-customer-code": "sub", "x-token-scope": "scope"}}
}"#;

/// A token with the scope `read` that passes.
pub static GOOD_TOKEN: LazyLock<String> = LazyLock::new(|| {
    let claims = format!(
        r#"{{"iss":"https://issuer","aud":"api","sub":"ACME01","exp":{},"scope":"read"}}"#,
        NOW + 60
    );
    token(
        0,
        Hash::Sha256,
        br#"{"alg":"HS256","typ":"JWT"}"#,
        claims.as_bytes(),
    )
});

/// The hash of a MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// HS256
    Sha256,
    /// HS384
    Sha384,
    /// HS512
    Sha512,
}

impl Hash {
    /// The MAC of a text under a key of [`SECRETS`].
    pub fn sign(self, key: usize, signed: &[u8]) -> Vec<u8> {
        fn mac<M: Mac + KeyInit>(secret: &str, signed: &[u8]) -> Vec<u8> {
            let mac =
                <M as KeyInit>::new_from_slice(secret.as_bytes()).expect("any length will do");
            mac.chain_update(signed).finalize().into_bytes().to_vec()
        }
        let secret = SECRETS[key % SECRETS.len()].1;
        match self {
            Self::Sha256 => mac::<Hmac<Sha256>>(secret, signed),
            Self::Sha384 => mac::<Hmac<Sha384>>(secret, signed),
            Self::Sha512 => mac::<Hmac<Sha512>>(secret, signed),
        }
    }
}

/// A token over exactly these bytes.
pub fn token(key: usize, hash: Hash, header: &[u8], claims: &[u8]) -> String {
    let signed = format!("{}.{}", encode(header), encode(claims));
    let signature = hash.sign(key, signed.as_bytes());
    format!("{signed}.{}", encode(&signature))
}

/// Base64url without padding (RFC 4648 section 5).
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            let index = bits >> (18 - 6 * place) & 63;
            text.push(char::from(crate::oracle::BASE64URL[index as usize]));
        }
    }
    text
}

/// A variable of the environment.
pub fn variable(name: &str) -> Option<String> {
    let known = SECRETS.iter().find(|(known, _)| *known == name);
    known.map(|(_, value)| (*value).to_owned())
}

/// A new engine under [`CONFIGURATION`].
pub fn engine() -> Engine {
    Engine::new(
        Config::load(CONFIGURATION.as_bytes(), &variable).expect("the configuration is right"),
    )
}

/// Lets a check use the engine of this thread, which lives on from input to input as a worker's does.
pub fn with_engine<T>(check: impl FnOnce(&mut Engine) -> T) -> T {
    thread_local!(static ENGINE: RefCell<Engine> = RefCell::new(engine()));
    ENGINE.with_borrow_mut(check)
}

/// Gives a new request its head.
pub fn head(engine: &mut Engine, pairs: &[HeaderPair<'_>], end_of_stream: bool) -> (State, Step) {
    let head = RequestHead::read(pairs.iter().copied(), end_of_stream, engine.identity());
    engine.step(State::default(), Event::Head(head), now())
}

/// What becomes of a GET with these headers.
pub fn get(path: &[u8], headers: &[HeaderPair<'_>]) -> Action {
    let mut pairs = vec![(&b":method"[..], &b"GET"[..]), (b":path", path)];
    pairs.extend(headers);
    with_engine(|engine| head(engine, &pairs, true).1.action)
}

/// [`NOW`] as the core takes it.
pub fn now() -> Timestamp {
    Timestamp::from_seconds(NOW)
}

/// An address that no input had before, so that nobody is ever throttled.
pub fn fresh_address() -> String {
    thread_local!(static NUMBER: Cell<u64> = const { Cell::new(0) });
    NUMBER.set(NUMBER.get() + 1);
    format!("192.0.2.{}:1", NUMBER.get())
}
