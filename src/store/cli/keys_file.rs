//! The one place where many new API Keys are shown at once.

use super::Error;
use super::new_file::NewFile;
use crate::api_key::{ApiKey, KeyId};
use crate::clock;
use crate::customer::CustomerCode;
use crate::transfer::AccountKey;
use std::fs::File;
use std::io;
use std::path::Path;

/// A new file of API Keys.
pub(super) struct KeysFile {
    file: NewFile,
    rows: csv::Writer<File>,
}

impl KeysFile {
    pub(super) fn create(path: &Path) -> Result<Self, Error> {
        let (file, output) = NewFile::create(path)?;
        let mut this = Self {
            file,
            rows: csv::Writer::from_writer(output),
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
        synced.map_err(|source| self.file.unusable(source))
    }

    /// What was written, once its keys work.
    pub(super) fn keep(self) -> Result<(), Error> {
        self.file.keep()
    }

    fn write(&mut self, row: [&str; 4]) -> Result<(), Error> {
        let written = self.rows.write_record(row).map_err(io::Error::from);
        written.map_err(|source| self.file.unusable(source))
    }
}
