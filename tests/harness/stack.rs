//! Everything a whole-system test needs, started and connected.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::bootstrap::Bootstrap;
use crate::envoy::Envoy;
use crate::http::{Connection, Request, Response};
use crate::store::{Key, Store};
use crate::upstream::{Seen, Upstream};
use crate::wait::wait_for;
use crate::{files, jwt};

/// The signing key of every stack.
pub const SIGNING_KEY: &str =
    "the signing key of the system tests, 64 bytes long, never used elsewhere";

/// The credential with which the filter of every stack asks the store.
pub const SERVICE_TOKEN: &str = "the-service-token-of-the-system-tests";

/// The header by which the upstream knows which exchange of a test a request belongs to.
const EXCHANGE: &str = "x-test-exchange";

/// Envoy with the built filter, the store and the upstream. Shared by the tests of one file.
pub struct Stack {
    /// The proxy under test.
    pub envoy: Envoy,
    /// The credential store that the filter asks.
    pub store: Store,
    /// The protected service.
    pub upstream: Upstream,
    /// The folder that holds the logs and the database.
    pub folder: PathBuf,
    configuration: Value,
}

type Change = Box<dyn FnOnce(&mut Bootstrap) -> Result<()>>;

/// What a stack is started with, where it differs from the example.
pub struct Setup {
    example: &'static str,
    base: Option<Bootstrap>,
    configuration: Vec<Value>,
    bootstrap: Change,
    environment: Vec<(&'static str, &'static str)>,
    traced: bool,
}

/// A customer with one API Key.
#[derive(Clone)]
pub struct Customer {
    /// The Customer Code.
    pub code: String,
    /// The API Key.
    pub key: Key,
}

/// A request's response, and what the upstream saw of that very request.
#[derive(Debug)]
pub struct Exchange {
    /// What the caller got.
    pub response: Response,
    /// What the upstream got: nothing, or one request.
    pub upstream: Vec<Seen>,
}

impl Setup {
    /// Starts from another example, by its file name in `envoy/`.
    pub fn example(mut self, name: &'static str) -> Self {
        self.example = name;
        self
    }

    /// Starts from a configuration that is made up in another way.
    pub fn base(mut self, bootstrap: Bootstrap) -> Self {
        self.base = Some(bootstrap);
        self
    }

    /// Changes the filter's configuration by a JSON merge patch.
    pub fn configuration(mut self, patch: Value) -> Self {
        self.configuration.push(patch);
        self
    }

    /// Changes anything else in Envoy's configuration.
    pub fn bootstrap(
        mut self,
        change: impl FnOnce(&mut Bootstrap) -> Result<()> + 'static,
    ) -> Self {
        self.bootstrap = Box::new(change);
        self
    }

    /// Sets an environment variable of Envoy's process.
    pub fn environment(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.push((name, value));
        self
    }

    /// Lets Envoy's log have every call into a virtual machine, and every call out of one.
    pub fn traced(mut self) -> Self {
        self.traced = true;
        self
    }

    /// Starts the stack; fails the test if it cannot.
    pub fn start(self) -> Stack {
        self.try_start().unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// The same, for those who can bear that it does not start.
    pub fn try_start(self) -> Result<Stack> {
        let folder = files::run_folder()?;
        let upstream = Upstream::start()?;
        let store = Store::start(
            &folder.join("store.sqlite"),
            &folder.join("store.log"),
            SERVICE_TOKEN,
        )?;
        let traced = self.traced;
        let (mut bootstrap, environment) =
            self.apply(|bootstrap| bootstrap.connect(store.address(), upstream.address()))?;
        let start = if traced {
            Envoy::start_traced
        } else {
            Envoy::start
        };
        let envoy = start(&folder, &bootstrap, &environment)?;
        Ok(Stack {
            configuration: bootstrap.configuration()?,
            envoy,
            store,
            upstream,
            folder,
        })
    }

    /// Starts Envoy with what it ought to refuse, and returns its log; fails the test if it serves all the same.
    pub fn refused(self) -> String {
        let refused = || {
            let folder = files::run_folder()?;
            let nobody = ([127, 0, 0, 1], 1).into();
            let (bootstrap, environment) =
                self.apply(|bootstrap| bootstrap.connect(nobody, nobody))?;
            Envoy::refuse(&folder, &bootstrap, &environment)
        };
        refused().unwrap_or_else(|error: anyhow::Error| panic!("{error:#}"))
    }

    fn apply(
        self,
        connect: impl FnOnce(&mut Bootstrap) -> Result<()>,
    ) -> Result<(Bootstrap, Vec<(&'static str, &'static str)>)> {
        let mut bootstrap = match self.base {
            Some(base) => base,
            None => Bootstrap::read(self.example)?,
        };
        bootstrap.admin(0);
        bootstrap.listen(0)?;
        connect(&mut bootstrap)?;
        // The time that the examples give a lookup is for machines that do not run a test suite. Whoever tests it sets it.
        if bootstrap.configuration()?["token_endpoint"].is_object() {
            let patience = json!({"token_endpoint": {"lookup": {"timeout_ms": 10_000}}});
            bootstrap.merge_configuration(&patience)?;
        }
        for patch in &self.configuration {
            bootstrap.merge_configuration(patch)?;
        }
        (self.bootstrap)(&mut bootstrap)?;
        let mut environment = vec![
            ("LATCHKEY_SIGNING_KEY", SIGNING_KEY),
            ("LATCHKEY_LOOKUP_TOKEN", SERVICE_TOKEN),
        ];
        environment.extend(self.environment);
        Ok((bootstrap, environment))
    }
}

impl Stack {
    /// A stack that is not started yet.
    pub fn setup() -> Setup {
        Setup {
            example: "envoy.yaml",
            base: None,
            configuration: Vec::new(),
            bootstrap: Box::new(|_| Ok(())),
            environment: Vec::new(),
            traced: false,
        }
    }

    /// A stack just as the example has it.
    pub fn start() -> Self {
        Self::setup().start()
    }

    /// Adds a customer of its own for one test, with one key.
    pub fn customer(&self) -> Customer {
        let code = format!("TEST{:04}", next());
        let customer = || {
            self.store.add_customer(&code)?;
            self.store.issue_key(&code)
        };
        let key = customer().unwrap_or_else(|error: anyhow::Error| panic!("{error:#}"));
        Customer { code, key }
    }

    /// Sends a request over a connection of its own; fails the test if no response comes.
    pub fn send(&self, request: Request) -> Exchange {
        self.send_to(self.envoy.address(), request)
    }

    /// The same to one of several listeners.
    pub fn send_to(&self, address: SocketAddr, request: Request) -> Exchange {
        self.exchange(request, |request| request.send(address))
    }

    /// The same over a connection that is open already.
    pub fn send_over(&self, connection: &mut Connection, request: Request) -> Exchange {
        self.exchange(request, |request| connection.send(request))
    }

    fn exchange(
        &self,
        request: Request,
        send: impl FnOnce(&Request) -> Result<Response>,
    ) -> Exchange {
        let number = next().to_string();
        let request = request.header(EXCHANGE, &number);
        let response = send(&request).unwrap_or_else(|error| panic!("{error:#}"));
        Exchange {
            response,
            upstream: self.upstream.requests_with(EXCHANGE, &number),
        }
    }

    /// Asks for a token the way the documentation shows it.
    pub fn request_token(&self, code: &str, key: &str) -> Exchange {
        self.send(token_request(code, key))
    }

    /// A new token for a customer; fails the test if none is given.
    #[track_caller]
    pub fn token(&self, customer: &Customer) -> String {
        let response = self
            .request_token(&customer.code, &customer.key.secret)
            .response;
        assert_eq!(response.status, 200, "{response:?}");
        let token = response.json()["access_token"].as_str().map(str::to_owned);
        token.unwrap_or_else(|| panic!("no access_token in {response:?}"))
    }

    /// The credential with which the filter asks the store.
    pub fn service_token(&self) -> &'static str {
        SERVICE_TOKEN
    }

    /// The access log's line of a request for this path, which no other request may have asked for.
    #[track_caller]
    pub fn access_log(&self, path: &str) -> Value {
        let line = wait_for(|| {
            let log = self.envoy.log();
            let mut lines = log
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok());
            lines.find(|line| line["path"] == path)
        });
        line.unwrap_or_else(|| panic!("no line for {path} in:\n{}", self.envoy.log()))
    }

    /// The filter's configuration, as this stack runs with it.
    pub fn configuration(&self) -> &Value {
        &self.configuration
    }

    /// Claims that this stack accepts, made by hand; `patch` changes them by JSON merge.
    pub fn claims(&self, patch: Value) -> Value {
        let now = now();
        let mut claims = json!({
            "iss": self.configuration["issuer"],
            "sub": "ACME01",
            "client_id": "ACME01",
            "iat": now,
            "exp": now + 3600,
            "jti": "made-by-a-test",
            "scope": "read",
        });
        if let Some(audience) = self.configuration.get("audience") {
            claims["aud"] = audience.clone();
        }
        json_patch::merge(&mut claims, &patch);
        claims
    }

    /// A token over such claims, signed with the stack's key by the tests' own code.
    pub fn forge(&self, patch: Value) -> String {
        let claims = self.claims(patch).to_string();
        jwt::sign(SIGNING_KEY.as_bytes(), jwt::HS256_HEADER, &claims)
    }
}

impl Exchange {
    /// The one request that reached the upstream; fails the test if none did.
    #[track_caller]
    pub fn reached(&self) -> &Seen {
        match &self.upstream[..] {
            [seen] => seen,
            other => panic!(
                "{} requests reached the upstream; the caller got {:?}",
                other.len(),
                self.response
            ),
        }
    }

    /// The response of a request that must not have reached the upstream; fails the test if it did.
    #[track_caller]
    pub fn stopped(&self) -> &Response {
        assert!(
            self.upstream.is_empty(),
            "the upstream was reached: {:?}",
            self.upstream
        );
        &self.response
    }
}

/// The token request of the documentation. Code and key are put in as they are, and must need no encoding.
pub fn token_request(code: &str, key: &str) -> Request {
    Request::post("/auth/token").form(format!(
        "grant_type=client_credentials&client_id={code}&client_secret={key}"
    ))
}

/// The time in Unix seconds.
pub fn now() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    since_1970
        .context("the clock is before 1970")
        .map_or(0, |time| time.as_secs())
}

fn next() -> usize {
    static NUMBER: AtomicUsize = AtomicUsize::new(1);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}
