//! What the streams of one worker share: the engine, and who waits for a body or an answer.

use crate::host;
use crate::stream::Request;
use crate::telemetry::Telemetry;
use latchkey_core::outcome::Outcome;
use latchkey_core::{Engine, Timestamp};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::time::Duration;

/// How often waiting streams are looked at.
const WAITING: Duration = Duration::from_millis(250);

/// How long passed requests are gathered before they are counted.
const GATHERING: Duration = Duration::from_millis(20);

/// One per VM and configuration.
pub(crate) struct Worker {
    pub(crate) engine: RefCell<Engine>,
    pub(crate) telemetry: Telemetry,
    /// Whether the host has ever handed a body over, so that it is known to be able to.
    host_delivers: Cell<bool>,
    waiting: RefCell<BTreeMap<u32, (Timestamp, Weak<Request>)>>,
    /// Who made a call that is under way. Every call ends, with an answer or a timeout.
    calls: RefCell<BTreeMap<u32, Weak<Request>>>,
    /// The period the host was last asked for; zero: no tick.
    period: Cell<Duration>,
}

impl Worker {
    pub(crate) fn new(engine: Engine) -> Self {
        Self {
            engine: RefCell::new(engine),
            telemetry: Telemetry::default(),
            host_delivers: Cell::new(false),
            waiting: RefCell::default(),
            calls: RefCell::default(),
            period: Cell::new(Duration::ZERO),
        }
    }

    /// Tells of a decision on the current request.
    pub(crate) fn decided(&self, outcome: &Outcome) {
        self.telemetry.decided(outcome);
        self.set_period();
    }

    /// Remembers that a stream waits for its body.
    pub(crate) fn await_body(&self, request: &Rc<Request>, now: Timestamp) {
        let deadline = now.plus(Engine::body_timeout(self.host_delivers.get()));
        let waiter = (deadline, Rc::downgrade(request));
        self.waiting.borrow_mut().insert(request.id(), waiter);
        self.set_period();
    }

    /// Notes that a part of a body has come. Whoever was given less time because none ever had, gets the rest.
    pub(crate) fn body_arrived(&self) {
        if self.host_delivers.replace(true) {
            return;
        }
        let more = Engine::body_timeout(true).saturating_sub(Engine::body_timeout(false));
        for (deadline, _) in self.waiting.borrow_mut().values_mut() {
            *deadline = deadline.plus(more);
        }
    }

    /// Remembers that a stream waits for the answer of a call.
    pub(crate) fn await_answer(&self, request: &Rc<Request>, token: u32) {
        let request = Rc::downgrade(request);
        self.calls.borrow_mut().insert(token, request);
    }

    /// Hands the answer of a call to the stream that made it, if that is still there.
    pub(crate) fn answered(&self, token: u32, headers: usize, body_size: usize) {
        let caller = self.calls.borrow_mut().remove(&token);
        if let Some(request) = caller.and_then(|request| request.upgrade())
            && host::enter(request.id()).is_ok()
        {
            request.answered(headers, body_size);
        }
    }

    /// Forgets a stream: its body is complete, or it is gone.
    pub(crate) fn forget(&self, id: u32) {
        self.waiting.borrow_mut().remove(&id);
    }

    /// Counts what has been gathered, and tells every stream whose time is up.
    pub(crate) fn tick(&self) {
        self.telemetry.flush();
        for request in self.overdue() {
            if host::enter(request.id()).is_ok() {
                request.body_overdue(self.host_delivers.get());
            }
        }
        self.set_period();
    }

    fn overdue(&self) -> Vec<Rc<Request>> {
        let mut overdue = Vec::new();
        let mut waiting = self.waiting.borrow_mut();
        if waiting.is_empty() {
            return overdue;
        }
        let Ok(now) = host::now() else {
            return overdue;
        };
        waiting.retain(|_, (deadline, request)| {
            let keep = *deadline > now;
            if !keep {
                overdue.extend(request.upgrade());
            }
            keep
        });
        overdue
    }

    /// Ticks as often as there is need, and not at all where there is none.
    fn set_period(&self) {
        let period = if self.telemetry.gathers() {
            GATHERING
        } else if self.waiting.borrow().is_empty() {
            Duration::ZERO
        } else {
            WAITING
        };
        if self.period.replace(period) != period {
            host::set_tick(period);
        }
    }
}
