//! The filter's configuration: raw as it is written, resolved as it is used. A resolved one cannot be wrong.

mod endpoint;
mod error;
mod headers;
mod keys;
mod locate;
mod one_or_many;
mod raw;
mod resolve;
mod rules;
mod source;
mod text;

pub use error::ConfigError;

use crate::access::AccessRules;
use crate::identity::Identity;
use crate::json::Json;
use crate::jwt::Verifier;
use crate::throttle::Limit;
use crate::token::TokenEndpoint;
use std::time::Duration;

/// A resolved configuration.
#[derive(Debug)]
pub struct Config {
    pub(crate) verifier: Verifier,
    pub(crate) token_endpoint: Option<TokenEndpoint>,
    pub(crate) access: AccessRules,
    pub(crate) identity: Identity,
    pub(crate) mode: Mode,
    /// `realm` of challenges: the issuer, which is checked to fit between quotes.
    pub(crate) realm: String,
    warnings: Vec<String>,
}

/// What becomes of a request that is to be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It is.
    Enforce,
    /// It passes without identity, and is counted as it would have been.
    Report,
}

impl Config {
    /// Reads a configuration. `environment` tells variables by name; the secrets are in there.
    ///
    /// # Errors
    /// The first thing that is wrong, with its JSON path.
    pub fn load(
        text: &[u8],
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        resolve::resolve(raw(text)?, environment)
    }

    /// What an operator should know although it is no error.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The throttle's limit; without a token endpoint nothing is ever counted.
    pub(crate) fn throttle_limit(&self) -> Limit {
        self.token_endpoint.as_ref().map_or(
            Limit {
                failures: u32::MAX,
                window: Duration::from_secs(1),
            },
            |endpoint| endpoint.limit,
        )
    }
}

/// The JSON Schema (draft 2020-12) of what [`Config::load`] reads. It cannot tell all that is wrong: paths,
/// header names and the length of secrets are looked at only there.
#[cfg(feature = "tools")]
pub fn schema() -> serde_json::Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12();
    let settings = settings.with(|settings| settings.inline_subschemas = true);
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<raw::RawConfig>();
    schema.insert("title".to_owned(), "Latchkey".into());
    schema.to_value()
}

fn raw(text: &[u8]) -> Result<raw::RawConfig, ConfigError> {
    let json = Json::parse(text).map_err(|error| {
        let found = match text {
            [] => "nothing".to_owned(),
            _ => format!("{error}"),
        };
        let expected = "JSON text in `configuration` (a google.protobuf.StringValue; a Struct arrives as binary protobuf)";
        ConfigError::new("(top level)", found, expected)
    })?;
    serde_json::from_slice(text).map_err(|error| ConfigError::from_serde(&error, text, &json))
}

#[cfg(test)]
mod tests;
