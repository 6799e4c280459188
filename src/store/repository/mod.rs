//! Where customers and keys are kept: SQLite or PostgreSQL, behind one trait.
//!
//! The statements are the same for both. What differs (how to connect, how a change gets the database to
//! itself, what an error code means) is what the trait asks of each; the operations stand on `dyn Repository`.

mod audit;
mod customers;
mod error;
mod keys;
mod lookups;
mod migrations;
mod postgres;
mod sqlite;

pub use audit::{AuditEntry, Stamp};
pub use error::Error;

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

    /// A transaction that has all changes of the database to itself; reading goes on beside it.
    async fn begin(&self) -> Result<Transaction<'static, Any>, Error>;

    /// Brings the schema up to what this program knows.
    async fn migrate(&self) -> Result<(), Error>;
}

/// Opens the database a URL names. A SQLite file that is not there is made.
pub async fn open(url: &str) -> Result<Arc<dyn Repository>, Error> {
    sqlx::any::install_default_drivers();
    if let Some(rest) = url.strip_prefix("sqlite:") {
        return Ok(Arc::new(SqliteRepository::open(rest).await?));
    }
    if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        return Ok(Arc::new(PostgresRepository::open(url).await?));
    }
    Err(Error::UnknownKind)
}
