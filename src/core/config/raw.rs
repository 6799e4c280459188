//! The configuration as an operator writes it. What it means is settled in [`super::resolve`].

use super::one_or_many::OneOrMany;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// The configuration of the Latchkey filter.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "tools", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawConfig {
    /// `iss` of tokens and `realm` of challenges: the API's public address.
    #[cfg_attr(feature = "tools", schemars(length(min = 1)))]
    pub issuer: String,
    /// `aud` of tokens; a token must name one of these. Without it, `aud` is not looked at.
    #[serde(default)]
    pub audience: Option<OneOrMany>,
    /// The keys of the tokens. The first whose `use` is not `verify` signs; all verify.
    #[cfg_attr(feature = "tools", schemars(length(min = 1)))]
    pub keys: Vec<RawKey>,
    /// Seconds by which `exp` and `nbf` may be missed, for clocks that differ.
    #[cfg_attr(feature = "tools", schemars(range(max = 60)))]
    #[serde(default)]
    pub leeway_seconds: u32,
    /// Where customers get tokens. Without it the filter only verifies.
    #[serde(default)]
    pub token_endpoint: Option<RawTokenEndpoint>,
    /// What requests need; the first rule that matches decides. What none matches needs a valid token.
    #[serde(default)]
    pub access: Vec<RawRule>,
    /// What the upstream is told of the customer.
    #[serde(default)]
    pub identity: Option<RawIdentity>,
    /// Whether requests are refused, or only counted and logged as they would have been.
    #[cfg_attr(feature = "tools", schemars(extend("default" = "enforce")))]
    #[serde(default)]
    pub mode: RawMode,
}

/// A key that signs and verifies tokens, or only verifies them.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "tools", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawKey {
    /// The key's name, which stands in the tokens it signs. A token with a `kid` is checked against that key alone.
    #[cfg_attr(feature = "tools", schemars(length(min = 1)))]
    #[serde(default)]
    pub kid: Option<String>,
    /// The only algorithm the key is used with. The secret has at least 32 bytes for HS256, 48 for HS384 and 64 for HS512.
    pub alg: RawAlgorithm,
    /// The shared secret.
    pub secret: RawSecret,
    /// `verify` for the outgoing or the coming key of a rotation.
    #[cfg_attr(feature = "tools", schemars(extend("default" = "sign")))]
    #[serde(default, rename = "use")]
    pub usage: RawUse,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(feature = "tools", derive(schemars::JsonSchema))]
pub enum RawAlgorithm {
    #[serde(rename = "HS256")]
    Hs256,
    #[serde(rename = "HS384")]
    Hs384,
    #[serde(rename = "HS512")]
    Hs512,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "tools", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RawUse {
    #[default]
    Sign,
    Verify,
}

/// Where a secret comes from: one of `env` and `inline`.
#[derive(Deserialize)]
#[cfg_attr(feature = "tools", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "tools", schemars(extend("oneOf" = [{"required": ["env"]}, {"required": ["inline"]}])))]
#[serde(deny_unknown_fields)]
pub struct RawSecret {
    /// The environment variable that holds it; it must be listed in `vm_config.environment_variables` too.
    #[serde(default)]
    pub env: Option<String>,
    /// The secret itself, for development only. A warning is logged.
    #[serde(default)]
    pub inline: Option<String>,
    /// How the text stands for bytes.
    #[cfg_attr(feature = "tools", schemars(extend("default" = "text")))]
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
#[cfg_attr(feature = "tools", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RawEncoding {
    #[default]
    Text,
    Base64,
}

/// The token endpoint (RFC 6749 section 4.4).
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "tools", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawTokenEndpoint {
    /// The path of the token endpoint.
    #[serde(default = "default_path")]
    pub path: String,
    /// Seconds that a token lives.
    #[cfg_attr(feature = "tools", schemars(range(min = 1, max = 86400)))]
    #[serde(default = "default_ttl")]
    pub ttl_seconds: u32,
    /// How the filter waits for the form: `stop_iteration` needs `allow_on_headers_stop_iteration` on the plugin, `continue` needs `envoy.filters.http.buffer` after the filter.
    #[cfg_attr(feature = "tools", schemars(extend("default" = "stop_iteration")))]
    #[serde(default)]
    pub on_headers: RawOnHeaders,
    /// Whether a token request that is known to have come over plain HTTP is refused.
    #[serde(default)]
    pub require_https: bool,
    /// Where customers' records are asked for.
    pub lookup: RawLookup,
    /// How many failed attempts are too many.
    #[serde(default)]
    pub throttle: RawThrottle,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[cfg_attr(feature = "tools", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RawOnHeaders {
    #[default]
    StopIteration,
    Continue,
}

/// The lookup call.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "tools", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawLookup {
    /// The cluster of the lookup service in Envoy's configuration.
    #[cfg_attr(feature = "tools", schemars(length(min = 1)))]
    pub cluster: String,
    /// The `host` of the call; the cluster's name where it is absent.
    #[serde(default)]
    pub authority: Option<String>,
    /// The path of the call; `{client_id}` stands for the Customer Code as one percent-encoded segment.
    #[serde(default = "default_lookup_path")]
    pub path: String,
    /// Headers of the call.
    #[serde(default)]
    pub headers: Entries<RawHeader>,
    /// A JSON Pointer to the record inside the reply; empty where the reply is the record.
    #[serde(default)]
    pub record: String,
    /// Milliseconds the call may take.
    #[cfg_attr(feature = "tools", schemars(range(min = 1, max = 60000)))]
    #[serde(default = "default_timeout")]
    pub timeout_ms: u32,
    /// The pepper of `hmac-sha256:` hashes, which the lookup service knows as well; written like a key's `secret`.
    #[serde(default)]
    pub pepper: Option<RawSecret>,
}

/// A header of the lookup call: `env` for what is secret, `value` for what is not.
#[derive(Deserialize)]
#[cfg_attr(feature = "tools", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "tools", schemars(extend("oneOf" = [{"required": ["env"]}, {"required": ["value"]}])))]
#[serde(deny_unknown_fields)]
pub struct RawHeader {
    /// The environment variable that holds the value, for what is secret.
    #[serde(default)]
    pub env: Option<String>,
    /// The value itself, for what is not secret.
    #[serde(default)]
    pub value: Option<String>,
    /// What stands before the value, such as `Bearer `.
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
#[cfg_attr(feature = "tools", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawThrottle {
    /// Failed attempts of one `client_id` from one address on one worker, after which the next is answered with 429.
    #[cfg_attr(feature = "tools", schemars(range(min = 2, max = 1000000)))]
    #[serde(default = "default_failures")]
    pub failures: u32,
    /// Seconds over which they are counted.
    #[cfg_attr(feature = "tools", schemars(range(min = 1, max = 86400)))]
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

/// An access rule.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "tools", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "tools", schemars(extend("oneOf" = [
    {"required": ["require"]}, {"required": ["allow"]}, {"required": ["deny"]}
])))]
#[serde(deny_unknown_fields)]
pub struct RawRule {
    /// Which requests the rule is for; every condition must hold, and `{}` matches all.
    #[serde(rename = "match")]
    pub matches: RawMatch,
    /// What the token must have. One of `require`, `allow` and `deny` must be there.
    #[serde(default)]
    pub require: Option<RawRequire>,
    /// `public`: the request passes without a token, and one that is there is not looked at.
    #[serde(default)]
    pub allow: Option<RawAllow>,
    /// `true`: the request is refused, whoever asks.
    #[serde(default)]
    pub deny: Option<bool>,
}

/// The conditions of an access rule.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "tools", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawMatch {
    /// Exactly this path.
    #[serde(default)]
    pub path: Option<String>,
    /// Every path that begins so.
    #[serde(default)]
    pub prefix: Option<String>,
    /// One of these methods, in their own letter case.
    #[cfg_attr(feature = "tools", schemars(length(min = 1)))]
    #[serde(default)]
    pub methods: Option<Vec<String>>,
}

/// What a token must have.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "tools", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawRequire {
    /// Every one of these scope tokens.
    #[cfg_attr(feature = "tools", schemars(length(min = 1)))]
    pub scope: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "tools", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RawAllow {
    Public,
}

/// What the upstream is told of the customer.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "tools", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawIdentity {
    /// Header names, and the claim that each repeats: a name, or a JSON Pointer where it begins with `/`. Callers cannot set these headers. By default `x-customer-code` from `sub`.
    #[serde(default)]
    pub headers: Option<Entries<String>>,
    /// `strip`: the upstream does not see the `Authorization` header.
    #[cfg_attr(feature = "tools", schemars(extend("default" = "forward")))]
    #[serde(default)]
    pub authorization: RawAuthorization,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "tools", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RawAuthorization {
    #[default]
    Forward,
    Strip,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "tools", derive(schemars::JsonSchema))]
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

#[cfg(feature = "tools")]
impl<T: schemars::JsonSchema> schemars::JsonSchema for Entries<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("EntriesOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let value = generator.subschema_for::<T>();
        schemars::json_schema!({"type": "object", "additionalProperties": value})
    }

    fn inline_schema() -> bool {
        true
    }
}

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
