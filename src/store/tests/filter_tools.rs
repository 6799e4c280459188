//! `config check`, `config schema` and `token inspect`, as they are typed. They need no database.

use latchkey_tests::vectors::Configurations;
use latchkey_tests::{Bootstrap, SIGNING_KEY, now};
use serde_json::{Value, json};
use std::fs;
use std::process::{Command, Output};
use tempfile::TempDir;

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// The program in this folder, with the secrets of the example in its environment.
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey-store"));
        command
            .current_dir(self.0.path())
            .env("LATCHKEY_SIGNING_KEY", SIGNING_KEY)
            .env("LATCHKEY_LOOKUP_TOKEN", "token")
            .args(arguments);
        command.output().unwrap()
    }

    fn is_empty_but_for(&self, files: usize) -> bool {
        fs::read_dir(self.0.path()).unwrap().count() == files
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn config_check_takes_what_the_examples_have_and_makes_no_database() {
    let files = Files::new();
    for example in ["envoy.yaml", "one-customer.yaml"] {
        let configuration = Bootstrap::parse(example).unwrap().configuration().unwrap();
        let file = files.write("filter.json", configuration.to_string());
        let output = files.run(&["config", "check", &file]);
        assert!(output.status.success(), "{output:?}");
        assert!(text(&output.stdout).contains("the filter takes this configuration"));
    }
    assert!(files.is_empty_but_for(1));
}

#[test]
fn config_check_says_where_a_configuration_is_wrong_and_never_a_secret() {
    let files = Files::new();
    for (text_of_file, found) in [
        ("{", "(top level): found"),
        ("", "(top level): found nothing"),
        (r#"{"issuer": "x", "keys": [], "isuer": 1}"#, "isuer"),
        (
            r#"{"issuer": "x", "keys": []}"#,
            "keys: found an empty list",
        ),
        (
            r#"{"issuer": "x", "keys": [{"alg": "HS256", "secret": {"inline": "tell-nobody"}}]}"#,
            "keys[0].secret: found a secret that is too short, expected at least 32 bytes",
        ),
        (
            r#"{"issuer": "x", "keys": [{"alg": "HS256", "secret": {"env": "LATCHKEY_NOT_SET"}}]}"#,
            "no environment variable \"LATCHKEY_NOT_SET\"",
        ),
    ] {
        let file = files.write("filter.json", text_of_file);
        let output = files.run(&["config", "check", &file]);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains(found) && errors.contains(&file), "{errors}");
        assert!(!errors.contains("tell-nobody"), "{errors}");
    }
    let output = files.run(&["config", "check", "not-there.json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("not-there.json"));
}

#[test]
fn config_check_can_do_without_the_secrets_and_passes_warnings_on() {
    let files = Files::new();
    let unset = json!({"issuer": "x", "keys": [
        {"kid": "a", "alg": "HS512", "secret": {"env": "LATCHKEY_NOT_SET"}},
        {"kid": "b", "alg": "HS512", "secret": {"env": "LATCHKEY_NOT_SET", "encoding": "base64"}},
    ]});
    let file = files.write("filter.json", unset.to_string());
    let output = files.run(&["config", "check", "--assume-secrets", &file]);
    assert!(output.status.success(), "{output:?}");
    let inline =
        json!({"issuer": "x", "keys": [{"alg": "HS256", "secret": {"inline": SIGNING_KEY}}]});
    let file = files.write("filter.json", inline.to_string());
    let output = files.run(&["--json", "config", "check", &file]);
    let warnings = &json(&output)["warnings"];
    assert!(
        warnings[0]
            .as_str()
            .unwrap()
            .starts_with("keys[0].secret.inline"),
        "{warnings}"
    );
    assert!(!text(&output.stdout).contains(SIGNING_KEY));
}

#[test]
fn config_schema_is_a_closed_schema_of_every_field() {
    let schema = json(&Files::new().run(&["config", "schema"]));
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    assert_eq!(schema["additionalProperties"], false);
    let lookup = &schema["properties"]["token_endpoint"]["properties"]["lookup"];
    assert_eq!(
        lookup["properties"]["timeout_ms"]["default"], 500,
        "{lookup}"
    );
}

#[test]
fn token_inspect_says_rule_by_rule_why_a_token_is_refused() {
    let (files, known) = (Files::new(), Configurations::load());
    let configuration = json!({
        "issuer": "https://api.example.com",
        "audience": "https://api.example.com",
        "keys": [{"alg": "HS256", "secret": {"inline": known.secrets["SIGNING"]}}],
        "access": [{"match": {"prefix": "/admin/"}, "require": {"scope": ["admin"]}}],
    });
    let config = files.write("filter.json", configuration.to_string());
    let mut recipe = latchkey_tests::recipe::Recipe::default();
    let good = files.write("good", known.token(&recipe, now()));
    recipe.set.insert("exp".to_owned(), Some("1".to_owned()));
    recipe.key = "STRANGER".to_owned();
    let bad = files.write("bad", [&known.token(&recipe, now())[..], b"\n"].concat());

    let output = files.run(&["token", "inspect", &good, "--config", &config]);
    assert!(output.status.success(), "{output:?}");
    assert!(
        text(&output.stdout).contains("holds        signature"),
        "{output:?}"
    );

    let output = files.run(&["--json", "token", "inspect", &bad, "--config", &config]);
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(json(&output)["refused_as"], "bad_signature");
    let findings = json(&output)["findings"].take();
    let broken = findings
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["state"] == "broken");
    let broken: Vec<&Value> = broken.map(|finding| &finding["reason"]).collect();
    assert_eq!(broken, ["bad_signature", "expired"]);

    let admin = [
        "token", "inspect", &good, "--config", &config, "--path", "/admin/x",
    ];
    let output = files.run(&admin);
    assert_eq!(output.status.code(), Some(7));
    assert!(
        text(&output.stderr).contains("insufficient_scope"),
        "{output:?}"
    );

    let output = files.run(&["token", "inspect", &good]);
    assert!(output.status.success(), "{output:?}");
    assert!(
        text(&output.stdout).contains("not checked  signature"),
        "{output:?}"
    );
    assert!(files.is_empty_but_for(3));
}

#[test]
fn token_inspect_shows_control_characters_of_a_token_as_escapes() {
    let (files, known) = (Files::new(), Configurations::load());
    let recipe = latchkey_tests::recipe::Recipe {
        header: "{\"alg\":\"HS256\",\"x\":\"<hex:1b>[2J\"}".to_owned(),
        ..Default::default()
    };
    let file = files.write("token", known.token(&recipe, now()));
    let output = files.run(&["token", "inspect", &file]);
    assert!(!output.stdout.contains(&0x1b), "{output:?}");
    assert!(text(&output.stdout).contains("\\u{1b}"), "{output:?}");
}
