//! Callers that ask without end, and note every answer that is not the right one.

use anyhow::Result;
use serde_json::json;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::http::{Connection, Request, Response};
use crate::jwt;
use crate::stack::{Customer, Stack, token_request};

/// The Customer Code whose lookups are to fail.
pub const BROKEN: &str = "BROKENLOOKUP";

/// What is asked, in a mix of 90 % valid, 5 % refused and 5 % token requests, of which one in a hundred meets a lookup
/// that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A read with a good token; often the one that was issued last.
    Valid,
    /// A read without a token, with one that has expired, that a stranger signed, or a write with the scope `read`.
    Refused,
    /// A token request with the right key.
    Token,
    /// A token request whose lookup fails.
    Broken,
}

/// What came back.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How many answers of each status.
    pub answers: BTreeMap<(Kind, u16), u64>,
    /// The first of the answers that were wrong.
    pub wrong: Vec<String>,
    /// How many were wrong.
    pub wrong_count: u64,
    /// How many connections broke.
    pub broken_connections: u64,
}

/// Callers at work. Dropping it stops them.
pub struct Load {
    stop: Arc<AtomicBool>,
    tally: Arc<Mutex<Tally>>,
    callers: Vec<JoinHandle<()>>,
}

/// What each caller knows.
#[derive(Clone)]
struct Caller {
    address: SocketAddr,
    customer: Customer,
    token: String,
    refused: [Request; 4],
    /// Which statuses besides the right one are allowed, while something is broken on purpose.
    excused: &'static [(Kind, u16)],
    pause: Duration,
}

impl Load {
    /// Starts so many callers, each of which asks so often a second. While something is broken on purpose, other
    /// answers than the right one are `excused`.
    pub fn start(stack: &Stack, callers: u32, rate: u32, excused: &'static [(Kind, u16)]) -> Self {
        Self::start_at(stack, stack.envoy.address(), callers, rate, excused)
    }

    /// The same at another address, where an Envoy with the same keys and store is.
    pub fn start_at(
        stack: &Stack,
        address: SocketAddr,
        callers: u32,
        rate: u32,
        excused: &'static [(Kind, u16)],
    ) -> Self {
        let customer = stack.customer();
        let claims = stack.claims(json!({})).to_string();
        let stranger = jwt::sign(b"the key of a stranger", jwt::HS256_HEADER, &claims);
        let expired = stack.forge(json!({"exp": 1}));
        let good = stack.forge(json!({"sub": customer.code}));
        let caller = Caller {
            address,
            token: good.clone(),
            customer,
            refused: [
                Request::get("/products"),
                Request::get("/products").bearer(&stranger),
                Request::get("/products").bearer(&expired),
                Request::post("/products").bearer(&good),
            ],
            excused,
            pause: Duration::from_secs(1) / rate,
        };
        let (stop, tally) = (Arc::default(), Arc::default());
        let callers = (0..callers)
            .map(|number| {
                let (caller, stop, tally) = (caller.clone(), Arc::clone(&stop), Arc::clone(&tally));
                thread::spawn(move || caller.work(number.into(), &stop, &tally))
            })
            .collect();
        Self {
            stop,
            tally,
            callers,
        }
    }

    /// What has come back so far.
    pub fn tally(&self) -> Tally {
        lock(&self.tally).clone()
    }

    /// Stops, and tells what came back.
    pub fn stop(mut self) -> Tally {
        self.end();
        self.tally()
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for caller in self.callers.drain(..) {
            // One that panicked has noted nothing more, and the panic has been printed.
            let _ = caller.join();
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.end();
    }
}

impl Tally {
    /// How many answers there were to this kind of request, with this status.
    pub fn count(&self, kind: Kind, status: u16) -> u64 {
        self.answers.get(&(kind, status)).copied().unwrap_or(0)
    }

    /// How many answers there were.
    pub fn total(&self) -> u64 {
        self.answers.values().sum()
    }
}

impl Caller {
    fn work(mut self, number: u64, stop: &AtomicBool, tally: &Mutex<Tally>) {
        let mut connection = None;
        let mut due = Instant::now();
        for turn in number * 7.. {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let kind = kind(turn);
            let asked = connection
                .take()
                .map_or_else(|| Connection::open(self.address), Ok)
                .and_then(|mut open| Ok((self.ask(kind, turn, &mut open)?, open)));
            let mut tally = lock(tally);
            match asked {
                Ok((response, open)) => {
                    self.note(kind, &response, &mut tally);
                    connection = Some(open);
                }
                Err(_) => tally.broken_connections += 1,
            }
            drop(tally);
            // This is a rate, not a wait for something to happen.
            due += self.pause;
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    }

    fn ask(&self, kind: Kind, turn: u64, connection: &mut Connection) -> Result<Response> {
        connection.send(&match kind {
            Kind::Valid => Request::get("/products").bearer(&self.token),
            Kind::Refused => self.refused[(turn / 20 % 4) as usize].clone(),
            Kind::Token => token_request(&self.customer.code, &self.customer.key.secret),
            Kind::Broken => token_request(BROKEN, "x"),
        })
    }

    fn note(&mut self, kind: Kind, response: &Response, tally: &mut Tally) {
        *tally.answers.entry((kind, response.status)).or_default() += 1;
        let right = match kind {
            Kind::Valid => {
                let code = format!("x-customer-code: {}", self.customer.code);
                response.status == 200 && response.text().contains(&code)
            }
            Kind::Refused => {
                matches!(response.status, 401 | 403) && !response.text().contains("x-customer-code")
            }
            Kind::Token => response.status == 200,
            Kind::Broken => response.status == 503,
        };
        if !right && !self.excused.contains(&(kind, response.status)) {
            tally.wrong_count += 1;
            if tally.wrong.len() < 10 {
                tally.wrong.push(format!("{kind:?}: {response:?}"));
            }
        }
        if (kind, response.status) == (Kind::Token, 200) {
            let token = response.json()["access_token"].as_str().map(str::to_owned);
            self.token = token.unwrap_or_default();
        }
    }
}

/// Of 20 requests 18 are valid, one is refused, one asks for a token; of those, every hundredth fails.
fn kind(turn: u64) -> Kind {
    match turn % 20 {
        5 => Kind::Refused,
        15 if turn / 20 % 100 == 50 => Kind::Broken,
        15 => Kind::Token,
        _ => Kind::Valid,
    }
}

fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}
