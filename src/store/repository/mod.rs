//! Where customers and keys are kept: SQLite or PostgreSQL, behind one trait.
//!
//! The statements are the same for both. What differs (how to connect, how a change gets the database to
//! itself) is what the trait asks of each; the operations stand on `dyn Repository`.

mod audit;
mod columns;
mod customers;
mod error;
mod keys;
mod lookups;
mod migrations;
mod names;
mod places;
mod postgres;
mod sqlite;
mod transfer;

pub use audit::{AuditEntry, Stamp};
pub use error::Error;
pub use lookups::{Found, LOOKUP};
pub use names::Names;
pub use places::Places;
pub use transfer::{Export, Import};

use async_trait::async_trait;
use postgres::PostgresRepository;
use sqlite::SqliteRepository;
use sqlx::{Any, AnyPool, Transaction};
use std::sync::Arc;

/// A database of customers and keys.
#[async_trait]
pub trait Repository: Send + Sync {
    /// The connections.
    fn pool(&self) -> &AnyPool;

    /// How it marks the places of values in a statement of many rows.
    fn places(&self) -> Places;

    /// A transaction that has all changes of the database to itself; reading goes on beside it.
    async fn begin(&self) -> Result<Transaction<'static, Any>, Error>;

    /// A transaction that only reads, and sees all of the database as it is now.
    async fn snapshot(&self) -> Result<Transaction<'static, Any>, Error>;

    /// Brings the schema up to what this program knows, and tells which version that is.
    async fn migrate(&self) -> Result<i64, Error>;

    /// Whether the database answers and its schema is the one this program knows.
    async fn check(&self) -> Result<(), Error>;
}

/// What becomes of a SQLite file that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It is made, with its folder, readable for its owner alone.
    IsMade,
    /// It is an error.
    IsAnError,
}

/// Opens the database that a URL names.
pub async fn open(url: &str, missing: Missing) -> Result<Arc<dyn Repository>, Error> {
    sqlx::any::install_default_drivers();
    if let Some(path) = url.strip_prefix("sqlite:") {
        return Ok(Arc::new(SqliteRepository::open(path, missing).await?));
    }
    if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        return Ok(Arc::new(PostgresRepository::open(url).await?));
    }
    Err(Error::UnknownKind)
}
