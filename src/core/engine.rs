//! What happens next to a request: a state machine without input or output of its own.

use crate::caller::Callers;
use crate::config::Config;
use crate::guard;
use crate::http::{Reply, RequestHead};
use crate::identity::{Edits, Identity};
use crate::lookup::{Answer, Call};
use crate::outcome::{LookupOutcome, Outcome};
use crate::throttle::Throttle;
use crate::time::Timestamp;
use crate::token::attempt::{Attempt, Desk, Next};
use crate::token::reply::Refusal;
use crate::token::request::TokenRequest;
use crate::token::{BODY_TIMEOUT, FIRST_BODY_TIMEOUT, MAX_BODY, OnHeaders};
use std::time::Duration;

/// One worker's engine: the configuration, the failures it has counted, and the tokens it knows.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    throttle: Throttle,
    callers: Callers,
}

/// Where a request is. The shell keeps it between events, and cannot look into it.
#[derive(Debug, Default)]
pub enum State {
    /// Nothing has been seen of it.
    #[default]
    New,
    /// A token request whose body is awaited.
    Body(Box<TokenRequest>),
    /// A token request whose customer is being looked up.
    Lookup(Box<Attempt>),
    /// It went on to the upstream.
    Passed,
    /// It was answered.
    Answered,
}

/// What can happen to a request.
#[derive(Debug)]
pub enum Event<'a> {
    /// Its head has arrived.
    Head(RequestHead<'a>),
    /// All of its body that has arrived so far.
    Body {
        /// From the first byte on.
        bytes: &'a [u8],
        /// Whether that is the whole.
        complete: bool,
        /// The caller's address as Envoy computes it, `address:port`.
        address: &'a [u8],
    },
    /// The body has not come in time.
    BodyOverdue {
        /// Whether this worker has ever been handed a body; if not, the host may not be able to.
        host_delivers: bool,
    },
    /// The lookup call was answered.
    Answer {
        /// The answer.
        answer: Answer<'a>,
        /// Fresh random bits.
        random: [u8; 16],
    },
    /// The lookup call could not be made.
    NotSent,
}

/// What the shell is to do, and to count.
#[derive(Debug)]
pub struct Step {
    /// What to do.
    pub action: Action,
    /// The lookup that has ended with this event.
    pub lookup: Option<LookupOutcome>,
}

/// What the shell is to do.
#[derive(Debug)]
pub enum Action {
    /// Let the request go on, with these changes.
    Pass(Pass),
    /// Answer it.
    Reply(Reply),
    /// Hold it and bring the body, or [`Event::BodyOverdue`] after [`Engine::body_timeout`].
    AwaitBody,
    /// Hold it and make this call.
    Call(Call),
    /// Nothing: more of the body is to come.
    Wait,
}

/// A request that may go on. Only this crate can make one: for a verified token, for a public path, or
/// in report mode.
#[derive(Debug, PartialEq, Eq)]
pub struct Pass {
    edits: Edits,
    outcome: Outcome,
}

impl Pass {
    pub(crate) fn new(edits: Edits, outcome: Outcome) -> Self {
        Self { edits, outcome }
    }

    /// What changes in its head.
    pub fn edits(&self) -> &Edits {
        &self.edits
    }

    /// What operators are told.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }
}

impl Engine {
    /// Starts with nothing counted.
    pub fn new(config: Config) -> Self {
        let throttle = Throttle::new(config.throttle_limit());
        Self {
            config,
            throttle,
            callers: Callers::default(),
        }
    }

    /// Which headers callers may not send, for [`RequestHead::read`].
    pub fn identity(&self) -> &Identity {
        &self.config.identity
    }

    /// Whether the head of a token request goes on to a buffer filter while the body is awaited.
    pub fn continues_on_headers(&self) -> bool {
        let endpoint = self.config.token_endpoint.as_ref();
        endpoint.is_some_and(|endpoint| endpoint.on_headers == OnHeaders::Continue)
    }

    /// How long a token request may wait for its body.
    pub fn body_timeout(host_delivers: bool) -> Duration {
        if host_delivers {
            BODY_TIMEOUT
        } else {
            FIRST_BODY_TIMEOUT
        }
    }

    /// Takes one event. An event that does not fit the state answers the request: never a pass.
    pub fn step(&mut self, state: State, event: Event<'_>, now: Timestamp) -> (State, Step) {
        match (state, event) {
            (State::New, Event::Head(head)) => self.head(&head, now),
            (
                State::Body(request),
                Event::Body {
                    bytes,
                    complete,
                    address,
                },
            ) => self.body(request, bytes, complete, address, now),
            (State::Body(_), Event::BodyOverdue { host_delivers }) => {
                self.refuse(if host_delivers {
                    Refusal::BodyTimeout
                } else {
                    Refusal::HostMisconfigured
                })
            }
            (State::Lookup(attempt), Event::Answer { answer, random }) => {
                let Some(mut desk) = self.desk(now) else {
                    return self.refuse(Refusal::Internal);
                };
                let (next, lookup) = attempt.answer(&answer, random, &mut desk);
                follow(next, Some(lookup))
            }
            (State::Lookup(attempt), Event::NotSent) => {
                let Some(desk) = self.desk(now) else {
                    return self.refuse(Refusal::Internal);
                };
                let (reply, lookup) = attempt.not_sent(&desk);
                follow(Next::Reply(reply), Some(lookup))
            }
            (State::Answered, _) => (State::Answered, Step::of(Action::Wait)),
            _ => self.refuse(Refusal::Internal),
        }
    }

    fn head(&mut self, head: &RequestHead<'_>, now: Timestamp) -> (State, Step) {
        let endpoint = self.config.token_endpoint.as_ref();
        let Some(endpoint) = endpoint.filter(|own| own.path.as_bytes() == head.path_only()) else {
            return match guard::decide(&self.config, &mut self.callers, head, now) {
                Ok(pass) => (State::Passed, Step::of(Action::Pass(pass))),
                Err(reply) => (State::Answered, Step::of(Action::Reply(reply))),
            };
        };
        match TokenRequest::head(endpoint, head) {
            Err(refusal) => self.refuse(refusal),
            Ok(request) if head.end_of_stream => self.body(Box::new(request), b"", true, b"", now),
            Ok(request) => (State::Body(Box::new(request)), Step::of(Action::AwaitBody)),
        }
    }

    fn body(
        &mut self,
        request: Box<TokenRequest>,
        bytes: &[u8],
        complete: bool,
        address: &[u8],
        now: Timestamp,
    ) -> (State, Step) {
        if bytes.len() > MAX_BODY {
            return self.refuse(Refusal::BodyTooLarge);
        }
        if !complete {
            return (State::Body(request), Step::of(Action::Wait));
        }
        let asked = match request.body(bytes) {
            Ok(asked) => asked,
            Err(refusal) => return self.refuse(refusal),
        };
        let Some(desk) = self.desk(now) else {
            return self.refuse(Refusal::Internal);
        };
        let address = without_port(address).to_vec();
        follow(
            Attempt::start(asked, request.passed_on, address, &desk),
            None,
        )
    }

    fn desk(&mut self, now: Timestamp) -> Option<Desk<'_>> {
        let endpoint = self.config.token_endpoint.as_ref()?;
        Some(Desk {
            endpoint,
            realm: &self.config.realm,
            verifier: &self.config.verifier,
            throttle: &mut self.throttle,
            now,
        })
    }

    fn refuse(&self, refusal: Refusal) -> (State, Step) {
        let reply = refusal.reply(&self.config.realm, None);
        (State::Answered, Step::of(Action::Reply(reply)))
    }
}

impl Step {
    const fn of(action: Action) -> Self {
        Self {
            action,
            lookup: None,
        }
    }
}

fn follow(next: Next, lookup: Option<LookupOutcome>) -> (State, Step) {
    match next {
        Next::Call(attempt, call) => (
            State::Lookup(attempt),
            Step {
                action: Action::Call(call),
                lookup,
            },
        ),
        Next::Reply(reply) => (
            State::Answered,
            Step {
                action: Action::Reply(reply),
                lookup,
            },
        ),
    }
}

/// Envoy's `source.address` is `address:port`, with brackets around IPv6. Another port is no other caller.
fn without_port(address: &[u8]) -> &[u8] {
    let colon = address
        .iter()
        .rposition(|&byte| byte == b':')
        .unwrap_or(address.len());
    address.get(..colon).unwrap_or(address)
}
