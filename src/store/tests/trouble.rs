//! A database in trouble: each kind is told apart, nothing is half done, and the service recovers by itself.

use crate::databases::{Database, on_both_databases};
use crate::server::Server;
use latchkey_tests::wait::until;
use latchkey_tests::{Postgres, Request};
use sqlx::AssertSqlSafe;
use std::fs;
use std::process::Command;
use tempfile::TempDir;

on_both_databases![
    a_newer_schema_is_refused_with_both_versions,
    a_locked_database_is_an_error_while_lookups_go_on,
    a_read_only_database_is_an_error_while_lookups_go_on,
    a_database_without_the_tables_is_not_ready,
];

impl Database {
    async fn execute(&self, statement: &str) {
        let repository = self.open().await;
        sqlx::query(AssertSqlSafe(statement.to_owned()))
            .execute(repository.pool())
            .await
            .unwrap();
    }

    /// What a command that cannot be carried out says; its exit code is the database's.
    #[track_caller]
    pub(crate) fn trouble(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(6), "{said}");
        said
    }

    fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite:")
    }
}

impl Server {
    fn status(&self, path: &str) -> u16 {
        Request::get(path).send(self.address).unwrap().status
    }

    /// Both lookups and the readiness say that the database cannot be used; the process is alive.
    pub(crate) fn is_in_trouble(&self) -> bool {
        assert_eq!(self.status("/healthz"), 200);
        let metrics = Request::get("/metrics").send(self.address).unwrap().text();
        self.lookup("ACME01") == 503
            && self.status("/readyz") == 503
            && metrics.contains("latchkey_store_database_up 0")
            && !metrics.contains("latchkey_store_keys_expiring{")
    }

    pub(crate) fn is_well(&self) -> bool {
        self.lookup("ACME01") == 200 && self.status("/readyz") == 200
    }
}

async fn a_newer_schema_is_refused_with_both_versions(database: Database) {
    database.json(&["customer", "add", "ACME01"]);
    let known = format!("up to {}", database.json(&["migrate"])["schema_version"]);
    let server = Server::start(&database, &[]);
    database
        .execute(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (999, 'from the future', true, '', 0)",
        )
        .await;
    for command in [
        &["customer", "list"][..],
        &["migrate"],
        &["serve", "--insecure-no-auth"],
    ] {
        let said = database.trouble(command);
        assert!(
            said.contains("schema version 999") && said.contains(&known),
            "{said}"
        );
    }
    assert_eq!(server.status("/readyz"), 503);
}

async fn a_locked_database_is_an_error_while_lookups_go_on(database: Database) {
    database.json(&["customer", "add", "ACME01"]);
    let server = Server::start(&database, &[]);
    let repository = database.open().await;
    let lock = repository.begin().await.unwrap();
    let said = database.trouble(&["customer", "add", "BOLT02"]);
    assert!(said.contains("locked"), "{said}");
    assert!(server.is_well());
    lock.rollback().await.unwrap();
    database.json(&["customer", "add", "BOLT02"]);
}

async fn a_read_only_database_is_an_error_while_lookups_go_on(database: Database) {
    database.json(&["customer", "add", "ACME01"]);
    let read_only = if database.is_sqlite() {
        format!("{}?mode=ro", database.url)
    } else {
        let name = database.url.rsplit('/').next().unwrap();
        database
            .execute(&format!(
                "ALTER DATABASE {name} SET default_transaction_read_only = on"
            ))
            .await;
        database.url.clone()
    };
    let said = database.trouble(&["--database", &read_only, "customer", "add", "BOLT02"]);
    assert!(said.contains("read-only"), "{said}");
    let server = Server::start(&database, &["--database", &read_only]);
    assert!(server.is_well());
}

async fn a_database_without_the_tables_is_not_ready(database: Database) {
    database.json(&["customer", "add", "ACME01"]);
    let server = Server::start(&database, &[]);
    for table in [
        "_sqlx_migrations",
        "audit",
        "lookup_days",
        "api_keys",
        "customers",
    ] {
        let repository = latchkey_store::repository::open(
            &database.url,
            latchkey_store::repository::Missing::IsAnError,
        );
        let repository = repository.await.unwrap();
        sqlx::query(AssertSqlSafe(format!("DROP TABLE {table}")))
            .execute(repository.pool())
            .await
            .unwrap();
    }
    until("the service notices", || server.is_in_trouble());
    assert!(server.process.log().contains("latchkey-store migrate"));
    database.run(&["migrate"]);
    assert_eq!(server.lookup("ACME01"), 404);
    assert_eq!(server.status("/readyz"), 200);
}

#[test]
fn a_database_server_that_never_answers_is_told() {
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "postgres://latchkey@{}/latchkey",
        mute.local_addr().unwrap()
    );
    let database = Database {
        url,
        folder: TempDir::new().unwrap(),
    };
    assert!(
        database
            .trouble(&["customer", "list"])
            .contains("no answer within 10 s")
    );
}

#[test]
fn a_postgresql_server_that_is_gone_is_an_error_and_its_return_is_noticed() {
    let postgres = Postgres::start().unwrap();
    let database = Database {
        url: postgres.database().unwrap(),
        ..Database::sqlite()
    };
    database.json(&["customer", "add", "ACME01"]);
    let server = Server::start(&database, &[]);
    assert!(server.is_well());
    postgres.stop();
    // The server's own processes find out one after the other.
    until("the service notices", || server.is_in_trouble());
    let said = database.trouble(&["customer", "list"]);
    assert!(said.contains("cannot be reached"), "{said}");
    postgres.restart().unwrap();
    until("the service has recovered", || server.is_well());
}

#[tokio::test]
async fn d9_a_lookup_that_the_database_keeps_waiting_is_given_up() {
    let database = Database::postgres();
    database.json(&["customer", "add", "ACME01"]);
    let server = Server::start(&database, &[]);
    assert!(server.is_well());
    let repository = database.open().await;
    let mut lock = repository.begin().await.unwrap();
    sqlx::query("LOCK TABLE api_keys IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *lock)
        .await
        .unwrap();
    assert_eq!(server.lookup("ACME01"), 503);
    lock.rollback().await.unwrap();
    until("lookups are answered again", || {
        server.lookup("ACME01") == 200
    });
}

#[tokio::test]
async fn a_full_disk_under_postgresql_is_told() {
    let database = Database::postgres();
    database.json(&["customer", "add", "ACME01"]);
    // The server's own words for it, without filling a disk.
    database
        .execute("CREATE FUNCTION no_space() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = '53100'; END $$ LANGUAGE plpgsql")
        .await;
    database
        .execute("CREATE TRIGGER no_space BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION no_space()")
        .await;
    let said = database.trouble(&["customer", "add", "BOLT02"]);
    assert!(said.contains("full"), "{said}");
    assert_eq!(
        database
            .json(&["customer", "list"])
            .as_array()
            .unwrap()
            .len(),
        1
    );
    database.execute("DROP TRIGGER no_space ON audit").await;
    database.json(&["customer", "add", "BOLT02"]);
}

#[test]
fn a_full_disk_under_sqlite_is_told_and_room_helps() {
    // A file system of 512 KiB, in a mount namespace of its own, which needs no other right than to make one.
    let script = r#"
        mount -t tmpfs -o size=512k none "$FOLDER" || exit 99
        dd if=/dev/zero of="$FOLDER/filler" bs=1k count=128 2>/dev/null
        export LATCHKEY_DATABASE_URL="sqlite:$FOLDER/store.db"
        "$STORE" customer add ACME01 || exit 98
        code=0; number=0
        while [ $code = 0 ] && [ $number -lt 2000 ]; do
            number=$((number + 1))
            "$STORE" key issue ACME01 --json > "$OUT" 2> "$ERRORS"; code=$?
            "$STORE" key revoke "$(sed -n 's/.*"id": "\(.*\)",/\1/p' "$OUT")" --yes > /dev/null 2>&1
        done
        echo "code $code"
        rm "$FOLDER/filler"
        "$STORE" key issue ACME01 > /dev/null && echo recovered
    "#;
    let (folder, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let errors = outside.path().join("errors");
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
        .env("FOLDER", folder.path())
        .env("OUT", outside.path().join("out"))
        .env("ERRORS", &errors)
        .env("STORE", env!("CARGO_BIN_EXE_latchkey-store"))
        .output()
        .unwrap();
    let said = fs::read_to_string(&errors).unwrap_or_default();
    if output.status.code() == Some(99) || !output.status.success() && output.stdout.is_empty() {
        eprintln!(
            "skipped: this system gives no mount namespace: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        return;
    }
    let output = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.contains("code 6") && said.contains("full"),
        "{output}{said}"
    );
    assert!(output.contains("recovered"), "{output}");
}
