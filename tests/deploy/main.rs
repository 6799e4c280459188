//! Everything that an operator copies, checked and run.

mod caller;
mod certificates;
mod compose;
mod compose_script;
mod docs;
mod edge;
mod envoy_gateway;
mod images;
mod istio;
mod kubernetes;
mod manifests;
mod observability;
mod pages;
mod picture;
mod release;
mod validate;
mod walk;

use latchkey_tests::files;
use std::path::PathBuf;
use std::process::Command;

/// A file or folder of `envoy/`.
fn deployed(path: &str) -> PathBuf {
    files::checkout().join("envoy").join(path)
}

/// A program that `make test` has put into target/.
fn tool(path: &str) -> Command {
    Command::new(files::target_folder().join(path))
}

/// What a command prints; fails the test, with all that it said, unless it succeeds.
#[track_caller]
fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| {
        panic!("{command:?} cannot be run ({error}); `make test` installs what tests need")
    });
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?} failed:\n{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

/// Says on the terminal, past the test runner's capture, that something was not checked and why.
fn skipped(what: &str, why: &str) {
    use std::io::Write;
    // A closed terminal is no reason to fail.
    let _ = writeln!(std::io::stderr(), "skipped: {what}: {why}");
}
