//! An HTTP/1.1 client that sends any bytes it is told to, and keeps what comes back as it came.

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::fmt;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::wait::PATIENCE;

/// A request to be sent. Nothing in it is checked, corrected or re-encoded.
#[derive(Clone)]
pub struct Request {
    method: String,
    target: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
}

/// A response as it came.
#[derive(Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers in the order they came, repeated ones kept.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, without its transfer coding.
    pub body: Vec<u8>,
}

/// One connection, kept open from request to request. It always belongs to the same worker of Envoy.
pub struct Connection(BufReader<TcpStream>);

impl Request {
    /// A request with any method and any target.
    pub fn new(method: &str, target: impl AsRef<[u8]>) -> Self {
        Self {
            method: method.to_owned(),
            target: target.as_ref().to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// A GET request.
    pub fn get(target: impl AsRef<[u8]>) -> Self {
        Self::new("GET", target)
    }

    /// A POST request.
    pub fn post(target: impl AsRef<[u8]>) -> Self {
        Self::new("POST", target)
    }

    /// Adds a header; one of the same name stays beside it.
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        let pair = (name.as_ref().to_owned(), value.as_ref().to_owned());
        self.headers.push(pair);
        self
    }

    /// Adds `Authorization: Bearer` and the token.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Adds `Authorization: Basic` over user and password as they are.
    pub fn basic(self, user: &str, password: &str) -> Self {
        let credentials = STANDARD.encode(format!("{user}:{password}"));
        self.header("authorization", format!("Basic {credentials}"))
    }

    /// Sets the body, without telling its type.
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = bytes.into();
        self
    }

    /// Sets a form of already encoded text as the body, with its content type.
    pub fn form(self, text: impl Into<Vec<u8>>) -> Self {
        self.header("content-type", "application/x-www-form-urlencoded")
            .body(text)
    }

    /// Every value of a header that it has, as text.
    pub fn values(&self, name: &str) -> Vec<String> {
        self.headers
            .iter()
            .filter(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
            .collect()
    }

    /// Sends it over a connection of its own.
    pub fn send(&self, address: SocketAddr) -> Result<Response> {
        Connection::open(address)?.send(self)
    }

    /// `host` and `content-length` are added where they are not given.
    fn bytes(&self, address: SocketAddr) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(self.method.bytes());
        bytes.push(b' ');
        bytes.extend(&self.target);
        bytes.extend(b" HTTP/1.1\r\n");
        let mut line = |name: &[u8], value: &[u8]| {
            bytes.extend([name, b": ", value, b"\r\n"].concat());
        };
        if !self.has("host") {
            line(b"host", address.to_string().as_bytes());
        }
        for (name, value) in &self.headers {
            line(name, value);
        }
        let says_its_length = self.has("content-length") || self.has("transfer-encoding");
        if !says_its_length && (self.method == "POST" || !self.body.is_empty()) {
            line(b"content-length", self.body.len().to_string().as_bytes());
        }
        bytes.extend(b"\r\n");
        bytes.extend(&self.body);
        bytes
    }

    fn has(&self, name: &str) -> bool {
        !self.values(name).is_empty()
    }
}

impl Response {
    /// Every value of a header, in order, in any letter case.
    pub fn values(&self, name: &str) -> Vec<&[u8]> {
        self.headers
            .iter()
            .filter(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
            .collect()
    }

    /// The value of a header that came exactly once, as text.
    pub fn value(&self, name: &str) -> Option<&str> {
        match self.values(name)[..] {
            [value] => std::str::from_utf8(value).ok(),
            _ => None,
        }
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; fails the test if it is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("the body is not JSON ({error}): {self:?}"))
    }

    /// Everything a caller could tell two responses apart by, except the time they were made.
    pub fn without_date(&self) -> Self {
        let mut response = self.clone();
        response
            .headers
            .retain(|(name, _)| !name.eq_ignore_ascii_case("date"));
        response
    }

    fn read(stream: &mut BufReader<TcpStream>, to_head: bool) -> Result<Self> {
        let head = read_head(stream)?;
        let mut slots = [httparse::EMPTY_HEADER; 128];
        let mut parsed = httparse::Response::new(&mut slots);
        ensure!(
            parsed.parse(&head)?.is_complete(),
            "the response head does not end"
        );
        let mut response = Self {
            status: parsed.code.context("the response has no status")?,
            headers: parsed
                .headers
                .iter()
                .map(|header| (header.name.to_owned(), header.value.to_owned()))
                .collect(),
            body: Vec::new(),
        };
        let has_body = !to_head && !matches!(response.status, 100..200 | 204 | 304);
        if has_body {
            response.read_body(stream)?;
        }
        Ok(response)
    }

    fn read_body(&mut self, stream: &mut BufReader<TcpStream>) -> Result<()> {
        if self.value("transfer-encoding") == Some("chunked") {
            loop {
                let size = usize::from_str_radix(read_line(stream)?.trim(), 16)
                    .context("a chunk has no size")?;
                let start = self.body.len();
                self.body.resize(start + size, 0);
                stream.read_exact(&mut self.body[start..])?;
                read_line(stream)?;
                if size == 0 {
                    return Ok(());
                }
            }
        }
        if let Some(length) = self.value("content-length") {
            let length: usize = length.parse().context("content-length is no number")?;
            self.body = vec![0; length];
            stream.read_exact(&mut self.body)?;
        }
        Ok(())
    }
}

impl PartialEq for Response {
    fn eq(&self, other: &Self) -> bool {
        (self.status, &self.headers, &self.body) == (other.status, &other.headers, &other.body)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {}", String::from_utf8_lossy(value))?;
        }
        writeln!(f, "\n{}", self.text())
    }
}

impl Connection {
    /// Connects.
    pub fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("no one at {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends a request and reads its response.
    pub fn send(&mut self, request: &Request) -> Result<Response> {
        let bytes = request.bytes(self.0.get_ref().peer_addr()?);
        self.write(&bytes)?;
        Response::read(&mut self.0, request.method == "HEAD")
    }

    /// Sends a request without waiting for its response.
    pub fn start(&mut self, request: &Request) -> Result<()> {
        let bytes = request.bytes(self.0.get_ref().peer_addr()?);
        self.write(&bytes)
    }

    /// Sends bytes that need not be HTTP, and reads the response to them.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> Result<Response> {
        self.write(bytes)?;
        Response::read(&mut self.0, false)
    }

    /// Everything that still comes until the other side closes, as text.
    pub fn rest(&mut self) -> Result<String> {
        let mut bytes = Vec::new();
        self.0.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Sends bytes without waiting for an answer.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match self.0.get_ref().write_all(bytes) {
            // A server may answer and close before it has read everything; the answer still counts.
            Err(error)
                if !matches!(
                    error.kind(),
                    ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
                ) =>
            {
                Err(error.into())
            }
            _ => Ok(()),
        }
    }
}

fn read_head(stream: &mut BufReader<TcpStream>) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_until(b'\n', &mut head).context("no answer")? == 0 {
            bail!(
                "the connection was closed without a whole answer: {:?}",
                String::from_utf8_lossy(&head)
            );
        }
    }
    Ok(head)
}

fn read_line(stream: &mut BufReader<TcpStream>) -> Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    Ok(line)
}
