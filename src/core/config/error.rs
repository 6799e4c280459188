//! Why a configuration is refused: where, what was found, what is expected. Never a secret.

use super::locate::locate;
use crate::json::Json;

/// What resolving a part of the configuration gives.
pub(super) type Result<T> = std::result::Result<T, ConfigError>;

/// A configuration that is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: found {found}, expected {expected}")]
pub struct ConfigError {
    /// Where in the JSON, for example `keys[0].secret.env`.
    pub path: String,
    /// What stands there; for texts only that it is a text, since it may be a secret.
    pub found: String,
    /// What should.
    pub expected: String,
}

impl ConfigError {
    /// Says all three.
    pub fn new(
        path: impl Into<String>,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        Self {
            path: path.into(),
            found: found.into(),
            expected: expected.into(),
        }
    }

    /// From serde, whose messages quote what they found; that is replaced by its kind. `text` is JSON,
    /// and `json` what it holds.
    pub(super) fn from_serde(error: &serde_json::Error, text: &[u8], json: &Json<'_>) -> Self {
        let (pointer, path) = locate(text, consumed(error, text));
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        if let Some(field) = message.strip_prefix("missing field ") {
            return Self::new(path, "nothing", format!("the field {field}"));
        }
        match message.split_once(", expected ") {
            Some((found, expected)) if found.starts_with("unknown ") => {
                Self::new(path, found, expected)
            }
            Some((_, expected)) => Self::new(path, kind(json.pointer(&pointer)), expected),
            None => Self::new(path, message, "the documented form"),
        }
    }
}

/// How many bytes of the text serde_json had read when it failed; it tells the line and the column.
fn consumed(error: &serde_json::Error, text: &[u8]) -> usize {
    let lines = text.split_inclusive(|&byte| byte == b'\n');
    let before: usize = lines
        .take(error.line().saturating_sub(1))
        .map(<[u8]>::len)
        .sum();
    before.saturating_add(error.column())
}

fn kind(value: Option<&Json<'_>>) -> &'static str {
    match value {
        None => "nothing",
        Some(Json::Null) => "null",
        Some(Json::Bool(_)) => "a boolean",
        Some(Json::Number(_)) => "a number out of range or of the wrong kind",
        Some(Json::String(_)) => "a string that does not fit",
        Some(Json::Array(_)) => "a list",
        Some(Json::Object(_)) => "an object",
    }
}
