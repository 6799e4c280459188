//! The service behind Envoy: it answers everything with what it was asked.

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};
use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Far above what any test sends through.
const BODY_LIMIT: usize = 64 << 20;

/// An HTTP/1.1 server in this process. It answers 200 with the request as JSON, and remembers it.
pub struct Upstream {
    address: SocketAddr,
    memory: Arc<Memory>,
}

#[derive(Default)]
struct Memory {
    seen: Mutex<Vec<Seen>>,
    /// Whether what comes is only answered.
    forgetful: AtomicBool,
}

/// One request as it arrived.
#[derive(Clone)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The request target, with its query.
    pub path: String,
    /// The headers in the order they came, repeated ones kept; names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
    /// What came behind the body, in the same form as the headers.
    pub trailers: Vec<(String, Vec<u8>)>,
}

impl Upstream {
    /// Starts listening on a free port of the loopback address.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("no port for the upstream")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let memory = Arc::new(Memory::default());
        let router = app(memory.clone());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        thread::spawn(move || {
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                axum::serve(listener, router).await
            })
        });
        Ok(Self { address, memory })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on requests are answered and forgotten, since a long run would fill the memory.
    pub fn forget_requests(&self) {
        self.memory.forgetful.store(true, Ordering::Relaxed);
    }

    /// How many requests came so far, from all tests of this file together.
    pub fn count(&self) -> usize {
        self.memory.lock().len()
    }

    /// The requests that came so far and carry this header with this value.
    pub fn requests_with(&self, name: &str, value: &str) -> Vec<Seen> {
        self.memory
            .lock()
            .iter()
            .filter(|seen| seen.values(name) == [value.as_bytes()])
            .cloned()
            .collect()
    }
}

impl Seen {
    /// Every value of a header, in order. `name` in lower case.
    pub fn values(&self, name: &str) -> Vec<&[u8]> {
        self.headers
            .iter()
            .filter(|(other, _)| other == name)
            .map(|(_, value)| value.as_slice())
            .collect()
    }

    /// The value of a header that came exactly once, as text.
    pub fn value(&self, name: &str) -> Option<&str> {
        match self.values(name)[..] {
            [value] => std::str::from_utf8(value).ok(),
            _ => None,
        }
    }

    fn describe(&self) -> Value {
        let headers: Vec<String> = self
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)))
            .collect();
        json!({
            "method": self.method,
            "path": self.path,
            "headers": headers,
            "body": String::from_utf8_lossy(&self.body),
        })
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.describe())
    }
}

fn pairs(fields: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    fields
        .iter()
        .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
        .collect()
}

fn app(memory: Arc<Memory>) -> Router {
    Router::new().fallback(report).with_state(memory)
}

async fn report(
    State(memory): State<Arc<Memory>>,
    request: Request,
) -> Result<impl IntoResponse, StatusCode> {
    let (head, body) = request.into_parts();
    let mut request = Seen {
        method: head.method.to_string(),
        path: head.uri.to_string(),
        headers: pairs(&head.headers),
        body: Vec::new(),
        trailers: Vec::new(),
    };
    let forgetful = memory.forgetful.load(Ordering::Relaxed);
    // Counted before its body is here: a request that stops halfway has reached the upstream all the same.
    let number = (!forgetful).then(|| {
        let mut seen = memory.lock();
        seen.push(request.clone());
        seen.len() - 1
    });
    let body = Limited::new(body, BODY_LIMIT)
        .collect()
        .await
        .map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
    request.trailers = body.trailers().map(pairs).unwrap_or_default();
    request.body = body.to_bytes().to_vec();
    if let Some(number) = number {
        memory.lock()[number].clone_from(&request);
    }
    Ok((
        [(CONTENT_TYPE, "application/json")],
        format!("{:#}\n", request.describe()),
    ))
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
