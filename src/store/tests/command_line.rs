//! The account manager's command line, as it is typed.

use crate::databases::{Database, on_both_databases};
use serde_json::{Value, json};
use std::io::Write;
use std::process::Output;
use std::time::{SystemTime, UNIX_EPOCH};

const DAY: i64 = 86_400;

fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs() as i64
}

fn exit(output: &Output) -> Option<i32> {
    output.status.code()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

on_both_databases![
    c10_a_rotation_from_the_first_key_to_the_revoked_one,
    exit_codes_are_as_documented,
    what_cuts_a_customer_off_is_asked_about_first,
    the_audit_names_the_actor,
    keys_that_end_soon_are_listed_over_all_customers,
    lists_of_nothing_are_empty_arrays,
    the_shell_completes_customer_codes_and_key_ids,
];

async fn c10_a_rotation_from_the_first_key_to_the_revoked_one(database: Database) {
    database.json(&["customer", "add", "ACME01"]);
    let first = database.json(&["key", "issue", "ACME01"]);
    let expires_at = first["expires_at"].as_i64().unwrap();
    assert!((now() + 365 * DAY - 60..=now() + 365 * DAY).contains(&expires_at));

    let second = database.json(&["key", "rotate", "ACME01", "--expires-in", "90d"]);
    assert_ne!(second["key"], first["key"]);
    assert_eq!(second["replaces"][0]["id"], first["id"]);
    assert_eq!(second["replaces"].as_array().unwrap().len(), 1);

    let id = first["id"].as_str().unwrap();
    assert!(database.json(&["key", "revoke", id, "--yes"])["revoked_at"].is_i64());
    let keys = database.json(&["key", "list", "ACME01"]);
    let states: Vec<&Value> = keys
        .as_array()
        .unwrap()
        .iter()
        .map(|key| &key["state"])
        .collect();
    assert!(
        states.contains(&&json!("revoked")) && states.contains(&&json!("active")),
        "{keys}"
    );

    let table = stdout(&database.run(&["key", "list", "ACME01"]));
    assert!(table.starts_with("ID ") && table.contains(id), "{table}");
    for shown in [&first, &second] {
        let secret = shown["key"].as_str().unwrap();
        assert!(!table.contains(secret) && !keys.to_string().contains(secret));
    }
}

async fn exit_codes_are_as_documented(database: Database) {
    let code = |arguments: &[&str]| exit(&database.run(arguments)).unwrap();
    assert_eq!(code(&["customer", "add", "ACME01"]), 0);
    assert_eq!(code(&["customer", "add", "ACME 01"]), 2);
    assert_eq!(
        code(&["customer", "add", "ACME02", "--scope", "read  write"]),
        2
    );
    assert_eq!(code(&["key", "issue", "ACME01", "--expires-in", "0s"]), 2);
    assert_eq!(
        code(&["key", "issue", "ACME01", "--expires-at", "2020-01-01"]),
        2
    );
    assert_eq!(code(&["key", "issue", "ACME01", "--expires-in", "6y"]), 2);
    assert_eq!(
        code(&[
            "key",
            "issue",
            "ACME01",
            "--expires-in",
            "1d",
            "--expires-at",
            "2027-01-01"
        ]),
        2
    );
    assert_eq!(code(&["key", "issue", "NOBODY"]), 3);
    assert_eq!(code(&["key", "revoke", "k_none", "--yes"]), 3);
    assert_eq!(code(&["customer", "show", "NOBODY"]), 3);
    assert_eq!(code(&["customer", "add", "ACME01"]), 4);
    assert_eq!(code(&["customer", "disable", "ACME01"]), 5);
    assert_eq!(
        code(&["--actor", "two\nlines", "customer", "add", "ACME02"]),
        2
    );
    assert_eq!(code(&["--database", "mysql://x", "customer", "list"]), 2);
    assert_eq!(
        code(&[
            "--database",
            "postgres://latchkey@127.0.0.1:1/none",
            "customer",
            "list"
        ]),
        6
    );
}

async fn what_cuts_a_customer_off_is_asked_about_first(database: Database) {
    database.json(&["customer", "add", "ACME01", "--scope", "read write"]);
    let key = database.json(&["key", "issue", "ACME01"])["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let enabled = || database.json(&["customer", "show", "ACME01"])["enabled"] == json!(true);

    for cut in [
        &["customer", "disable", "ACME01"][..],
        &["key", "revoke", &key],
        &["customer", "set-scope", "ACME01", "read"],
    ] {
        let refused = database.run(cut);
        assert_eq!(exit(&refused), Some(5), "{cut:?}");
        assert!(stderr(&refused).contains("--yes"), "{cut:?}");
    }
    assert!(enabled());
    // A wider scope cuts nothing off.
    database.json(&["customer", "set-scope", "ACME01", "read write admin"]);
    database.json(&["customer", "disable", "ACME01", "--yes"]);
    assert!(!enabled());
    database.json(&["customer", "enable", "ACME01"]);
    assert!(enabled());
}

async fn the_audit_names_the_actor(database: Database) {
    database.json(&["customer", "add", "ACME01", "--actor", "Ada Lovelace"]);
    let output = database
        .command(&["--json", "customer", "disable", "ACME01", "--yes"])
        .env_remove("LATCHKEY_ACTOR")
        .output()
        .unwrap();
    assert!(output.status.success());
    let audit = database.json(&["audit", "ACME01"]);
    let actors: Vec<&str> = audit
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["actor"].as_str().unwrap())
        .collect();
    assert_eq!(actors, [&whoami::username().unwrap(), "Ada Lovelace"]);
    let table = stdout(&database.run(&["audit", "--limit", "1"]));
    assert!(
        table.contains("customer.disable") && !table.contains("customer.add"),
        "{table}"
    );
}

async fn keys_that_end_soon_are_listed_over_all_customers(database: Database) {
    for (customer, lifetime) in [("ACME01", "10d"), ("BOLT02", "20d"), ("CORE03", "40d")] {
        database.json(&["customer", "add", customer]);
        database.json(&["key", "issue", customer, "--expires-in", lifetime]);
    }
    let ending = database.json(&["key", "list", "--expiring-within", "30d"]);
    let customers: Vec<&str> = ending
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["client_id"].as_str().unwrap())
        .collect();
    assert_eq!(customers, ["ACME01", "BOLT02"]);
}

async fn lists_of_nothing_are_empty_arrays(database: Database) {
    assert_eq!(database.json(&["customer", "list"]), json!([]));
    assert_eq!(database.json(&["audit"]), json!([]));
    database.json(&["customer", "add", "ACME01"]);
    assert_eq!(database.json(&["key", "list", "ACME01"]), json!([]));
    assert_eq!(
        database
            .json(&["customer", "list"])
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

async fn the_shell_completes_customer_codes_and_key_ids(database: Database) {
    database.json(&["customer", "add", "ACME01"]);
    let id = database.json(&["key", "issue", "ACME01"])["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let complete = |words: &[&str]| {
        let index = (words.len() - 1).to_string();
        let mut command = database.command(&["--"]);
        command
            .args(words)
            .env("COMPLETE", "bash")
            .env("_CLAP_COMPLETE_INDEX", index)
            .env("_CLAP_IFS", "\n");
        stdout(&command.output().unwrap())
    };
    assert_eq!(
        complete(&["latchkey-store", "customer", "disable", "AC"]),
        "ACME01"
    );
    assert_eq!(complete(&["latchkey-store", "key", "revoke", "k_"]), id);
    assert!(complete(&["latchkey-store", "key", "ro"]).contains("rotate"));
}

#[test]
fn an_answer_on_the_terminal_decides() {
    let database = Database::sqlite();
    database.json(&["customer", "add", "ACME01"]);
    let answer = |text: &str| {
        let mut child = database.at_a_terminal("customer disable ACME01");
        child
            .stdin
            .take()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        exit(&child.wait_with_output().unwrap())
    };
    assert_eq!(answer("n\n"), Some(5));
    assert_eq!(answer("\n"), Some(5));
    assert_eq!(
        database.json(&["customer", "show", "ACME01"])["enabled"],
        json!(true)
    );
    assert_eq!(answer("y\n"), Some(0));
    assert_eq!(
        database.json(&["customer", "show", "ACME01"])["enabled"],
        json!(false)
    );
}

#[test]
fn a_completion_makes_no_database() {
    let database = Database::sqlite();
    let mut command = database.command(&["--", "latchkey-store", "customer", "show", "A"]);
    command
        .env("COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", "3")
        .env("_CLAP_IFS", "\n");
    assert!(command.output().unwrap().status.success());
    assert_eq!(
        std::fs::read_dir(database.folder.path()).unwrap().count(),
        0
    );
}

#[test]
fn a_new_sqlite_database_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let database = Database::sqlite();
    let file = database.folder.path().join("deep/er/store.db");
    let url = format!("sqlite:{}", file.display());
    database.json(&["--database", &url, "customer", "list"]);
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(file.parent().unwrap()), 0o700);
}
