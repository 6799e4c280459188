//! A new database for each case, of either kind.

use latchkey_store::repository::{self, Missing, Repository, Stamp};
use latchkey_tests::Postgres;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, LazyLock};
use tempfile::TempDir;

/// One server for all cases; each has a database of its own in it.
pub(crate) static POSTGRES: LazyLock<Postgres> =
    LazyLock::new(|| Postgres::start().unwrap_or_else(|error| panic!("{error:#}")));

/// A moment to count from.
pub(crate) const NOW: i64 = 1_800_000_000;

/// A database that goes when this value does, and a folder beside it.
pub(crate) struct Database {
    pub(crate) url: String,
    pub(crate) folder: TempDir,
}

impl Database {
    pub(crate) fn sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite:{}", folder.path().join("store.db").display());
        Self { url, folder }
    }

    pub(crate) fn postgres() -> Self {
        let url = POSTGRES
            .database()
            .unwrap_or_else(|error| panic!("{error:#}"));
        Self {
            url,
            folder: TempDir::new().unwrap(),
        }
    }

    /// The database, with its schema in place.
    pub(crate) async fn open(&self) -> Arc<dyn Repository> {
        let repository = repository::open(&self.url, Missing::IsMade).await.unwrap();
        repository.migrate().await.unwrap();
        repository
    }

    /// The program, working on this database.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey-store"));
        command
            .env("LATCHKEY_DATABASE_URL", &self.url)
            .env("LATCHKEY_ACTOR", "tester")
            .args(arguments);
        command
    }

    /// What the program prints with `--json`, read.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let output = self.run(&[&["--json"], arguments].concat());
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The program at a terminal, which `script` gives it; typed to and read through pipes.
    pub(crate) fn at_a_terminal(&self, arguments: &str) -> Child {
        let line = format!("{} {arguments}", env!("CARGO_BIN_EXE_latchkey-store"));
        Command::new("script")
            .args(["--quiet", "--return", "--command", &line, "/dev/null"])
            .env("LATCHKEY_DATABASE_URL", &self.url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }
}

pub(crate) fn at(at: i64) -> Stamp {
    Stamp {
        actor: "tester".to_owned(),
        at,
    }
}

/// Runs each of the named cases on both kinds of database.
macro_rules! on_both_databases {
    [$($case:ident),+ $(,)?] => {
        mod sqlite {
            use crate::databases::Database;
            $(
                #[tokio::test]
                async fn $case() {
                    super::$case(Database::sqlite()).await;
                }
            )+
        }

        mod postgres {
            use crate::databases::Database;
            $(
                #[tokio::test]
                async fn $case() {
                    super::$case(Database::postgres()).await;
                }
            )+
        }
    };
}
pub(crate) use on_both_databases;
