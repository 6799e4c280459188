//! `make test-faults`: every fault that was thought of, through the real Envoy, as a table. With the names of groups as
//! arguments, those only.

mod answer;
mod callers;
mod clock;
mod configuration;
mod http2;
mod lookup;
mod matrix;
mod outage;
mod restart;
mod trap;

use anyhow::{Context, Result, bail};
use latchkey_tests::files;
use matrix::Matrix;
use std::fs::{self, File};
use std::io::Write;

const GROUPS: [&str; 7] = [
    "lookup",
    "caller",
    "configuration",
    "clock",
    "trap",
    "load",
    "restart",
];

fn main() -> Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = wanted.iter().find(|name| !GROUPS.contains(&name.as_str())) {
        bail!("there is no group {unknown:?}: expected some of {GROUPS:?}");
    }
    let is_wanted = |group: &str| wanted.is_empty() || wanted.iter().any(|name| name == group);
    let mut matrix = Matrix::default();
    let run = &mut matrix;
    for group in GROUPS.into_iter().filter(|group| is_wanted(group)) {
        match group {
            "lookup" => lookup::run(run),
            "caller" => callers::run(run),
            "configuration" => configuration::run(run),
            "clock" => clock::run(run),
            "trap" => trap::run(run, files::target_folder().join("latchkey-trap.wasm")),
            "load" => outage::run(run),
            _ => restart::run(run),
        }
    }
    let folder = files::target_folder().join("reliability");
    fs::create_dir_all(&folder)?;
    let path = folder.join("faults.table");
    let mut table = File::create(&path).with_context(|| format!("writing {}", path.display()))?;
    matrix.print(&mut table)?;
    table.flush()?;
    println!("\nThe table is in {}.", path.display());
    if !matrix.holds() {
        bail!("not every row is as expected: see the lines that begin with FAIL");
    }
    Ok(())
}
