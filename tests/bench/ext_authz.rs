//! The same decision as a service beside Envoy (`envoy.filters.http.ext_authz` over gRPC), made by the same core.

use anyhow::{Context, Result, anyhow};
use envoy_types::ext_authz::v3::pb::{
    Authorization, AuthorizationServer, CheckRequest, CheckResponse, HttpStatusCode,
};
use envoy_types::ext_authz::v3::{
    CheckResponseExt, DeniedHttpResponseBuilder, OkHttpResponseBuilder,
};
use latchkey_core::http::RequestHead;
use latchkey_core::{Action, Config, Engine, Event, State, Timestamp};
use serde_json::Value;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::tokens::SIGNING_KEY;

struct Service;

thread_local! {
    /// The engine of the one thread that answers; it cannot be shared, and need not be.
    static ENGINE: RefCell<Option<Engine>> = const { RefCell::new(None) };
}

/// Starts it with the filter's configuration on a free port; it lives as long as this process.
pub fn start(configuration: &Value) -> Result<SocketAddr> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let listener = runtime
        .block_on(TcpListener::bind("127.0.0.1:0"))
        .context("no port for the ext_authz service")?;
    let address = listener.local_addr()?;
    let configuration = configuration.to_string();
    let (sender, loaded) = mpsc::channel();
    thread::spawn(move || {
        let engine = Config::load(configuration.as_bytes(), &environment).map(Engine::new);
        let result = engine.map(|engine| ENGINE.set(Some(engine)));
        // Whoever started it waits for this.
        let _ = sender.send(result.map_err(|error| anyhow!("{error}")));
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let server = Server::builder().add_service(AuthorizationServer::new(Service));
        runtime.block_on(server.serve_with_incoming(incoming))
    });
    loaded.recv()??;
    Ok(address)
}

#[tonic::async_trait]
impl Authorization for Service {
    async fn check(
        &self,
        request: Request<CheckRequest>,
    ) -> Result<Response<CheckResponse>, Status> {
        let attributes = request.into_inner().attributes;
        let http = attributes
            .and_then(|attributes| attributes.request?.http)
            .ok_or_else(|| Status::invalid_argument("no request"))?;
        let pairs = [
            (&b":method"[..], http.method.as_bytes()),
            (b":path", http.path.as_bytes()),
        ];
        let fields = http
            .headers
            .iter()
            .filter(|(name, _)| !name.starts_with(':'))
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let decided = ENGINE.with_borrow_mut(|engine| {
            let engine = engine.as_mut()?;
            let all = pairs.into_iter().chain(fields);
            let head = RequestHead::read(all, true, engine.identity());
            let (_, step) = engine.step(State::New, Event::Head(head), now());
            Some(answer(step.action))
        });
        let answer = decided.ok_or_else(|| Status::internal("another thread answers"))?;
        Ok(Response::new(answer))
    }
}

fn answer(action: Action) -> CheckResponse {
    match action {
        Action::Pass(pass) => {
            let mut allowed = OkHttpResponseBuilder::new();
            for (name, value) in pass.edits().set() {
                allowed.add_header(name, value, None, false);
            }
            for name in pass.edits().remove() {
                allowed.remove_header(name);
            }
            let mut answer = CheckResponse::with_status(Status::ok(""));
            answer.set_http_response(allowed);
            answer
        }
        _ => {
            let mut denied = DeniedHttpResponseBuilder::new();
            denied.set_http_status(HttpStatusCode::Unauthorized);
            let mut answer = CheckResponse::with_status(Status::unauthenticated(""));
            answer.set_http_response(denied);
            answer
        }
    }
}

fn environment(name: &str) -> Option<String> {
    let key = name == "LATCHKEY_SIGNING_KEY";
    Some(if key { SIGNING_KEY } else { "unused" }.to_owned())
}

fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp::from_nanos(since_1970.map_or(0, |time| time.as_nanos() as u64))
}
