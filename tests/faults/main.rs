//! `make test-faults`: every fault that was thought of, through the real Envoy, as a table. With the names of groups as
//! arguments, those only.

mod answer;
mod callers;
mod clock;
mod configuration;
mod http2;
mod http2_callers;
mod lookup;
mod matrix;
mod outage;
mod restart;
mod sandbox;
mod trap;

use anyhow::{Result, bail, ensure};
use latchkey_tests::exit::exit_code;
use latchkey_tests::report::keep;
use matrix::Matrix;
use std::process::ExitCode;

type Group = (&'static str, fn(&mut Matrix));

const GROUPS: [Group; 9] = [
    ("lookup", lookup::run),
    ("caller", callers::run),
    ("http2", http2_callers::run),
    ("configuration", configuration::run),
    ("clock", clock::run),
    ("trap", trap::run),
    ("outage", outage::run),
    ("restart", restart::run),
    ("sandbox", sandbox::run),
];

fn main() -> ExitCode {
    exit_code(run().map(|()| ExitCode::SUCCESS))
}

fn run() -> Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let known = GROUPS.map(|(name, _)| name);
    if let Some(unknown) = wanted.iter().find(|name| !known.contains(&name.as_str())) {
        bail!("there is no group {unknown:?}: expected some of {known:?}");
    }
    let mut matrix = Matrix::default();
    for (name, run) in GROUPS {
        if wanted.is_empty() || wanted.iter().any(|other| other == name) {
            run(&mut matrix);
        }
    }
    keep("faults", &matrix.table())?;
    let (rows, failed) = matrix.count();
    ensure!(
        failed == 0,
        "{failed} of {rows} rows are not as expected: see the lines that begin with FAIL"
    );
    println!("All {rows} rows are as expected.");
    Ok(())
}
