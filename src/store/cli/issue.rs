//! `latchkey-store key issue` and `key rotate`: the one time an API Key is shown.

use super::output::moment;
use super::{Context, Error};
use crate::api_key::{ApiKey, KeyInfo, KeyState};
use crate::customer::CustomerCode;
use crate::expiry::{self, Expiry, ExpiryError};
use clap::Args;
use serde::Serialize;

/// When the key is to end.
#[derive(Args)]
#[group(multiple = false)]
pub(super) struct Ends {
    /// How long the key opens the account, for example 90d, at most five years [default: 365d]
    #[arg(long, value_name = "LENGTH", value_parser = expiry::parse_duration)]
    expires_in: Option<i64>,
    /// The moment at which the key ends, for example 2027-05-01 or 2027-05-01T12:30:00Z
    #[arg(long, value_name = "MOMENT", value_parser = expiry::parse_moment)]
    expires_at: Option<i64>,
}

impl Ends {
    pub(super) fn resolve(&self, now: i64) -> Result<i64, ExpiryError> {
        let expiry = match (self.expires_in, self.expires_at) {
            (Some(seconds), _) => Expiry::In(seconds),
            (None, Some(moment)) => Expiry::At(moment),
            (None, None) => Expiry::Default,
        };
        expiry.resolve(now)
    }
}

#[derive(Serialize)]
struct Issued<'a> {
    key: &'a str,
    #[serde(flatten)]
    info: &'a KeyInfo,
    /// The customer's other working keys, if this one is to take their place.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<&'a [KeyInfo]>,
}

pub(super) async fn issue(
    code: &CustomerCode,
    ends: &Ends,
    context: &Context,
) -> Result<(), Error> {
    let (key, info) = issue_key(code, ends, context).await?;
    let issued = Issued {
        key: key.reveal(),
        info: &info,
        replaces: None,
    };
    let shown = context.output.print(&issued, || letter(&key, &info));
    shown.map_err(|error| not_shown(&info, error))
}

pub(super) async fn rotate(
    code: &CustomerCode,
    ends: &Ends,
    context: &Context,
) -> Result<(), Error> {
    // Before the new key is there: an error after that would leave it unseen.
    let mut old = context.repository.keys_of(code).await?;
    let (key, info) = issue_key(code, ends, context).await?;
    old.retain(|other| other.state(info.created_at) == KeyState::Active);
    let issued = Issued {
        key: key.reveal(),
        info: &info,
        replaces: Some(&old),
    };
    let shown = context
        .output
        .print(&issued, || letter(&key, &info) + &farewell(&old));
    shown.map_err(|error| not_shown(&info, error))
}

/// Whatever keeps a key from being shown, the key is there, and nobody has it.
fn not_shown(info: &KeyInfo, error: Error) -> Error {
    match error {
        Error::Io(source) => Error::NotShown {
            id: info.id.clone(),
            source,
        },
        other => other,
    }
}

async fn issue_key(
    code: &CustomerCode,
    ends: &Ends,
    context: &Context,
) -> Result<(ApiKey, KeyInfo), Error> {
    let stamp = context.stamp();
    let expires_at = ends.resolve(stamp.at)?;
    Ok(context
        .repository
        .issue_key(code, expires_at, &stamp)
        .await?)
}

/// What the account manager sees, and what the customer must be sent.
fn letter(key: &ApiKey, info: &KeyInfo) -> String {
    format!(
        "Key {id} for customer {code}, expires {expires}.\n\
         The API Key is shown this once; only its hash is kept.\n\
         \n\
         Send the customer, by a channel that only they can read:\n\
         \n  \
           client_id (Customer Code)  {code}\n  \
           client_secret (API Key)    {key}\n  \
           expires                    {expires}",
        id = info.id,
        code = info.customer,
        expires = moment(info.expires_at, "never"),
        key = key.reveal(),
    )
}

/// When and how to revoke the keys that the new one replaces.
fn farewell(old: &[KeyInfo]) -> String {
    if old.is_empty() {
        return "\n\nThe customer has no other working key: there is nothing to revoke.".to_owned();
    }
    let commands = old.iter().map(|key| {
        let prefix = key.prefix.as_deref().unwrap_or("no prefix known");
        let expires = moment(key.expires_at, "never");
        // An id that came from elsewhere may look like an option.
        let dashes = if key.id.as_str().starts_with('-') {
            "-- "
        } else {
            ""
        };
        format!(
            "\n  latchkey-store key revoke {dashes}{}   # {prefix}…, expires {expires}",
            key.id
        )
    });
    format!(
        "\n\nOnce the customer has said that they authenticate with the new key, revoke the old:\n{}\n\n\
         The old key's next token request then fails; tokens it was given before live out their hour.",
        commands.collect::<String>()
    )
}
