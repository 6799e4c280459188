//! The reference credential store: the lookup service that the filter asks, and the account manager's command line.
//! Both stand on one database; there is no admin API.
#![deny(unsafe_code)]
// They panic when nobody reads any more.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod api_key;
pub mod cli;
pub mod clock;
pub mod customer;
pub mod expiry;
pub mod http;
pub mod repository;
pub mod transfer;
