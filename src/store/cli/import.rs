//! `latchkey-store customer import`

use super::issue::Ends;
use super::keys_file::KeysFile;
use super::progress::Progress;
use super::{Context, Error};
use crate::api_key::KeyId;
use crate::repository;
use crate::transfer::{Account, CsvReader, Format, JsonlReader, Line, RawAccount, Refusal};
use clap::Args;
use serde::Serialize;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

/// Accounts that go to the database together.
const BATCH: usize = 500;

#[derive(Args)]
pub(super) struct Import {
    /// A table (.csv) with one row for each key, or one JSON object a line (.jsonl)
    file: PathBuf,
    /// Make a new API Key for every customer in the file, which then holds none
    #[arg(long, requires = "keys_file")]
    generate_keys: bool,
    /// Where to write the new API Keys, as CSV; a new file, readable for its owner alone
    #[arg(long, value_name = "FILE", requires = "generate_keys")]
    keys_file: Option<PathBuf>,
    #[command(flatten)]
    ends: Ends,
}

#[derive(Default, Serialize)]
struct Imported {
    customers: usize,
    keys: usize,
}

type Accounts = Box<dyn Iterator<Item = Result<Line<RawAccount>, Line<Refusal>>>>;

impl Import {
    /// All of the file, or nothing of it.
    pub(super) async fn run(&self, context: &Context) -> Result<(), Error> {
        let (accounts, mut progress) = self.open()?;
        let mut keys_file = match &self.keys_file {
            Some(path) => Some(KeysFile::create(path)?),
            None => None,
        };
        let stamp = context.stamp();
        let mut import = context.repository.import(&stamp).await?;
        let mut imported = Imported::default();
        let mut batch = Vec::with_capacity(BATCH);
        for line in accounts {
            let line = self.resolve(line, keys_file.as_mut(), stamp.at)?;
            batch.push(line);
            if batch.len() == BATCH {
                self.add(&mut batch, &mut import, &mut imported).await?;
                progress.show();
            }
        }
        self.add(&mut batch, &mut import, &mut imported).await?;
        progress.end();
        // The keys are on the disk before the customers are in the database, and go again if those do not get there.
        if let Some(file) = &mut keys_file {
            file.sync()?;
        }
        import.commit().await?;
        if let Some(file) = keys_file {
            file.keep()?;
        }
        context.output.print(&imported, || {
            format!(
                "Imported {} customers with {} keys.",
                imported.customers, imported.keys
            )
        })
    }

    fn open(&self) -> Result<(Accounts, Progress), Error> {
        let format = Format::of(&self.file).ok_or_else(|| Error::FileName(self.file.clone()))?;
        let unusable = |source| Error::File {
            path: self.file.clone(),
            source,
        };
        let file = File::open(&self.file).map_err(unusable)?;
        let progress = Progress::new("importing", file.metadata().map_err(unusable)?.len());
        let input = BufReader::new(progress.bar.wrap_read(file));
        let accounts: Accounts = match format {
            Format::Csv => Box::new(CsvReader::new(input)),
            Format::Jsonl => Box::new(JsonlReader::new(input)),
        };
        Ok((accounts, progress))
    }

    fn resolve(
        &self,
        line: Result<Line<RawAccount>, Line<Refusal>>,
        keys_file: Option<&mut KeysFile>,
        now: i64,
    ) -> Result<Line<Account>, Error> {
        let refuse = |line, refusal| Error::Line {
            path: self.file.clone(),
            line,
            refusal,
        };
        let Line { number, value } = line.map_err(|line| refuse(line.number, line.value))?;
        let mut value = value
            .resolve(now, KeyId::generate)
            .map_err(|refusal| refuse(number, refusal))?;
        if let Some(keys_file) = keys_file {
            if !value.keys.is_empty() {
                return Err(refuse(number, Refusal::HasKeys));
            }
            value
                .keys
                .push(keys_file.issue(&value.code, now, self.ends.resolve(now)?)?);
        }
        Ok(Line { number, value })
    }

    /// Sends a batch to the database, and tells the line of an account that is there already.
    async fn add(
        &self,
        batch: &mut Vec<Line<Account>>,
        import: &mut repository::Import,
        imported: &mut Imported,
    ) -> Result<(), Error> {
        let (numbers, accounts): (Vec<u64>, Vec<Account>) = batch
            .drain(..)
            .map(|line| (line.number, line.value))
            .unzip();
        let added = import.add(&accounts).await;
        added.map_err(|error| {
            use repository::Error::{CustomerExists, KeyExists};
            let culprit = |account: &Account| match &error {
                CustomerExists(code) | KeyExists { customer: code, .. } => account.code == *code,
                _ => false,
            };
            // Of two lines with one code, the later is too many.
            match accounts.iter().rposition(culprit) {
                Some(index) => Error::Taken {
                    path: self.file.clone(),
                    line: numbers[index],
                    error,
                },
                None => error.into(),
            }
        })?;
        imported.customers += accounts.len();
        imported.keys += accounts
            .iter()
            .map(|account| account.keys.len())
            .sum::<usize>();
        Ok(())
    }
}
