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

/// The Customer Code whose lookups are to fail, see [`Plan::lookup_faults`].
pub const BROKEN: &str = "BROKENLOOKUP";

/// How much is asked. 90 % is valid, 5 % must be refused, 5 % are token requests.
#[derive(Clone, Copy)]
pub struct Plan {
    /// How many callers there are. Each is a customer of its own with a connection of its own.
    pub callers: u32,
    /// How often each of them asks, a second.
    pub rate: u32,
    /// Whether every hundredth token request is one of [`BROKEN`], and so has a lookup that fails.
    pub lookup_faults: bool,
    /// Which statuses beside the right one are allowed, while something is broken on purpose.
    pub excused: &'static [(Kind, u16)],
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A read with a good token, mostly the one that was issued last.
    Valid,
    /// A read without a token, with one that has expired or that a stranger signed, or a write with the scope `read`.
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
    /// How often a connection ended without an answer to what was asked.
    pub unanswered: u64,
}

/// Callers at work. Dropping it stops them.
pub struct Load {
    stop: Arc<AtomicBool>,
    tally: Arc<Mutex<Tally>>,
    callers: Vec<JoinHandle<()>>,
}

/// One caller, and what it knows.
struct Caller {
    address: SocketAddr,
    customer: Customer,
    token: String,
    /// What must be refused, and how.
    refused: [(Request, u16); 4],
    plan: Plan,
}

impl Load {
    /// Starts callers of a stack.
    pub fn start(stack: &Stack, plan: Plan) -> Self {
        Self::start_at(stack, stack.envoy.address(), plan)
    }

    /// The same at another address, where an Envoy with the same keys and store is.
    pub fn start_at(stack: &Stack, address: SocketAddr, plan: Plan) -> Self {
        let (stop, tally) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Tally>>::default());
        let callers = (0..plan.callers)
            .map(|number| {
                let caller = Caller::new(stack, address, plan);
                let (stop, tally) = (Arc::clone(&stop), Arc::clone(&tally));
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
        self.stop.store(true, Ordering::Relaxed);
        for caller in self.callers.drain(..) {
            caller.join().expect("no caller panics");
        }
        self.tally()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Tally {
    /// How many answers there were to this kind of request, with this status.
    pub fn count(&self, kind: Kind, status: u16) -> u64 {
        self.answers.get(&(kind, status)).copied().unwrap_or(0)
    }

    /// How many answers there were to this kind of request.
    pub fn sum(&self, kind: Kind) -> u64 {
        let own = self.answers.iter().filter(|((known, _), _)| *known == kind);
        own.map(|(_, count)| count).sum()
    }

    /// How many answers there were.
    pub fn total(&self) -> u64 {
        self.answers.values().sum()
    }
}

impl Caller {
    fn new(stack: &Stack, address: SocketAddr, plan: Plan) -> Self {
        let customer = stack.customer();
        let claims = stack.claims(json!({"sub": customer.code})).to_string();
        let stranger = jwt::sign(b"the key of a stranger", jwt::HS256_HEADER, &claims);
        let expired = stack.forge(json!({"sub": customer.code, "exp": 1}));
        let good = stack.forge(json!({"sub": customer.code}));
        Self {
            address,
            refused: [
                (Request::get("/products"), 401),
                (Request::get("/products").bearer(&stranger), 401),
                (Request::get("/products").bearer(&expired), 401),
                (Request::post("/products").bearer(&good), 403),
            ],
            token: good,
            customer,
            plan,
        }
    }

    fn work(mut self, number: u64, stop: &AtomicBool, tally: &Mutex<Tally>) {
        let mut connection = None;
        let mut due = Instant::now();
        // Callers begin at different places of the mix.
        for turn in number * 7.. {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let kind = self.kind(turn);
            let (request, right) = self.request(kind, turn);
            let asked = connection
                .take()
                .map_or_else(|| Connection::open(self.address), Ok)
                .and_then(|mut open: Connection| Ok((open.send(&request)?, open)));
            let response = asked.map(|(response, open)| {
                connection = (response.value("connection") != Some("close")).then_some(open);
                response
            });
            self.note(kind, right, response, &mut lock(tally));
            // This is a rate, not a wait for something to happen.
            due += Duration::from_secs(1) / self.plan.rate;
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    }

    /// Of 20 requests 18 are valid, one is refused, one asks for a token.
    fn kind(&self, turn: u64) -> Kind {
        match turn % 20 {
            5 => Kind::Refused,
            15 if self.plan.lookup_faults && turn / 20 % 100 == 50 => Kind::Broken,
            15 => Kind::Token,
            _ => Kind::Valid,
        }
    }

    fn request(&self, kind: Kind, turn: u64) -> (Request, u16) {
        match kind {
            Kind::Valid => (Request::get("/products").bearer(&self.token), 200),
            Kind::Refused => self.refused[(turn / 20 % 4) as usize].clone(),
            Kind::Token => (
                token_request(&self.customer.code, &self.customer.key.secret),
                200,
            ),
            Kind::Broken => (token_request(BROKEN, "x"), 503),
        }
    }

    fn note(&mut self, kind: Kind, right: u16, response: Result<Response>, tally: &mut Tally) {
        let Ok(response) = response else {
            tally.unanswered += 1;
            return;
        };
        *tally.answers.entry((kind, response.status)).or_default() += 1;
        let identity = match kind {
            Kind::Valid => format!("\"x-customer-code: {}\"", self.customer.code),
            _ => String::new(),
        };
        let is_right = response.status == right && response.text().contains(&identity);
        if !is_right && !self.plan.excused.contains(&(kind, response.status)) {
            tally.wrong_count += 1;
            if tally.wrong.len() < 10 {
                tally
                    .wrong
                    .push(format!("{kind:?}, expected {right}: {response:?}"));
            }
        }
        if (kind, response.status) == (Kind::Token, 200) {
            let token = response.json()["access_token"].as_str().map(str::to_owned);
            self.token = token.unwrap_or_default();
        }
    }
}

fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}
