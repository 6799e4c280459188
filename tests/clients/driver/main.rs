//! Standard OAuth clients, unmodified, against the whole system (C15).
//!
//! Each file in `tests/clients` is a small program as a customer would write it: it reads the products each time Enter
//! is pressed. The tests press Enter, and watch the client in Envoy's access log and at the upstream.
//! `CLIENT=name` runs one. When all have passed, the table in `docs/clients.md` says so.

mod catalog;
mod checks;
mod page;
mod program;
mod site;
mod table;
mod versions;

use anyhow::{Result, bail};
use catalog::{CLIENTS, Client};
use latchkey_tests::exit::exit_code;
use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::{env, iter};
use table::Row;

/// Clients at work at the same time; most of their time is spent waiting for a token to expire.
const AT_ONCE: usize = 6;

fn main() -> ExitCode {
    exit_code(run())
}

fn run() -> Result<ExitCode> {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let rows = Arc::new(Mutex::new(Vec::new()));
    let trials = chosen()?.into_iter().map(|client| trial(client, &rows));
    let page = Trial::test("every_client_is_in_the_documentation_as_it_is_here", || {
        page::check_clients().map_err(|error| Failed::from(format!("{error:#}")))
    });
    let conclusion = libtest_mimic::run(&arguments, trials.chain(iter::once(page)).collect());

    let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
    rows.sort_by_key(|row: &Row| row.position);
    if !rows.is_empty() {
        println!("{}", table::render(&rows));
    }
    if !conclusion.has_failed() && rows.len() == CLIENTS.len() {
        page::write_table(&rows)?;
    }
    Ok(conclusion.exit_code())
}

fn trial(client: &'static Client, rows: &Arc<Mutex<Vec<Row>>>) -> Trial {
    let rows = Arc::clone(rows);
    Trial::test(format!("c15_{}", client.name), move || {
        let row = checks::check(client).map_err(|error| Failed::from(format!("{error:#}")))?;
        rows.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(row);
        Ok(())
    })
}

/// The client that `CLIENT` names, or all.
fn chosen() -> Result<Vec<&'static Client>> {
    let Some(name) = env::var("CLIENT").ok().filter(|name| !name.is_empty()) else {
        return Ok(CLIENTS.iter().collect());
    };
    match CLIENTS.iter().find(|client| client.name == name) {
        Some(client) => Ok(vec![client]),
        None => {
            let names: Vec<&str> = CLIENTS.iter().map(|client| client.name).collect();
            bail!("CLIENT is '{name}', expected one of: {}", names.join(", "))
        }
    }
}
