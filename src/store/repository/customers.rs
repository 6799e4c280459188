//! Customers: added, shown, enabled and disabled.

use super::audit::{Change, Stamp};
use super::{Error, Repository};
use crate::customer::{Customer, CustomerCode, Scope};
use serde_json::json;
use sqlx::AnyConnection;

type Row = (String, String, i64, Option<i64>, Option<i64>);

impl dyn Repository {
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
        Change {
            action: "customer.add",
            customer: code.as_str(),
            key_id: None,
            before: None,
            after: Some(json!({"scope": scope, "enabled": true})),
        }
        .record(stamp, &mut transaction)
        .await?;
        transaction.commit().await?;
        Ok(Customer {
            code: code.clone(),
            enabled: true,
            scope: scope.clone(),
            created_at: stamp.at,
            disabled_at: None,
            last_lookup_day: None,
        })
    }

    pub async fn customer(&self, code: &CustomerCode) -> Result<Customer, Error> {
        find(code, &mut *self.pool().acquire().await?).await
    }
}

/// One customer, or the error that says there is none.
pub(super) async fn find(
    code: &CustomerCode,
    connection: &mut AnyConnection,
) -> Result<Customer, Error> {
    let statement = "SELECT c.code, c.scope, c.created_at, c.disabled_at, d.day FROM customers c \
                     LEFT JOIN lookup_days d ON d.customer = c.code WHERE c.code = $1";
    let row: Option<Row> = sqlx::query_as(statement)
        .bind(code.as_str())
        .fetch_optional(connection)
        .await?;
    customer(row.ok_or_else(|| Error::NoCustomer(code.clone()))?)
}

fn customer(
    (code, scope, created_at, disabled_at, last_lookup_day): Row,
) -> Result<Customer, Error> {
    Ok(Customer {
        code: code.parse().map_err(|_| Error::Unreadable {
            what: "a Customer Code",
            found: code.clone(),
        })?,
        enabled: disabled_at.is_none(),
        scope: scope.parse().map_err(|_| Error::Unreadable {
            what: "a scope",
            found: scope.clone(),
        })?,
        created_at,
        disabled_at,
        last_lookup_day,
    })
}
