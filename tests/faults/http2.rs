//! Frames of HTTP/2 (RFC 9113), just enough to misbehave with.

use anyhow::Result;
use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A connection that speaks HTTP/2 from the first byte on.
pub struct Http2 {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Http2 {
    /// Connects, and sends the preface.
    pub fn open(address: SocketAddr) -> Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")?;
        let mut this = Self {
            stream,
            received: Vec::new(),
        };
        this.frame(SETTINGS, 0, 0, &[])?;
        Ok(this)
    }

    /// The head of a request, or trailers.
    pub fn headers(&mut self, id: u32, fields: &[(&str, &str)], end: bool) -> Result<()> {
        let mut block = Vec::new();
        for (name, value) in fields {
            // A literal that is never indexed, with a new name (RFC 7541 section 6.2.3).
            block.push(0x10);
            for text in [name, value] {
                length(text.len(), &mut block);
                block.extend(text.bytes());
            }
        }
        let flags = END_HEADERS | if end { END_STREAM } else { 0 };
        self.frame(HEADERS, flags, id, &block)
    }

    /// A piece of the body.
    pub fn data(&mut self, id: u32, bytes: &[u8], end: bool) -> Result<()> {
        self.frame(DATA, if end { END_STREAM } else { 0 }, id, bytes)
    }

    /// Takes a request back.
    pub fn reset(&mut self, id: u32) -> Result<()> {
        self.frame(RST_STREAM, 0, id, &8u32.to_be_bytes())
    }

    /// Waits for the answer of a stream, and gives its status as Envoy encodes it; 0 where the stream was reset.
    pub fn status(&mut self, id: u32) -> Result<u16> {
        loop {
            let (kind, stream, payload) = self.read_frame()?;
            if stream == id && kind == HEADERS {
                return Ok(status_in(&payload));
            }
            if stream == id && kind == RST_STREAM {
                return Ok(0);
            }
        }
    }

    /// Waits for the head of so many answers, each on a stream of its own.
    pub fn heads(&mut self, count: usize) -> Result<usize> {
        let mut streams = BTreeSet::new();
        while streams.len() < count {
            let (kind, stream, _) = self.read_frame()?;
            if kind == HEADERS {
                streams.insert(stream);
            }
        }
        Ok(streams.len())
    }

    /// Whether the other side closes the connection, rather than leave it without a word.
    pub fn is_closed(&mut self) -> bool {
        loop {
            let Err(error) = self.read_frame() else {
                continue;
            };
            let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
            return !matches!(kind, Some(ErrorKind::WouldBlock | ErrorKind::TimedOut));
        }
    }

    fn frame(&mut self, kind: u8, flags: u8, id: u32, payload: &[u8]) -> Result<()> {
        let mut bytes = u32::try_from(payload.len())?.to_be_bytes()[1..].to_vec();
        bytes.extend([kind, flags]);
        bytes.extend(id.to_be_bytes());
        bytes.extend(payload);
        Ok(self.stream.write_all(&bytes)?)
    }

    fn read_frame(&mut self) -> Result<(u8, u32, Vec<u8>)> {
        let head = self.take(9)?;
        let size = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Ok((head[3], id, self.take(size)?))
    }

    fn take(&mut self, size: usize) -> Result<Vec<u8>> {
        while self.received.len() < size {
            let mut bytes = [0; 4096];
            let count = self.stream.read(&mut bytes)?;
            anyhow::ensure!(count > 0, "the connection was closed");
            self.received.extend(&bytes[..count]);
        }
        Ok(self.received.drain(..size).collect())
    }
}

/// An integer with a prefix of seven bits, without Huffman coding (RFC 7541 section 5).
fn length(mut size: usize, block: &mut Vec<u8>) {
    if size < 127 {
        block.push(size as u8);
        return;
    }
    block.push(127);
    size -= 127;
    while size >= 128 {
        block.push((size % 128) as u8 | 128);
        size /= 128;
    }
    block.push(size as u8);
}

/// `:status` comes first: as an entry of the static table, or as a literal under its name (RFC 7541 appendix A).
fn status_in(block: &[u8]) -> u16 {
    // A change of the table's size may stand before it.
    let block = &block[block.iter().take_while(|byte| *byte & 0xe0 == 0x20).count()..];
    match block[0] {
        0x88 => 200,
        0x89 => 204,
        0x8a => 206,
        0x8b => 304,
        0x8c => 400,
        0x8d => 404,
        0x8e => 500,
        _ => literal(&block[1..]),
    }
}

/// Three digits, each its own byte, or Huffman-coded in five or six bits (RFC 7541 appendix B).
fn literal(value: &[u8]) -> u16 {
    let size = usize::from(value[0] & 0x7f);
    let text = &value[1..=size];
    if value[0] & 0x80 == 0 {
        return String::from_utf8_lossy(text).parse().unwrap_or(0);
    }
    let bits: String = text.iter().map(|byte| format!("{byte:08b}")).collect();
    let mut digits = String::new();
    let mut rest = &bits[..];
    while digits.len() < 3 {
        let five = u8::from_str_radix(&rest[..5], 2).unwrap_or(31);
        if five < 3 {
            digits.push(char::from(b'0' + five));
            rest = &rest[5..];
        } else {
            let six = u8::from_str_radix(&rest[..6], 2).unwrap_or(63);
            // 3 to 9 are 0x19 to 0x1f.
            digits.push(char::from(b'3' + six.wrapping_sub(0x19)));
            rest = &rest[6..];
        }
    }
    digits.parse().unwrap_or(0)
}
