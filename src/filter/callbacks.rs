//! What Envoy calls (proxy-wasm ABI 0.2.1), and which context it means by a number.
//!
//! Envoy enters the VM for whatever a module exports, on every request that gives cause to, so there is no
//! callback here that does nothing (`exports.txt`). A number that nobody knows is never taken for a request
//! that may pass (D19).

use crate::host;
use crate::root;
use crate::stream::{self, Flow, Request};
use crate::worker::Worker;
use latchkey_core::plain_hash::BuildPlainHasher;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// Every context Envoy has made and not yet deleted.
struct Contexts {
    /// The plugins that this VM runs: one, and while a configuration is replaced by another, both.
    /// `None`: not configured, or the configuration was refused.
    roots: RefCell<BTreeMap<u32, Option<Rc<Worker>>>>,
    /// The requests under way, by numbers that Envoy counts up. One without a configuration is not among them.
    requests: RefCell<HashMap<u32, Rc<Request>, BuildPlainHasher>>,
}

thread_local! {
    static CONTEXTS: Contexts = const {
        Contexts {
            roots: RefCell::new(BTreeMap::new()),
            requests: RefCell::new(HashMap::with_hasher(BuildPlainHasher::new())),
        }
    };
}

impl Contexts {
    fn worker(&self, root: u32) -> Option<Rc<Worker>> {
        self.roots.borrow().get(&root)?.clone()
    }

    fn create(&self, id: u32, root: u32) {
        if root == 0 {
            self.roots.borrow_mut().insert(id, None);
        } else if let Some(worker) = self.worker(root) {
            let request = Rc::new(Request::new(id, worker));
            self.requests.borrow_mut().insert(id, request);
        }
    }

    /// What is dropped here is dropped once the maps are free again.
    fn delete(&self, id: u32) {
        let request = self.requests.borrow_mut().remove(&id);
        if request.is_none() {
            let root = self.roots.borrow_mut().remove(&id);
            drop(root);
        }
    }

    /// A configuration that is refused leaves the one before in place.
    fn configure(&self, root: u32) -> bool {
        let Some(worker) = root::configure() else {
            return false;
        };
        let old = self.roots.borrow_mut().insert(root, Some(worker));
        drop(old);
        true
    }
}

/// Hands a callback to the request it is about.
fn with(id: u32, event: impl FnOnce(&Rc<Request>) -> Flow) -> Flow {
    let request = CONTEXTS.with(|contexts| contexts.requests.borrow().get(&id).cloned());
    match request {
        Some(request) => event(&request),
        None => stream::closed(),
    }
}

unsafe extern "C" {
    fn __wasm_call_ctors();
}

/// Before anything else.
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    // SAFETY: the linker makes it, and the host calls this once.
    unsafe { __wasm_call_ctors() };
}

/// Tells the host which version of the ABI this is; it is never called.
#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    host::allocate(size)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(id: u32, root: u32) {
    CONTEXTS.with(|contexts| contexts.create(id, root));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(root: u32, _size: u32) -> u32 {
    CONTEXTS.with(|contexts| u32::from(contexts.configure(root)))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(root: u32) {
    #[cfg(feature = "trap")]
    crate::trap::at(b"tick");
    if let Some(worker) = CONTEXTS.with(|contexts| contexts.worker(root)) {
        worker.tick();
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(id: u32, _count: u32, end_of_stream: u32) -> u32 {
    with(id, |request| request.head(end_of_stream != 0)) as u32
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(id: u32, size: usize, end_of_stream: u32) -> u32 {
    with(id, |request| request.body(size, end_of_stream != 0)) as u32
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_trailers(id: u32, _count: u32) -> u32 {
    with(id, Request::trailers) as u32
}

/// Calls are the root context's, whoever made them.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_http_call_response(
    root: u32,
    token: u32,
    headers: usize,
    body_size: usize,
    _trailers: u32,
) {
    if let Some(worker) = CONTEXTS.with(|contexts| contexts.worker(root)) {
        worker.answered(token, headers, body_size);
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(id: u32) {
    CONTEXTS.with(|contexts| contexts.delete(id));
}
