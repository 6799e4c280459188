//! SQLite: one file, one machine.

use super::{Error, Repository, migrations};
use async_trait::async_trait;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::Migrator;
use sqlx::{Any, AnyPool, Executor, Transaction};
use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations/sqlite");
const CONNECTIONS: u32 = 8;
const PATIENCE: Duration = Duration::from_secs(5);
/// Write-ahead log, so that reading goes on while something is written, and a commit that is on the disk before
/// it is acknowledged.
const SETTINGS: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                        PRAGMA foreign_keys = ON;";

pub(super) struct SqliteRepository {
    pool: AnyPool,
}

impl SqliteRepository {
    /// Opens the file that stands after `sqlite:`; it and its folder are made if they are missing.
    pub(super) async fn open(path: &str) -> Result<Self, Error> {
        let path = path.strip_prefix("//").unwrap_or(path);
        let (file, _query) = path.split_once('?').unwrap_or((path, ""));
        create(Path::new(file)).map_err(|source| Error::File {
            path: file.to_owned(),
            source,
        })?;
        let options: AnyConnectOptions = format!("sqlite:{path}").parse()?;
        let pool = AnyPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .after_connect(|connection, _| {
                Box::pin(async move { connection.execute(SETTINGS).await.map(drop) })
            })
            .connect_with(options)
            .await?;
        Ok(Self { pool })
    }
}

#[async_trait]
impl Repository for SqliteRepository {
    fn pool(&self) -> &AnyPool {
        &self.pool
    }

    /// `IMMEDIATE` waits its turn now; a transaction that finds out at its first write would fail instead.
    async fn begin(&self) -> Result<Transaction<'static, Any>, Error> {
        Ok(self.pool.begin_with("BEGIN IMMEDIATE").await?)
    }

    async fn migrate(&self) -> Result<(), Error> {
        if migrations::is_current(&MIGRATIONS, &mut *self.pool.acquire().await?).await? {
            return Ok(());
        }
        let mut transaction = self.begin().await?;
        migrations::run(&MIGRATIONS, &mut transaction).await?;
        Ok(transaction.commit().await?)
    }
}

/// Makes the file, readable for its owner alone, unless it is there.
fn create(file: &Path) -> io::Result<()> {
    if file.exists() {
        return Ok(());
    }
    if let Some(folder) = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(file)
        .map(drop)
}
