//! The shell lines of `docs/token-endpoint.md` do what the page says they do (C15).

use latchkey_tests::{Stack, files};
use regex::Regex;
use std::fs;
use std::process::Command;

/// Each block of shell lines with the output that stands below it.
fn examples(page: &str) -> Vec<(&str, &str)> {
    let blocks: Vec<&str> = page.split("```").collect();
    let pairs = blocks.windows(3);
    pairs
        .filter_map(|three| {
            Some((
                three[0].strip_prefix("sh\n")?,
                three[2].strip_prefix("output\n")?,
            ))
        })
        .collect()
}

/// `…` stands for what differs from run to run.
fn matches(expected: &str, printed: &str) -> bool {
    let pattern = regex::escape(expected).replace('…', ".*");
    Regex::new(&format!("^{pattern}$"))
        .unwrap()
        .is_match(printed)
}

#[test]
fn c15_every_example_of_the_page_prints_what_stands_below_it() {
    let page = fs::read_to_string(files::checkout().join("docs/token-endpoint.md")).unwrap();
    let stack = Stack::start();
    let customer = stack.customer();
    let examples = examples(&page);
    assert_eq!(
        examples.len(),
        page.matches("```sh\n").count(),
        "an example has no output"
    );
    assert!(examples.len() >= 4);
    for (shell, expected) in examples {
        let output = Command::new("sh")
            .args(["-euc", shell])
            .env("API", format!("http://{}", stack.envoy.address()))
            .env("CUSTOMER_CODE", &customer.code)
            .env("API_KEY", &customer.key.secret)
            .output()
            .unwrap();
        let printed = String::from_utf8(output.stdout).unwrap().replace('\r', "");
        assert!(
            output.status.success(),
            "{shell}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(
            matches(expected.trim_end(), printed.trim_end()),
            "{shell}prints:\n{printed}\ninstead of:\n{expected}"
        );
    }
}
