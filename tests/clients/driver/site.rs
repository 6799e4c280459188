//! The whole system as clients meet it: with TLS, HTTP/2 and HTTP/1.1 beside plain HTTP, and a log of what they do.

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use latchkey_tests::{Authority, Bootstrap, Stack, files};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

/// A stack, and what clients need to know of it.
pub struct Site {
    /// The system.
    pub stack: Stack,
    authority: PathBuf,
    https: String,
    requests: PathBuf,
}

/// A request of a client, from Envoy's access log.
#[derive(Debug)]
pub struct Logged {
    /// The path.
    pub path: String,
    /// The status of its answer.
    pub status: u64,
    /// `HTTP/1.1` or `HTTP/2`.
    pub protocol: String,
    /// The `Authorization` header.
    pub authorization: String,
    /// The Customer Code, wherever it stands.
    code: Option<String>,
}

impl Site {
    /// Starts a system whose tokens live for so many seconds.
    pub fn start(ttl_seconds: u32) -> Result<Self> {
        let authority = Authority::new()?;
        let identity = authority.server(&["127.0.0.1"])?;
        let requests = files::run_folder()?.join("requests.jsonl");
        let written_to = requests.clone();
        let stack = Stack::setup()
            .configuration(json!({"token_endpoint": {"ttl_seconds": ttl_seconds}}))
            .bootstrap(move |bootstrap| {
                log_credentials(bootstrap, &written_to)?;
                let mut secured = Bootstrap(bootstrap.0.clone());
                let chain = secured.0.pointer_mut("/static_resources/listeners/0/filter_chains/0");
                chain.context("envoy.yaml has no listener")?["transport_socket"] = json!({
                    "name": "tls",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                        "common_tls_context": {
                            "alpn_protocols": ["h2", "http/1.1"],
                            "tls_certificates": [{
                                "certificate_chain": {"inline_string": identity.certificate},
                                "private_key": {"inline_string": identity.key},
                            }],
                        },
                    },
                });
                bootstrap.add_listener("https", secured)
            })
            .start();
        let file = stack.folder.join("authority.pem");
        fs::write(&file, authority.certificate())?;
        Ok(Self {
            https: format!("https://{}", stack.envoy.listener("https")),
            authority: file,
            requests,
            stack,
        })
    }

    /// The API with TLS.
    pub fn https(&self) -> &str {
        &self.https
    }

    /// The API without.
    pub fn http(&self) -> String {
        format!("http://{}", self.stack.envoy.address())
    }

    /// The file with the certification authority's certificate.
    pub fn authority(&self) -> &Path {
        &self.authority
    }

    /// Where clients' output is kept.
    pub fn folder(&self) -> &Path {
        &self.stack.folder
    }

    /// The tokens with which this customer's products were read, in order.
    pub fn tokens_used(&self, code: &str) -> Vec<String> {
        let requests = self.stack.upstream.requests_with("x-customer-code", code);
        let authorization = requests
            .iter()
            .filter_map(|seen| seen.value("authorization"));
        authorization
            .filter_map(|value| value.strip_prefix("Bearer "))
            .map(str::to_owned)
            .collect()
    }

    /// Everything this customer has asked for, as far as it is in the log.
    pub fn logged(&self, code: &str) -> Vec<Logged> {
        let log = fs::read_to_string(&self.requests).unwrap_or_default();
        let lines = log.lines().filter_map(Logged::read);
        lines
            .filter(|logged| logged.code.as_deref() == Some(code))
            .collect()
    }

    /// Adds a customer whose key was made elsewhere.
    pub fn import(&self, code: &str, key: &str) -> Result<()> {
        let digest = Sha256::digest(key);
        let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let account = json!({"client_id": code, "keys": [{"hash": format!("sha256:{hash}"), "expires_at": null}]});
        let file = self.folder().join(format!("{code}.jsonl"));
        fs::write(&file, format!("{account}\n"))?;
        let file = file.display().to_string();
        self.stack.store.run(&["customer", "import", &file])?;
        Ok(())
    }
}

impl Logged {
    fn read(line: &str) -> Option<Self> {
        let line: Value = serde_json::from_str(line).ok()?;
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let authorization = text("authorization");
        let code = match line["customer"].as_str() {
            Some(customer) => Some(customer.to_owned()),
            None => code_in(&authorization),
        };
        Some(Self {
            path: text("path"),
            status: line["status"].as_u64()?,
            protocol: text("protocol"),
            authorization,
            code,
        })
    }

    /// User and password of HTTP Basic.
    pub fn basic(&self) -> Option<String> {
        let encoded = self.authorization.strip_prefix("Basic ")?;
        String::from_utf8(STANDARD.decode(encoded).ok()?).ok()
    }
}

/// The customer that a token names, which may be one that has expired.
fn code_in(authorization: &str) -> Option<String> {
    let claims = authorization.strip_prefix("Bearer ")?.split('.').nth(1)?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    claims["sub"].as_str().map(str::to_owned)
}

/// Credentials stand in this log on purpose, and so in a file that is no log of Envoy's.
fn log_credentials(bootstrap: &mut Bootstrap, path: &Path) -> Result<()> {
    bootstrap.log_requests_to(path)?;
    let manager = bootstrap.connection_manager()?;
    let format = manager
        .get_mut("access_log")
        .and_then(|logs| logs.pointer_mut("/0/typed_config/log_format/json_format"))
        .context("envoy.yaml has no access log")?;
    format["protocol"] = json!("%PROTOCOL%");
    format["authorization"] = json!("%REQ(AUTHORIZATION)%");
    Ok(())
}
