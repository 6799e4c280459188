//! Who changed what, and when. Written in the transaction of the change itself.

use super::{Error, Repository};
use crate::customer::CustomerCode;
use serde::Serialize;
use serde_json::Value;
use sqlx::AnyConnection;

/// Who makes a change, and when (Unix seconds).
#[derive(Clone, Debug)]
pub struct Stamp {
    pub actor: String,
    pub at: i64,
}

/// One change, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    pub id: i64,
    pub at: i64,
    pub actor: String,
    pub action: String,
    #[serde(rename = "client_id")]
    pub customer: String,
    pub key_id: Option<String>,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// One change, as it is made.
pub(super) struct Change<'a> {
    pub(super) action: &'static str,
    pub(super) customer: &'a str,
    pub(super) key_id: Option<&'a str>,
    pub(super) before: Option<Value>,
    pub(super) after: Option<Value>,
}

impl Change<'_> {
    pub(super) async fn record(
        self,
        stamp: &Stamp,
        connection: &mut AnyConnection,
    ) -> Result<(), Error> {
        let statement = "INSERT INTO audit (at, actor, action, customer, key_id, \"before\", \"after\") \
                         VALUES ($1, $2, $3, $4, $5, $6, $7)";
        sqlx::query(statement)
            .bind(stamp.at)
            .bind(&stamp.actor)
            .bind(self.action)
            .bind(self.customer)
            .bind(self.key_id)
            .bind(self.before.map(|value| value.to_string()))
            .bind(self.after.map(|value| value.to_string()))
            .execute(connection)
            .await?;
        Ok(())
    }
}

macro_rules! select {
    ($which:literal) => {
        concat!(
            "SELECT id, at, actor, action, customer, key_id, \"before\", \"after\" FROM audit ",
            $which,
            " ORDER BY id DESC LIMIT $1"
        )
    };
}

const OF_ALL: &str = select!("");
const OF_CUSTOMER: &str = select!("WHERE customer = $2");

type Row = (
    i64,
    i64,
    String,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
);

impl dyn Repository + '_ {
    /// The latest changes, newest first; of one customer if a code is given.
    pub async fn audit(
        &self,
        customer: Option<&CustomerCode>,
        limit: i64,
    ) -> Result<Vec<AuditEntry>, Error> {
        let query = match customer {
            Some(code) => sqlx::query_as(OF_CUSTOMER).bind(limit).bind(code.as_str()),
            None => sqlx::query_as(OF_ALL).bind(limit),
        };
        let rows: Vec<Row> = query.fetch_all(self.pool()).await?;
        Ok(rows.into_iter().map(entry).collect())
    }
}

fn entry((id, at, actor, action, customer, key_id, before, after): Row) -> AuditEntry {
    let value = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok());
    AuditEntry {
        id,
        at,
        actor,
        action,
        customer,
        key_id,
        before: value(before),
        after: value(after),
    }
}
