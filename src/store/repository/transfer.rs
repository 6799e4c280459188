//! Many accounts at once: in, all or none, and out, as of one moment.

use super::audit::Stamp;
use super::{Error, Places, Repository, columns};
use crate::api_key::KeyId;
use crate::customer::CustomerCode;
use crate::transfer::{Account, AccountKey};
use serde_json::json;
use sqlx::{Any, AssertSqlSafe, Transaction};
use std::collections::HashSet;

/// Rows in one statement. Every database has a limit on the number of values; SQLite's is the lowest, 32,766.
const ROWS: usize = 1000;

/// An import under way. Nothing of it is there until [`Import::commit`].
pub struct Import {
    transaction: Transaction<'static, Any>,
    places: Places,
    stamp: Stamp,
}

/// All accounts as they were when this was opened.
pub struct Export {
    transaction: Transaction<'static, Any>,
    last: String,
}

impl dyn Repository + '_ {
    pub async fn import(&self, stamp: &Stamp) -> Result<Import, Error> {
        Ok(Import {
            transaction: self.begin().await?,
            places: self.places(),
            stamp: stamp.clone(),
        })
    }

    pub async fn export(&self) -> Result<Export, Error> {
        Ok(Export {
            transaction: self.snapshot().await?,
            last: String::new(),
        })
    }

    pub async fn count_customers(&self) -> Result<i64, Error> {
        Ok(sqlx::query_scalar("SELECT count(*) FROM customers")
            .fetch_one(self.pool())
            .await?)
    }
}

impl Import {
    /// Adds accounts. One that is there already, also from earlier in this import, is an error.
    pub async fn add(&mut self, accounts: &[Account]) -> Result<(), Error> {
        for accounts in accounts.chunks(ROWS) {
            self.add_customers(accounts).await?;
            self.add_audit(accounts).await?;
        }
        let keys: Vec<(&CustomerCode, &AccountKey)> = accounts
            .iter()
            .flat_map(|account| account.keys.iter().map(|key| (&account.code, key)))
            .collect();
        for keys in keys.chunks(ROWS) {
            self.add_keys(keys).await?;
        }
        Ok(())
    }

    pub async fn commit(self) -> Result<(), Error> {
        Ok(self.transaction.commit().await?)
    }

    async fn add_customers(&mut self, accounts: &[Account]) -> Result<(), Error> {
        let statement = format!(
            "INSERT INTO customers (code, scope, created_at, disabled_at) VALUES {} \
             ON CONFLICT DO NOTHING RETURNING code",
            self.places.of(accounts.len(), 4)
        );
        let mut query = sqlx::query_scalar(AssertSqlSafe(statement));
        for account in accounts {
            query = query
                .bind(account.code.as_str())
                .bind(account.scope.as_str())
                .bind(account.created_at)
                .bind((!account.enabled).then_some(self.stamp.at));
        }
        let added: Vec<String> = query.fetch_all(&mut *self.transaction).await?;
        match first_missing(added, accounts.iter().map(|account| account.code.as_str())) {
            Some(index) => Err(Error::CustomerExists(accounts[index].code.clone())),
            None => Ok(()),
        }
    }

    async fn add_keys(&mut self, keys: &[(&CustomerCode, &AccountKey)]) -> Result<(), Error> {
        let statement = format!(
            "INSERT INTO api_keys (id, customer, prefix, hash, created_at, expires_at, revoked_at) VALUES {} \
             ON CONFLICT DO NOTHING RETURNING id",
            self.places.of(keys.len(), 7)
        );
        let mut query = sqlx::query_scalar(AssertSqlSafe(statement));
        for (customer, key) in keys {
            query = query
                .bind(key.id.as_str())
                .bind(customer.as_str())
                .bind(key.prefix.as_deref())
                .bind(String::from(key.hash.clone()))
                .bind(key.created_at)
                .bind(key.expires_at)
                .bind(key.revoked_at);
        }
        let added: Vec<String> = query.fetch_all(&mut *self.transaction).await?;
        match first_missing(added, keys.iter().map(|(_, key)| key.id.as_str())) {
            Some(index) => {
                let (customer, key) = keys[index];
                Err(Error::KeyExists {
                    id: key.id.clone(),
                    customer: customer.clone(),
                })
            }
            None => Ok(()),
        }
    }

    async fn add_audit(&mut self, accounts: &[Account]) -> Result<(), Error> {
        let statement = format!(
            "INSERT INTO audit (at, actor, action, customer, \"after\") VALUES {}",
            self.places.of(accounts.len(), 5)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for account in accounts {
            let keys: Vec<&KeyId> = account.keys.iter().map(|key| &key.id).collect();
            let after = json!({"scope": account.scope, "enabled": account.enabled, "keys": keys});
            query = query
                .bind(self.stamp.at)
                .bind(&self.stamp.actor)
                .bind("customer.import")
                .bind(account.code.as_str())
                .bind(after.to_string());
        }
        query.execute(&mut *self.transaction).await?;
        Ok(())
    }
}

type CustomerRow = (String, String, i64, Option<i64>);
type KeyRow = (
    String,
    String,
    Option<String>,
    String,
    i64,
    Option<i64>,
    Option<i64>,
);

impl Export {
    /// The next accounts in the order of their codes; none when all have been given.
    pub async fn next(&mut self, limit: i64) -> Result<Vec<Account>, Error> {
        let statement = "SELECT code, scope, created_at, disabled_at FROM customers WHERE code > $1 ORDER BY code LIMIT $2";
        let query = sqlx::query_as(statement).bind(&self.last).bind(limit);
        let rows: Vec<CustomerRow> = query.fetch_all(&mut *self.transaction).await?;
        let mut accounts = rows
            .into_iter()
            .map(account)
            .collect::<Result<Vec<_>, _>>()?;
        let Some(last) = accounts.last().map(|account| account.code.to_string()) else {
            return Ok(accounts);
        };
        let statement = "SELECT customer, id, prefix, hash, created_at, expires_at, revoked_at FROM api_keys \
                         WHERE customer > $1 AND customer <= $2 ORDER BY customer, created_at, id";
        let query = sqlx::query_as(statement).bind(&self.last).bind(&last);
        let rows: Vec<KeyRow> = query.fetch_all(&mut *self.transaction).await?;
        let mut rows = rows.into_iter().peekable();
        for account in &mut accounts {
            while let Some(row) = rows.next_if(|row| row.0 == account.code.as_str()) {
                account.keys.push(key(row)?);
            }
        }
        self.last = last;
        Ok(accounts)
    }
}

fn account((code, scope, created_at, disabled_at): CustomerRow) -> Result<Account, Error> {
    Ok(Account {
        code: columns::code(code)?,
        scope: columns::scope(scope)?,
        enabled: disabled_at.is_none(),
        created_at,
        keys: Vec::new(),
    })
}

fn key(
    (_, id, prefix, hash, created_at, expires_at, revoked_at): KeyRow,
) -> Result<AccountKey, Error> {
    let id = columns::key_id(id)?;
    let hash = columns::hash(hash, &id)?;
    Ok(AccountKey {
        id,
        prefix,
        hash,
        created_at,
        expires_at,
        revoked_at,
    })
}

/// The first of `wanted` that is not among `added`, or is there twice.
fn first_missing<'a>(added: Vec<String>, wanted: impl Iterator<Item = &'a str>) -> Option<usize> {
    let mut added: HashSet<String> = added.into_iter().collect();
    let mut wanted = wanted;
    wanted.position(|name| !added.remove(name))
}
