//! The configuration as an operator writes it. What it means is settled in [`super::resolve`].

use super::one_or_many::OneOrMany;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// The whole text.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawConfig {
    pub issuer: String,
    #[serde(default)]
    pub audience: Option<OneOrMany>,
    pub keys: Vec<RawKey>,
    #[serde(default)]
    pub leeway_seconds: u32,
    #[serde(default)]
    pub token_endpoint: Option<RawTokenEndpoint>,
    #[serde(default)]
    pub access: Vec<RawRule>,
    #[serde(default)]
    pub identity: Option<RawIdentity>,
    #[serde(default)]
    pub mode: RawMode,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawKey {
    #[serde(default)]
    pub kid: Option<String>,
    pub alg: RawAlgorithm,
    pub secret: RawSecret,
    #[serde(default, rename = "use")]
    pub usage: RawUse,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub enum RawAlgorithm {
    #[serde(rename = "HS256")]
    Hs256,
    #[serde(rename = "HS384")]
    Hs384,
    #[serde(rename = "HS512")]
    Hs512,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RawUse {
    #[default]
    Sign,
    Verify,
}

/// Where a secret comes from: one of `env` and `inline`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawSecret {
    #[serde(default)]
    pub env: Option<String>,
    #[serde(default)]
    pub inline: Option<String>,
    #[serde(default)]
    pub encoding: RawEncoding,
}

impl fmt::Debug for RawSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawSecret")
            .field("env", &self.env)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RawEncoding {
    #[default]
    Text,
    Base64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTokenEndpoint {
    #[serde(default = "default_path")]
    pub path: String,
    #[serde(default = "default_ttl")]
    pub ttl_seconds: u32,
    #[serde(default)]
    pub on_headers: RawOnHeaders,
    #[serde(default)]
    pub require_https: bool,
    pub lookup: RawLookup,
    #[serde(default)]
    pub throttle: RawThrottle,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RawOnHeaders {
    #[default]
    StopIteration,
    Continue,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawLookup {
    pub cluster: String,
    #[serde(default)]
    pub authority: Option<String>,
    #[serde(default = "default_lookup_path")]
    pub path: String,
    #[serde(default)]
    pub headers: Entries<RawHeader>,
    #[serde(default)]
    pub record: String,
    #[serde(default = "default_timeout")]
    pub timeout_ms: u32,
    #[serde(default)]
    pub pepper: Option<RawSecret>,
}

/// A header of the lookup call: `env` for what is secret, `value` for what is not.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawHeader {
    #[serde(default)]
    pub env: Option<String>,
    #[serde(default)]
    pub value: Option<String>,
    #[serde(default)]
    pub prefix: String,
}

impl fmt::Debug for RawHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawHeader")
            .field("env", &self.env)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawThrottle {
    #[serde(default = "default_failures")]
    pub failures: u32,
    #[serde(default = "default_window")]
    pub window_seconds: u32,
}

impl Default for RawThrottle {
    fn default() -> Self {
        Self {
            failures: default_failures(),
            window_seconds: default_window(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRule {
    #[serde(rename = "match")]
    pub matches: RawMatch,
    #[serde(default)]
    pub require: Option<RawRequire>,
    #[serde(default)]
    pub allow: Option<RawAllow>,
    #[serde(default)]
    pub deny: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawMatch {
    #[serde(default)]
    pub path: Option<String>,
    #[serde(default)]
    pub prefix: Option<String>,
    #[serde(default)]
    pub methods: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRequire {
    pub scope: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RawAllow {
    Public,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawIdentity {
    #[serde(default)]
    pub headers: Option<Entries<String>>,
    #[serde(default)]
    pub authorization: RawAuthorization,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RawAuthorization {
    #[default]
    Forward,
    Strip,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RawMode {
    #[default]
    Enforce,
    Report,
}

fn default_path() -> String {
    "/auth/token".to_owned()
}

fn default_lookup_path() -> String {
    "/v1/clients/{client_id}".to_owned()
}

const fn default_ttl() -> u32 {
    3600
}

const fn default_timeout() -> u32 {
    500
}

const fn default_failures() -> u32 {
    10
}

const fn default_window() -> u32 {
    60
}

/// An object with free names, in the order written; a name given twice is an error.
#[derive(Debug)]
pub struct Entries<T>(pub Vec<(String, T)>);

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
            type Value = Entries<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<T>, A::Error> {
                let mut entries: Vec<(String, T)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, T>()? {
                    if entries.iter().any(|(known, _)| *known == name) {
                        return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
                    }
                    entries.push((name, value));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Object(PhantomData))
    }
}
