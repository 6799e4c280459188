//! What a long run has found, for the commands that write docs/reliability.md.

use crate::files::target_folder;
use anyhow::Result;
use std::fs;

/// Leaves a result in Markdown where tests/toolchain/report.sh is told to look for it: `target/reliability/<name>.table`.
pub fn keep(name: &str, text: &str) -> Result<()> {
    let folder = target_folder().join("reliability");
    fs::create_dir_all(&folder)?;
    Ok(fs::write(folder.join(format!("{name}.table")), text)?)
}

/// Bytes in MiB.
pub fn mebi(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
