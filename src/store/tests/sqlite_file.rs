//! What only a database in a file goes through: its name, its being moved, replaced and restored.

use crate::databases::{Database, NOW, at};
use crate::server::Server;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

impl Database {
    /// The file, and what stands beside it.
    fn files(&self) -> Vec<PathBuf> {
        ["store.db", "store.db-wal", "store.db-shm"]
            .map(|name| self.folder.path().join(name))
            .to_vec()
    }
}

#[test]
fn a_sqlite_file_that_is_gone_is_an_error_and_its_return_is_noticed() {
    let database = Database::sqlite();
    database.json(&["customer", "add", "ACME01"]);
    let server = Server::start(&database, &[]);
    assert!(server.is_well());
    let moved =
        |path: &Path| path.with_extension(format!("{}.away", path.extension().unwrap().display()));
    let files: Vec<PathBuf> = database
        .files()
        .into_iter()
        .filter(|path| path.exists())
        .collect();
    for path in &files {
        fs::rename(path, moved(path)).unwrap();
    }
    // The open file would still answer, for keys that may have been revoked in the one that takes its place.
    assert!(server.is_in_trouble());
    for path in &files {
        fs::rename(moved(path), path).unwrap();
    }
    assert!(server.is_well());
}

#[test]
fn a_sqlite_path_is_read_as_part_of_a_url() {
    let database = Database::sqlite();
    for (name, file) in [
        ("a%20b.db", "a b.db"),
        ("100%.db", "100%.db"),
        ("ü.db", "ü.db"),
    ] {
        let path = |name: &str| database.folder.path().join(name);
        let url = format!("sqlite:{}", path(name).display());
        let database = Database {
            url,
            folder: TempDir::new().unwrap(),
        };
        database.json(&["customer", "add", "ACME01"]);
        let server = Server::start(&database, &[]);
        assert_eq!(server.lookup("ACME01"), 200, "{name}");
        assert!(path(file).exists(), "{name}");
        // It is this file that is watched.
        fs::rename(path(file), path("away")).unwrap();
        assert!(server.is_in_trouble(), "{name}");
    }
    assert_eq!(
        fs::read_dir(database.folder.path())
            .unwrap()
            .filter(|entry| {
                let name = entry.as_ref().unwrap().file_name();
                name.to_str().unwrap().ends_with(".db")
            })
            .count(),
        0
    );
}

#[test]
fn a_sqlite_url_that_names_no_file_is_refused_and_makes_none() {
    let folder = TempDir::new().unwrap();
    for url in [
        "sqlite:",
        "sqlite://",
        "sqlite::memory:",
        "sqlite:x.db?mode=memory",
        "sqlite:x.db?mood=ro",
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey-store"));
        command
            .args(["--database", url, "migrate"])
            .current_dir(folder.path());
        assert_eq!(command.output().unwrap().status.code(), Some(2), "{url}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Where a backup is put back as docs/store.md says.
#[test]
fn c9_a_backup_is_restored_under_a_running_service() {
    let database = Database::sqlite();
    database.json(&["customer", "add", "ACME01"]);
    let server = Server::start(&database, &[]);
    // What the shell's `.backup` and `.restore` do, by the module that Python comes with.
    let copy = |from: &str, to: &str| {
        let program = "import sqlite3, sys; a, b = map(sqlite3.connect, sys.argv[1:]); a.backup(b)";
        let mut python = Command::new("python3");
        python.args(["-c", program, from, to]);
        let status = python.current_dir(database.folder.path()).status();
        assert!(status.unwrap().success(), "{from} to {to}");
    };
    copy("store.db", "copy.db");
    database.json(&["customer", "add", "BOLT02"]);
    assert_eq!(server.lookup("BOLT02"), 200);
    copy("copy.db", "store.db");
    assert_eq!(
        (server.lookup("ACME01"), server.lookup("BOLT02")),
        (200, 404)
    );
    database.json(&["customer", "add", "CORE03"]);
    assert_eq!(server.lookup("CORE03"), 200);
}

#[test]
fn c9_a_sqlite_file_that_is_replaced_answers_at_once() {
    let (database, other) = (Database::sqlite(), Database::sqlite());
    database.json(&["customer", "add", "ACME01"]);
    other.json(&["customer", "add", "ACME01"]);
    other.json(&["customer", "disable", "ACME01", "--yes"]);
    let server = Server::start(&database, &[]);
    let enabled = || {
        crate::server::request("ACME01")
            .send(server.address)
            .unwrap()
            .json()["enabled"]
            .clone()
    };
    assert_eq!(enabled(), true);
    for path in database.files().iter().filter(|path| path.exists()) {
        fs::remove_file(path).unwrap();
    }
    fs::rename(&other.files()[0], &database.files()[0]).unwrap();
    assert_eq!(enabled(), false);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_told() {
    let database = Database::sqlite();
    fs::write(&database.files()[0], "not a database at all").unwrap();
    let said = database.trouble(&["customer", "list"]);
    assert!(said.contains("no SQLite database"), "{said}");
}

#[tokio::test]
async fn sqlite_writes_ahead_and_waits_for_the_disk() {
    let database = Database::sqlite();
    let repository = database.open().await;
    let journal: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(repository.pool())
        .await
        .unwrap();
    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous")
        .fetch_one(repository.pool())
        .await
        .unwrap();
    let foreign_keys: i64 = sqlx::query_scalar("PRAGMA foreign_keys")
        .fetch_one(repository.pool())
        .await
        .unwrap();
    assert_eq!((journal.as_str(), synchronous, foreign_keys), ("wal", 2, 1));
    repository
        .add_customer(&"A".parse().unwrap(), &"read".parse().unwrap(), &at(NOW))
        .await
        .unwrap();
}
