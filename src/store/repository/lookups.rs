//! What the lookup service answers from. Always asked of the database, never remembered: a revoked key must fail
//! at the very next token request.

use super::{Error, Repository, columns};
use crate::customer::CustomerCode;
use latchkey_core::lookup::{ClientRecord, KeyRecord};
use sqlx::AssertSqlSafe;
use std::cmp::Reverse;
use std::collections::BTreeMap;

type Row = (
    String,
    String,
    Option<i64>,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<i64>,
);

/// The filter reads 64 KiB of a reply; so many keys are at most 44 KB. The rest have ended, and would only tell an
/// expired key from a wrong one in the filter's metrics.
const MOST_SENT: usize = 200;

/// A customer's record, and the last day it was asked for.
#[derive(Debug)]
pub struct Found {
    pub record: ClientRecord,
    pub last_lookup_day: Option<i64>,
}

/// One index search for the customer and one for the keys, in one statement, so that both are of one moment.
pub const LOOKUP: &str = "SELECT c.code, c.scope, c.disabled_at, d.day, k.id, k.hash, k.expires_at, k.revoked_at \
     FROM customers c LEFT JOIN lookup_days d ON d.customer = c.code \
     LEFT JOIN api_keys k ON k.customer = c.code WHERE c.code = $1";

impl dyn Repository + '_ {
    /// The record of a customer, if there is such a one.
    pub async fn lookup(&self, code: &CustomerCode) -> Result<Option<Found>, Error> {
        let rows: Vec<Row> = sqlx::query_as(LOOKUP)
            .bind(code.as_str())
            .fetch_all(self.pool())
            .await?;
        let Some((client_id, scope, disabled_at, last_lookup_day, ..)) = rows.first().cloned()
        else {
            return Ok(None);
        };
        let mut keys = rows
            .into_iter()
            .filter_map(key)
            .collect::<Result<Vec<_>, _>>()?;
        // Working keys come before those that have ended, so that none of them is cut.
        keys.sort_by_key(|key| {
            (
                key.revoked_at.is_some(),
                Reverse(key.expires_at.unwrap_or(i64::MAX)),
            )
        });
        keys.truncate(MOST_SENT);
        let record = ClientRecord {
            client_id,
            enabled: disabled_at.is_none(),
            scope,
            keys,
        };
        Ok(Some(Found {
            record,
            last_lookup_day,
        }))
    }

    /// Writes the last day each of these customers was asked for, in days since 1970.
    pub async fn note_lookups(&self, lookups: &[(CustomerCode, i64)]) -> Result<(), Error> {
        // Each customer once, and all writers in the same order, so that no two wait for each other.
        let days: BTreeMap<&str, i64> = lookups
            .iter()
            .map(|(code, day)| (code.as_str(), *day))
            .collect();
        let statement = format!(
            "INSERT INTO lookup_days (customer, day) VALUES {} \
             ON CONFLICT (customer) DO UPDATE SET day = excluded.day WHERE lookup_days.day < excluded.day",
            self.places().of(days.len(), 2)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement)).persistent(false);
        for (code, day) in days {
            query = query.bind(code).bind(day);
        }
        query.execute(self.pool()).await?;
        Ok(())
    }
}

/// A customer without keys makes one row whose key is null.
fn key((_, _, _, _, id, hash, expires_at, revoked_at): Row) -> Option<Result<KeyRecord, Error>> {
    let (id, hash) = (id?, hash?);
    let read = || {
        let id = columns::key_id(id)?;
        let hash = columns::hash(hash, &id)?;
        Ok(KeyRecord {
            id: id.to_string(),
            hash,
            expires_at,
            revoked_at,
        })
    };
    Some(read())
}
