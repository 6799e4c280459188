//! What the shell offers when a Customer Code or a key's id is being typed.
//!
//! A database that cannot be read offers nothing, and is never made for this.

use crate::repository::{self, Error, Missing, Names};
use clap_complete::CompletionCandidate;
use std::env;
use std::ffi::OsStr;

const MOST: i64 = 200;

/// The Customer Codes that start as typed.
pub(super) fn customers(typed: &OsStr) -> Vec<CompletionCandidate> {
    offer(typed, Names::Customers)
}

/// The ids of working keys that start as typed, with the customer they belong to.
pub(super) fn keys(typed: &OsStr) -> Vec<CompletionCandidate> {
    offer(typed, Names::Keys)
}

fn offer(typed: &OsStr, kind: Names) -> Vec<CompletionCandidate> {
    let (Some(typed), Ok(runtime)) = (typed.to_str(), tokio::runtime::Runtime::new()) else {
        return Vec::new();
    };
    let url =
        env::var(super::DATABASE_VARIABLE).unwrap_or_else(|_| super::DATABASE_DEFAULT.to_owned());
    let found: Result<Vec<(String, String)>, Error> = runtime.block_on(async {
        let repository = repository::open(&url, Missing::IsAnError).await?;
        repository.names(kind, typed, MOST).await
    });
    let candidate =
        |(name, help): (String, String)| CompletionCandidate::new(name).help(Some(help.into()));
    found
        .unwrap_or_default()
        .into_iter()
        .map(candidate)
        .collect()
}
