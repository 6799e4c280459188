//! The proxy-wasm shell around `latchkey-core`: callbacks become events, steps become hostcalls. It
//! takes no decision of its own but one: where it cannot ask the core, it stays closed (D19).
#![deny(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing
)]

mod callbacks;
mod host;
mod root;
mod stream;
mod telemetry;
#[cfg(feature = "trap")]
mod trap;
mod worker;
