//! The one place where many new API Keys are shown at once.

use super::Error;
use crate::api_key::{ApiKey, KeyId};
use crate::clock;
use crate::customer::CustomerCode;
use crate::transfer::AccountKey;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A new file of API Keys, which goes again unless it is kept.
pub(super) struct KeysFile {
    path: PathBuf,
    rows: csv::Writer<File>,
    kept: bool,
}

impl KeysFile {
    pub(super) fn create(path: &Path) -> Result<Self, Error> {
        let file = create(path)?;
        let mut this = Self {
            path: path.to_owned(),
            rows: csv::Writer::from_writer(file),
            kept: false,
        };
        this.write(["client_id", "client_secret", "key_id", "expires"])?;
        Ok(this)
    }

    /// Makes a key and writes it down.
    pub(super) fn issue(
        &mut self,
        code: &CustomerCode,
        now: i64,
        expires_at: i64,
    ) -> Result<AccountKey, Error> {
        let (key, id) = (ApiKey::generate()?, KeyId::generate()?);
        self.write([
            code.as_str(),
            key.reveal(),
            id.as_str(),
            &clock::show(expires_at),
        ])?;
        Ok(AccountKey {
            id,
            prefix: Some(key.prefix().to_owned()),
            hash: key.hash(),
            created_at: now,
            expires_at: Some(expires_at),
            revoked_at: None,
        })
    }

    /// Returns when all that was written is on the disk.
    pub(super) fn sync(&mut self) -> Result<(), Error> {
        let synced = self
            .rows
            .flush()
            .and_then(|()| self.rows.get_ref().sync_all());
        synced.map_err(|source| Error::File {
            path: self.path.clone(),
            source,
        })
    }

    pub(super) fn keep(mut self) {
        self.kept = true;
    }

    fn write(&mut self, row: [&str; 4]) -> Result<(), Error> {
        let written = self.rows.write_record(row).map_err(io::Error::from);
        written.map_err(|source| Error::File {
            path: self.path.clone(),
            source,
        })
    }
}

impl Drop for KeysFile {
    fn drop(&mut self) {
        if !self.kept {
            // Its keys open nothing.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A new file for its owner alone; one that is there is never written over.
pub(super) fn create(path: &Path) -> Result<File, Error> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    file.map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })
}
