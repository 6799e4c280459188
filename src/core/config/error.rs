//! Why a configuration is refused: where, what was found, what is expected. Never a secret.

use serde_json::Value;
use serde_path_to_error::Path;

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

    /// From serde, whose messages quote what they found; that is replaced by its kind.
    pub(super) fn from_serde(path: &Path, message: &str, value: &Value) -> Self {
        let found_at = |path: &str| Self::kind(value.pointer(path));
        let message = message.split(" at line ").next().unwrap_or_default();
        let (found, expected) = match message.split_once(", expected ") {
            Some((found, expected)) if found.starts_with("unknown ") => {
                (found.to_owned(), expected.to_owned())
            }
            Some((_, expected)) => (found_at(&pointer(path)).to_owned(), expected.to_owned()),
            None => match message.strip_prefix("missing field ") {
                Some(field) => ("nothing".to_owned(), format!("the field {field}")),
                None => (message.to_owned(), "the documented form".to_owned()),
            },
        };
        Self::new(display(path), found, expected)
    }

    fn kind(value: Option<&Value>) -> &'static str {
        match value {
            None => "nothing",
            Some(Value::Null) => "null",
            Some(Value::Bool(_)) => "a boolean",
            Some(Value::Number(_)) => "a number out of range or of the wrong kind",
            Some(Value::String(_)) => "a string that does not fit",
            Some(Value::Array(_)) => "a list",
            Some(Value::Object(_)) => "an object",
        }
    }
}

fn pointer(path: &Path) -> String {
    path.iter()
        .map(|segment| match segment {
            serde_path_to_error::Segment::Seq { index } => format!("/{index}"),
            serde_path_to_error::Segment::Map { key } => {
                format!("/{}", key.replace('~', "~0").replace('/', "~1"))
            }
            _ => String::new(),
        })
        .collect()
}

fn display(path: &Path) -> String {
    match path.to_string().as_str() {
        "." => "(top level)".to_owned(),
        text => text.to_owned(),
    }
}
