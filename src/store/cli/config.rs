//! `latchkey-store config …`: the filter's configuration, read with the filter's own code.

use super::output::Output;
use super::{Error, input};
use clap::{Args, Subcommand};
use latchkey_core::{Config, config};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Long enough for every algorithm, and Base64 as well as text.
const STAND_IN: &str =
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[derive(Subcommand)]
pub(super) enum Command {
    /// Check a filter configuration: the JSON text that stands in `configuration`, not all of Envoy's file
    Check(Check),
    /// Print the JSON Schema of filter configurations
    Schema,
}

#[derive(Args)]
pub(super) struct Check {
    /// The file; - for standard input
    file: PathBuf,
    /// Take the secrets of environment variables that are not set as good, as where they are not at hand
    #[arg(long)]
    assume_secrets: bool,
}

impl Command {
    pub(super) fn run(&self, output: &Output) -> Result<(), Error> {
        match self {
            Self::Check(check) => check.run(output),
            Self::Schema => output.print(&config::schema(), || format!("{:#}", config::schema())),
        }
    }
}

impl Check {
    fn run(&self, output: &Output) -> Result<(), Error> {
        let config = load(&self.file, self.assume_secrets)?;
        let warnings = config.warnings();
        output.print(&json!({"warnings": warnings}), || {
            let mut text = format!(
                "{}: the filter takes this configuration",
                self.file.display()
            );
            for warning in warnings {
                text += &format!("\nwarning: {warning}");
            }
            text
        })
    }
}

/// Reads a configuration as the filter does, with the environment of this process.
pub(super) fn load(file: &Path, assume_secrets: bool) -> Result<Config, Error> {
    let text = input::read(file)?;
    let variable = |name: &str| {
        let value = std::env::var(name).ok().filter(|value| !value.is_empty());
        value.or_else(|| assume_secrets.then(|| STAND_IN.to_owned()))
    };
    Config::load(&text, &variable).map_err(|error| Error::Configuration {
        path: file.to_owned(),
        error,
    })
}
