//! Customers with their keys as files: how they come from elsewhere, and how they leave.

mod csv;
mod jsonl;
mod raw;

pub use csv::{CsvReader, CsvWriter};
pub use jsonl::{JsonlReader, JsonlWriter};
pub use raw::{RawAccount, RawKey};

use crate::api_key::{KeyId, KeyIdError, MOST_WORKING};
use crate::customer::{CodeError, CustomerCode, Scope, ScopeError};
use latchkey_core::lookup::KeyHash;
use std::path::Path;

/// A customer with all keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub code: CustomerCode,
    pub scope: Scope,
    pub enabled: bool,
    pub created_at: i64,
    pub keys: Vec<AccountKey>,
}

/// A key as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountKey {
    pub id: KeyId,
    pub prefix: Option<String>,
    pub hash: KeyHash,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub revoked_at: Option<i64>,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Csv,
    Jsonl,
}

/// Something that was read, and the number of the line it began on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<T> {
    pub number: u64,
    pub value: T,
}

/// Why a line cannot be read. No message repeats a hash.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("{0}")]
    Csv(::csv::Error),
    /// What is wrong, and where in the line.
    #[error("{what}, at byte {column}")]
    Json { what: String, column: usize },
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Code(#[from] CodeError),
    #[error(transparent)]
    Scope(#[from] ScopeError),
    #[error(transparent)]
    KeyId(#[from] KeyIdError),
    #[error("a prefix has 1 to 16 visible ASCII characters")]
    Prefix,
    #[error("{0}")]
    Hash(#[from] latchkey_core::lookup::HashError),
    #[error("a key's hash must be tagged sha256: or hmac-sha256:")]
    UnknownHash,
    #[error("{field} is {found}, which is no time in Unix seconds before the year 10000")]
    Time { field: &'static str, found: i64 },
    #[error(
        "revoked_at is {0}, which is in the future; a key that is to end then has it as expires_at"
    )]
    RevokedLater(i64),
    #[error(
        "{0:?} is no time; write Unix seconds, 2027-05-01 (midnight UTC) or 2027-05-01T12:30:00Z"
    )]
    Moment(String),
    #[error("the column {0} is missing; an empty one means that the key never ends")]
    NoColumn(&'static str),
    #[error("{0} is given without a hash")]
    NoHash(&'static str),
    #[error("{0} working keys; a customer has at most {MOST_WORKING}")]
    TooManyKeys(usize),
    #[error("scope or state differ from the customer's line before")]
    Differs,
    #[error("no random bytes from the operating system: {0}")]
    Random(#[from] getrandom::Error),
    #[error("keys are given, but are to be generated")]
    HasKeys,
}

impl From<serde_json::Error> for Refusal {
    /// Each line is read by itself; that it was the first of them would mislead.
    fn from(error: serde_json::Error) -> Self {
        let what = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        Self::Json {
            what: what.strip_suffix(&place).unwrap_or(&what).to_owned(),
            column: error.column(),
        }
    }
}

impl Format {
    /// What the file's name says.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            _ => None,
        }
    }
}
