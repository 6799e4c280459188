//! The demo customer and its API Key.

use anyhow::{Result, ensure};
use latchkey_tests::{Store, token_request};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;

use crate::secret;

/// The Customer Code that the customers' documentation uses as its example.
pub(crate) const CODE: &str = "ACME01";

/// An API Key that opens a token now: the one of the last run if it still does, else a new one.
pub(crate) fn working_key(store: &Store, envoy: SocketAddr, env_file: &Path) -> Result<String> {
    if let Some(key) = kept_key(env_file)
        && request_token(envoy, &key).is_ok()
    {
        return Ok(key);
    }
    if store.run(&["customer", "show", CODE]).is_err() {
        store.add_customer(CODE)?;
    }
    let key = store.issue_key(CODE)?.secret;
    request_token(envoy, &key)?;
    Ok(key)
}

/// Leaves the values for scripts.
pub(crate) fn write_env_file(path: &Path, envoy: SocketAddr, key: &str) -> Result<()> {
    let text = format!(
        "CLIENT_ID={CODE}\nCLIENT_SECRET={key}\nTOKEN_URL=http://{envoy}/auth/token\nAPI_URL=http://{envoy}\n"
    );
    secret::write(path, &text)
}

fn kept_key(env_file: &Path) -> Option<String> {
    let text = std::fs::read_to_string(env_file).ok()?;
    let mut lines = text.lines();
    let key = lines.find_map(|line| line.strip_prefix("CLIENT_SECRET="))?;
    Some(key.to_owned())
}

fn request_token(envoy: SocketAddr, key: &str) -> Result<()> {
    let answer = token_request(CODE, key).send(envoy)?;
    let reply: Option<Value> = serde_json::from_slice(&answer.body).ok();
    ensure!(
        answer.status == 200 && reply.is_some_and(|reply| reply["access_token"].is_string()),
        "the customer {CODE} got no token; the answer was {answer:?}"
    );
    Ok(())
}
