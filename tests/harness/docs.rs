//! Parts of the documentation that are made from what runs, so that they cannot say anything else.

use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::files::checkout;

/// Set to write what is made into the pages, in place of comparing.
const WRITE: &str = "LATCHKEY_WRITE_DOCS";

/// The text of a page of `docs/`.
#[track_caller]
pub fn page(name: &str) -> String {
    let path = path(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

/// Compares a generated part of a page with what it should be; fails the test where they differ.
///
/// The part stands between `<!-- generated: NAME -->` and `<!-- end: NAME -->`.
#[track_caller]
pub fn assert_generated(page: &str, name: &str, text: &str) {
    let path = path(page);
    let whole = self::page(page);
    let (begin, end) = (
        format!("<!-- generated: {name} -->\n"),
        format!("<!-- end: {name} -->"),
    );
    let parts = whole
        .split_once(&begin)
        .and_then(|(before, rest)| Some((before, rest.split_once(&end)?)));
    let (before, (_, after)) =
        parts.unwrap_or_else(|| panic!("docs/{page} has no generated part {name}"));
    assert_file(&path, &[before, &begin, text, &end, after].concat());
}

/// Compares a file that is made, in whole or in part, with what it should be; fails the test where they differ.
#[track_caller]
pub fn assert_file(path: &Path, text: &str) {
    let written = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    if written == text {
        return;
    }
    if env::var_os(WRITE).is_some() {
        fs::write(path, text).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        return;
    }
    let differing = |(one, other): &(&str, &str)| one != other;
    let line = written.lines().zip(text.lines()).find(differing);
    let name = path.strip_prefix(checkout()).unwrap_or(path).display();
    panic!(
        "{name} is not what this run shows (first difference: {line:?}). Run the test once more with {WRITE}=1 and look at \
         what git diff says"
    );
}

fn path(page: &str) -> PathBuf {
    checkout().join("docs").join(page)
}
