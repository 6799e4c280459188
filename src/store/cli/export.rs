//! `latchkey-store customer export`

use super::new_file::NewFile;
use super::progress::Progress;
use super::{Context, Error};
use crate::transfer::{CsvWriter, Format, JsonlWriter, RawAccount};
use clap::Args;
use serde_json::json;
use std::fs;
use std::io::{self, BufWriter};
use std::path::PathBuf;

const PAGE: i64 = 1000;

#[derive(Args)]
pub(super) struct Export {
    /// A new file, .csv or .jsonl, readable for its owner alone. It holds the keys' hashes
    file: PathBuf,
}

enum Writer {
    Csv(Box<CsvWriter<BufWriter<fs::File>>>),
    Jsonl(JsonlWriter<BufWriter<fs::File>>),
}

impl Export {
    /// All customers with all keys, as they are at this moment.
    pub(super) async fn run(&self, context: &Context) -> Result<(), Error> {
        let format = Format::of(&self.file).ok_or_else(|| Error::FileName(self.file.clone()))?;
        let (file, output) = NewFile::create(&self.file)?;
        let output = BufWriter::new(output);
        let mut writer = match format {
            Format::Csv => Writer::Csv(Box::new(CsvWriter::new(output))),
            Format::Jsonl => Writer::Jsonl(JsonlWriter::new(output)),
        };
        let count = self.write(&mut writer, context).await?;
        writer.end().map_err(|source| self.unusable(source))?;
        file.keep()?;
        context.output.print(&json!({ "customers": count }), || {
            format!("Exported {count} customers to {}.", self.file.display())
        })
    }

    async fn write(&self, writer: &mut Writer, context: &Context) -> Result<usize, Error> {
        let total = context.repository.count_customers().await?;
        let mut progress = Progress::new("exporting", total.unsigned_abs());
        let mut export = context.repository.export().await?;
        let mut count = 0;
        loop {
            let accounts = export.next(PAGE).await?;
            if accounts.is_empty() {
                progress.end();
                return Ok(count);
            }
            count += accounts.len();
            progress.bar.set_position(count as u64);
            for account in accounts {
                writer
                    .write(&account.into())
                    .map_err(|source| self.unusable(source))?;
            }
            progress.show();
        }
    }

    fn unusable(&self, source: io::Error) -> Error {
        Error::File {
            path: self.file.clone(),
            source,
        }
    }
}

impl Writer {
    fn write(&mut self, account: &RawAccount) -> io::Result<()> {
        match self {
            Self::Csv(writer) => writer.write(account),
            Self::Jsonl(writer) => writer.write(account),
        }
    }

    /// Returns when all is on the disk.
    fn end(self) -> io::Result<()> {
        let output = match self {
            Self::Csv(writer) => writer.end()?,
            Self::Jsonl(writer) => writer.end()?,
        };
        output
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?
            .sync_all()
    }
}
