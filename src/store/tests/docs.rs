//! The statements that the documentation shows.

use crate::databases::{Database, NOW, at};
use latchkey_core::lookup::reply::{Answer, Found, read};
use latchkey_store::customer::CustomerCode;
use sqlx::AssertSqlSafe;

/// The one code block of docs/lookup.md that follows the mark `<!-- sql -->`.
fn statement() -> String {
    let text = include_str!("../../../docs/lookup.md");
    let (_, rest) = text.split_once("<!-- sql -->").unwrap();
    rest.split("```")
        .nth(1)
        .unwrap()
        .trim_start_matches("sql")
        .to_owned()
}

#[tokio::test]
async fn the_postgrest_function_answers_with_a_record_and_with_404() {
    let database = Database::postgres();
    let repository = database.open().await;
    let acme: CustomerCode = "ACME01".parse().unwrap();
    repository
        .add_customer(&acme, &"read".parse().unwrap(), &at(NOW))
        .await
        .unwrap();
    sqlx::query(AssertSqlSafe(statement()))
        .execute(repository.pool())
        .await
        .unwrap();

    for keys in 0..3 {
        let record: String = sqlx::query_scalar("SELECT latchkey_client('ACME01')::text")
            .fetch_one(repository.pool())
            .await
            .unwrap();
        let answer = Answer {
            status: Some(b"200"),
            body: record.as_bytes(),
            body_size: record.len(),
        };
        let Ok(Found::Record(found)) = read(&answer, "", "ACME01") else {
            panic!("{record}")
        };
        assert_eq!(found.keys.len(), keys);
        repository
            .issue_key(&acme, NOW * 2, &at(NOW))
            .await
            .unwrap();
    }
    let unknown = sqlx::query("SELECT latchkey_client('NOBODY')::text")
        .fetch_one(repository.pool())
        .await;
    let error = unknown.err().unwrap();
    assert_eq!(
        error.as_database_error().unwrap().code().as_deref(),
        Some("PT404")
    );
}
