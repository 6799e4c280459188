//! The tests' side of whole-system tests: it starts the built filter in a real Envoy, the real store and a small
//! upstream, and speaks to them. Nothing here uses the code under test.
//!
//! A test file is a target in `tests/Cargo.toml` (`[[test]] name = "guard"`, `path = "system/guard.rs"`). It starts
//! one [`Stack`] and shares it between its tests, which run at the same time: each makes its own customer, and asks
//! the upstream only for its own request, which [`Stack::send`] does.
//!
//! ```ignore
//! static STACK: LazyLock<Stack> = LazyLock::new(|| {
//!     Stack::setup()
//!         .configuration(json!({"token_endpoint": {"ttl_seconds": 60}}))
//!         .start()
//! });
//!
//! #[test]
//! fn c12_the_upstream_learns_the_customer_code() {
//!     let customer = STACK.customer();
//!     let token = STACK.token(&customer);
//!     let exchange = STACK.send(Request::get("/products").bearer(&token));
//!     assert_eq!(exchange.response.status, 200);
//!     assert_eq!(exchange.reached().value("x-customer-code"), Some(&*customer.code));
//! }
//!
//! #[test]
//! fn c7_a_token_of_a_stranger_is_refused() {
//!     let claims = STACK.claims(json!({"sub": "EVIL"})).to_string();
//!     let token = jwt::sign(b"another key", jwt::HS256_HEADER, &claims);
//!     let exchange = STACK.send(Request::get("/products").bearer(&token));
//!     assert_eq!(exchange.stopped().status, 401);
//! }
//! ```
//!
//! - [`Setup`] takes a JSON merge patch for the filter's configuration, any change to Envoy's, and environment
//!   variables; [`Setup::refused`] is for configurations that must not load.
//! - [`Request`] and [`Connection`] send any bytes; [`Envoy::connection_to_each_worker`] reaches every virtual machine.
//! - [`Envoy::metrics`] has what the filter counts, by name and label.
//! - [`Envoy::machines`] before and after shows that no virtual machine trapped or was replaced.
//! - [`Store`] has the account manager's commands, and can be stopped and started.
//! - [`Lookup`] takes the store's place where the lookup is to go wrong ([`Bootstrap::connect_lookup`]).
//! - [`Authority`] is a certification authority of the test's own, for TLS.
//! - [`load::Load`] asks without end, and notes every answer that is not the right one.
//! - [`Postgres`] is a real server, with databases for the asking; for the store, where SQLite is not enough.
//! - [`vectors`] are the examples in `tests/vectors/`, and [`recipe`] makes their tokens.
//! - [`jwt`] makes tokens of any shape; [`Stack::forge`] one that the stack accepts, changed by a merge patch.
//! - [`wait::until`] waits on a condition. Nothing sleeps.
//!
//! What the processes wrote is kept in `target/system/<test file>.<process>.<number>/` until the next run.
//! Processes end with the test that started them, even if it is killed.

pub mod authority;
pub mod bootstrap;
pub mod capabilities;
pub mod docs;
pub mod envoy;
pub mod exit;
pub mod files;
pub mod http;
pub mod jwt;
pub mod load;
pub mod lookup;
pub mod metrics;
pub mod postgres;
pub mod process;
pub mod recipe;
pub mod report;
pub mod stack;
pub mod store;
pub mod upstream;
pub mod vectors;
pub mod wait;

pub use authority::Authority;
pub use bootstrap::Bootstrap;
pub use envoy::{Envoy, Machines};
pub use http::{Connection, Request, Response};
pub use lookup::{Behaviour, Lookup};
pub use metrics::Metrics;
pub use postgres::Postgres;
pub use stack::{Customer, Exchange, SIGNING_KEY, Setup, Stack, now, token_request};
pub use store::{Key, Store};
pub use upstream::{Seen, Upstream};
