//! Every promise of SECURITY.md names tests, and there they are.

use latchkey_tests::files::{checkout, files_below};
use regex::Regex;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn every_promise_names_tests_that_are_there_and_run() {
    let page = fs::read_to_string(checkout().join("SECURITY.md")).unwrap();
    let (_, table) = page
        .split_once("| promise | how | held by |\n")
        .expect("the table of promises");
    let rows: Vec<&str> = table
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .collect();
    assert!(!rows.is_empty());

    let mut there = BTreeSet::new();
    for folder in ["src", "tests"] {
        collect(&checkout().join(folder), &mut there);
    }
    for row in rows {
        let held_by = row
            .trim_end_matches(" |")
            .rsplit(" | ")
            .next()
            .unwrap_or_default();
        let names: Vec<&str> = held_by
            .split(", ")
            .map(|name| name.trim_matches('`'))
            .collect();
        assert!(names.iter().all(|name| name.len() > 9), "{row}");
        for name in names {
            assert!(
                there.contains(name),
                "SECURITY.md names a test that is not there, or does not run: {name}"
            );
        }
    }
}

/// The names of all tests below a folder, but for those that are only run when asked for.
fn collect(folder: &Path, names: &mut BTreeSet<String>) {
    // Attributes stand between `#[test]` and the function, and only those of tests that run are passed over here.
    let test = Regex::new(r"#\[(?:tokio::)?test[^\]]*\]\s+(?:async )?fn (\w+)\(").unwrap();
    // Those of the store are listed to be run on every database.
    let listed = Regex::new(r"(?m)^    (\w+),$").unwrap();
    for path in files_below(folder, ".rs") {
        let text = fs::read_to_string(&path).unwrap();
        names.extend(test.captures_iter(&text).map(|found| found[1].to_owned()));
        let listed = listed.captures_iter(&text).map(|found| found[1].to_owned());
        names.extend(listed.filter(|name| text.contains(&format!("\nasync fn {name}("))));
    }
}
