//! The table in docs/verification.md: the filter and `jwt_authn` side by side, from this very run.

use latchkey_tests::Response;
use latchkey_tests::docs::assert_generated;

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
