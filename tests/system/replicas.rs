//! Several replicas of the store on one PostgreSQL, behind Envoy's lookup cluster as `envoy/lookup-replicas.yaml` has it.

use latchkey_tests::stack::SERVICE_TOKEN;
use latchkey_tests::{Key, Postgres, Request, Stack, Store, files, token_request, wait};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

const CODE: &str = "ACME01";
const CALLERS: usize = 4;

struct Replicas {
    stores: [Store; 2],
    stack: Stack,
    key: Key,
    _postgres: Postgres,
}

impl Replicas {
    fn start() -> Self {
        let postgres = Postgres::start().unwrap();
        let database = postgres.database().unwrap();
        let folder = files::run_folder().unwrap();
        let stores = ["one", "two"].map(|name| {
            let log = folder.join(format!("store-{name}.log"));
            Store::start_on(&database, &log, SERVICE_TOKEN).unwrap()
        });
        let addresses = [stores[0].address(), stores[1].address()];
        let stack = Stack::setup()
            .bootstrap(move |bootstrap| bootstrap.connect_replicas(&addresses))
            .start();
        stores[0].add_customer(CODE).unwrap();
        let key = stores[0].issue_key(CODE).unwrap();
        let replicas = Self {
            stores,
            stack,
            key,
            _postgres: postgres,
        };
        replicas.until_healthy(2);
        replicas
    }

    fn until_healthy(&self, count: u64) {
        wait::until("Envoy knows which replicas are healthy", || {
            let stat = |name: &str| {
                self.stack
                    .envoy
                    .stat(&format!("cluster.credential_lookup.{name}"))
            };
            stat("membership_healthy") == count && stat("membership_total") == 2
        });
    }

    /// What Envoy counted of lookups, for the message of a test that fails.
    fn lookups(&self) -> Vec<(String, u64)> {
        let counted = |name: &String| {
            name.contains("latchkey_lookups") || name.contains("cluster.credential_lookup.")
        };
        let stats = self.stack.envoy.stats().into_iter();
        stats
            .filter(|(name, count)| *count > 0 && counted(name))
            .collect()
    }

    /// The status of a token request through Envoy.
    fn token(&self) -> u16 {
        let request = token_request(CODE, &self.key.secret);
        request.send(self.stack.envoy.address()).unwrap().status
    }
}

/// Ends the callers, also where the test fails before their time.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Whether a replica has answered a lookup since it was started.
fn answers_lookups(store: &Store) -> bool {
    let metrics = Request::get("/metrics")
        .send(store.address())
        .unwrap()
        .text();
    metrics.lines().any(|line| {
        line.starts_with(
            "latchkey_store_requests_total{route=\"/v1/clients/{client_id}\",status=\"200\"}",
        )
    })
}

#[test]
fn d9_no_token_request_fails_while_each_replica_in_turn_is_killed_and_started_again() {
    let replicas = Replicas::start();
    let (ended, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let asked_again = |from: usize| {
        wait::until("token requests go on", || {
            answered.load(Ordering::Relaxed) > from + 200
        });
    };
    thread::scope(|scope| {
        let end = End(&ended);
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                scope.spawn(|| {
                    let mut refused = Vec::new();
                    while !ended.load(Ordering::Relaxed) {
                        let status = replicas.token();
                        if status != 200 {
                            refused.push(status);
                        }
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                    refused
                })
            })
            .collect();
        for store in &replicas.stores {
            asked_again(answered.load(Ordering::Relaxed));
            store.kill();
            replicas.until_healthy(1);
            asked_again(answered.load(Ordering::Relaxed));
            store.restart().unwrap();
            replicas.until_healthy(2);
            asked_again(answered.load(Ordering::Relaxed));
            wait::until("the replica that was started again answers lookups", || {
                answers_lookups(store)
            });
        }
        drop(end);
        for caller in callers {
            let refused = caller.join().unwrap();
            assert_eq!(refused, [0u16; 0], "{:#?}", replicas.lookups());
        }
    });
}

#[test]
fn c9_a_revocation_at_one_replica_holds_at_the_next_token_request_through_any_other() {
    let replicas = Replicas::start();
    for _ in 0..4 {
        assert_eq!(replicas.token(), 200);
    }
    replicas.stores[0].revoke_key(&replicas.key).unwrap();
    for store in &replicas.stores {
        let request = Request::get(format!("/v1/clients/{CODE}")).bearer(SERVICE_TOKEN);
        let record = request.send(store.address()).unwrap().json();
        assert!(record["keys"][0]["revoked_at"].is_i64(), "{record}");
    }
    // More than both replicas on both workers of Envoy.
    for _ in 0..8 {
        assert_eq!(replicas.token(), 401);
    }
}
