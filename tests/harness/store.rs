//! The real credential store, on a database of its own.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::files;
use crate::process::Process;
use crate::wait::wait_for;

const READY: &str = "listening on http://";

/// The store's server, and its command line as the account manager uses it.
pub struct Store {
    binary: PathBuf,
    database: String,
    service_token: String,
    log: PathBuf,
    address: SocketAddr,
    process: Mutex<Option<Process>>,
}

/// An API Key as it is shown once.
#[derive(Clone)]
pub struct Key {
    /// The name under which it is listed and revoked.
    pub id: String,
    /// The key itself.
    pub secret: String,
}

impl Store {
    /// Starts the server on a free port. `database` is made if it is not there; `service_token` is the only one accepted.
    pub fn start(database: &Path, log: &Path, service_token: &str) -> Result<Self> {
        Self::start_on(
            &format!("sqlite:{}", database.display()),
            log,
            service_token,
        )
    }

    /// The same, with the database named by a URL.
    pub fn start_on(database: &str, log: &Path, service_token: &str) -> Result<Self> {
        let store = Self {
            binary: files::store()?,
            database: database.to_owned(),
            service_token: service_token.to_owned(),
            log: log.to_owned(),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            process: Mutex::new(None),
        };
        let address = store.serve()?;
        Ok(Self { address, ..store })
    }

    /// Where it listens, also while it is stopped.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The file name of its database, as `--database` takes it.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Ends the server. The command line goes on working.
    pub fn stop(&self) {
        if let Some(process) = self.process().take() {
            process.stop();
        }
    }

    /// Kills the server, as a machine that fails would.
    pub fn kill(&self) {
        drop(self.process().take());
    }

    /// Starts the server again, on the same port.
    pub fn restart(&self) -> Result<()> {
        self.stop();
        self.serve().map(drop)
    }

    /// The server's process; `None` while it is stopped.
    pub fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a customer.
    pub fn add_customer(&self, code: &str) -> Result<()> {
        self.run(&["customer", "add", code]).map(drop)
    }

    /// Disables a customer's account.
    pub fn disable(&self, code: &str) -> Result<()> {
        self.run(&["customer", "disable", "--yes", code]).map(drop)
    }

    /// Enables a customer's account.
    pub fn enable(&self, code: &str) -> Result<()> {
        self.run(&["customer", "enable", code]).map(drop)
    }

    /// Issues a key with the default lifetime.
    pub fn issue_key(&self, code: &str) -> Result<Key> {
        self.issue(&["key", "issue", code])
    }

    /// Issues a key that expires after a time such as `365d`.
    pub fn issue_key_for(&self, code: &str, lifetime: &str) -> Result<Key> {
        self.issue(&["key", "issue", code, "--expires-in", lifetime])
    }

    /// Revokes a key.
    pub fn revoke_key(&self, key: &Key) -> Result<()> {
        self.run(&["key", "revoke", "--yes", &key.id]).map(drop)
    }

    /// Runs any command and returns what it prints as JSON.
    pub fn run(&self, arguments: &[&str]) -> Result<Value> {
        let output = Command::new(&self.binary)
            .args(["--database", &self.database, "--json"])
            .args(arguments)
            .output()
            .context("running latchkey-store")?;
        ensure!(
            output.status.success(),
            "latchkey-store {} failed: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        if output.stdout.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&output.stdout).with_context(|| {
            format!(
                "latchkey-store {} --json does not print JSON",
                arguments.join(" ")
            )
        })
    }

    fn issue(&self, arguments: &[&str]) -> Result<Key> {
        let issued = self.run(arguments)?;
        let text = |name: &str| issued[name].as_str().map(str::to_owned);
        let key = text("id")
            .zip(text("key"))
            .map(|(id, secret)| Key { id, secret });
        key.context("the issued key has no `id` and `key`")
    }

    fn serve(&self) -> Result<SocketAddr> {
        let mut command = Command::new(&self.binary);
        command
            .args(["--database", &self.database, "serve", "--listen"])
            .arg(self.address.to_string())
            .env("LATCHKEY_SERVICE_TOKENS", &self.service_token);
        let mut process = Process::spawn("latchkey-store", command, &self.log)?;
        let address = wait_for(|| match process.check() {
            Err(error) => Some(Err(error)),
            Ok(()) => listening_address(&process.log()).map(Ok),
        });
        let address = address.context("latchkey-store did not become ready")??;
        *self.process() = Some(process);
        Ok(address)
    }
}

fn listening_address(log: &str) -> Option<SocketAddr> {
    let complete = log.lines().take(log.matches('\n').count());
    let mut ready = complete.filter_map(|line| line.strip_prefix(READY));
    ready.next()?.parse().ok()
}
