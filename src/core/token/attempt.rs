//! From a well-formed request to its answer: checks 11 to 14 of the order in [`super`].

use super::TokenEndpoint;
use super::reply::{Refusal, issued};
use super::request::Asked;
use crate::credential::{Presented, authenticate, unknown_hashes};
use crate::http::Reply;
use crate::jwt::{Grant, Verifier};
use crate::lookup::reply::read;
use crate::lookup::{Answer, Call, ClientRecord, Found};
use crate::outcome::{LookupOutcome, LookupStatus, Reason};
use crate::scope::Scope;
use crate::throttle::Throttle;
use crate::time::Timestamp;
use std::sync::Arc;

/// A token request whose customer is being looked up.
#[derive(Debug)]
pub struct Attempt {
    /// The credentials being tried, then those still to try.
    presented: Vec<Presented>,
    scope: Option<Scope>,
    passed_on: Vec<(&'static str, String)>,
    /// The Customer Code under which failures count: the first reading of what was sent, whichever is tried
    /// last. Else a code could be guessed at uncounted, by spelling it so that a second reading is nobody's.
    counted_as: String,
    /// The caller's, for the throttle.
    address: Vec<u8>,
    /// When the first call was made; the whole attempt has one timeout.
    started: Timestamp,
    /// When the call under way was made.
    called: Timestamp,
    retried: bool,
}

/// What comes next.
#[derive(Debug)]
pub enum Next {
    /// Make this call, and bring the answer to [`Attempt::answer`].
    Call(Box<Attempt>, Call),
    /// That is all.
    Reply(Reply),
}

/// What an attempt needs of the engine.
#[derive(Debug)]
pub struct Desk<'a> {
    /// The endpoint's configuration.
    pub endpoint: &'a TokenEndpoint,
    /// `realm` of challenges.
    pub realm: &'a str,
    /// Signs.
    pub verifier: &'a Verifier,
    /// Counts failures.
    pub throttle: &'a mut Throttle,
    /// The time.
    pub now: Timestamp,
}

impl Attempt {
    /// Begins with the first credentials.
    pub fn start(
        asked: Asked,
        passed_on: Vec<(&'static str, String)>,
        address: Vec<u8>,
        desk: &Desk<'_>,
    ) -> Next {
        let Some(first) = asked.presented.first() else {
            return Next::Reply(desk.refuse(Refusal::InvalidClient(Reason::UnknownClient), None));
        };
        let attempt = Self {
            counted_as: first.client_id.clone(),
            presented: asked.presented,
            scope: asked.scope,
            passed_on,
            address,
            started: desk.now,
            called: desk.now,
            retried: false,
        };
        match desk
            .throttle
            .wait(&attempt.counted_as, &attempt.address, desk.now)
        {
            Some(wait) => Next::Reply(desk.refuse(Refusal::Throttled(wait), None)),
            None => attempt.call(desk),
        }
    }

    /// Takes the answer of the call. `random` makes the token unlike any other.
    pub fn answer(
        mut self,
        answer: &Answer<'_>,
        random: [u8; 16],
        desk: &mut Desk<'_>,
    ) -> (Next, LookupOutcome) {
        let client_id = self
            .presented
            .first()
            .map_or("", |presented| &presented.client_id);
        let found = read(answer, &desk.endpoint.lookup.record, client_id).and_then(with_scope);
        let outcome = self.outcome(&found, desk.now);
        let next = match found {
            Ok(found) => self.decide(found, random, desk),
            // No connection was made, so nothing has reached the store, and the next try may meet another endpoint.
            Err(LookupStatus::Unreachable) if !self.retried => {
                self.retried = true;
                self.call(desk)
            }
            Err(_) => Next::Reply(desk.refuse(Refusal::LookupFailed, None)),
        };
        (next, outcome)
    }

    /// The call could not even be made.
    pub fn not_sent(self, desk: &Desk<'_>) -> (Reply, LookupOutcome) {
        let outcome = self.outcome(&Err(LookupStatus::NotSent), desk.now);
        (desk.refuse(Refusal::LookupFailed, None), outcome)
    }

    fn decide(
        mut self,
        found: Option<(ClientRecord, Scope)>,
        random: [u8; 16],
        desk: &mut Desk<'_>,
    ) -> Next {
        if self.presented.is_empty() {
            return Next::Reply(desk.refuse(Refusal::Internal, None));
        }
        let presented = self.presented.remove(0);
        let record = found.as_ref().map(|(record, _)| record);
        let pepper = desk.endpoint.pepper.as_ref();
        match authenticate(&presented, record, pepper, desk.now) {
            Ok(_) => {
                desk.throttle.succeeded(&self.counted_as, &self.address);
                let whole = found.map(|(_, scope)| scope).unwrap_or_default();
                Next::Reply(desk.issue(&presented.client_id, whole, self.scope, random))
            }
            Err(_) if !self.presented.is_empty() => self.call(desk),
            Err(reason) => {
                desk.throttle
                    .failed(&self.counted_as, &self.address, desk.now);
                let customer = record.map(|record| record.client_id.as_str().into());
                Next::Reply(desk.refuse(Refusal::InvalidClient(reason), customer))
            }
        }
    }

    fn call(mut self, desk: &Desk<'_>) -> Next {
        let left = desk
            .endpoint
            .lookup
            .timeout
            .saturating_sub(desk.now.since(self.started));
        if left.as_millis() == 0 {
            return Next::Reply(desk.refuse(Refusal::LookupFailed, None));
        }
        let client_id = self
            .presented
            .first()
            .map_or("", |presented| &presented.client_id);
        match desk.endpoint.lookup.call(client_id, &self.passed_on, left) {
            Some(call) => {
                self.called = desk.now;
                Next::Call(Box::new(self), call)
            }
            None => Next::Reply(desk.refuse(Refusal::InvalidClient(Reason::UnknownClient), None)),
        }
    }

    fn outcome(
        &self,
        found: &Result<Option<(ClientRecord, Scope)>, LookupStatus>,
        now: Timestamp,
    ) -> LookupOutcome {
        let (status, unknown_hashes) = match found {
            Ok(Some((record, _))) => (LookupStatus::Found, unknown_hashes(record)),
            Ok(None) => (LookupStatus::NotFound, 0),
            Err(status) => (*status, 0),
        };
        let duration_ms = u64::try_from(now.since(self.called).as_millis()).unwrap_or(u64::MAX);
        LookupOutcome {
            status,
            duration_ms,
            unknown_hashes,
        }
    }
}

/// A record whose scope is none is as good as no record.
fn with_scope(found: Found) -> Result<Option<(ClientRecord, Scope)>, LookupStatus> {
    match found {
        Found::Unknown => Ok(None),
        Found::Record(record) => match Scope::parse(&record.scope) {
            Some(scope) => Ok(Some((record, scope))),
            None => Err(LookupStatus::BadRecord),
        },
    }
}

impl Desk<'_> {
    fn issue(
        &self,
        client_id: &str,
        whole: Scope,
        asked: Option<Scope>,
        random: [u8; 16],
    ) -> Reply {
        let customer = Some(client_id.into());
        if asked.as_ref().is_some_and(|asked| !whole.covers(asked)) {
            return self.refuse(Refusal::InvalidScope, customer);
        }
        let echoed = asked.as_ref().map(Scope::to_string);
        let scope = asked.unwrap_or(whole);
        let grant = Grant {
            client_id,
            scope: &scope,
            ttl: self.endpoint.ttl,
            random,
        };
        match self.verifier.mint(&grant, self.now) {
            Some(token) => issued(&token, self.endpoint.ttl, echoed, client_id.into()),
            None => self.refuse(Refusal::Internal, customer),
        }
    }

    fn refuse(&self, refusal: Refusal, customer: Option<Arc<str>>) -> Reply {
        refusal.reply(self.realm, customer)
    }
}
