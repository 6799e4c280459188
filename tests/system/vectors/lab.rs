//! One Envoy with a listener for each configuration, and one with `jwt_authn` in the filter's place beside it.

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use latchkey_tests::vectors::Configurations;
use latchkey_tests::{Bootstrap, Stack, files};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::LazyLock;

use crate::paths;

/// What the tests of this file share.
pub struct Lab {
    pub known: Configurations,
    pub stack: Stack,
    access_log: PathBuf,
    listeners: BTreeMap<String, SocketAddr>,
}

pub static LAB: LazyLock<Lab> = LazyLock::new(|| {
    let mut known = Configurations::load();
    let (raw, normalised) = (
        paths::FILE.configuration.clone(),
        paths::FILE.configuration.clone(),
    );
    known.configurations.insert("paths".to_owned(), raw);
    let (configurations, secrets) = (known.configurations.clone(), known.secrets.clone());
    let folder = files::run_folder().unwrap_or_else(|error| panic!("{error:#}"));
    let access_log = folder.join("access.log");
    let log_path = access_log.clone();
    let stack = Stack::setup()
        .bootstrap(move |bootstrap| {
            bootstrap.log_requests_to(&log_path)?;
            let variables = &mut bootstrap.plugin()?["vm_config"]["environment_variables"];
            variables["key_values"] = json!(secrets);
            let example = bootstrap.0.clone();
            let mut tidy = Bootstrap(example.clone());
            let mut native = Bootstrap(example.clone());
            tidy.replace_configuration(&normalised.to_string())?;
            bootstrap.add_listener("ours-normalised", tidy)?;
            use_jwt_authn(&mut native, &normalised, &secrets)?;
            bootstrap.add_listener("native-normalised", native)?;
            for (name, configuration) in &configurations {
                let mut ours = Bootstrap(example.clone());
                ours.leave_requests_as_they_come()?;
                let mut native = Bootstrap(ours.0.clone());
                ours.replace_configuration(&configuration.to_string())?;
                bootstrap.add_listener(&format!("ours-{name}"), ours)?;
                use_jwt_authn(&mut native, configuration, &secrets)?;
                bootstrap.add_listener(&format!("native-{name}"), native)?;
            }
            Ok(())
        })
        .start();
    let mut listeners = BTreeMap::new();
    for name in known
        .configurations
        .keys()
        .map(String::as_str)
        .chain(["normalised"])
    {
        for kind in ["ours", "native"] {
            let name = format!("{kind}-{name}");
            listeners.insert(name.clone(), stack.envoy.listener(&name));
        }
    }
    Lab {
        known,
        stack,
        access_log,
        listeners,
    }
});

impl Lab {
    /// The access log's lines so far; the last may be there in part only.
    pub fn access_log(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.access_log).unwrap_or_default();
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// Where a listener takes requests.
    #[track_caller]
    pub fn address(&self, listener: &str) -> SocketAddr {
        self.listeners[listener]
    }
}

/// The filter that people would use in our place, with the same keys, issuer and audience.
fn use_jwt_authn(
    bootstrap: &mut Bootstrap,
    configuration: &Value,
    secrets: &BTreeMap<String, String>,
) -> Result<()> {
    let keys = configuration["keys"].as_array().context("keys")?.iter();
    let jwk = |key: &Value| {
        let secret = &secrets[key["secret"]["env"].as_str().expect("a variable")];
        let mut jwk = json!({"kty": "oct", "alg": key["alg"], "k": URL_SAFE_NO_PAD.encode(secret)});
        if let Some(kid) = key.get("kid") {
            jwk["kid"] = kid.clone();
        }
        jwk
    };
    let jwks = json!({"keys": keys.map(jwk).collect::<Vec<_>>()});
    let audiences = match &configuration["audience"] {
        Value::Null => json!([]),
        Value::String(one) => json!([one]),
        list => list.clone(),
    };
    let filter = json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": {"latchkey": {
                "issuer": configuration["issuer"],
                "audiences": audiences,
                "forward": true,
                "local_jwks": {"inline_string": jwks.to_string()},
            }},
            "rules": rules(&configuration["access"]),
        },
    });
    let filters = bootstrap.connection_manager()?["http_filters"].as_array_mut();
    let filters = filters.context("http_filters")?;
    let wasm = filters
        .iter_mut()
        .find(|filter| filter["name"] == "latchkey");
    *wasm.context("the filter")? = filter;
    Ok(())
}

/// The access rules as far as `jwt_authn` has them: with a token, or without.
fn rules(access: &Value) -> Vec<Value> {
    let requires = json!({"provider_name": "latchkey"});
    let rule = |rule: &Value| {
        let matches = &rule["match"];
        let mut matcher = match &matches["path"] {
            Value::Null => json!({"prefix": matches["prefix"].as_str().unwrap_or("/")}),
            path => json!({"path": path}),
        };
        if let Some(methods) = matches["methods"].as_array() {
            let methods: Vec<&str> = methods.iter().filter_map(Value::as_str).collect();
            let regex = json!({"safe_regex": {"regex": methods.join("|")}});
            matcher["headers"] = json!([{"name": ":method", "string_match": regex}]);
        }
        match rule["allow"].as_str() {
            Some("public") => json!({"match": matcher}),
            _ => json!({"match": matcher, "requires": requires}),
        }
    };
    let mut rules: Vec<Value> = access.as_array().into_iter().flatten().map(rule).collect();
    rules.push(json!({"match": {"prefix": "/"}, "requires": requires}));
    rules
}
