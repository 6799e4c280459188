//! How a database finds a customer for the lookup service. The benchmark uses it too.

use latchkey_store::repository::{LOOKUP, Repository};
use sqlx::{AssertSqlSafe, Row};

/// The plan, a line for each step.
pub(crate) async fn lookup_plan(repository: &dyn Repository, url: &str) -> Vec<String> {
    let (explain, column) = match url.starts_with("sqlite:") {
        true => ("EXPLAIN QUERY PLAN", "detail"),
        false => ("EXPLAIN", "QUERY PLAN"),
    };
    let rows = sqlx::query(AssertSqlSafe(format!("{explain} {LOOKUP}")))
        .bind("ACME01")
        .fetch_all(repository.pool())
        .await
        .unwrap();
    rows.iter().map(|row| row.get(column)).collect()
}

/// The step of it that reads a whole table, if there is one.
pub(crate) fn whole_table(plan: &[String]) -> Option<&String> {
    plan.iter()
        .find(|line| line.contains("Seq Scan") || line.contains("SCAN"))
}
