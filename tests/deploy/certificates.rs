//! Certificates for one test run, by openssl.

use crate::output;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An authority of its own, and a folder for what it issues.
pub(crate) struct Authority {
    folder: PathBuf,
}

impl Authority {
    /// Makes one, with its certificate in `ca.crt` of the folder.
    pub(crate) fn new(folder: &Path) -> Self {
        fs::create_dir_all(folder).unwrap();
        let authority = Self {
            folder: folder.to_owned(),
        };
        let mut request = authority.openssl(&["req", "-x509", "-days", "2", "-subj", "/CN=tests"]);
        output(
            request
                .args(KEY)
                .args(["-keyout", "ca.key", "-out", "ca.crt"]),
        );
        authority
    }

    /// Issues `NAME.crt` and `NAME.key` for a host.
    pub(crate) fn issue(&self, name: &str, host: &str) {
        let (key, certificate) = (format!("{name}.key"), format!("{name}.crt"));
        let (subject, alternative) = (format!("/CN={host}"), format!("subjectAltName=DNS:{host}"));
        let mut request = self.openssl(&["req", "-x509", "-days", "2", "-subj", &subject]);
        output(
            request
                .args(["-CA", "ca.crt", "-CAkey", "ca.key"])
                .args([
                    "-addext",
                    &alternative,
                    "-addext",
                    "basicConstraints=critical,CA:FALSE",
                ])
                .args(KEY)
                .args(["-keyout", &key, "-out", &certificate]),
        );
    }

    /// A file of the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn openssl(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("openssl");
        command.args(arguments).current_dir(&self.folder);
        command
    }
}

const KEY: [&str; 5] = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
];
