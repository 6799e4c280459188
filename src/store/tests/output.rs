//! Output that nobody reads, cannot be written, or is cut short.

use crate::databases::{Database, on_both_databases};
use latchkey_store::clock::now;
use latchkey_tests::wait::until;
use serde_json::json;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::process::{Output, Stdio};

on_both_databases![
    c11_a_key_that_could_not_be_shown_is_named_to_be_revoked,
    lists_end_quietly_where_nobody_reads_them,
    an_import_goes_on_where_nobody_sees_its_progress,
    an_audit_entry_is_of_when_the_answer_was_given,
];

fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").unwrap()
}

/// The end to write to of a pipe that nobody reads any more.
fn unread() -> Stdio {
    let (_, writer) = std::io::pipe().unwrap();
    writer.into()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

async fn c11_a_key_that_could_not_be_shown_is_named_to_be_revoked(database: Database) {
    database.json(&["customer", "add", "ACME01"]);
    for (count, command) in ["issue", "rotate", "issue"].into_iter().enumerate() {
        let stdout = if count == 0 { unread() } else { full().into() };
        let output = database
            .command(&["key", command, "ACME01"])
            .stdout(stdout)
            .output()
            .unwrap();
        let keys = database.json(&["key", "list", "ACME01"]);
        let keys = keys.as_array().unwrap();
        assert_eq!(keys.len(), count + 1);
        assert_eq!(output.status.code(), Some(1));
        let said = stderr(&output);
        let named = |key: &serde_json::Value| {
            said.contains(&format!("key revoke {}`", key["id"].as_str().unwrap()))
        };
        assert_eq!(keys.iter().filter(|key| named(key)).count(), 1, "{said}");
    }
}

async fn lists_end_quietly_where_nobody_reads_them(database: Database) {
    for arguments in [
        &["customer", "list"][..],
        &["--json", "customer", "list"],
        &["--json", "audit"],
    ] {
        let mut command = database.command(arguments);
        let unread = command.stdout(unread()).output().unwrap();
        assert_eq!((unread.status.code(), &*stderr(&unread)), (Some(0), ""));
    }
    let mut command = database.command(&["--json", "customer", "list"]);
    let output = command.stdout(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let mut command = database.command(&["customer", "show", "NOBODY"]);
    let status = command.stderr(unread()).status().unwrap();
    assert_eq!(status.code(), Some(3));
}

async fn an_import_goes_on_where_nobody_sees_its_progress(database: Database) {
    let path = database.folder.path().join("in.csv");
    let rows: String = (0..3000).map(|number| format!("C{number}\n")).collect();
    fs::write(&path, format!("client_id\n{rows}")).unwrap();
    let mut command = database.command(&["customer", "import", path.to_str().unwrap()]);
    let status = command
        .stdout(Stdio::null())
        .stderr(unread())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
    database.json(&["customer", "show", "C2999"]);
}

async fn an_audit_entry_is_of_when_the_answer_was_given(database: Database) {
    database.json(&["customer", "add", "ACME01"]);
    let mut child = database.at_a_terminal("customer disable ACME01");
    let mut question = Vec::new();
    let mut screen = BufReader::new(child.stdout.take().unwrap());
    screen.read_until(b']', &mut question).unwrap();
    assert!(question.ends_with(b"[y/N]"), "{}", question.escape_ascii());
    let asked = now();
    until("a second has gone by", || now() > asked);
    let answered = now();
    let mut answer = child.stdin.take().unwrap();
    answer.write_all(b"y\n").unwrap();
    assert!(child.wait().unwrap().success());
    let at = database.json(&["audit"])[0]["at"].as_i64().unwrap();
    assert!(at >= answered, "{at} is before {answered}");
}

#[test]
fn what_is_cut_short_leaves_no_file_that_passes_for_a_whole_one() {
    let database = Database::sqlite();
    let path = |name: &str| database.folder.path().join(name).display().to_string();
    let rows: String = (0..60_000).map(|number| format!("C{number}\n")).collect();
    fs::write(path("in.csv"), format!("client_id\n{rows}")).unwrap();
    let (input, keys, export) = (path("in.csv"), path("keys.csv"), path("out.jsonl"));
    let import = [
        "customer",
        "import",
        &input,
        "--generate-keys",
        "--keys-file",
        &keys,
    ];
    let cut_short = |arguments: &[&str], file: &str| {
        let unfinished = format!("{file}.unfinished");
        let mut child = database
            .command(arguments)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while !fs::exists(&unfinished).unwrap() {
            assert!(child.try_wait().unwrap().is_none(), "it ended before");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!fs::exists(file).unwrap());
        let again = database.run(arguments);
        assert_eq!(again.status.code(), Some(1));
        assert!(
            stderr(&again).contains("was cut short"),
            "{}",
            stderr(&again)
        );
        fs::remove_file(&unfinished).unwrap();
        assert!(database.run(arguments).status.success());
        assert!(fs::exists(file).unwrap() && !fs::exists(&unfinished).unwrap());
    };
    cut_short(&import, &keys);
    assert_eq!(fs::read_to_string(&keys).unwrap().lines().count(), 60_001);
    cut_short(&["customer", "export", &export], &export);
    assert_eq!(fs::read_to_string(&export).unwrap().lines().count(), 60_000);
}

#[test]
fn a_key_id_that_looks_like_an_option_is_printed_to_be_revoked() {
    let database = Database::sqlite();
    let path = database.folder.path().join("in.jsonl");
    let hash = format!("sha256:{}", "0".repeat(64));
    let key = json!({"id": "--yes", "hash": hash, "expires_at": null});
    fs::write(
        &path,
        json!({"client_id": "ACME01", "keys": [key]}).to_string(),
    )
    .unwrap();
    database.json(&["customer", "import", path.to_str().unwrap()]);
    let rotated = database.run(&["key", "rotate", "ACME01"]);
    let said = String::from_utf8(rotated.stdout).unwrap();
    assert!(said.contains("key revoke -- --yes "), "{said}");
    let revoked = database.json(&["key", "revoke", "--yes", "--", "--yes"]);
    assert_eq!(revoked["id"], "--yes");
}
