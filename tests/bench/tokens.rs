//! The tokens that are sent, as Latchkey issues them, and the requests around them.

use latchkey_tests::{jwt, now};
use serde::Serialize;
use serde_json::{Value, json};

use crate::variants::Sends;

/// The key under which all tokens here are signed.
pub const SIGNING_KEY: &str =
    "the signing key of the benchmark, 64 bytes long, never used elsewhere";

/// How often the same token comes again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Reuse {
    /// One token all the time.
    One,
    /// A thousand tokens in turn.
    Thousand,
    /// Every token is new.
    None,
}

impl Reuse {
    pub fn what(self) -> &'static str {
        match self {
            Self::One => "one token reused",
            Self::Thousand => "1,000 tokens in turn",
            Self::None => "every token new",
        }
    }

    /// The number of the token for a round.
    pub fn token(self, round: usize) -> usize {
        match self {
            Self::One => 0,
            Self::Thousand => round % 1000,
            Self::None => round,
        }
    }
}

/// Whose tokens they are.
pub struct Issuer {
    pub issuer: String,
    pub audience: String,
}

impl Issuer {
    /// The one that the filter's configuration names.
    pub fn of(configuration: &Value) -> Self {
        let text = |name: &str| configuration[name].as_str().unwrap_or_default().to_owned();
        Self {
            issuer: text("issuer"),
            audience: text("audience"),
        }
    }

    /// Tokens of different numbers differ.
    pub fn token(&self, number: usize) -> String {
        let now = now();
        let claims = json!({
            "iss": self.issuer,
            "sub": "ACME01",
            "client_id": "ACME01",
            "aud": self.audience,
            "iat": now,
            "exp": now + 3600,
            "jti": format!("{number:022}"),
            "scope": "read",
        });
        jwt::sign(
            SIGNING_KEY.as_bytes(),
            jwt::HS256_HEADER,
            &claims.to_string(),
        )
    }

    /// A request as a small client sends it.
    pub fn request(&self, sends: Sends, number: usize) -> Vec<u8> {
        let authorization = authorization(sends, self.token(number));
        format!("GET /products?page=2 HTTP/1.1\r\nhost: api.example.com\r\nuser-agent: bench/1\r\naccept: */*\r\n{authorization}\r\n").into_bytes()
    }
}

/// The header line for a token.
fn authorization(sends: Sends, mut token: String) -> String {
    match sends {
        Sends::Nothing => return String::new(),
        Sends::Token => {}
        Sends::BadSignature => {
            let signed = token.rfind('.').map_or(0, |dot| dot + 1);
            token.replace_range(signed.., &"A".repeat(43));
        }
    }
    format!("authorization: Bearer {token}\r\n")
}
