//! PostgreSQL: where one machine is outgrown.

use super::{Error, Places, Repository, migrations};
use async_trait::async_trait;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::Migrator;
use sqlx::{Any, AnyConnection, AnyPool, Connection, Executor, Transaction};
use std::time::Duration;
use tokio::time::timeout;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations/postgres");
const CONNECTIONS: u32 = 16;
/// How long the first connection may take. A network that swallows packets answers nothing for minutes.
const CONNECT: Duration = Duration::from_secs(10);
/// Shorter than a lookup may take, so that its error says what was missing.
const PATIENCE: Duration = Duration::from_millis(1500);
/// A connection that was in use just now is not asked whether it is alive: that would be a second round trip for
/// every lookup.
const FRESH: Duration = Duration::from_secs(1);
/// A plan is kept while tables grow: one made when they were empty would read them whole, at each lookup, until the
/// server next looks at their sizes. Where there is no index to search, its price would call for a compiler.
const SETTINGS: &str = "SET lock_timeout = '5s'; SET enable_seqscan = off; SET jit = off";

pub(super) struct PostgresRepository {
    pool: AnyPool,
}

impl PostgresRepository {
    pub(super) async fn open(url: &str) -> Result<Self, Error> {
        let options: AnyConnectOptions = url.parse()?;
        // The pool would go on trying for a while and then say only that it had no success.
        let connection = timeout(CONNECT, AnyConnection::connect_with(&options));
        let connection = connection.await.map_err(|_| {
            Error::Unreachable(format!("no answer within {} s", CONNECT.as_secs()))
        })??;
        connection.close().await?;
        let pool = AnyPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for > FRESH {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .after_connect(|connection, _| {
                Box::pin(async move { connection.execute(SETTINGS).await.map(drop) })
            })
            .connect_lazy_with(options);
        Ok(Self { pool })
    }
}

#[async_trait]
impl Repository for PostgresRepository {
    fn pool(&self) -> &AnyPool {
        &self.pool
    }

    fn places(&self) -> Places {
        Places::Numbered
    }

    /// The lock conflicts with itself and with any write, and with no reading.
    async fn begin(&self) -> Result<Transaction<'static, Any>, Error> {
        let mut transaction = self.pool.begin().await?;
        transaction
            .execute("LOCK TABLE customers, api_keys IN SHARE ROW EXCLUSIVE MODE")
            .await?;
        Ok(transaction)
    }

    async fn snapshot(&self) -> Result<Transaction<'static, Any>, Error> {
        Ok(self
            .pool
            .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await?)
    }

    async fn migrate(&self) -> Result<i64, Error> {
        let mut connection = self.pool.acquire().await?;
        if !migrations::is_current(&MIGRATIONS, &mut connection).await? {
            // sqlx holds an advisory lock meanwhile, so that replicas which start together take turns.
            migrations::run(&MIGRATIONS, &mut connection).await?;
        }
        Ok(migrations::latest(&MIGRATIONS))
    }

    async fn check(&self) -> Result<(), Error> {
        migrations::check(&MIGRATIONS, &mut *self.pool.acquire().await?).await
    }
}
