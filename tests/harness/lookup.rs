//! A lookup service that answers as it is told to, down to the bytes, or not at all.

use anyhow::{Context, Result};
use hmac::{Hmac, KeyInit, Mac};
use nix::sys::socket::{setsockopt, sockopt};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::http::Request;
use crate::stack::now;
use crate::upstream::Seen;

/// A server on raw TCP in the place of the credential store. What it does depends on who is asked for, so that tests that
/// run at the same time can share it: each asks for a Customer Code of its own.
pub struct Lookup {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// What becomes of a lookup.
#[derive(Clone)]
pub enum Behaviour {
    /// These bytes are sent, and the connection stays open.
    Send(Vec<u8>),
    /// These bytes are sent, and then the connection is reset.
    Reset(Vec<u8>),
    /// These bytes are sent one a second.
    Drip(Vec<u8>),
    /// Another lookup service is asked, and its answer sent.
    Forward(Box<Seen>, SocketAddr),
    /// Nothing is ever sent.
    Silence,
    /// These bytes are sent once the test says [`Lookup::release`].
    Hold(Vec<u8>),
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    released: Condvar,
}

#[derive(Default)]
struct State {
    /// What to do for whom, one after the other; the last stays.
    behaviours: HashMap<String, Vec<Behaviour>>,
    seen: Vec<Seen>,
    released: Vec<String>,
    /// A real lookup service, for all whom no behaviour is about.
    behind: Option<SocketAddr>,
}

impl Lookup {
    /// Starts listening on a free port of the loopback address. Who is asked for without a [`Lookup::on`] is unknown (404).
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("no port for the lookup server")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let server = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = server.clone();
                // A connection that breaks is what many tests are about.
                thread::spawn(move || server.serve(stream));
            }
        });
        Ok(Self { address, shared })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tells what to do when this Customer Code is asked for: when the path, decoded, holds it.
    pub fn on(&self, code: &str, behaviour: Behaviour) {
        self.on_each(code, vec![behaviour]);
    }

    /// Tells what to do at the first lookup, the second, and so on; the last stays.
    pub fn on_each(&self, code: &str, behaviours: Vec<Behaviour>) {
        self.shared
            .state()
            .behaviours
            .insert(code.to_owned(), behaviours);
    }

    /// Asks a real lookup service about everyone without a [`Lookup::on`], from now on, and hands on its answer.
    pub fn forward_to(&self, behind: SocketAddr) {
        self.shared.state().behind = Some(behind);
    }

    /// Lets every answer for this Customer Code go that was held back.
    pub fn release(&self, code: &str) {
        self.shared.state().released.push(code.to_owned());
        self.shared.released.notify_all();
    }

    /// The lookups so far whose path, decoded, holds this text.
    pub fn seen(&self, text: &str) -> Vec<Seen> {
        let state = self.shared.state();
        let about = |seen: &&Seen| decoded(&seen.path).contains(text);
        state.seen.iter().filter(about).cloned().collect()
    }

    /// Every lookup so far.
    pub fn all(&self) -> Vec<Seen> {
        self.shared.state().seen.clone()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, stream: TcpStream) -> Result<()> {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream);
        loop {
            let Some(request) = read_request(&mut reader)? else {
                return Ok(());
            };
            let (code, behaviour) = self.next(request);
            let mut stream = reader.get_ref();
            match behaviour {
                Behaviour::Send(bytes) => stream.write_all(&bytes)?,
                Behaviour::Reset(bytes) => {
                    stream.write_all(&bytes)?;
                    let at_once = nix::libc::linger {
                        l_onoff: 1,
                        l_linger: 0,
                    };
                    setsockopt(&stream, sockopt::Linger, &at_once)?;
                    return Ok(());
                }
                Behaviour::Forward(request, behind) => {
                    stream.write_all(&forward(&request, behind)?)?;
                }
                Behaviour::Drip(bytes) => {
                    for byte in bytes {
                        stream.write_all(&[byte])?;
                        thread::sleep(Duration::from_secs(1));
                    }
                }
                Behaviour::Silence => {
                    // Until the caller hangs up.
                    while reader.read(&mut [0; 64])? > 0 {}
                    return Ok(());
                }
                Behaviour::Hold(bytes) => {
                    let held = |state: &mut State| !state.released.contains(&code);
                    let state = self.released.wait_while(self.state(), held);
                    drop(state.unwrap_or_else(PoisonError::into_inner));
                    stream.write_all(&bytes)?;
                }
            }
        }
    }

    /// Notes the request, and takes who it is about and what to do.
    fn next(&self, request: Seen) -> (String, Behaviour) {
        let mut state = self.state();
        let path = decoded(&request.path);
        let behind = state.behind;
        if behind.is_none() {
            state.seen.push(request.clone());
        }
        let about = state
            .behaviours
            .iter_mut()
            .filter(|(code, _)| path.contains(&**code));
        // One code may be a part of another.
        match about.max_by_key(|(code, _)| code.len()) {
            None => {
                let behaviour = match behind {
                    Some(behind) => Behaviour::Forward(Box::new(request), behind),
                    None => Behaviour::Send(reply("404 Not Found", "")),
                };
                (String::new(), behaviour)
            }
            Some((code, left)) if left.len() > 1 => (code.clone(), left.remove(0)),
            Some((code, left)) => (code.clone(), left[0].clone()),
        }
    }
}

fn forward(request: &Seen, behind: SocketAddr) -> Result<Vec<u8>> {
    let mut copy = Request::new(&request.method, &request.path);
    for (name, value) in &request.headers {
        copy = copy.header(name, value);
    }
    let answer = copy.send(behind)?;
    Ok(reply(&format!("{} Forwarded", answer.status), answer.body))
}

/// A whole HTTP reply with a JSON body.
pub fn reply(status: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// The record of a customer who has one key, valid for an hour.
pub fn record(code: &str, key: &str) -> Value {
    json!({
        "client_id": code,
        "enabled": true,
        "scope": "read",
        "keys": [{"id": "k_1", "hash": sha256(key), "expires_at": now() + 3600, "revoked_at": null}],
    })
}

/// A key's hash as the lookup contract spells it.
pub fn sha256(key: &str) -> String {
    format!("sha256:{}", hex(&Sha256::digest(key)))
}

/// A key's hash under a pepper.
pub fn hmac_sha256(key: &str, pepper: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(pepper).expect("HMAC takes keys of any length");
    mac.update(key.as_bytes());
    format!("hmac-sha256:{}", hex(&mac.finalize().into_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn decoded(path: &str) -> String {
    percent_decode_str(path).decode_utf8_lossy().into_owned()
}

/// A request without a body; `None` where the connection was closed instead.
fn read_request(reader: &mut BufReader<TcpStream>) -> Result<Option<Seen>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        match line.trim_end() {
            "" => break,
            text => lines.push(text.to_owned()),
        }
    }
    let mut lines = lines.into_iter();
    let start = lines.next().context("a request without a first line")?;
    let mut words = start.split(' ');
    let mut word = || words.next().unwrap_or_default().to_owned();
    Ok(Some(Seen {
        method: word(),
        path: word(),
        headers: lines
            .filter_map(|line| {
                let (name, value) = line.split_once(": ")?;
                Some((name.to_ascii_lowercase(), value.as_bytes().to_owned()))
            })
            .collect(),
        body: Vec::new(),
        trailers: Vec::new(),
    }))
}
