//! A lookup searches indexes, however many customers there are and whatever the database believes about them.

use crate::databases::{Database, on_both_databases};
use crate::plan::{lookup_plan, whole_table};

on_both_databases![a_lookup_searches_indexes_even_where_the_tables_were_empty_when_it_was_planned];

/// PostgreSQL would read a table whole that has no rows yet, and keep to that plan while it fills.
async fn a_lookup_searches_indexes_even_where_the_tables_were_empty_when_it_was_planned(
    database: Database,
) {
    let repository = database.open().await;
    for statement in ["VACUUM", "ANALYZE"] {
        sqlx::query(statement)
            .execute(repository.pool())
            .await
            .unwrap();
    }
    let plan = lookup_plan(&*repository, &database.url).await;
    assert_eq!(whole_table(&plan), None, "{plan:#?}");
}
