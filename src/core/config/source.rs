//! Where secrets come from.

use super::error::ConfigError;
use super::raw::{RawEncoding, RawHeader, RawSecret};
use crate::lookup::HeaderText;
use crate::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Reads secrets, and notes what an operator should know of them.
pub(super) struct Source<'a> {
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    pub warnings: Vec<String>,
}

impl Source<'_> {
    /// The secret at a path: from the environment, or inline for development.
    pub fn secret(&mut self, path: &str, raw: &RawSecret) -> Result<Secret, ConfigError> {
        let (path, text) = match (&raw.env, &raw.inline) {
            (Some(name), None) => (format!("{path}.env"), self.variable(path, name)?),
            (None, Some(text)) => {
                let path = format!("{path}.inline");
                self.warnings.push(format!(
                    "{path}: a secret stands in the configuration; use env outside development"
                ));
                (path, text.clone())
            }
            (None, None) => {
                return Err(ConfigError::new(
                    path,
                    "neither",
                    "one of `env` and `inline`",
                ));
            }
            (Some(_), Some(_)) => {
                return Err(ConfigError::new(path, "both", "one of `env` and `inline`"));
            }
        };
        match raw.encoding {
            RawEncoding::Text => Ok(Secret::new(text)),
            RawEncoding::Base64 => STANDARD.decode(text.trim()).map(Secret::new).map_err(|_| {
                ConfigError::new(
                    path,
                    "a secret that is not Base64",
                    "standard Base64 with padding",
                )
            }),
        }
    }

    /// A lookup header's value.
    pub fn header(&self, path: &str, raw: &RawHeader) -> Result<HeaderText, ConfigError> {
        let text = match (&raw.env, &raw.value) {
            (Some(name), None) => self.variable(path, name)?,
            (None, Some(text)) => text.clone(),
            (None, None) => {
                return Err(ConfigError::new(
                    path,
                    "neither",
                    "one of `env` and `value`",
                ));
            }
            (Some(_), Some(_)) => {
                return Err(ConfigError::new(path, "both", "one of `env` and `value`"));
            }
        };
        HeaderText::new(format!("{}{text}", raw.prefix)).ok_or_else(|| {
            let expected = "visible ASCII without spaces at either end";
            ConfigError::new(path, "a value that no header can have", expected)
        })
    }

    fn variable(&self, path: &str, name: &str) -> Result<String, ConfigError> {
        let value = (self.environment)(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| {
            ConfigError::new(
                format!("{path}.env"),
                format!("no environment variable {name:?}"),
                "one that is set for Envoy and listed in vm_config.environment_variables.host_env_keys",
            )
        })
    }
}
