//! Files that only their owner may read.

use anyhow::{Context, Result};
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The secret in the file `path`; a new random one of 256 bits where there is none yet.
pub(crate) fn kept_in(path: &Path) -> Result<String> {
    match fs::read_to_string(path) {
        Ok(secret) => Ok(secret),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let mut bytes = [0; 32];
            getrandom::fill(&mut bytes).context("the system has no random bytes")?;
            let secret: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            write(path, &secret)?;
            Ok(secret)
        }
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}

/// Writes a file that has never been readable for anyone else, not even while it is written.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    let new = path.with_extension("new");
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(text.as_bytes())?;
        fs::rename(&new, path)
    };
    write().with_context(|| format!("writing {}", path.display()))
}
