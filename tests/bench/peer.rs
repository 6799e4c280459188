//! The OAuth server that issuing is compared with (npm `oidc-provider`), run as its documentation says.

use anyhow::{Context, Result};
use latchkey_tests::Key;
use latchkey_tests::process::Process;
use latchkey_tests::{files, wait};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

pub struct Peer {
    address: SocketAddr,
    process: Process,
}

impl Peer {
    /// Starts it with one client, whose secret is the key.
    pub fn start(folder: &Path, client: &str, key: &Key) -> Result<Self> {
        let mut command = Command::new(files::checkout().join("target/tools/node"));
        command
            .arg(files::checkout().join("target/bench/peer/server.js"))
            .args([client, &key.secret])
            .env("NODE_ENV", "production");
        let mut process = Process::spawn("oidc-provider", command, &folder.join("peer.log"))?;
        let address = wait::wait_for(|| match process.check() {
            Err(error) => Some(Err(error)),
            Ok(()) => address(&process.log()).map(Ok),
        });
        Ok(Self {
            address: address.context("oidc-provider did not become ready")??,
            process,
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }
}

fn address(log: &str) -> Option<SocketAddr> {
    let complete = log.lines().take(log.matches('\n').count());
    let mut ready = complete.filter_map(|line| line.strip_prefix("listening on http://"));
    ready.next()?.parse().ok()
}
