//! Files that may be standard input.

use super::Error;
use std::io::Read;
use std::path::Path;
use std::{fs, io};

/// The bytes of a file, or of standard input where its name is `-`.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    fs::read(path).map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })
}
