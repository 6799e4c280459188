//! The schema's versions, built into the program.

use super::Error;
use sqlx::AnyConnection;
use sqlx::migrate::{MigrateError, Migrator};

/// The version this program knows.
pub(super) fn latest(known: &Migrator) -> i64 {
    known
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0)
}

/// Whether the schema is exactly what this program knows. A newer one is an error.
pub(super) async fn is_current(
    known: &Migrator,
    connection: &mut AnyConnection,
) -> Result<bool, Error> {
    let statement = "SELECT max(version) FROM _sqlx_migrations WHERE success";
    let found: Option<i64> = match sqlx::query_scalar(statement).fetch_one(connection).await {
        Ok(found) => found,
        Err(error) => match error.into() {
            Error::OlderSchema => None,
            error => return Err(error),
        },
    };
    let known = latest(known);
    match found {
        Some(found) if found > known => Err(Error::NewerSchema { found, known }),
        found => Ok(found == Some(known)),
    }
}

/// An older schema is an error too.
pub(super) async fn check(known: &Migrator, connection: &mut AnyConnection) -> Result<(), Error> {
    match is_current(known, connection).await? {
        true => Ok(()),
        false => Err(Error::OlderSchema),
    }
}

/// Applies what is missing.
pub(super) async fn run(known: &Migrator, connection: &mut AnyConnection) -> Result<(), Error> {
    // Undocumented, but it is what `run` does to a connection once it has one; `run` has bounds that no boxed future meets.
    match known.run_direct(None, connection, false).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(found)) => Err(Error::NewerSchema {
            found,
            known: latest(known),
        }),
        Err(MigrateError::Execute(error)) => Err(error.into()),
        Err(error) => Err(Error::Migration(error)),
    }
}
