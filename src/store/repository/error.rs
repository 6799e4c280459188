//! What can go wrong with a database, told so that a person knows what to do.

use crate::api_key::{KeyId, MOST_WORKING};
use crate::customer::CustomerCode;
use sqlx::migrate::MigrateError;
use std::io;

/// Why an operation was not carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("there is no customer {0}; `latchkey-store customer list` shows who there is")]
    NoCustomer(CustomerCode),
    #[error("there is no key {0}; `latchkey-store key list CODE` shows a customer's keys")]
    NoKey(KeyId),
    #[error("customer {0} is there already")]
    CustomerExists(CustomerCode),
    #[error("key {id} is there already; {customer} cannot have it too")]
    KeyExists { id: KeyId, customer: CustomerCode },
    #[error("customer {0} has {MOST_WORKING} working keys, which is the most; revoke one first")]
    TooManyKeys(CustomerCode),
    #[error("a database is named as sqlite:PATH or postgres://USER@HOST/DATABASE")]
    UnknownKind,
    #[error(
        "the database URL cannot be used: {0}; expected sqlite:PATH or postgres://USER@HOST/DATABASE"
    )]
    BadUrl(String),
    #[error("the database file {path} cannot be made: {source}")]
    File { path: String, source: io::Error },
    #[error(
        "another program holds the database locked; nothing was changed, try again when it is done"
    )]
    Locked,
    #[error("the disk the database is on is full; nothing was changed")]
    Full,
    #[error("the database is read-only here; nothing was changed")]
    ReadOnly,
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    #[error("the database refused the user or password: {0}")]
    Denied(String),
    #[error("the file is no SQLite database, or is damaged: {0}")]
    Damaged(String),
    #[error(
        "the database has schema version {found}, made by a newer latchkey-store; this one knows versions up to {known}. \
         Use the newer program"
    )]
    NewerSchema { found: i64, known: i64 },
    #[error(
        "the database has no tables of this program, or older ones; run `latchkey-store migrate`"
    )]
    OlderSchema,
    #[error("the database holds {what} that this program did not write: {found:?}")]
    Unreadable { what: &'static str, found: String },
    #[error("no random bytes from the operating system: {0}")]
    Random(#[from] getrandom::Error),
    #[error("the database failed: {0}")]
    Other(sqlx::Error),
    #[error("the database could not be migrated: {0}")]
    Migration(MigrateError),
}

/// SQLite's result codes for what another program or connection is at work on.
const BUSY: u32 = 5;
const LOCKED: u32 = 6;

impl Error {
    /// Whether SQLite says that somebody else is at work.
    pub(super) fn is_locked(error: &sqlx::Error) -> bool {
        let code = error.as_database_error().and_then(|error| error.code());
        matches!(code.as_deref().and_then(sqlite_code), Some(BUSY | LOCKED))
    }
}

/// SQLite's primary result codes are the low byte of a number; PostgreSQL's are five characters.
fn sqlite_code(code: &str) -> Option<u32> {
    let number: u32 = code.parse().ok().filter(|_| code.len() != 5)?;
    Some(number & 0xff)
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let database = match error {
            sqlx::Error::Database(database) => database,
            sqlx::Error::PoolTimedOut => {
                return Self::Unreachable("no connection came free in time".to_owned());
            }
            sqlx::Error::Configuration(reason) => return Self::BadUrl(reason.to_string()),
            sqlx::Error::Io(source) => return Self::Unreachable(source.to_string()),
            sqlx::Error::Tls(source) => return Self::Unreachable(source.to_string()),
            other => return Self::Other(other),
        };
        let message = database.message().to_owned();
        let code = database.code().unwrap_or_default();
        match (sqlite_code(&code), code.as_ref()) {
            (Some(BUSY | LOCKED), _) | (None, "55P03" | "57014") => Self::Locked,
            (Some(13), _) | (None, "53100") => Self::Full,
            (Some(8), _) | (None, "25006") => Self::ReadOnly,
            (Some(10 | 14), _) | (None, "53300" | "57P01" | "57P02" | "57P03" | "3D000") => {
                Self::Unreachable(message)
            }
            (Some(3 | 23), _) | (None, "28000" | "28P01" | "42501") => Self::Denied(message),
            (Some(11 | 26), _) => Self::Damaged(message),
            (Some(1), _) if message.starts_with("no such table") => Self::OlderSchema,
            (None, "42P01") => Self::OlderSchema,
            _ => Self::Other(sqlx::Error::Database(database)),
        }
    }
}
