//! Customers and what the lookup service makes of them.

use crate::databases::{Database, NOW, at, on_both_databases};
use latchkey_store::customer::CustomerCode;
use latchkey_store::repository::Error;
use serde_json::json;

fn code(text: &str) -> CustomerCode {
    text.parse().unwrap()
}

on_both_databases![
    an_added_customer_is_found_with_scope_and_no_keys,
    c6_codes_differ_in_letter_case_and_unknown_ones_are_not_found,
    a_customer_is_added_once,
    c9_a_disabled_customer_is_answered_as_disabled_until_enabled_again,
    customers_are_listed_page_by_page_in_the_order_of_their_bytes,
    every_change_is_in_the_audit_table_with_who_when_before_and_after,
];

async fn an_added_customer_is_found_with_scope_and_no_keys(database: Database) {
    let repository = database.open().await;
    repository
        .add_customer(&code("ACME01"), &"read write".parse().unwrap(), &at(NOW))
        .await
        .unwrap();
    let found = repository.lookup(&code("ACME01")).await.unwrap().unwrap();
    let expected =
        json!({"client_id": "ACME01", "enabled": true, "scope": "read write", "keys": []});
    assert_eq!(serde_json::to_value(found.record).unwrap(), expected);
}

async fn c6_codes_differ_in_letter_case_and_unknown_ones_are_not_found(database: Database) {
    let repository = database.open().await;
    repository
        .add_customer(&code("ACME01"), &"read".parse().unwrap(), &at(NOW))
        .await
        .unwrap();
    for other in ["acme01", "ACME0", "ACME011", "CME01"] {
        assert!(
            repository.lookup(&code(other)).await.unwrap().is_none(),
            "{other}"
        );
    }
}

async fn a_customer_is_added_once(database: Database) {
    let repository = database.open().await;
    let first = repository
        .add_customer(&code("ACME01"), &"read".parse().unwrap(), &at(NOW))
        .await
        .unwrap();
    let again = repository
        .add_customer(&code("ACME01"), &"write".parse().unwrap(), &at(NOW + 1))
        .await;
    assert!(matches!(again, Err(Error::CustomerExists(_))), "{again:?}");
    assert_eq!(repository.customer(&code("ACME01")).await.unwrap(), first);
    assert_eq!(repository.audit(None, 10).await.unwrap().len(), 1);
}

async fn c9_a_disabled_customer_is_answered_as_disabled_until_enabled_again(database: Database) {
    let repository = database.open().await;
    let acme = code("ACME01");
    repository
        .add_customer(&acme, &"read".parse().unwrap(), &at(NOW))
        .await
        .unwrap();
    let disabled = repository
        .set_enabled(&acme, false, &at(NOW + 1))
        .await
        .unwrap();
    assert_eq!(
        (disabled.enabled, disabled.disabled_at),
        (false, Some(NOW + 1))
    );
    assert!(
        !repository
            .lookup(&acme)
            .await
            .unwrap()
            .unwrap()
            .record
            .enabled
    );
    repository
        .set_enabled(&acme, true, &at(NOW + 2))
        .await
        .unwrap();
    assert!(
        repository
            .lookup(&acme)
            .await
            .unwrap()
            .unwrap()
            .record
            .enabled
    );
}

async fn customers_are_listed_page_by_page_in_the_order_of_their_bytes(database: Database) {
    let repository = database.open().await;
    let expected = ["A-1", "A.1", "A1", "A_1", "B", "a", "b"];
    for name in ["b", "A1", "a", "A_1", "B", "A.1", "A-1"] {
        repository
            .add_customer(&code(name), &"read".parse().unwrap(), &at(NOW))
            .await
            .unwrap();
    }
    let mut listed = Vec::new();
    let mut page = repository.customers(None, 3).await.unwrap();
    while let Some(last) = page.last().cloned() {
        listed.extend(page);
        page = repository.customers(Some(&last.code), 3).await.unwrap();
    }
    let listed: Vec<&str> = listed
        .iter()
        .map(|customer| customer.code.as_str())
        .collect();
    assert_eq!(listed, expected);
}

async fn every_change_is_in_the_audit_table_with_who_when_before_and_after(database: Database) {
    let repository = database.open().await;
    let acme = code("ACME01");
    repository
        .add_customer(&acme, &"read".parse().unwrap(), &at(NOW))
        .await
        .unwrap();
    repository
        .set_scope(&acme, &"read write".parse().unwrap(), &at(NOW + 1))
        .await
        .unwrap();
    repository
        .set_enabled(&acme, false, &at(NOW + 2))
        .await
        .unwrap();
    repository
        .set_enabled(&acme, false, &at(NOW + 3))
        .await
        .unwrap();
    let (key, info) = repository
        .issue_key(&acme, NOW + 100, &at(NOW + 4))
        .await
        .unwrap();
    repository.revoke_key(&info.id, &at(NOW + 5)).await.unwrap();
    repository.revoke_key(&info.id, &at(NOW + 6)).await.unwrap();
    repository
        .add_customer(&code("OTHER"), &"read".parse().unwrap(), &at(NOW + 7))
        .await
        .unwrap();

    let entries = repository.audit(Some(&acme), 10).await.unwrap();
    let seen: Vec<_> = entries
        .iter()
        .rev()
        .map(|entry| json!([entry.at, entry.action, entry.before, entry.after]))
        .collect();
    let (read, both) = (
        json!({"enabled": true, "scope": "read"}),
        json!({"enabled": true, "scope": "read write"}),
    );
    assert_eq!(
        seen,
        [
            json!([NOW, "customer.add", null, read]),
            json!([NOW + 1, "customer.set-scope", read, both]),
            json!([NOW + 2, "customer.disable", both, {"enabled": false, "scope": "read write"}]),
            json!([NOW + 4, "key.issue", null, {"expires_at": NOW + 100, "revoked_at": null}]),
            json!([NOW + 5, "key.revoke", {"expires_at": NOW + 100, "revoked_at": null}, {"expires_at": NOW + 100, "revoked_at": NOW + 5}]),
        ]
    );
    assert!(
        entries
            .iter()
            .all(|entry| entry.actor == "tester" && entry.customer == "ACME01")
    );
    let written = serde_json::to_string(&entries).unwrap();
    let hash = String::from(key.hash());
    assert!(
        !written.contains(key.reveal())
            && !written.contains(&hash[7..])
            && !written.contains(key.prefix())
    );
    assert_eq!(repository.audit(None, 2).await.unwrap().len(), 2);
}
