//! One request on its way through the filter.

use crate::host;
use crate::worker::Worker;
use latchkey_core::http::{Reply, RequestHead};
use latchkey_core::identity::Edits;
use latchkey_core::lookup::Answer;
use latchkey_core::lookup::reply::MAX_REPLY;
use latchkey_core::outcome::Endpoint;
use latchkey_core::token::MAX_BODY;
use latchkey_core::{Action, Event, State, Step};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action as Flow, LogLevel, MapType};
use std::cell::RefCell;
use std::rc::Rc;

/// The stream's context. Without a worker there is no configuration, and nothing passes.
pub(crate) struct Stream {
    request: Option<Rc<Request>>,
}

/// What a stream is about; a tick may reach it beside its own callbacks.
pub(crate) struct Request {
    id: u32,
    state: RefCell<State>,
    worker: Rc<Worker>,
}

impl Stream {
    pub(crate) fn new(id: u32, worker: Option<Rc<Worker>>) -> Self {
        let request = worker.map(|worker| {
            Rc::new(Request {
                id,
                state: RefCell::default(),
                worker,
            })
        });
        Self { request }
    }

    fn with(&self, event: impl FnOnce(&Rc<Request>) -> Flow) -> Flow {
        match &self.request {
            Some(request) => event(request),
            None => closed(),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(request) = &self.request {
            request.worker.forget(request.id);
        }
    }
}

impl Context for Stream {
    fn on_http_call_response(&mut self, _token: u32, headers: usize, body: usize, _: usize) {
        if let Some(request) = &self.request {
            request.answered(headers, body);
        }
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Flow {
        self.with(|request| request.head(end_of_stream))
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Flow {
        self.with(|request| request.body(size, end_of_stream))
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Flow {
        self.with(Request::trailers)
    }
}

impl Request {
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    fn head(self: &Rc<Self>, end_of_stream: bool) -> Flow {
        let Ok(map) = host::fields(MapType::HttpRequestHeaders) else {
            return self.close();
        };
        let Some(pairs) = map.pairs() else {
            return self.close();
        };
        #[cfg(feature = "trap")]
        crate::trap::head(&pairs);
        let head = {
            let engine = self.worker.engine.borrow();
            RequestHead::read(pairs, end_of_stream, engine.identity())
        };
        self.advance(Event::Head(head))
    }

    fn body(self: &Rc<Self>, size: usize, complete: bool) -> Flow {
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
    fn trailers(self: &Rc<Self>) -> Flow {
        let awaited = matches!(*self.state.borrow(), State::Body(_));
        if awaited {
            let bytes = host::request_body(MAX_BODY + 1).unwrap_or_default();
            return self.form(&bytes, true);
        }
        let passed = matches!(*self.state.borrow(), State::Passed);
        if !passed {
            return Flow::Pause;
        }
        let Ok(map) = host::fields(MapType::HttpRequestTrailers) else {
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
        match remove(MapType::HttpRequestTrailers, &edits) {
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

    fn answered(self: &Rc<Self>, headers: usize, body_size: usize) {
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
                Ok(()) => Flow::Pause,
                Err(_) => self.advance(Event::NotSent),
            },
            Action::Reply(reply) => {
                self.worker.decided(&reply.outcome);
                send(&reply)
            }
            Action::Pass(pass) => {
                if remove(MapType::HttpRequestHeaders, pass.edits()).is_err() {
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

fn remove(map: MapType, edits: &Edits) -> Result<(), host::Failed> {
    let mut names = edits.remove().iter();
    names.try_for_each(|name| host::remove(map, name))
}

fn closed() -> Flow {
    send(&Reply::internal(Endpoint::Guard))
}

fn send(reply: &Reply) -> Flow {
    if host::reply(reply).is_err() {
        // The stream is held for good, which Envoy's own timeouts end; it never passes.
        host::log(LogLevel::Error, "latchkey: the host took no reply");
    }
    Flow::Pause
}
