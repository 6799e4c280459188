//! The examples in `tests/vectors/`, which are run in the core and through Envoy.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

use crate::files::checkout;
use crate::recipe::{Kitchen, Recipe, expand, fill};

/// `configurations.yaml`: what examples run against.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configurations {
    /// The secrets, by the names that configurations and recipes give them.
    pub secrets: BTreeMap<String, String>,
    /// The claims of a good token, each as JSON text.
    pub claims: BTreeMap<String, String>,
    /// Filter configurations by name.
    pub configurations: BTreeMap<String, Value>,
}

/// One file of examples of tokens.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenFile {
    /// The decision they are examples of, such as `D13`.
    pub rule: String,
    /// What they are about.
    pub title: String,
    /// The examples.
    pub vectors: Vec<TokenVector>,
}

/// One token, and what becomes of a request with it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenVector {
    /// What is special about it.
    pub name: String,
    /// The configuration it is checked against.
    #[serde(default = "single")]
    pub configuration: String,
    /// How the token is made.
    #[serde(default)]
    pub recipe: Recipe,
    /// The `Authorization` headers; `<token>` stands for the token.
    #[serde(default = "bearer")]
    pub authorization: Vec<String>,
    /// `valid_token`, or the reason for which it is refused.
    pub expect: String,
}

/// `paths.yaml`: what the spelling of a path opens.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathFile {
    /// The configuration of all of them.
    pub configuration: Value,
    /// Every path that is to be reached without a token.
    pub public: Vec<String>,
    /// The examples.
    pub vectors: Vec<PathVector>,
}

/// One target, and what becomes of a request for it without and with a token of scope `read`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathVector {
    /// The method.
    #[serde(default = "get")]
    pub method: String,
    /// What stands behind it.
    pub target: String,
    /// Where paths come as they are sent.
    pub raw: [String; 2],
    /// Where Envoy normalises them.
    pub normalised: [String; 2],
}

/// One entry of `identity.yaml`: what the upstream learns.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityVector {
    /// What is special about it.
    pub name: String,
    /// Whether a public path is asked for.
    #[serde(default)]
    pub public: bool,
    /// Whether that is done with a token.
    #[serde(default)]
    pub token: bool,
    /// Claims as a recipe sets them.
    #[serde(default)]
    pub set: BTreeMap<String, Option<String>>,
    /// Headers that the caller adds.
    #[serde(default)]
    pub sent: Vec<(String, String)>,
    /// All identity headers that may arrive.
    pub arrives: BTreeMap<String, String>,
}

/// One entry of `challenges.yaml`: what a refused caller is told.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChallengeVector {
    /// What is special about it.
    pub name: String,
    /// The path.
    #[serde(default = "products")]
    pub target: String,
    /// How the token is made.
    #[serde(default)]
    pub recipe: Recipe,
    /// The `Authorization` headers; `<token>` stands for the token.
    #[serde(default = "bearer")]
    pub authorization: Vec<String>,
    /// The status.
    pub status: u16,
    /// `www-authenticate`, where there is one.
    pub challenge: Option<String>,
    /// The body.
    pub body: Value,
}

impl Configurations {
    /// Reads the file; fails the test if it cannot.
    #[track_caller]
    pub fn load() -> Self {
        load("configurations")
    }

    /// The values of `Authorization` headers at a time; `<token>` is the recipe's.
    #[track_caller]
    pub fn authorization(&self, values: &[String], recipe: &Recipe, now: u64) -> Vec<Vec<u8>> {
        let token = self.token(recipe, now);
        let value = |text: &String| {
            expand(text, |name| match name {
                "token" => token.clone(),
                other => fill(&format!("<{other}>"), now),
            })
        };
        values.iter().map(value).collect()
    }

    /// The token of a recipe at a time.
    #[track_caller]
    pub fn token(&self, recipe: &Recipe, now: u64) -> Vec<u8> {
        recipe.token(&Kitchen {
            claims: &self.claims,
            secrets: &self.secrets,
            now,
        })
    }
}

impl TokenVector {
    /// Whether a request with it passes.
    pub fn is_accepted(&self) -> bool {
        self.expect == "valid_token"
    }
}

impl IdentityVector {
    /// All headers of the request but `:method` and the like.
    #[track_caller]
    pub fn headers(&self, known: &Configurations, now: u64) -> Vec<(String, Vec<u8>)> {
        let recipe = Recipe {
            set: self.set.clone(),
            ..Recipe::default()
        };
        let bearer = [b"Bearer ", &known.token(&recipe, now)[..]].concat();
        let token = (!self.public || self.token).then(|| ("authorization".to_owned(), bearer));
        let sent = self
            .sent
            .iter()
            .map(|(name, value)| (name.clone(), fill(value, now)));
        token.into_iter().chain(sent).collect()
    }

    /// The path that is asked for.
    pub fn path(&self) -> &'static str {
        if self.public { "/healthz" } else { "/products" }
    }

    /// Fails the test unless `headers`, in lower case, hold the identity that should arrive, once, and nothing of
    /// what the caller says. A server may take `_` for `-`.
    #[track_caller]
    pub fn assert_arrives<'a>(
        &self,
        known: &Configurations,
        headers: impl Iterator<Item = (&'a str, &'a [u8])>,
    ) {
        let configured = &known.configurations["headers"]["identity"]["headers"];
        let mut identity = Vec::new();
        for (name, value) in headers {
            let value = String::from_utf8_lossy(value).into_owned();
            assert!(!value.contains("EVIL"), "{}: {name}: {value}", self.name);
            if configured.get(name.replace('_', "-")).is_some() {
                identity.push((name.to_owned(), value));
            }
        }
        identity.sort();
        let expected: Vec<(String, String)> = self.arrives.clone().into_iter().collect();
        assert_eq!(identity, expected, "{}", self.name);
    }
}

/// The files of examples of tokens, in the order in which they are documented.
#[track_caller]
pub fn token_files() -> Vec<TokenFile> {
    [
        "authorization",
        "compact",
        "header",
        "keys",
        "dates",
        "claims",
    ]
    .map(load)
    .into()
}

/// Reads `tests/vectors/<name>.yaml`; fails the test if it cannot.
#[track_caller]
pub fn load<T: DeserializeOwned>(name: &str) -> T {
    let path = checkout().join(format!("tests/vectors/{name}.yaml"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

fn single() -> String {
    "single".to_owned()
}

fn bearer() -> Vec<String> {
    vec!["Bearer <token>".to_owned()]
}

fn get() -> String {
    "GET".to_owned()
}

fn products() -> String {
    "/products".to_owned()
}
