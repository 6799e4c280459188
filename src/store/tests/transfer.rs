//! Import and export.

use crate::databases::{Database, NOW, on_both_databases};
use latchkey_core::lookup::KeyHash;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;

const HASH: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

on_both_databases![
    what_is_exported_imports_the_same_in_either_format,
    a_wrong_line_is_named_and_nothing_is_imported,
    a_byte_order_mark_is_no_part_of_either_format,
    who_is_there_already_is_named_by_line_and_nothing_is_imported,
    generated_keys_are_written_once_for_their_owner_and_work,
    an_import_is_in_the_audit_table,
    a_long_import_shows_progress,
    c10_no_more_keys_are_issued_than_a_reply_has_room_for,
];

/// Writes a file beside the database and gives its name.
fn file(database: &Database, name: &str, text: &str) -> String {
    let path = database.folder.path().join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// The exit code, and what is said on standard error.
fn import(database: &Database, arguments: &[&str]) -> (i32, String) {
    let output = database.run(&[&["customer", "import"], arguments].concat());
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

async fn what_is_exported_imports_the_same_in_either_format(database: Database) {
    let hmac = HASH.replace("sha256:", "hmac-sha256:");
    let accounts = [
        json!({"client_id": "ACME01", "enabled": true, "scope": "read write", "created_at": NOW - 9, "keys": [
            {"id": "k_1", "hash": HASH, "prefix": "lk_abcd", "created_at": NOW - 8, "expires_at": NOW, "revoked_at": null},
            {"id": "k_2", "hash": hmac, "created_at": NOW - 7, "expires_at": null, "revoked_at": 1_700_000_000},
        ]}),
        json!({"client_id": "BOLT02", "enabled": false, "scope": "read", "created_at": NOW, "keys": []}),
    ];
    let text: String = accounts
        .iter()
        .map(|account| format!("{account}\n"))
        .collect();
    assert_eq!(
        database.json(&["customer", "import", &file(&database, "in.jsonl", &text)]),
        json!({"customers": 2, "keys": 2})
    );

    for format in ["jsonl", "csv"] {
        let path = database.folder.path().join(format!("out.{format}"));
        let name = path.display().to_string();
        assert_eq!(
            database.json(&["customer", "export", &name]),
            json!({"customers": 2})
        );
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(
            database.run(&["customer", "export", &name]).status.code(),
            Some(1),
            "written over"
        );

        let other = Database::sqlite();
        other.json(&["customer", "import", &name]);
        let again = database
            .folder
            .path()
            .join(format!("again.{format}.jsonl"))
            .display()
            .to_string();
        other.json(&["customer", "export", &again]);
        let read: Vec<Value> = fs::read_to_string(&again)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(read, accounts, "{format}");
    }
}

async fn a_wrong_line_is_named_and_nothing_is_imported(database: Database) {
    let long = "x".repeat(1024 * 1024 + 1);
    let jsonl = |line: &str| ("jsonl", format!("{{\"client_id\":\"ACME01\"}}\n\n{line}\n"));
    let csv = |line: &str| {
        (
            "csv",
            format!("client_id,scope,hash,expires_at\nACME01,read,,\n{line}\n"),
        )
    };
    let key = |key: &str| format!("{{\"client_id\":\"B\",\"keys\":[{key}]}}");
    let cases = [
        (
            jsonl("{\"client_id\":\"B\""),
            "line 3: EOF while parsing an object, at byte 16;",
        ),
        (jsonl("{\"client_id\":\"B 2\"}"), "is not a Customer Code"),
        (
            jsonl("{\"client_id\":\"B\",\"scope\":\"\"}"),
            "is not a scope",
        ),
        (
            jsonl("{\"client_id\":\"B\",\"skope\":\"read\"}"),
            "unknown field `skope`",
        ),
        (
            jsonl(&key(&format!("{{\"hash\":\"{HASH}\"}}"))),
            "missing field `expires_at`",
        ),
        (
            jsonl(&key("{\"hash\":\"lk_secret\",\"expires_at\":null}")),
            "must be written as tag:value",
        ),
        (
            jsonl(&key("{\"hash\":\"md5:00\",\"expires_at\":null}")),
            "must be tagged sha256:",
        ),
        (
            jsonl(&key(&format!(
                "{{\"id\":\"a b\",\"hash\":\"{HASH}\",\"expires_at\":null}}"
            ))),
            "is not a key id",
        ),
        (
            jsonl(&key(&format!(
                "{{\"hash\":\"{HASH}\",\"expires_at\":1800000000000}}"
            ))),
            "expires_at is 1800000000000",
        ),
        (
            jsonl(&key(&format!(
                "{{\"hash\":\"{HASH}\",\"expires_at\":null,\"revoked_at\":4000000000}}"
            ))),
            "revoked_at is 4000000000, which is in the future",
        ),
        (jsonl(&long), "longer than 1 MiB"),
        (
            csv("B,read,sha256:00,2027-01-01"),
            "exactly 64 hexadecimal digits",
        ),
        (csv(&format!("B,read,{HASH},soon")), "\"soon\" is no time"),
        (
            csv("B,read,,2027-01-01"),
            "expires_at is given without a hash",
        ),
        (csv("B,read"), "fields"),
        (csv(&format!("B,\"read,,\n{long}{long}")), "is not closed"),
        (
            csv(&format!("ACME01,write,{HASH},2027-01-01")),
            "differ from the customer's line before",
        ),
    ];
    for ((format, text), message) in cases {
        let (code, said) = import(
            &database,
            &[&file(&database, &format!("in.{format}"), &text)],
        );
        assert_eq!(code, 2, "{said}");
        assert!(
            said.contains("line 3: ") && said.contains(message),
            "{message}: {said}"
        );
        assert!(
            !said.contains("lk_secret") && !said.contains(&HASH[10..]),
            "{said}"
        );
        assert_eq!(database.json(&["customer", "list"]), json!([]));
    }
    let no_end = file(
        &database,
        "in.csv",
        &format!("client_id,hash\nACME01,{HASH}\n"),
    );
    let (code, said) = import(&database, &[&no_end]);
    assert!(
        code == 2 && said.contains("line 2: the column expires_at is missing"),
        "{said}"
    );
    assert_eq!(import(&database, &[&file(&database, "in.txt", "")]).0, 2);
}

async fn a_byte_order_mark_is_no_part_of_either_format(database: Database) {
    for (name, text) in [
        ("in.csv", "\u{feff}client_id\r\nACME01\r\n"),
        ("in.jsonl", "\u{feff}{\"client_id\":\"BOLT02\"}\r\n"),
    ] {
        assert_eq!(import(&database, &[&file(&database, name, text)]).0, 0);
    }
    let late = "{\"client_id\":\"CORE03\"}\n\u{feff}{\"client_id\":\"DELTA4\"}\n";
    let (code, said) = import(&database, &[&file(&database, "in.jsonl", late)]);
    assert!(code == 2 && said.contains("line 2: "), "{said}");
}

async fn who_is_there_already_is_named_by_line_and_nothing_is_imported(database: Database) {
    database.json(&["customer", "add", "M"]);
    let many = |last: &str| {
        (0..700)
            .map(|n| format!("{{\"client_id\":\"C{n}\"}}\n"))
            .collect::<String>()
            + last
    };
    let key = format!("{{\"id\":\"k_1\",\"hash\":\"{HASH}\",\"expires_at\":null}}");
    let twice = format!(
        "{{\"client_id\":\"A\",\"keys\":[{key}]}}\n{{\"client_id\":\"B\",\"keys\":[{key}]}}\n"
    );
    for (text, line, message) in [
        (
            many("{\"client_id\":\"M\"}\n"),
            701,
            "customer M is there already",
        ),
        (
            many("{\"client_id\":\"C3\"}\n"),
            701,
            "customer C3 is there already",
        ),
        (
            "{\"client_id\":\"A\"}\n{\"client_id\":\"A\"}\n".to_owned(),
            2,
            "customer A is there already",
        ),
        (twice, 2, "key k_1 is there already"),
    ] {
        let (code, said) = import(&database, &[&file(&database, "in.jsonl", &text)]);
        assert_eq!(code, 4, "{said}");
        assert!(said.contains(&format!("line {line}: {message}")), "{said}");
        assert_eq!(
            database
                .json(&["customer", "list"])
                .as_array()
                .unwrap()
                .len(),
            1
        );
    }
}

async fn generated_keys_are_written_once_for_their_owner_and_work(database: Database) {
    let keys = database.folder.path().join("keys.csv");
    let name = keys.display().to_string();
    let generate = |text: &str| {
        let input = file(&database, "in.csv", text);
        import(
            &database,
            &[
                &input,
                "--generate-keys",
                "--keys-file",
                &name,
                "--expires-in",
                "30d",
            ],
        )
    };
    // What fails leaves no file of keys that open nothing.
    assert_eq!(generate("client_id\nACME01\nACME 02\n").0, 2);
    assert!(!keys.exists());
    assert_eq!(
        generate(&format!("client_id,hash,expires_at\nACME01,{HASH},\n")).0,
        2
    );
    assert!(!keys.exists());

    assert_eq!(generate("client_id\nACME01\nBOLT02\n").0, 0);
    assert_eq!(
        fs::metadata(&keys).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(generate("client_id\nCORE03\n").0, 1, "written over");
    let repository = database.open().await;
    let text = fs::read_to_string(&keys).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("client_id,client_secret,key_id,expires"));
    for line in lines.by_ref() {
        let columns: Vec<&str> = line.split(',').collect();
        let found = repository
            .lookup(&columns[0].parse().unwrap())
            .await
            .unwrap()
            .unwrap();
        let [key] = &found.record.keys[..] else {
            panic!("{found:?}")
        };
        assert_eq!(
            (key.id.as_str(), &key.hash),
            (columns[2], &KeyHash::sha256(columns[1].as_bytes()))
        );
    }
    assert_eq!(text.lines().count(), 3);
}

async fn an_import_is_in_the_audit_table(database: Database) {
    let text = format!(
        "{{\"client_id\":\"ACME01\",\"keys\":[{{\"id\":\"k_1\",\"hash\":\"{HASH}\",\"expires_at\":null}}]}}\n"
    );
    database.json(&["customer", "import", &file(&database, "in.jsonl", &text)]);
    let audit = database.json(&["audit"]);
    let entry = &audit[0];
    assert_eq!(
        (&entry["action"], &entry["actor"]),
        (&json!("customer.import"), &json!("tester"))
    );
    assert_eq!(
        entry["after"],
        json!({"scope": "read", "enabled": true, "keys": ["k_1"]})
    );
    assert!(!audit.to_string().contains(&HASH[10..]));
}

async fn a_long_import_shows_progress(database: Database) {
    let text: String = (0..6000)
        .map(|number| format!("{{\"client_id\":\"C{number}\"}}\n"))
        .collect();
    let (code, said) = import(&database, &[&file(&database, "in.jsonl", &text)]);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("importing 10 %\n") && said.contains("importing 100 %\n"),
        "{said}"
    );
    assert_eq!(
        database
            .json(&["customer", "list"])
            .as_array()
            .unwrap()
            .len(),
        6000
    );
}

async fn c10_no_more_keys_are_issued_than_a_reply_has_room_for(database: Database) {
    let key = |number: usize, end: &str| {
        format!(
            "{{\"id\":\"{number:k>64}\",\"hash\":\"hmac-{HASH}\",\"expires_at\":{end},\"revoked_at\":null}}"
        )
    };
    let ended: Vec<String> = (0..300).map(|number| key(number, "1000000000")).collect();
    let working: Vec<String> = (300..400).map(|number| key(number, "4000000000")).collect();
    let line = |keys: &[String]| {
        format!(
            "{{\"client_id\":\"ACME01\",\"keys\":[{}]}}\n",
            keys.join(",")
        )
    };
    let too_many = [&working[..], &[key(400, "null")]].concat();
    let (code, said) = import(&database, &[&file(&database, "in.jsonl", &line(&too_many))]);
    assert!(code == 2 && said.contains("101 working keys"), "{said}");

    database.json(&[
        "customer",
        "import",
        &file(&database, "in.jsonl", &line(&[ended, working].concat())),
    ]);
    let refused = database.run(&["key", "issue", "ACME01"]);
    assert_eq!(refused.status.code(), Some(4));

    let record = database
        .open()
        .await
        .lookup(&"ACME01".parse().unwrap())
        .await
        .unwrap()
        .unwrap()
        .record;
    let reply = serde_json::to_vec(&record).unwrap();
    assert!(
        reply.len() <= latchkey_core::lookup::reply::MAX_REPLY,
        "{}",
        reply.len()
    );
    let still_working = record
        .keys
        .iter()
        .filter(|key| key.expires_at == Some(4_000_000_000))
        .count();
    assert_eq!(still_working, 100);
}
