//! docs/dependencies.md lists what the module is built from; the lock file of the fuzz targets is in step with ours.

use latchkey_tests::capabilities::Interface;
use latchkey_tests::docs::page;
use latchkey_tests::files::{self, checkout};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

#[test]
fn every_crate_in_the_module_has_its_reason_and_no_other_is_listed() {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--package",
            "latchkey",
            "--target",
            "wasm32-wasip1",
            "--edges",
            "normal",
        ])
        .args([
            "--prefix",
            "none",
            "--format",
            "{p}",
            "--locked",
            "--offline",
        ])
        .current_dir(checkout())
        .output()
        .unwrap();
    assert!(
        tree.status.success(),
        "{}",
        String::from_utf8_lossy(&tree.stderr)
    );
    let tree = String::from_utf8(tree.stdout).unwrap();
    let built: BTreeSet<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();

    let page = page("dependencies.md");
    let name = Regex::new("`([^`]+)`").unwrap();
    let mut listed = BTreeSet::new();
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split('|').collect();
        assert!(!cells[2].trim().is_empty(), "no reason: {row}");
        for found in name.captures_iter(cells[1]) {
            let name = found.get(1).expect("a name").as_str();
            assert!(listed.insert(name), "{name} is listed twice");
        }
    }
    let missing: Vec<_> = built.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&built).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "docs/dependencies.md has no reason for {missing:?}, and lists {gone:?}, which the module is not built from"
    );
}

#[test]
fn the_module_imports_functions_of_envoy_and_wasi_and_of_nobody_else() {
    let module = fs::read(files::module().unwrap()).unwrap();
    let mut from = BTreeSet::new();
    for (origin, name) in Interface::of(&module).unwrap().imports {
        assert!(origin != "env" || name.starts_with("proxy_"), "{name}");
        from.insert(origin);
    }
    assert_eq!(from, BTreeSet::from(["env", "wasi_snapshot_preview1"]));
}

#[test]
fn the_fuzz_targets_are_built_from_the_very_versions_that_the_core_is() {
    let (ours, theirs) = (versions("Cargo.lock"), versions("tests/fuzz/Cargo.lock"));
    let apart: Vec<String> = theirs
        .iter()
        .filter_map(|(name, versions)| {
            let own = ours.get(name)?;
            (!versions.is_subset(own)).then(|| format!("{name} {versions:?}, here {own:?}"))
        })
        .collect();
    assert!(
        apart.is_empty(),
        "tests/fuzz/Cargo.lock has {}: run `cargo update --manifest-path tests/fuzz/Cargo.toml --package NAME --precise VERSION` for each",
        apart.join("; ")
    );
}

/// The versions of every package of a lock file.
fn versions(lock: &str) -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(checkout().join(lock)).unwrap();
    let package = Regex::new("name = \"([^\"]+)\"\nversion = \"([^\"]+)\"").unwrap();
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for found in package.captures_iter(&text) {
        all.entry(found[1].to_owned())
            .or_default()
            .insert(found[2].to_owned());
    }
    assert!(!all.is_empty(), "{lock} names no package");
    all
}
