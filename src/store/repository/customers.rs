//! Customers: added, shown, enabled, disabled, given another scope.

use super::audit::{Change, Stamp};
use super::{Error, Repository, columns};
use crate::customer::{Customer, CustomerCode, Scope};
use serde_json::{Value, json};
use sqlx::{Any, AnyConnection, Transaction};

macro_rules! select {
    ($which:literal) => {
        concat!(
            "SELECT c.code, c.scope, c.created_at, c.disabled_at, d.day FROM customers c \
             LEFT JOIN lookup_days d ON d.customer = c.code ",
            $which
        )
    };
}

const ONE: &str = select!("WHERE c.code = $1");
const PAGE: &str = select!("WHERE c.code > $1 ORDER BY c.code LIMIT $2");

type Row = (String, String, i64, Option<i64>, Option<i64>);

impl dyn Repository + '_ {
    pub async fn add_customer(
        &self,
        code: &CustomerCode,
        scope: &Scope,
        stamp: &Stamp,
    ) -> Result<Customer, Error> {
        let mut transaction = self.begin().await?;
        let statement = "INSERT INTO customers (code, scope, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        let added = sqlx::query(statement)
            .bind(code.as_str())
            .bind(scope.as_str())
            .bind(stamp.at)
            .execute(&mut *transaction)
            .await?;
        if added.rows_affected() == 0 {
            return Err(Error::CustomerExists(code.clone()));
        }
        let customer = Customer {
            code: code.clone(),
            enabled: true,
            scope: scope.clone(),
            created_at: stamp.at,
            disabled_at: None,
            last_lookup_day: None,
        };
        let change = Change {
            action: "customer.add",
            customer: code.as_str(),
            key_id: None,
            before: None,
            after: Some(shown(&customer)),
        };
        change.record(stamp, &mut transaction).await?;
        transaction.commit().await?;
        Ok(customer)
    }

    pub async fn customer(&self, code: &CustomerCode) -> Result<Customer, Error> {
        find(code, &mut *self.pool().acquire().await?).await
    }

    /// The customers that follow `after` in the order of their codes, from the first one on if that is `None`.
    pub async fn customers(
        &self,
        after: Option<&CustomerCode>,
        limit: i64,
    ) -> Result<Vec<Customer>, Error> {
        let after = after.map_or("", CustomerCode::as_str);
        let rows: Vec<Row> = sqlx::query_as(PAGE)
            .bind(after)
            .bind(limit)
            .fetch_all(self.pool())
            .await?;
        rows.into_iter().map(customer).collect()
    }

    /// Opens or closes the account, as of now. The keys stay as they are.
    pub async fn set_enabled(
        &self,
        code: &CustomerCode,
        enabled: bool,
        stamp: &Stamp,
    ) -> Result<Customer, Error> {
        let mut transaction = self.begin().await?;
        let before = find(code, &mut transaction).await?;
        if before.enabled == enabled {
            return Ok(before);
        }
        let after = Customer {
            enabled,
            disabled_at: (!enabled).then_some(stamp.at),
            ..before.clone()
        };
        update(
            &before,
            &after,
            if enabled {
                "customer.enable"
            } else {
                "customer.disable"
            },
            stamp,
            transaction,
        )
        .await
    }

    /// Replaces the customer's whole scope, as of the next token request.
    pub async fn set_scope(
        &self,
        code: &CustomerCode,
        scope: &Scope,
        stamp: &Stamp,
    ) -> Result<Customer, Error> {
        let mut transaction = self.begin().await?;
        let before = find(code, &mut transaction).await?;
        if before.scope == *scope {
            return Ok(before);
        }
        let after = Customer {
            scope: scope.clone(),
            ..before.clone()
        };
        update(&before, &after, "customer.set-scope", stamp, transaction).await
    }
}

async fn update(
    before: &Customer,
    after: &Customer,
    action: &'static str,
    stamp: &Stamp,
    mut transaction: Transaction<'static, Any>,
) -> Result<Customer, Error> {
    sqlx::query("UPDATE customers SET scope = $2, disabled_at = $3 WHERE code = $1")
        .bind(after.code.as_str())
        .bind(after.scope.as_str())
        .bind(after.disabled_at)
        .execute(&mut *transaction)
        .await?;
    let change = Change {
        action,
        customer: after.code.as_str(),
        key_id: None,
        before: Some(shown(before)),
        after: Some(shown(after)),
    };
    change.record(stamp, &mut transaction).await?;
    transaction.commit().await?;
    Ok(after.clone())
}

/// What the audit table holds of a customer.
fn shown(customer: &Customer) -> Value {
    json!({"scope": customer.scope, "enabled": customer.enabled})
}

/// One customer, or the error that says there is none.
pub(super) async fn find(
    code: &CustomerCode,
    connection: &mut AnyConnection,
) -> Result<Customer, Error> {
    let row: Option<Row> = sqlx::query_as(ONE)
        .bind(code.as_str())
        .fetch_optional(connection)
        .await?;
    customer(row.ok_or_else(|| Error::NoCustomer(code.clone()))?)
}

fn customer(
    (code, scope, created_at, disabled_at, last_lookup_day): Row,
) -> Result<Customer, Error> {
    Ok(Customer {
        code: columns::code(code)?,
        enabled: disabled_at.is_none(),
        scope: columns::scope(scope)?,
        created_at,
        disabled_at,
        last_lookup_day,
    })
}
