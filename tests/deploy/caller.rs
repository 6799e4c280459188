//! Requests by curl, which speaks TLS and HTTP/2 too.

use crate::output;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

/// A proxy as a caller sees it.
pub(crate) struct Caller {
    base: String,
    arguments: Vec<String>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) version: String,
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Caller {
    /// Over plain HTTP.
    pub(crate) fn plain(address: SocketAddr) -> Self {
        Self {
            base: format!("http://{address}"),
            arguments: Vec::new(),
        }
    }

    /// Over TLS, by the proxy's public name, which its certificate must hold.
    pub(crate) fn tls(name: &str, address: SocketAddr, issuer: &Path) -> Self {
        Self {
            base: format!("https://{name}"),
            arguments: vec![
                "--connect-to".to_owned(),
                format!("{name}:443:{address}"),
                "--cacert".to_owned(),
                issuer.display().to_string(),
            ],
        }
    }

    /// The same with more arguments of curl for every request.
    pub(crate) fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments
            .extend(arguments.iter().copied().map(str::to_owned));
        self
    }

    /// Sends a request; fails the test if no answer comes.
    #[track_caller]
    pub(crate) fn ask(&self, path: &str, arguments: &[&str]) -> Reply {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--include", "--max-time", "30"])
            .args(["--noproxy", "*"])
            .args(&self.arguments)
            .args(arguments)
            .arg(format!("{}{path}", self.base));
        Reply::parse(&output(&mut curl))
    }

    /// Asks for a token the way the documentation shows it.
    #[track_caller]
    pub(crate) fn ask_for_token(&self, code: &str, key: &str) -> Reply {
        let form = format!("grant_type=client_credentials&client_id={code}&client_secret={key}");
        self.ask("/auth/token", &["--data", &form])
    }

    /// Reads data, with the bearer of this token and more arguments of curl.
    #[track_caller]
    pub(crate) fn read(&self, path: &str, token: &str, arguments: &[&str]) -> Reply {
        let bearer = format!("authorization: Bearer {token}");
        self.ask(path, &[&["--header", &*bearer], arguments].concat())
    }
}

impl Reply {
    #[track_caller]
    fn parse(text: &str) -> Self {
        let (head, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no answer: {text}"));
        let mut lines = head.lines();
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (version, status) = (words.next(), words.next());
        Self {
            version: version.unwrap_or_default().to_owned(),
            status: status.unwrap_or_default().parse().expect("a status"),
            headers: lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect(),
            body: body.to_owned(),
        }
    }

    /// The value of a header that came.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body as JSON; fails the test if it is none.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }
}
