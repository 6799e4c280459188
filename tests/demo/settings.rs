//! Where the demo listens and keeps its files.

use anyhow::{Context, Result, bail};
use latchkey_tests::files;
use std::env;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;

const PORT: &str = "LATCHKEY_PORT";
const ADMIN_PORT: &str = "LATCHKEY_ADMIN_PORT";
const FOLDER: &str = "LATCHKEY_VAR";

/// What the environment may change. Port 0 lets the system choose.
pub(crate) struct Settings {
    /// Where Envoy takes requests.
    pub(crate) port: u16,
    /// Where Envoy's admin interface listens.
    pub(crate) admin_port: u16,
    /// The folder of the database, the secrets and the logs.
    pub(crate) folder: PathBuf,
}

impl Settings {
    /// Reads the environment, and makes sure that the ports are free.
    pub(crate) fn from_environment() -> Result<Self> {
        Ok(Self {
            port: free_port(PORT, 10000, "requests")?,
            admin_port: free_port(ADMIN_PORT, 9901, "Envoy's admin interface")?,
            folder: files::checkout().join(env::var_os(FOLDER).unwrap_or_else(|| "var".into())),
        })
    }
}

fn free_port(variable: &str, default: u16, purpose: &str) -> Result<u16> {
    let port = match env::var(variable) {
        Err(_) => default,
        Ok(text) => text
            .parse()
            .with_context(|| format!("{variable} is {text:?}, expected a port number"))?,
    };
    // Envoy itself would not notice another Envoy there: both would share the port.
    if let Err(error) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        bail!(
            "port {port} of 127.0.0.1, meant for {purpose}, cannot be used ({error}): stop what listens there, \
             or choose another port: {variable}=12345 make run"
        );
    }
    Ok(port)
}
