//! API Keys, from issue to revocation.

use crate::databases::{Database, NOW, at, on_both_databases};
use latchkey_core::lookup::{KeyHash, KeyRecord};
use latchkey_store::api_key::KeyInfo;
use latchkey_store::customer::CustomerCode;
use latchkey_store::repository::{Error, Names, Repository};

const DAY: i64 = 86_400;

fn acme() -> CustomerCode {
    "ACME01".parse().unwrap()
}

async fn add(repository: &dyn Repository, code: &CustomerCode) {
    repository
        .add_customer(code, &"read".parse().unwrap(), &at(NOW))
        .await
        .unwrap();
}

async fn issue(repository: &dyn Repository, code: &CustomerCode, expires_at: i64) -> KeyInfo {
    repository
        .issue_key(code, expires_at, &at(NOW))
        .await
        .unwrap()
        .1
}

fn ids(keys: &[KeyInfo]) -> Vec<&str> {
    keys.iter().map(|key| key.id.as_str()).collect()
}

on_both_databases![
    c11_an_issued_key_is_looked_up_by_its_hash_and_stored_nowhere_in_clear,
    c10_a_customer_holds_several_keys_and_revoking_one_leaves_the_others,
    a_key_that_is_revoked_again_keeps_the_first_moment,
    c9_a_key_that_was_to_be_revoked_later_is_revoked_now,
    nothing_is_issued_to_or_revoked_of_whom_there_is_not,
    keys_ending_soon_are_the_working_ones_of_enabled_customers_soonest_first,
    names_are_found_by_how_they_begin,
];

async fn c11_an_issued_key_is_looked_up_by_its_hash_and_stored_nowhere_in_clear(
    database: Database,
) {
    let repository = database.open().await;
    add(&*repository, &acme()).await;
    let (key, info) = repository
        .issue_key(&acme(), NOW + DAY, &at(NOW))
        .await
        .unwrap();
    let found = repository.lookup(&acme()).await.unwrap().unwrap();
    let expected = KeyRecord {
        id: info.id.to_string(),
        hash: KeyHash::sha256(key.reveal().as_bytes()),
        expires_at: Some(NOW + DAY),
        revoked_at: None,
    };
    assert_eq!(found.record.keys, [expected]);
    assert_eq!(repository.keys_of(&acme()).await.unwrap(), [info]);
    for table in ["customers", "api_keys", "lookup_days", "audit"] {
        let statement = format!("SELECT count(*) FROM {table} t WHERE CAST(t AS TEXT) LIKE $1");
        // SQLite has no text of a whole row; its file is read instead.
        if database.url.starts_with("postgres:") {
            let pattern = format!("%{}%", key.reveal());
            let count: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
                .bind(pattern)
                .fetch_one(repository.pool())
                .await
                .unwrap();
            assert_eq!(count, 0, "{table}");
        }
    }
    for file in std::fs::read_dir(database.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let secret = key.reveal().as_bytes();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    }
}

async fn c10_a_customer_holds_several_keys_and_revoking_one_leaves_the_others(database: Database) {
    let repository = database.open().await;
    add(&*repository, &acme()).await;
    let old = issue(&*repository, &acme(), NOW + DAY).await;
    let new = issue(&*repository, &acme(), NOW + 2 * DAY).await;
    let revoked = repository.revoke_key(&old.id, &at(NOW + 5)).await.unwrap();
    assert_eq!(revoked.revoked_at, Some(NOW + 5));
    let keys = repository
        .lookup(&acme())
        .await
        .unwrap()
        .unwrap()
        .record
        .keys;
    let state = |id: &str| keys.iter().find(|key| key.id == id).unwrap().revoked_at;
    assert_eq!(
        (state(old.id.as_str()), state(new.id.as_str())),
        (Some(NOW + 5), None)
    );
}

async fn a_key_that_is_revoked_again_keeps_the_first_moment(database: Database) {
    let repository = database.open().await;
    add(&*repository, &acme()).await;
    let key = issue(&*repository, &acme(), NOW + DAY).await;
    repository.revoke_key(&key.id, &at(NOW + 5)).await.unwrap();
    let again = repository.revoke_key(&key.id, &at(NOW + 9)).await.unwrap();
    assert_eq!(again.revoked_at, Some(NOW + 5));
}

async fn nothing_is_issued_to_or_revoked_of_whom_there_is_not(database: Database) {
    let repository = database.open().await;
    let issued = repository.issue_key(&acme(), NOW + DAY, &at(NOW)).await;
    assert!(matches!(issued, Err(Error::NoCustomer(_))), "{issued:?}");
    assert!(matches!(
        repository.keys_of(&acme()).await,
        Err(Error::NoCustomer(_))
    ));
    let revoked = repository
        .revoke_key(&"k_none".parse().unwrap(), &at(NOW))
        .await;
    assert!(matches!(revoked, Err(Error::NoKey(_))), "{revoked:?}");
}

async fn keys_ending_soon_are_the_working_ones_of_enabled_customers_soonest_first(
    database: Database,
) {
    let repository = database.open().await;
    let closed: CustomerCode = "CLOSED".parse().unwrap();
    add(&*repository, &acme()).await;
    add(&*repository, &closed).await;
    let later = issue(&*repository, &acme(), NOW + 30 * DAY).await;
    let sooner = issue(&*repository, &acme(), NOW + 10 * DAY).await;
    let _too_late = issue(&*repository, &acme(), NOW + 30 * DAY + 1).await;
    let _over = issue(&*repository, &acme(), NOW).await;
    let revoked = issue(&*repository, &acme(), NOW + DAY).await;
    repository.revoke_key(&revoked.id, &at(NOW)).await.unwrap();
    issue(&*repository, &closed, NOW + DAY).await;
    repository
        .set_enabled(&closed, false, &at(NOW))
        .await
        .unwrap();

    let ending = repository.keys_ending(NOW, NOW + 30 * DAY).await.unwrap();
    assert_eq!(ids(&ending), [sooner.id.as_str(), later.id.as_str()]);
    assert_eq!(
        repository
            .count_keys_ending(NOW, NOW + 30 * DAY)
            .await
            .unwrap(),
        2
    );
    assert_eq!(
        repository
            .count_keys_ending(NOW, NOW + 29 * DAY)
            .await
            .unwrap(),
        1
    );
}

async fn names_are_found_by_how_they_begin(database: Database) {
    let repository = database.open().await;
    for name in ["ACME01", "ACME02", "BOLT", "acme"] {
        add(&*repository, &name.parse().unwrap()).await;
    }
    let found = repository
        .names(Names::Customers, "ACME", 10)
        .await
        .unwrap();
    let found: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(found, ["ACME01", "ACME02"]);
    assert_eq!(
        repository
            .names(Names::Customers, "", 3)
            .await
            .unwrap()
            .len(),
        3
    );
    let key = issue(&*repository, &acme(), NOW + DAY).await;
    let found = repository
        .names(Names::Keys, &key.id.as_str()[..5], 10)
        .await
        .unwrap();
    assert_eq!(found, [(key.id.to_string(), "ACME01".to_owned())]);
    repository.revoke_key(&key.id, &at(NOW)).await.unwrap();
    assert_eq!(repository.names(Names::Keys, "k_", 10).await.unwrap(), []);
}

/// As one that was revoked on a machine whose clock is ahead.
async fn c9_a_key_that_was_to_be_revoked_later_is_revoked_now(database: Database) {
    let repository = database.open().await;
    add(&*repository, &acme()).await;
    let key = issue(&*repository, &acme(), NOW + DAY).await;
    let revoked_at = async |now: i64| {
        let key = repository.revoke_key(&key.id, &at(now)).await.unwrap();
        key.revoked_at.unwrap()
    };
    assert_eq!(revoked_at(NOW + 3600).await, NOW + 3600);
    assert_eq!(revoked_at(NOW).await, NOW);
    assert_eq!(revoked_at(NOW + 1).await, NOW);
    assert_eq!(repository.audit(None, 10).await.unwrap().len(), 4);
}
