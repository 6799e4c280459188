//! `latchkey-store key …`

use super::confirm::confirm;
use super::issue::{self, Ends};
use super::output::{day, moment};
use super::{Context, Error, complete};
use crate::api_key::{KeyId, KeyInfo, KeyState};
use crate::clock;
use crate::customer::CustomerCode;
use crate::expiry;
use clap::Subcommand;
use clap_complete::engine::ArgValueCompleter;
use serde::Serialize;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Issue an API Key and show it, once
    Issue {
        /// The Customer Code
        #[arg(add = ArgValueCompleter::new(complete::customers))]
        code: CustomerCode,
        #[command(flatten)]
        ends: Ends,
    },
    /// Issue a new API Key and say which old ones to revoke, when and how
    Rotate {
        /// The Customer Code
        #[arg(add = ArgValueCompleter::new(complete::customers))]
        code: CustomerCode,
        #[command(flatten)]
        ends: Ends,
    },
    /// List the keys of a customer, or of all customers those that end soon; never the keys themselves
    #[command(group = clap::ArgGroup::new("which").required(true).args(["code", "expiring_within"]))]
    List {
        /// The Customer Code
        #[arg(add = ArgValueCompleter::new(complete::customers))]
        code: Option<CustomerCode>,
        /// The working keys of all enabled customers that end within this time, for example 30d; soonest first
        #[arg(long, value_name = "LENGTH", value_parser = expiry::parse_duration)]
        expiring_within: Option<i64>,
    },
    /// Revoke a key: the next token request with it fails, tokens already issued live out their hour
    Revoke {
        /// The key's id, as `key list` shows it
        #[arg(add = ArgValueCompleter::new(complete::keys))]
        id: KeyId,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// A key as it is listed.
#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    info: KeyInfo,
    state: KeyState,
}

impl Command {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        let repository = &context.repository;
        match self {
            Self::Issue { code, ends } => issue::issue(&code, &ends, context).await,
            Self::Rotate { code, ends } => issue::rotate(&code, &ends, context).await,
            Self::List {
                code: Some(code), ..
            } => list(repository.keys_of(&code).await?, context),
            Self::List {
                expiring_within, ..
            } => {
                let now = clock::now();
                let until = now.saturating_add(expiring_within.unwrap_or_default());
                list(repository.keys_ending(now, until).await?, context)
            }
            Self::Revoke { id, yes } => revoke(&id, yes, context).await,
        }
    }
}

fn list(keys: Vec<KeyInfo>, context: &Context) -> Result<(), Error> {
    let now = clock::now();
    let listed = keys.into_iter().map(|info| Listed {
        state: info.state(now),
        info,
    });
    let listed: Vec<Listed> = listed.collect();
    let headers = [
        "ID",
        "CUSTOMER",
        "PREFIX",
        "CREATED",
        "EXPIRES",
        "LAST LOOKUP",
        "STATE",
    ];
    context.output.print_list(&listed, &headers, |key| {
        vec![
            key.info.id.to_string(),
            key.info.customer.to_string(),
            key.info.prefix.clone().unwrap_or_else(|| "-".to_owned()),
            moment(Some(key.info.created_at), "-"),
            moment(key.info.expires_at, "never"),
            day(key.info.last_lookup_day),
            key.state.to_string(),
        ]
    })
}

async fn revoke(id: &KeyId, yes: bool, context: &Context) -> Result<(), Error> {
    let key = context.repository.key(id).await?;
    if key.state(clock::now()) != KeyState::Revoked {
        confirm(
            &format!("Revoke key {id} of customer {}?", key.customer),
            yes,
        )?;
    }
    let key = context.repository.revoke_key(id, &context.stamp()).await?;
    context.output.print(&key, || {
        let at = moment(key.revoked_at, "now");
        format!(
            "Key {id} of customer {} is revoked as of {at}.",
            key.customer
        )
    })
}
