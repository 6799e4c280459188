//! One request on its way through the filter.

use crate::host::{self, Fields, LogLevel};
use crate::worker::Worker;
use latchkey_core::http::{Reply, RequestHead};
use latchkey_core::identity::Edits;
use latchkey_core::lookup::Answer;
use latchkey_core::lookup::reply::MAX_REPLY;
use latchkey_core::outcome::Endpoint;
use latchkey_core::token::MAX_BODY;
use latchkey_core::{Action, Event, State, Step};
use std::cell::RefCell;
use std::rc::Rc;

/// What Envoy does with the part of a request that it handed over.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(crate) enum Flow {
    Continue = 0,
    Pause = 1,
}

/// What a stream is about; its own callbacks, a call's answer and a tick all reach it.
pub(crate) struct Request {
    id: u32,
    state: RefCell<State>,
    worker: Rc<Worker>,
}

impl Drop for Request {
    fn drop(&mut self) {
        self.worker.forget(self.id);
    }
}

impl Request {
    pub(crate) fn new(id: u32, worker: Rc<Worker>) -> Self {
        Self {
            id,
            state: RefCell::default(),
            worker,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn head(self: &Rc<Self>, end_of_stream: bool) -> Flow {
        let Ok(map) = host::fields(Fields::Request) else {
            return self.close();
        };
        let Some(pairs) = map.pairs() else {
            return self.close();
        };
        #[cfg(feature = "trap")]
        crate::trap::head(pairs.clone());
        let head = {
            let engine = self.worker.engine.borrow();
            RequestHead::read(pairs, end_of_stream, engine.identity())
        };
        self.advance(Event::Head(head))
    }

    pub(crate) fn body(self: &Rc<Self>, size: usize, complete: bool) -> Flow {
        match *self.state.borrow() {
            State::Passed => return Flow::Continue,
            State::Body(_) => {}
            _ => return Flow::Pause,
        }
        #[cfg(feature = "trap")]
        crate::trap::at(b"body");
        // One byte more than allowed shows that it is too much.
        let bytes = if size == 0 {
            Ok(Vec::new())
        } else {
            host::request_body(MAX_BODY + 1)
        };
        match bytes {
            Ok(bytes) => self.form(&bytes, complete),
            Err(_) => self.close(),
        }
    }

    /// A request with trailers never says "end of stream" with its body, of which there may be none.
    pub(crate) fn trailers(self: &Rc<Self>) -> Flow {
        let awaited = matches!(*self.state.borrow(), State::Body(_));
        if awaited {
            let bytes = host::request_body(MAX_BODY + 1).unwrap_or_default();
            return self.form(&bytes, true);
        }
        let passed = matches!(*self.state.borrow(), State::Passed);
        if !passed {
            return Flow::Pause;
        }
        let Ok(map) = host::fields(Fields::RequestTrailers) else {
            return self.close();
        };
        let Some(pairs) = map.pairs() else {
            return self.close();
        };
        let edits = {
            let engine = self.worker.engine.borrow();
            let identity = engine.identity();
            identity.anonymous(&RequestHead::read(pairs, true, identity))
        };
        match remove(Fields::RequestTrailers, &edits) {
            Ok(()) => Flow::Continue,
            Err(_) => self.close(),
        }
    }

    fn form(self: &Rc<Self>, bytes: &[u8], complete: bool) -> Flow {
        self.worker.body_arrived();
        let address = if complete {
            host::source_address().unwrap_or_default()
        } else {
            Vec::new()
        };
        self.advance(Event::Body {
            bytes,
            complete,
            address: &address,
        })
    }

    pub(crate) fn answered(self: &Rc<Self>, headers: usize, body_size: usize) {
        #[cfg(feature = "trap")]
        crate::trap::at(b"answer");
        let status = if headers == 0 {
            None
        } else {
            host::call_status().ok()
        };
        let body = if body_size == 0 {
            Ok(Vec::new())
        } else {
            host::call_body(MAX_REPLY)
        };
        let (Ok(body), Ok(random)) = (body, host::random()) else {
            self.close();
            return;
        };
        let answer = Answer {
            status: status.as_deref(),
            body: &body,
            body_size,
        };
        self.advance(Event::Answer { answer, random });
    }

    pub(crate) fn body_overdue(self: &Rc<Self>, host_delivers: bool) {
        self.advance(Event::BodyOverdue { host_delivers });
    }

    /// Asks the core what comes next, and does it.
    fn advance(self: &Rc<Self>, event: Event<'_>) -> Flow {
        let Ok(now) = host::now() else {
            return self.close();
        };
        let state = self.state.take();
        let (state, step) = self.worker.engine.borrow_mut().step(state, event, now);
        let awaited = matches!(state, State::Body(_));
        self.state.replace(state);
        if !awaited {
            self.worker.forget(self.id);
        }
        let Step { action, lookup } = step;
        if let Some(lookup) = lookup {
            self.worker.telemetry.looked_up(&lookup);
        }
        match action {
            Action::Wait => Flow::Pause,
            Action::AwaitBody => {
                self.worker.await_body(self, now);
                let continues = self.worker.engine.borrow().continues_on_headers();
                if continues {
                    Flow::Continue
                } else {
                    Flow::Pause
                }
            }
            Action::Call(call) => match host::dispatch(&call) {
                Ok(token) => {
                    self.worker.await_answer(self, token);
                    Flow::Pause
                }
                Err(_) => self.advance(Event::NotSent),
            },
            Action::Reply(reply) => {
                self.worker.decided(&reply.outcome);
                send(&reply)
            }
            Action::Pass(pass) => {
                if remove(Fields::Request, pass.edits()).is_err() {
                    return self.close();
                }
                for (name, value) in pass.edits().set() {
                    if host::set_header(name, value).is_err() {
                        return self.close();
                    }
                }
                self.worker.decided(pass.outcome());
                Flow::Continue
            }
        }
    }

    /// The host has failed; so does the request (D19).
    fn close(&self) -> Flow {
        self.state.replace(State::Answered);
        self.worker.forget(self.id);
        let reply = Reply::internal(Endpoint::Guard);
        self.worker.decided(&reply.outcome);
        send(&reply)
    }
}

fn remove(map: Fields, edits: &Edits) -> Result<(), host::Failed> {
    let mut names = edits.remove().iter();
    names.try_for_each(|name| host::remove(map, name))
}

/// The answer where there is no stream to ask about, or no configuration for it.
pub(crate) fn closed() -> Flow {
    send(&Reply::internal(Endpoint::Guard))
}

fn send(reply: &Reply) -> Flow {
    if host::reply(reply).is_err() {
        // The stream is held for good, which Envoy's own timeouts end; it never passes.
        host::log(LogLevel::Error, "latchkey: the host took no reply");
    }
    Flow::Pause
}
