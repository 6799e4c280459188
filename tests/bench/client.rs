//! One keep-alive client that does nothing but send, receive and look at its watch.

use anyhow::{Context, Result, ensure};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// More than any response here has.
const ROOM: usize = 16 << 10;

pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("no one at {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self {
            stream,
            buffer: vec![0; ROOM],
        })
    }

    /// Sends a request, and tells the response's status and how long it took to come whole.
    pub fn exchange(&mut self, request: &[u8]) -> Result<(u16, Duration)> {
        let started = Instant::now();
        self.stream.write_all(request)?;
        let mut filled = 0;
        loop {
            let count = self.stream.read(&mut self.buffer[filled..])?;
            ensure!(
                count > 0,
                "the connection was closed, or the response is over {ROOM} bytes"
            );
            filled += count;
            if let Some(status) = whole(&self.buffer[..filled])? {
                return Ok((status, started.elapsed()));
            }
        }
    }

    /// What the last response was, for messages.
    pub fn last(&self) -> String {
        let end = self
            .buffer
            .iter()
            .position(|&byte| byte == 0)
            .unwrap_or(ROOM);
        String::from_utf8_lossy(&self.buffer[..end]).into_owned()
    }
}

/// The status, if all of the response is there.
fn whole(bytes: &[u8]) -> Result<Option<u16>> {
    let mut slots = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut slots);
    let httparse::Status::Complete(head) = response.parse(bytes)? else {
        return Ok(None);
    };
    let length = response
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.context("the response has no content-length")?;
    let length: usize = std::str::from_utf8(length.value)?.parse()?;
    Ok(response.code.filter(|_| bytes.len() >= head + length))
}
