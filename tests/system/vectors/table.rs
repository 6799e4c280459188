//! The table in docs/verification.md: the filter and `jwt_authn` side by side, from this very run.

use latchkey_tests::docs::assert_generated;
use latchkey_tests::{Exchange, Response};

use crate::paths::{FILE, ask};
use crate::tokens::RUN;

#[test]
fn the_documented_table_is_what_this_run_shows() {
    let (mut table, mut differing, mut total) = (String::new(), 0, 0);
    for (file, results) in &RUN.files {
        table += &format!(
            "\n#### {}: {}\n\n| example | Latchkey | `jwt_authn` | |\n|---|---|---|---|\n",
            file.rule, file.title
        );
        for (vector, results) in file.vectors.iter().zip(results) {
            let accepted = vector.is_accepted();
            let differs = accepted != (results.native.status == 200);
            let name = match vector.configuration.as_str() {
                "single" => vector.name.clone(),
                configuration => format!("{} (`{configuration}`)", vector.name),
            };
            let ours = if accepted {
                "accepted".to_owned()
            } else {
                format!("`{}`", vector.expect)
            };
            let mark = if differs { "differs" } else { "" };
            table += &format!(
                "| {name} | {ours} | {} | {mark} |\n",
                native(&results.native)
            );
            total += 1;
            differing += usize::from(differs);
        }
    }
    let summary = format!("Of {total} examples the two decide {differing} differently.\n");
    assert_generated("verification.md", "examples", &(summary + &table));
}

fn native(response: &Response) -> String {
    match response.status {
        200 => "accepted".to_owned(),
        _ => response.text().replace('|', "\\|"),
    }
}

#[test]
fn the_documented_table_of_paths_is_what_this_run_shows() {
    let listeners = [
        "ours-paths",
        "native-paths",
        "ours-normalised",
        "native-normalised",
    ];
    let mut table = String::from(
        "| request | Latchkey | `jwt_authn` | Latchkey, normalised | `jwt_authn`, normalised | |\n|---|---|---|---|---|---|\n",
    );
    let (mut opened, mut differing) = (0, 0);
    for vector in &FILE.vectors {
        let cells = listeners.map(|listener| anonymous(&ask(listener, vector, None)));
        let differs = cells[0] != cells[1] || cells[2] != cells[3];
        opened += usize::from(cells[0] != "passes" && cells[1] == "passes");
        differing += usize::from(differs);
        let mark = if differs { "differs" } else { "" };
        let request = format!("`{} {}`", vector.method, vector.target);
        table += &format!("| {request} | {} | {mark} |\n", cells.join(" | "));
    }
    let total = FILE.vectors.len();
    let summary = format!(
        "Of {total} requests without a token, {differing} are decided differently; where paths come as they are, `jwt_authn` lets {opened} through that Latchkey stops.\n\n"
    );
    assert_generated("verification.md", "paths", &(summary + &table));
}

/// What becomes of a request without a token.
fn anonymous(exchange: &Exchange) -> &'static str {
    match (&exchange.upstream[..], exchange.response.status) {
        ([_], 200) => "passes",
        ([], 401) => "needs a token",
        ([], 400 | 404) => "refused by Envoy",
        other => panic!("{other:?}"),
    }
}
