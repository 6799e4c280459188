//! SQLite: one file, one machine.

use super::{Error, Missing, Places, Repository, migrations};
use async_trait::async_trait;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Any, AnyConnection, AnyPool, Connection, Executor, Transaction};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations/sqlite");
const CONNECTIONS: u32 = 8;
const PATIENCE: Duration = Duration::from_secs(5);
const SETTINGS: &str =
    "PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL;";
/// With a write-ahead log, reading goes on while something is written; with `synchronous = FULL`, a change is on the
/// disk before it is acknowledged.
const WRITE_AHEAD: &str = "PRAGMA journal_mode = WAL;";

pub(super) struct SqliteRepository {
    pool: AnyPool,
}

/// Which file stands under the database's name. A file that was removed or replaced lives on for those who have it
/// open, and would go on answering for keys that were revoked since.
struct Identity {
    path: PathBuf,
    seen: Mutex<(Option<FileId>, Instant)>,
}

/// Device and inode.
type FileId = (u64, u64);

impl SqliteRepository {
    /// Opens the file that stands after `sqlite:`.
    pub(super) async fn open(path: &str, missing: Missing) -> Result<Self, Error> {
        let path = path.strip_prefix("//").unwrap_or(path);
        let (name, query) = path.split_once('?').unwrap_or((path, ""));
        let in_memory = query.split('&').any(|pair| pair == "mode=memory");
        if name.is_empty() || name == ":memory:" || in_memory {
            return Err(Error::BadUrl("it names no file".to_owned()));
        }
        let read_only = query.split('&').any(|pair| pair == "mode=ro");
        let url = format!("sqlite:{path}");
        // `%20` in a URL is a space in the file's name; sqlx knows, so it tells.
        let file = SqliteConnectOptions::from_str(&url)?
            .get_filename()
            .to_owned();
        if missing == Missing::IsMade && !read_only {
            create(&file).map_err(|source| Error::File {
                path: file.display().to_string(),
                source,
            })?;
        }
        let options: AnyConnectOptions = url.parse()?;
        // The pool would go on trying for a while and then say only that it had no success.
        let mut connection = AnyConnection::connect_with(&options).await?;
        set_up(&mut connection, read_only).await?;
        connection.close().await?;
        let identity = Arc::new(Identity::of(&file));
        let pool = AnyPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            // An open file needs no asking whether it is alive; whether it is still the right one, see below.
            .test_before_acquire(false)
            .after_connect(move |connection, _| Box::pin(set_up(connection, read_only)))
            .before_acquire(move |_, meta| {
                let same = identity.is_unchanged_for(meta.age);
                Box::pin(async move { Ok(same) })
            })
            .connect_lazy_with(options);
        Ok(Self { pool })
    }
}

#[async_trait]
impl Repository for SqliteRepository {
    fn pool(&self) -> &AnyPool {
        &self.pool
    }

    fn places(&self) -> Places {
        Places::Nameless
    }

    /// `IMMEDIATE` waits its turn now; a transaction that finds out at its first write would fail instead.
    async fn begin(&self) -> Result<Transaction<'static, Any>, Error> {
        Ok(self.pool.begin_with("BEGIN IMMEDIATE").await?)
    }

    async fn snapshot(&self) -> Result<Transaction<'static, Any>, Error> {
        Ok(self.pool.begin().await?)
    }

    async fn migrate(&self) -> Result<i64, Error> {
        if !migrations::is_current(&MIGRATIONS, &mut *self.pool.acquire().await?).await? {
            let mut transaction = self.begin().await?;
            migrations::run(&MIGRATIONS, &mut transaction).await?;
            transaction.commit().await?;
        }
        Ok(migrations::latest(&MIGRATIONS))
    }

    async fn check(&self) -> Result<(), Error> {
        migrations::check(&MIGRATIONS, &mut *self.pool.acquire().await?).await
    }
}

impl Identity {
    fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            seen: Mutex::new((id(path), Instant::now())),
        }
    }

    /// Whether the file is there and is the one that was there so long ago.
    fn is_unchanged_for(&self, age: Duration) -> bool {
        let now = id(&self.path);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.0 != now {
            *seen = (now, Instant::now());
        }
        now.is_some() && age < seen.1.elapsed()
    }
}

async fn set_up(connection: &mut AnyConnection, read_only: bool) -> Result<(), sqlx::Error> {
    connection.execute(SETTINGS).await?;
    if read_only {
        return Ok(());
    }
    // While several programs open a new file at once, this does not wait by itself as all else does.
    let deadline = Instant::now() + PATIENCE;
    loop {
        match connection.execute(WRITE_AHEAD).await {
            Err(error) if Error::is_locked(&error) && Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            done => return done.map(drop),
        }
    }
}

fn id(path: &Path) -> Option<FileId> {
    fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
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
