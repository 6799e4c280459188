//! API Keys: issued, listed, revoked.

use super::audit::{Change, Stamp};
use super::{Error, Repository, columns, customers};
use crate::api_key::{ApiKey, KeyId, KeyInfo, KeyState, MOST_WORKING};
use crate::customer::CustomerCode;
use serde_json::{Value, json};
use sqlx::AnyConnection;

/// A row as it is listed, whatever picks it.
macro_rules! select {
    ($which:literal) => {
        concat!(
            "SELECT k.id, k.customer, k.prefix, k.created_at, k.expires_at, k.revoked_at, d.day \
             FROM api_keys k JOIN customers c ON c.code = k.customer \
             LEFT JOIN lookup_days d ON d.customer = k.customer ",
            $which
        )
    };
}

/// The keys that open an account now and end within a time.
macro_rules! ending {
    () => {
        "WHERE k.revoked_at IS NULL AND c.disabled_at IS NULL AND k.expires_at > $1 AND k.expires_at <= $2"
    };
}

const ONE: &str = select!("WHERE k.id = $1");
const OF_CUSTOMER: &str = select!("WHERE k.customer = $1 ORDER BY k.created_at, k.id");
const ENDING: &str = concat!(select!(""), ending!(), " ORDER BY k.expires_at, k.id");
const COUNT_ENDING: &str = concat!(
    "SELECT count(*) FROM api_keys k JOIN customers c ON c.code = k.customer ",
    ending!()
);

const COUNT_WORKING: &str = "SELECT count(*) FROM api_keys \
    WHERE customer = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)";

type Row = (
    String,
    String,
    Option<String>,
    i64,
    Option<i64>,
    Option<i64>,
    Option<i64>,
);

impl dyn Repository + '_ {
    /// Makes a key, keeps its hash, and gives the key back for the one time it is shown.
    pub async fn issue_key(
        &self,
        code: &CustomerCode,
        expires_at: i64,
        stamp: &Stamp,
    ) -> Result<(ApiKey, KeyInfo), Error> {
        let key = ApiKey::generate()?;
        let info = KeyInfo {
            id: KeyId::generate()?,
            customer: code.clone(),
            prefix: Some(key.prefix().to_owned()),
            created_at: stamp.at,
            expires_at: Some(expires_at),
            revoked_at: None,
            last_lookup_day: None,
        };
        let mut transaction = self.begin().await?;
        let customer = customers::find(code, &mut transaction).await?;
        let working: i64 = sqlx::query_scalar(COUNT_WORKING)
            .bind(code.as_str())
            .bind(stamp.at)
            .fetch_one(&mut *transaction)
            .await?;
        if working >= MOST_WORKING as i64 {
            return Err(Error::TooManyKeys(code.clone()));
        }
        let statement = "INSERT INTO api_keys (id, customer, prefix, hash, created_at, expires_at) \
                         VALUES ($1, $2, $3, $4, $5, $6)";
        sqlx::query(statement)
            .bind(info.id.as_str())
            .bind(code.as_str())
            .bind(key.prefix())
            .bind(String::from(key.hash()))
            .bind(stamp.at)
            .bind(expires_at)
            .execute(&mut *transaction)
            .await?;
        Change {
            action: "key.issue",
            customer: code.as_str(),
            key_id: Some(info.id.as_str()),
            before: None,
            after: Some(shown(&info)),
        }
        .record(stamp, &mut transaction)
        .await?;
        transaction.commit().await?;
        Ok((
            key,
            KeyInfo {
                last_lookup_day: customer.last_lookup_day,
                ..info
            },
        ))
    }

    pub async fn key(&self, id: &KeyId) -> Result<KeyInfo, Error> {
        find(id, &mut *self.pool().acquire().await?).await
    }

    /// A customer's keys in the order they were issued.
    pub async fn keys_of(&self, code: &CustomerCode) -> Result<Vec<KeyInfo>, Error> {
        let mut connection = self.pool().acquire().await?;
        customers::find(code, &mut connection).await?;
        let rows: Vec<Row> = sqlx::query_as(OF_CUSTOMER)
            .bind(code.as_str())
            .fetch_all(&mut *connection)
            .await?;
        rows.into_iter().map(info).collect()
    }

    /// The keys that open an account now and end within the given time, of all customers, soonest first.
    pub async fn keys_ending(&self, now: i64, until: i64) -> Result<Vec<KeyInfo>, Error> {
        let rows: Vec<Row> = sqlx::query_as(ENDING)
            .bind(now)
            .bind(until)
            .fetch_all(self.pool())
            .await?;
        rows.into_iter().map(info).collect()
    }

    /// How many keys [`Repository::keys_ending`] would find.
    pub async fn count_keys_ending(&self, now: i64, until: i64) -> Result<i64, Error> {
        Ok(sqlx::query_scalar(COUNT_ENDING)
            .bind(now)
            .bind(until)
            .fetch_one(self.pool())
            .await?)
    }

    /// Revokes a key as of now. One that is revoked already stays as it is; one that would be only later, as by a
    /// clock that was ahead, still works and is revoked now.
    pub async fn revoke_key(&self, id: &KeyId, stamp: &Stamp) -> Result<KeyInfo, Error> {
        let mut transaction = self.begin().await?;
        let before = find(id, &mut transaction).await?;
        if before.state(stamp.at) == KeyState::Revoked {
            return Ok(before);
        }
        sqlx::query("UPDATE api_keys SET revoked_at = $2 WHERE id = $1")
            .bind(id.as_str())
            .bind(stamp.at)
            .execute(&mut *transaction)
            .await?;
        let after = KeyInfo {
            revoked_at: Some(stamp.at),
            ..before.clone()
        };
        Change {
            action: "key.revoke",
            customer: before.customer.as_str(),
            key_id: Some(id.as_str()),
            before: Some(shown(&before)),
            after: Some(shown(&after)),
        }
        .record(stamp, &mut transaction)
        .await?;
        transaction.commit().await?;
        Ok(after)
    }
}

/// What the audit table holds of a key.
fn shown(key: &KeyInfo) -> Value {
    json!({"expires_at": key.expires_at, "revoked_at": key.revoked_at})
}

async fn find(id: &KeyId, connection: &mut AnyConnection) -> Result<KeyInfo, Error> {
    let row: Option<Row> = sqlx::query_as(ONE)
        .bind(id.as_str())
        .fetch_optional(connection)
        .await?;
    info(row.ok_or_else(|| Error::NoKey(id.clone()))?)
}

fn info(
    (id, customer, prefix, created_at, expires_at, revoked_at, last_lookup_day): Row,
) -> Result<KeyInfo, Error> {
    Ok(KeyInfo {
        id: columns::key_id(id)?,
        customer: columns::code(customer)?,
        prefix,
        created_at,
        expires_at,
        revoked_at,
        last_lookup_day,
    })
}
