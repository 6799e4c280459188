//! A table with one row for each key, the rows of a customer one after the other; a customer without keys has one row
//! whose key is empty.

use super::{Line, RawAccount, RawKey, Refusal};
use crate::expiry;
use csv::StringRecord;
use latchkey_core::lookup::KeyHash;
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    client_id: String,
    #[serde(default)]
    enabled: Option<bool>,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    created_at: Option<String>,
    #[serde(default)]
    key_id: Option<String>,
    #[serde(default)]
    hash: Option<String>,
    #[serde(default)]
    prefix: Option<String>,
    #[serde(default)]
    key_created_at: Option<String>,
    #[serde(default)]
    expires_at: Option<String>,
    #[serde(default)]
    revoked_at: Option<String>,
}

/// Longer than any row that is written here. A quotation mark that is never closed makes the rest of a file one row.
const ROW_MAX: usize = 1024 * 1024;

pub struct CsvReader<R: Read> {
    rows: csv::Reader<Bounded<R>>,
    headers: Option<StringRecord>,
    /// The row after the account that was returned last.
    ahead: Option<Line<RawAccount>>,
}

/// What may be read until the next row begins.
struct Bounded<R> {
    input: R,
    left: usize,
}

pub struct CsvWriter<W: Write>(csv::Writer<W>);

impl<R: Read> CsvReader<R> {
    pub fn new(input: R) -> Self {
        let rows = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_reader(Bounded {
                input,
                left: ROW_MAX,
            });
        Self {
            rows,
            headers: None,
            ahead: None,
        }
    }

    /// The account that the next row alone makes.
    fn row(&mut self) -> Option<Result<Line<RawAccount>, Line<Refusal>>> {
        let headers = match &self.headers {
            Some(headers) => headers,
            None => match self.rows.headers() {
                Ok(headers) => self.headers.insert(headers.clone()),
                Err(error) => {
                    return Some(Err(Line {
                        number: 1,
                        value: Refusal::Csv(error),
                    }));
                }
            },
        };
        let mut record = StringRecord::new();
        let number = self.rows.position().line();
        self.rows.get_mut().left = ROW_MAX;
        match self.rows.read_record(&mut record) {
            Ok(false) => return None,
            Ok(true) => {}
            Err(error) => {
                return Some(Err(Line {
                    number,
                    value: Refusal::Csv(error),
                }));
            }
        }
        let number = record.position().map_or(number, csv::Position::line);
        let has_end = headers.iter().any(|header| header == "expires_at");
        let account = record
            .deserialize::<Row>(Some(headers))
            .map_err(Refusal::Csv);
        let account = account.and_then(|row| row.account(has_end));
        Some(
            account
                .map(|value| Line { number, value })
                .map_err(|value| Line { number, value }),
        )
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.left = self.left.checked_sub(read).ok_or_else(|| {
            let what =
                "the row is longer than 1 MiB; is there a quotation mark that is not closed?";
            io::Error::new(io::ErrorKind::InvalidData, what)
        })?;
        Ok(read)
    }
}

impl<R: Read> Iterator for CsvReader<R> {
    type Item = Result<Line<RawAccount>, Line<Refusal>>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut account = match self.ahead.take() {
            Some(account) => account,
            None => match self.row()? {
                Ok(account) => account,
                Err(refusal) => return Some(Err(refusal)),
            },
        };
        loop {
            match self.row() {
                None => return Some(Ok(account)),
                Some(Err(refusal)) => return Some(Err(refusal)),
                Some(Ok(next)) if next.value.client_id != account.value.client_id => {
                    self.ahead = Some(next);
                    return Some(Ok(account));
                }
                Some(Ok(next)) => {
                    let head = |account: &RawAccount| {
                        (account.enabled, account.scope.clone(), account.created_at)
                    };
                    if head(&next.value) != head(&account.value) {
                        return Some(Err(Line {
                            number: next.number,
                            value: Refusal::Differs,
                        }));
                    }
                    account.value.keys.extend(next.value.keys);
                }
            }
        }
    }
}

impl<W: Write> CsvWriter<W> {
    pub fn new(output: W) -> Self {
        Self(csv::Writer::from_writer(output))
    }

    pub fn write(&mut self, account: &RawAccount) -> io::Result<()> {
        if account.keys.is_empty() {
            self.0.serialize(Row::of(account))?;
        }
        for key in &account.keys {
            self.0.serialize(Row::of(account).with(key))?;
        }
        Ok(())
    }

    pub fn end(self) -> io::Result<W> {
        self.0.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}

impl Row {
    fn account(self, has_end: bool) -> Result<RawAccount, Refusal> {
        let Self {
            client_id,
            enabled,
            scope,
            created_at,
            key_id,
            hash,
            prefix,
            key_created_at,
            expires_at,
            revoked_at,
        } = self;
        let keys = match hash {
            None => {
                let stray = [
                    ("key_id", key_id.is_some()),
                    ("prefix", prefix.is_some()),
                    ("key_created_at", key_created_at.is_some()),
                    ("expires_at", expires_at.is_some()),
                    ("revoked_at", revoked_at.is_some()),
                ];
                if let Some((column, _)) = stray.into_iter().find(|(_, given)| *given) {
                    return Err(Refusal::NoHash(column));
                }
                Vec::new()
            }
            Some(_) if !has_end => return Err(Refusal::NoColumn("expires_at")),
            Some(hash) => vec![RawKey {
                id: key_id,
                hash: KeyHash::try_from(hash)?,
                prefix,
                created_at: moment(key_created_at)?,
                expires_at: moment(expires_at)?,
                revoked_at: moment(revoked_at)?,
            }],
        };
        Ok(RawAccount {
            client_id,
            enabled: enabled.unwrap_or(true),
            scope: scope.unwrap_or_else(|| "read".to_owned()),
            created_at: moment(created_at)?,
            keys,
        })
    }

    fn of(account: &RawAccount) -> Self {
        Self {
            client_id: account.client_id.clone(),
            enabled: Some(account.enabled),
            scope: Some(account.scope.clone()),
            created_at: text(account.created_at),
            ..Self::default()
        }
    }

    fn with(self, key: &RawKey) -> Self {
        Self {
            key_id: key.id.clone(),
            hash: Some(key.hash.clone().into()),
            prefix: key.prefix.clone(),
            key_created_at: text(key.created_at),
            expires_at: text(key.expires_at),
            revoked_at: text(key.revoked_at),
            ..self
        }
    }
}

fn text(seconds: Option<i64>) -> Option<String> {
    seconds.map(|seconds| seconds.to_string())
}

/// Unix seconds, or a moment as people write it.
fn moment(text: Option<String>) -> Result<Option<i64>, Refusal> {
    let Some(text) = text else {
        return Ok(None);
    };
    match text
        .parse()
        .ok()
        .or_else(|| expiry::parse_moment(&text).ok())
    {
        Some(seconds) => Ok(Some(seconds)),
        None => Err(Refusal::Moment(text)),
    }
}
