//! What was acknowledged stays, whatever happens to the process that acknowledged it.

use crate::databases::{Database, NOW, at, on_both_databases};
use latchkey_store::customer::CustomerCode;
use latchkey_store::repository::{self, Missing, Repository};
use latchkey_tests::process::Process;
use latchkey_tests::wait::{until, wait_for};
use std::collections::{HashMap, HashSet};
use std::env;
use std::process::{Command, Stdio};

const URL: &str = "LATCHKEY_TEST_WRITER_URL";
const CUSTOMER: &str = "LATCHKEY_TEST_WRITER_CUSTOMER";
const ROUNDS: usize = 25;
const PER_ROUND: usize = 40;

on_both_databases![
    c11_kill_9_during_a_thousand_issues_and_revokes_loses_nothing_acknowledged,
    two_processes_write_at_once_and_neither_fails,
    processes_that_start_at_once_make_the_schema_once,
];

/// Issues and revokes keys until it is killed, and says each on a line of its own once it is acknowledged.
#[tokio::test]
#[ignore = "not a test: the process that the tests here start and kill"]
async fn writer() {
    let repository = repository::open(&env::var(URL).unwrap(), Missing::IsAnError)
        .await
        .unwrap();
    let customer: CustomerCode = env::var(CUSTOMER).unwrap().parse().unwrap();
    loop {
        let (_, key) = repository
            .issue_key(&customer, NOW * 2, &at(NOW))
            .await
            .unwrap();
        println!("\nissued {}", key.id);
        repository.revoke_key(&key.id, &at(NOW + 1)).await.unwrap();
        println!("\nrevoked {}", key.id);
    }
}

fn start_writer(database: &Database, customer: &str) -> Process {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--ignored", "--exact", "--nocapture", "durability::writer"])
        .env(URL, &database.url)
        .env(CUSTOMER, customer);
    Process::spawn("writer", command, &database.folder.path().join(customer)).unwrap()
}

/// The keys whose issue, and whose revocation, was acknowledged on a whole line.
fn acknowledged(log: &str) -> (HashSet<String>, HashSet<String>) {
    let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let said = |word: &str| {
        let lines = whole.lines().filter_map(|line| line.strip_prefix(word));
        lines.map(|id| id.trim().to_owned()).collect()
    };
    (said("issued "), said("revoked "))
}

async fn add(repository: &dyn Repository, code: &str) -> CustomerCode {
    let code: CustomerCode = code.parse().unwrap();
    repository
        .add_customer(&code, &"read".parse().unwrap(), &at(NOW))
        .await
        .unwrap();
    code
}

async fn c11_kill_9_during_a_thousand_issues_and_revokes_loses_nothing_acknowledged(
    database: Database,
) {
    let repository = database.open().await;
    let customer = add(&*repository, "ACME01").await;
    let (mut issued, mut revoked) = (HashSet::new(), HashSet::new());
    for _ in 0..ROUNDS {
        let mut writer = start_writer(&database, "ACME01");
        wait_for(|| {
            writer.check().unwrap();
            let (issued, revoked) = acknowledged(&writer.log());
            (issued.len() + revoked.len() >= PER_ROUND).then_some(())
        })
        .expect("the writer is too slow");
        let id = nix::unistd::Pid::from_raw(writer.id() as i32);
        nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGKILL).unwrap();
        until("the writer is dead", || writer.exit().is_some());
        let (more_issued, more_revoked) = acknowledged(&writer.log());
        issued.extend(more_issued);
        revoked.extend(more_revoked);
    }
    assert!(issued.len() + revoked.len() >= ROUNDS * PER_ROUND);

    let keys = repository.keys_of(&customer).await.unwrap();
    let state: HashMap<&str, Option<i64>> = keys
        .iter()
        .map(|key| (key.id.as_str(), key.revoked_at))
        .collect();
    for id in &issued {
        assert!(state.contains_key(id.as_str()), "the issue of {id} is lost");
    }
    for id in &revoked {
        assert_eq!(
            state[id.as_str()],
            Some(NOW + 1),
            "the revocation of {id} is lost"
        );
    }
    // A change and its audit entry are there together, or neither is.
    let mut expected: Vec<(&str, &str)> = Vec::new();
    for (id, revoked_at) in &state {
        expected.push(("key.issue", *id));
        expected.extend(revoked_at.map(|_| ("key.revoke", *id)));
    }
    let audit = repository.audit(Some(&customer), 1_000_000).await.unwrap();
    let keys = audit
        .iter()
        .filter_map(|entry| Some((entry.action.as_str(), entry.key_id.as_deref()?)));
    let mut audited: Vec<(&str, &str)> = keys.collect();
    expected.sort_unstable();
    audited.sort_unstable();
    assert_eq!(audited, expected);
}

async fn two_processes_write_at_once_and_neither_fails(database: Database) {
    let repository = database.open().await;
    add(&*repository, "ONE").await;
    add(&*repository, "TWO").await;
    let mut writers = [
        start_writer(&database, "ONE"),
        start_writer(&database, "TWO"),
    ];
    // Each has gone on after the other began, and was not thrown out.
    until("both have written a hundred times", || {
        writers.iter_mut().all(|writer| {
            writer.check().unwrap();
            acknowledged(&writer.log()).1.len() >= 100
        })
    });
}

async fn processes_that_start_at_once_make_the_schema_once(database: Database) {
    let names = ["A", "B", "C", "D", "E", "F"];
    let children = names.map(|name| {
        database
            .command(&["customer", "add", name])
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    });
    for child in children {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    assert_eq!(
        database
            .json(&["customer", "list"])
            .as_array()
            .unwrap()
            .len(),
        names.len()
    );
}
