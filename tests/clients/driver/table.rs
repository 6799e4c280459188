//! What was seen of each client, for people.

use anyhow::Result;
use std::collections::BTreeSet;

use crate::catalog::{CLIENTS, Client, Credentials, PlainHttp, Renewal};

/// A client that has passed.
pub struct Row {
    /// Its place in the list.
    pub position: usize,
    /// Whether its version is the system's.
    pub is_the_systems: bool,
    cells: [String; 6],
}

const HEAD: [&str; 6] = [
    "client",
    "version",
    "sends Customer Code and API Key",
    "HTTP",
    "asks for a new token",
    "result",
];

impl Row {
    /// The row of a client that has passed, over these protocols.
    pub fn new(client: &Client, protocols: BTreeSet<String>) -> Result<Self> {
        let (package, version) = client.version.find()?;
        let protocols: Vec<&str> = protocols
            .iter()
            .map(|protocol| protocol.trim_start_matches("HTTP/"))
            .collect();
        let position = CLIENTS.iter().position(|other| other.name == client.name);
        Ok(Self {
            position: position.unwrap_or_default(),
            is_the_systems: client.version.is_the_systems(),
            cells: [
                format!("[{}](#{})", client.name, client.name),
                format!("{package} {version}"),
                client.credentials.words().to_owned(),
                protocols.join(" and "),
                client.renewal.words(),
                client.result(),
            ],
        })
    }

    /// The first cell, by which a row is known.
    pub fn name(&self) -> &str {
        &self.cells[0]
    }

    /// The row as Markdown.
    pub fn line(&self) -> String {
        format!("| {} |", self.cells.join(" | "))
    }
}

/// The table as Markdown.
pub fn render(rows: &[Row]) -> String {
    let head = format!("| {} |\n|{}", HEAD.join(" | "), "---|".repeat(HEAD.len()));
    let lines = rows.iter().map(|row| format!("\n{}", row.line()));
    head + &lines.collect::<String>()
}

impl Credentials {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Body => "in the body",
            Self::BasicEncoded => "HTTP Basic, form-encoded",
            Self::BasicRaw => "HTTP Basic, as they are",
        }
    }
}

impl Renewal {
    /// In words.
    pub fn words(self) -> String {
        match self {
            Self::Early(300) => "five minutes before the old one expires".to_owned(),
            Self::Early(seconds) => format!("{seconds} seconds before the old one expires"),
            Self::AtExpiry => "when the old one has expired".to_owned(),
            Self::AfterRefusal => "after a 401".to_owned(),
        }
    }
}

impl Client {
    fn result(&self) -> String {
        match self.plain_http {
            PlainHttp::Works => "works".to_owned(),
            PlainHttp::With(variable) => format!("works; without TLS only with `{variable}=1`"),
            PlainHttp::Refused(_) => "works; refuses to do without TLS".to_owned(),
        }
    }
}
