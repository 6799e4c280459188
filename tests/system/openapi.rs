//! `docs/openapi.yaml` says what the running token endpoint does: schemathesis makes requests of it, good and bad ones, and holds every
//! answer against it (C15).

use latchkey_tests::lookup::{record, reply};
use latchkey_tests::{Behaviour, Lookup, Stack, files};
use serde_json::json;
use std::process::Command;

#[test]
fn c5_d8_every_answer_to_requests_made_from_the_openapi_description_is_as_described() {
    let lookup = Lookup::start().unwrap();
    let address = lookup.address();
    // The documented example opens.
    lookup.on(
        "ACME01",
        Behaviour::Send(reply(
            "200 OK",
            record("ACME01", "YOUR_API_KEY").to_string(),
        )),
    );
    let stack = Stack::setup()
        .configuration(json!({"token_endpoint": {"throttle": {"failures": 20}}}))
        .bootstrap(move |bootstrap| bootstrap.connect_lookup(Some(address)))
        .start();
    let machines = stack.envoy.machines();

    let output = Command::new(files::schemathesis().unwrap())
        .arg("run")
        .arg(files::checkout().join("docs/openapi.yaml"))
        .args(["--url", &format!("http://{}", stack.envoy.address())])
        // The same requests in every run.
        .args(["--seed", "1", "--generation-deterministic"])
        .args([
            "--max-examples",
            "60",
            "--phases",
            "examples,coverage,fuzzing",
        ])
        .args(["--checks", "all", "--mode", "all"])
        .current_dir(&stack.folder)
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    println!("{report}");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );

    let results = stack.envoy.stats();
    let count = |label: &str| -> u64 {
        let prefix = format!("wasmcustom.latchkey_token_requests_total_{label}");
        results
            .iter()
            .filter(|(name, _)| name.starts_with(&prefix))
            .map(|(_, count)| count)
            .sum()
    };
    assert!(count("result=issued") > 0, "no request was a good one");
    assert!(
        count("result=refused") > 50,
        "too few requests were bad ones"
    );
    assert_eq!(count("result=error"), 0);
    assert_eq!(stack.envoy.machines(), machines);
}
