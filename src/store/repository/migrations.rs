//! The schema's versions, built into the program.

use super::Error;
use sqlx::AnyConnection;
use sqlx::migrate::{MigrateError, Migrator};

/// Whether the schema is exactly what this program knows. A newer one is an error.
pub(super) async fn is_current(
    known: &Migrator,
    connection: &mut AnyConnection,
) -> Result<bool, Error> {
    let latest = latest(known);
    let found: Option<i64> =
        match sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success")
            .fetch_one(connection)
            .await
            .map_err(Error::from)
        {
            Ok(found) => found,
            Err(Error::OlderSchema) => None,
            Err(error) => return Err(error),
        };
    match found {
        Some(found) if found > latest => Err(Error::NewerSchema {
            found,
            known: latest,
        }),
        found => Ok(found == Some(latest)),
    }
}

/// Applies what is missing.
pub(super) async fn run(known: &Migrator, connection: &mut AnyConnection) -> Result<(), Error> {
    // Undocumented, but what `run` does to the connection it acquires; `run` itself has bounds that no boxed future meets.
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

fn latest(known: &Migrator) -> i64 {
    known
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0)
}
