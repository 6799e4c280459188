//! A client at work: one process, and the Enter key.

use anyhow::{Context, Result, ensure};
use latchkey_tests::files;
use latchkey_tests::process::Process;
use latchkey_tests::wait::wait_for;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, ExitStatus};

use crate::catalog::Client;
use crate::site::Site;

/// A running client.
pub struct Program<'a> {
    site: &'a Site,
    code: String,
    process: Process,
    enter: ChildStdin,
    reads: usize,
}

impl<'a> Program<'a> {
    /// Starts a client with these credentials, for the API at `url`.
    pub fn start(
        client: &Client,
        site: &'a Site,
        url: &str,
        (code, key): (&str, &str),
        variable: Option<&str>,
    ) -> Result<Self> {
        let mut command = command(client.file)?;
        command
            .env("CLIENT_ID", code)
            .env("CLIENT_SECRET", key)
            .env("API_URL", url)
            .env("TOKEN_URL", format!("{url}/auth/token"))
            .env("NO_PROXY", "127.0.0.1")
            .env("no_proxy", "127.0.0.1");
        // A machine's own list of certification authorities has a name in each world.
        for list in [
            "SSL_CERT_FILE",
            "REQUESTS_CA_BUNDLE",
            "NODE_EXTRA_CA_CERTS",
            "CURL_CA_BUNDLE",
        ] {
            command.env(list, site.authority());
        }
        if let Some(variable) = variable {
            command.env(variable, "1");
        }
        let log = site.folder().join(format!("{}.{code}.log", client.name));
        let (process, enter) = Process::spawn_with_input(client.name, command, &log)?;
        let reads = site.tokens_used(code).len();
        Ok(Self {
            site,
            code: code.to_owned(),
            process,
            enter,
            reads,
        })
    }

    /// Presses Enter, and returns the token with which the products were read.
    pub fn read(&mut self) -> Result<String> {
        self.enter.write_all(b"\n").context("pressing Enter")?;
        let token = wait_for(|| {
            let token = self.site.tokens_used(&self.code).get(self.reads).cloned();
            match (token, self.process.exit()) {
                (Some(token), _) => Some(Ok(token)),
                (None, Some(status)) => Some(Err(self.failure(&status.to_string()))),
                (None, None) => None,
            }
        });
        self.reads += 1;
        token.unwrap_or_else(|| Err(self.failure("no answer")))
    }

    /// Ends the input, and makes sure that all went well and every answer was printed.
    pub fn finish(self) -> Result<()> {
        let printed = format!("x-customer-code: {}", self.code);
        let (status, log) = self.end()?;
        ensure!(status.success(), "it ended with {status}:\n{log}");
        ensure!(
            log.contains(&printed),
            "it did not print what the API answered:\n{log}"
        );
        Ok(())
    }

    /// Presses Enter once, and returns what it says of its failure.
    pub fn fail(mut self) -> Result<String> {
        // It may have given up before.
        let _ = self.enter.write_all(b"\n");
        let (status, log) = self.end()?;
        ensure!(!status.success(), "it ended well:\n{log}");
        Ok(log)
    }

    fn end(self) -> Result<(ExitStatus, String)> {
        let Self {
            mut process, enter, ..
        } = self;
        drop(enter);
        let status = wait_for(|| process.exit()).context("it does not end")?;
        Ok((status, process.log()))
    }

    fn failure(&self, what: &str) -> anyhow::Error {
        anyhow::anyhow!("{what}:\n{}", self.process.log())
    }
}

/// The folder with the clients' files.
pub fn sources() -> PathBuf {
    files::checkout().join("tests/clients")
}

fn command(file: &str) -> Result<Command> {
    let source = sources().join(file);
    let stem = source.file_stem().context("a file has a name")?.to_owned();
    let installed = files::target_folder().join("clients");
    let (program, argument) = match file.split('/').next() {
        Some("python") => (installed.join("python/bin/python"), Some(source)),
        Some("node") => {
            let node = files::target_folder().join("tools/node");
            (
                node,
                Some(beside_packages(&source, &installed.join("node"))?),
            )
        }
        Some("rust") => (installed.join("rust/debug").join(stem), None),
        Some("go") => (installed.join("go").join(stem), None),
        _ => ("bash".into(), Some(source)),
    };
    ensure!(
        program.is_file() || program == Path::new("bash"),
        "{} is not there: run `make test-clients`, which installs the clients",
        program.display()
    );
    let mut command = Command::new(program);
    command.args(argument);
    Ok(command)
}

/// Node.js finds packages by the folder that a file is in.
fn beside_packages(source: &Path, packages: &Path) -> Result<PathBuf> {
    let copy = packages.join(source.file_name().context("a file has a name")?);
    fs::copy(source, &copy).with_context(|| {
        format!(
            "{} is not there: run `make test-clients`, which installs the clients",
            packages.display()
        )
    })?;
    Ok(copy)
}
