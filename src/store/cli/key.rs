//! `latchkey-store key …`

use super::confirm::confirm;
use super::{Context, Error};
use crate::api_key::{ApiKey, KeyId, KeyInfo, KeyState};
use crate::clock;
use crate::customer::CustomerCode;
use crate::expiry::{self, Expiry};
use clap::{Args, Subcommand};
use serde::Serialize;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Issue an API Key and show it, once
    Issue {
        /// The customer's code
        code: CustomerCode,
        #[command(flatten)]
        ends: Ends,
    },
    /// List a customer's keys, never the keys themselves
    List {
        /// The customer's code
        code: CustomerCode,
    },
    /// Revoke a key: the next token request with it fails, tokens already issued live out their hour
    Revoke {
        /// The key's id, as `key list` shows it
        id: KeyId,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Args)]
#[group(multiple = false)]
pub(super) struct Ends {
    /// How long the key opens the account, for example 90d [default: 365d]
    #[arg(long, value_name = "LENGTH", value_parser = expiry::parse_duration)]
    expires_in: Option<i64>,
    /// The moment at which the key ends, for example 2027-05-01 or 2027-05-01T12:30:00Z
    #[arg(long, value_name = "MOMENT", value_parser = expiry::parse_moment)]
    expires_at: Option<i64>,
}

/// A key that was just issued.
#[derive(Serialize)]
struct Issued<'a> {
    key: &'a str,
    #[serde(flatten)]
    info: &'a KeyInfo,
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
        match self {
            Self::Issue { code, ends } => {
                let expires_at = ends.resolve(context.stamp.at)?;
                let (key, info) = context
                    .repository
                    .issue_key(&code, expires_at, &context.stamp)
                    .await?;
                let issued = Issued {
                    key: key.reveal(),
                    info: &info,
                };
                context.output.print(&issued, || letter(&key, &info))
            }
            Self::List { code } => list(&code, context).await,
            Self::Revoke { id, yes } => revoke(&id, yes, context).await,
        }
    }
}

impl Ends {
    fn resolve(&self, now: i64) -> Result<i64, Error> {
        let expiry = match (self.expires_in, self.expires_at) {
            (Some(seconds), _) => Expiry::In(seconds),
            (None, Some(moment)) => Expiry::At(moment),
            (None, None) => Expiry::Default,
        };
        Ok(expiry.resolve(now)?)
    }
}

async fn list(code: &CustomerCode, context: &Context) -> Result<(), Error> {
    let now = context.stamp.at;
    let keys = context.repository.keys_of(code).await?;
    let listed: Vec<Listed> = keys
        .into_iter()
        .map(|info| Listed {
            state: info.state(now),
            info,
        })
        .collect();
    context.output.print_list(
        &listed,
        &["ID", "PREFIX", "CREATED", "EXPIRES", "STATE"],
        |key| {
            vec![
                key.info.id.to_string(),
                key.info.prefix.clone().unwrap_or_else(|| "-".to_owned()),
                clock::show(key.info.created_at),
                key.info
                    .expires_at
                    .map_or_else(|| "never".to_owned(), clock::show),
                key.state.to_string(),
            ]
        },
    )
}

async fn revoke(id: &KeyId, yes: bool, context: &Context) -> Result<(), Error> {
    let key = context.repository.key(id).await?;
    if key.revoked_at.is_none() {
        confirm(
            &format!("Revoke key {id} of customer {}?", key.customer),
            yes,
        )?;
    }
    let key = context.repository.revoke_key(id, &context.stamp).await?;
    context.output.print(&key, || {
        let at = key.revoked_at.map_or_else(String::new, clock::show);
        format!(
            "Key {id} of customer {} is revoked as of {at}.",
            key.customer
        )
    })
}

/// What the account manager sees, and what the customer must be sent.
fn letter(key: &ApiKey, info: &KeyInfo) -> String {
    format!(
        "Key {id} for customer {code}, expires {expires}.\n\
         The API Key is shown this once; only its hash is kept.\n\
         \n\
         Send the customer, by a channel that only they can read:\n\
         \n  \
           client_id      {code}\n  \
           client_secret  {key}\n  \
           expires        {expires}",
        id = info.id,
        code = info.customer,
        expires = info
            .expires_at
            .map_or_else(|| "never".to_owned(), clock::show),
        key = key.reveal(),
    )
}
