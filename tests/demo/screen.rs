//! What the demo prints.

use latchkey_tests::{Envoy, Store, Upstream, files};
use std::path::Path;

use crate::customer::CODE;

/// One line of progress, in the form of those that `make setup` prints.
pub(crate) fn step(name: &str, what: &str) {
    println!("{name:<14} {what}");
}

/// Everything there is to try.
pub(crate) fn show(envoy: &Envoy, store: &Store, upstream: &Upstream, key: &str, folder: &Path) {
    let (api, admin) = (envoy.address(), envoy.admin());
    let folder = folder
        .strip_prefix(files::checkout())
        .unwrap_or(folder)
        .display();
    println!(
        r#"
Latchkey is running.

  API             http://{api}
  token endpoint  http://{api}/auth/token
  Envoy's admin   http://{admin}
  store           http://{store}
  upstream        http://{upstream}, only meant to be reached through the API
  files           {folder}/: database, logs, secrets; demo.env holds the values below for scripts

  Customer Code   {CODE}
  API Key         {key}

Try, in another terminal:

  # a token for the Customer Code and the API Key
  curl -s http://{api}/auth/token -d grant_type=client_credentials -d client_id={CODE} -d client_secret={key}

  # the same, kept in a variable
  TOKEN=$(curl -s http://{api}/auth/token -d grant_type=client_credentials -d client_id={CODE} -d client_secret={key} | sed 's/.*"access_token" *: *"\([^"]*\)".*/\1/')

  # with the token: 200, and the upstream tells what it was sent, x-customer-code: {CODE} among it
  curl -i http://{api}/products -H "Authorization: Bearer $TOKEN"

  # without it: 401
  curl -i http://{api}/products

Ctrl-C stops everything.
"#,
        store = store.address(),
        upstream = upstream.address(),
    );
}
