//! `latchkey-store token …`: why the filter would refuse a token.

use super::output::Output;
use super::{Error, config, input};
use crate::clock;
use clap::{Args, Subcommand};
use latchkey_core::Timestamp;
use latchkey_core::inspect::{Inspection, Request, State, inspect};
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Decode a token and say, rule by rule, why the filter would refuse it
    Inspect(Inspect),
}

#[derive(Args)]
pub(super) struct Inspect {
    /// The file that holds the token; - for standard input, so that it stands in no list of processes
    #[arg(default_value = "-")]
    file: PathBuf,
    /// The filter's configuration (JSON); its secrets are taken from the environment. Without it, neither signature nor
    /// issuer nor audience are checked
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The path of a request, to check the access rules as well
    #[arg(long, requires = "config")]
    path: Option<String>,
    /// The method of that request
    #[arg(long, default_value = "GET", requires = "path")]
    method: String,
}

impl Command {
    pub(super) fn run(&self, output: &Output) -> Result<(), Error> {
        let Self::Inspect(command) = self;
        command.run(output)
    }
}

impl Inspect {
    fn run(&self, output: &Output) -> Result<(), Error> {
        let config = self.config.as_ref();
        let config = config.map(|file| config::load(file, false)).transpose()?;
        let request = self.path.as_ref().map(|path| Request {
            method: &self.method,
            path: path.split('?').next().unwrap_or_default(),
        });
        let token = input::read(&self.file)?;
        let seconds = u64::try_from(clock::now()).unwrap_or_default();
        let now = Timestamp::from_seconds(seconds);
        let inspection = inspect(token.trim_ascii(), config.as_ref(), request, now);
        output.print(&as_json(&inspection), || as_text(&inspection))?;
        match inspection.refusal() {
            Some(reason) => Err(Error::TokenRefused(reason)),
            None => Ok(()),
        }
    }
}

fn word(state: State) -> &'static str {
    match state {
        State::Holds => "holds",
        State::Broken(_) => "broken",
        State::NotChecked => "not checked",
    }
}

fn as_json(inspection: &Inspection) -> Value {
    let findings = inspection.findings.iter().map(|finding| {
        let reason = match finding.state {
            State::Broken(reason) => Some(reason.as_str()),
            State::Holds | State::NotChecked => None,
        };
        json!({"rule": finding.rule, "state": word(finding.state), "reason": reason, "detail": finding.detail})
    });
    json!({
        "header": inspection.header,
        "claims": inspection.claims,
        "findings": findings.collect::<Vec<_>>(),
        "refused_as": inspection.refusal().map(|reason| reason.as_str()),
    })
}

/// What stands in a token may be anything, so control characters are shown as escapes.
fn as_text(inspection: &Inspection) -> String {
    let mut lines = Vec::new();
    for (name, text) in [
        ("Header", &inspection.header),
        ("Claims", &inspection.claims),
    ] {
        if let Some(text) = text {
            lines.push(format!("{name}  {}", printable(text)));
        }
    }
    lines.push(String::new());
    for finding in &inspection.findings {
        let detail = printable(&finding.detail);
        lines.push(format!(
            "{:<11}  {:<16}  {detail}",
            word(finding.state),
            finding.rule
        ));
    }
    lines.join("\n")
}

fn printable(text: &str) -> String {
    let shown = |letter: char| match letter.is_control() {
        true => letter.escape_default().to_string(),
        false => letter.to_string(),
    };
    text.chars().map(shown).collect()
}
