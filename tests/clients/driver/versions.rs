//! The clients' versions, from the lock files and from the system.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fs;
use std::process::Command;

use crate::program::sources;

/// Where a client's version is fixed.
pub enum Version {
    /// `python/requirements.txt`, under this name.
    Python(&'static str),
    /// `node/package-lock.json`, under this name.
    Node(&'static str),
    /// `rust/Cargo.lock`, under this name.
    Crate(&'static str),
    /// A package of the system's Debian.
    Debian(&'static str),
    /// The system's curl.
    Curl,
}

impl Version {
    /// The package's name, with its version.
    pub fn find(&self) -> Result<(String, String)> {
        let (name, version) = match self {
            Self::Python(name) => (*name, python(name)?),
            Self::Node(name) => (*name, node(name)?),
            Self::Crate(name) => (*name, cargo(name)?),
            Self::Debian(name) => (*name, debian(name)?),
            Self::Curl => ("curl", curl()?),
        };
        Ok((name.to_owned(), version))
    }

    /// Whether it is the system that decides, and no lock file.
    pub fn is_the_systems(&self) -> bool {
        matches!(self, Self::Debian(_) | Self::Curl)
    }
}

fn python(name: &str) -> Result<String> {
    let lock = read("python/requirements.txt")?;
    let version = lock.lines().find_map(|line| {
        let version = line.strip_prefix(name)?.strip_prefix("==")?;
        version.split_whitespace().next()
    });
    found(version, name)
}

fn node(name: &str) -> Result<String> {
    let lock: Value = serde_json::from_str(&read("node/package-lock.json")?)?;
    let version = &lock["packages"][format!("node_modules/{name}")]["version"];
    found(version.as_str(), name)
}

/// The newest, where a dependency brings an older one.
fn cargo(name: &str) -> Result<String> {
    let lock = read("rust/Cargo.lock")?;
    let start = format!("name = \"{name}\"\nversion = \"");
    let rest = lock.rsplit_once(&start).map(|(_, rest)| rest);
    found(rest.and_then(|rest| rest.split('"').next()), name)
}

fn debian(name: &str) -> Result<String> {
    output("dpkg-query", &["--show", "--showformat=${Version}", name])
}

fn curl() -> Result<String> {
    let output = output("curl", &["--version"])?;
    found(output.split_whitespace().nth(1), "curl")
}

fn output(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.with_context(|| format!("{program} is not there"))?;
    ensure!(
        output.status.success(),
        "{program} {} failed: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

fn read(file: &str) -> Result<String> {
    let path = sources().join(file);
    fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
}

fn found(version: Option<&str>, name: &str) -> Result<String> {
    let version = version.with_context(|| format!("no version of {name} is fixed"))?;
    Ok(version.to_owned())
}
