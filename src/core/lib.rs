//! Every decision Latchkey makes, and nothing else: no hostcall, clock, randomness, environment,
//! file or thread. Those are arguments, so that each rule can be tested by comparing values.
//!
//! [`Engine::step`] is the way in: a request's [`State`] and an [`Event`] go in, the next state and a
//! [`Step`] come out, and the shell around it does what the step says.
//!
//! | question | module |
//! |---|---|
//! | what an operator may write | [`config`] |
//! | what happens next to a request | [`engine`] |
//! | the token endpoint's answers (RFC 6749) | [`token`], [`lookup`], [`credential`], [`throttle`] |
//! | whether a Bearer token is ours (RFC 6750, 7515, 7519) | [`bearer`], [`jwt`] |
//! | what a request needs | [`path`], [`access`], [`scope`] |
//! | what the upstream learns | [`caller`], [`identity`] |
//! | what an operator learns | [`outcome`] |
//!
//! The feature `tools` adds what the command line shows of tokens and the configuration.
#![deny(missing_docs, unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::panic,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing
    )
)]

pub mod access;
pub mod bearer;
pub mod bounded;
pub mod caller;
pub mod config;
pub mod credential;
pub mod engine;
mod guard;
pub mod http;
pub mod identity;
#[cfg(feature = "tools")]
pub mod inspect;
pub mod json;
pub mod jwt;
pub mod lookup;
pub mod outcome;
pub mod path;
pub mod plain_hash;
pub mod scope;
pub mod secret;
pub mod throttle;
pub mod time;
pub mod token;

pub use config::{Config, ConfigError};
pub use engine::{Action, Engine, Event, State, Step};
pub use time::Timestamp;
