//! What the streams of one worker share: the engine, and who waits for a body.

use crate::host;
use crate::stream::Request;
use crate::telemetry::Telemetry;
use latchkey_core::{Engine, Timestamp};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::time::Duration;

/// How often waiting streams are looked at. Nothing ticks while none waits.
const TICK: Duration = Duration::from_millis(250);

/// One per VM and configuration.
pub(crate) struct Worker {
    pub(crate) engine: RefCell<Engine>,
    pub(crate) telemetry: Telemetry,
    /// Whether the host has ever handed a body over, so that it is known to be able to.
    host_delivers: Cell<bool>,
    waiting: RefCell<BTreeMap<u32, (Timestamp, Weak<Request>)>>,
}

impl Worker {
    pub(crate) fn new(engine: Engine) -> Self {
        Self {
            engine: RefCell::new(engine),
            telemetry: Telemetry::default(),
            host_delivers: Cell::new(false),
            waiting: RefCell::default(),
        }
    }

    /// Remembers that a stream waits for its body.
    pub(crate) fn await_body(&self, request: &Rc<Request>, now: Timestamp) {
        let deadline = now.plus(Engine::body_timeout(self.host_delivers.get()));
        let mut waiting = self.waiting.borrow_mut();
        if waiting.is_empty() {
            host::set_tick(TICK);
        }
        waiting.insert(request.id(), (deadline, Rc::downgrade(request)));
    }

    /// Notes that a part of a body has come.
    pub(crate) fn body_arrived(&self) {
        self.host_delivers.set(true);
    }

    /// Forgets a stream: its body is complete, or it is gone.
    pub(crate) fn forget(&self, id: u32) {
        self.waiting.borrow_mut().remove(&id);
    }

    /// Tells every stream whose time is up.
    pub(crate) fn tick(&self) {
        let Ok(now) = host::now() else { return };
        let mut overdue = Vec::new();
        self.waiting.borrow_mut().retain(|_, (deadline, request)| {
            let keep = *deadline > now;
            if !keep {
                overdue.extend(request.upgrade());
            }
            keep
        });
        for request in overdue {
            if host::enter(request.id()).is_ok() {
                request.body_overdue(self.host_delivers.get());
            }
        }
        if self.waiting.borrow().is_empty() {
            host::set_tick(Duration::ZERO);
        }
    }
}
