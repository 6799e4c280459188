//! Too many failed attempts are answered unheard: who counts as one caller, and who is left alone (D10).

use latchkey_tests::lookup::{record, reply};
use latchkey_tests::{
    Behaviour, Connection, Lookup, Request, Response, Setup, Stack, token_request, wait,
};
use serde_json::{Value, json};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

const FAILURES: usize = 3;

static LOOKUP: LazyLock<Lookup> = LazyLock::new(|| Lookup::start().unwrap());

static STACK: LazyLock<Stack> = LazyLock::new(|| {
    setup(json!({"failures": FAILURES, "window_seconds": 3600}))
        .bootstrap(|bootstrap| {
            // Behind one proxy that is trusted to name the caller.
            let manager = bootstrap.connection_manager()?;
            manager.insert("xff_num_trusted_hops".into(), json!(1));
            bootstrap.connect_lookup(Some(LOOKUP.address()))
        })
        .start()
});

fn setup(throttle: Value) -> Setup {
    Stack::setup()
        .configuration(json!({"token_endpoint": {"throttle": throttle}}))
        .bootstrap(|bootstrap| bootstrap.connect_lookup(Some(LOOKUP.address())))
}

struct Customer {
    code: String,
    key: &'static str,
}

/// A customer of its own for one test.
fn customer() -> Customer {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let code = format!("CUSTOMER-{}-", NUMBER.fetch_add(1, Ordering::Relaxed));
    let key = "right";
    LOOKUP.on(
        &code,
        Behaviour::Send(reply("200 OK", record(&code, key).to_string())),
    );
    Customer { code, key }
}

/// A token request that came through the trusted proxy from this address.
fn from(address: &str, code: &str, key: &str) -> Request {
    token_request(code, key).header("x-forwarded-for", address)
}

/// Connections that all belong to one worker: failures are counted by each for itself.
fn one_worker() -> Connection {
    STACK.envoy.connection_to_each_worker().unwrap().remove(0)
}

fn status(worker: &mut Connection, request: &Request) -> u16 {
    worker.send(request).unwrap().status
}

fn fail(worker: &mut Connection, customer: &Customer, address: &str) {
    for number in 0..FAILURES {
        let attempt = from(address, &customer.code, "wrong");
        assert_eq!(status(worker, &attempt), 401, "attempt {number}");
    }
}

#[track_caller]
fn assert_slowed_down(response: &Response) {
    assert_eq!(response.status, 429, "{response:?}");
    assert_eq!(response.json()["error"], "slow_down");
    assert!(response.json()["error_description"].is_string());
    let wait: u64 = response.value("retry-after").unwrap().parse().unwrap();
    assert!((1..=3600).contains(&wait), "{response:?}");
    assert_eq!(response.value("cache-control"), Some("no-store"));
    assert_eq!(response.value("www-authenticate"), None);
}

#[test]
fn d10_after_too_many_failures_even_the_right_key_has_to_wait() {
    let customer = customer();
    let mut worker = one_worker();
    fail(&mut worker, &customer, "192.0.2.1");
    assert_eq!(LOOKUP.seen(&customer.code).len(), FAILURES);
    let right = from("192.0.2.1", &customer.code, customer.key);
    assert_slowed_down(&worker.send(&right).unwrap());
    let refused = "wasmcustom.latchkey_token_requests_total_result=refused_reason=throttled";
    assert!(STACK.envoy.stat(refused) > 0);
    assert_eq!(
        LOOKUP.seen(&customer.code).len(),
        FAILURES,
        "it was looked up"
    );
}

#[test]
fn d10_another_address_and_another_customer_are_heard() {
    let [customer, other] = [customer(), customer()];
    let mut worker = one_worker();
    fail(&mut worker, &customer, "192.0.2.2");
    let right = |address: &str, customer: &Customer| from(address, &customer.code, customer.key);
    assert_eq!(status(&mut worker, &right("192.0.2.2", &customer)), 429);
    assert_eq!(status(&mut worker, &right("192.0.2.3", &customer)), 200);
    assert_eq!(status(&mut worker, &right("2001:db8::1", &customer)), 200);
    assert_eq!(status(&mut worker, &right("192.0.2.2", &other)), 200);
    assert_eq!(status(&mut worker, &right("192.0.2.2", &customer)), 429);
}

#[test]
fn d10_the_callers_address_is_the_one_the_trusted_proxy_saw_not_what_the_caller_claims() {
    let customer = customer();
    let mut worker = one_worker();
    // The proxy appends the address it saw; what stands before it, the caller has made up.
    for number in 0..FAILURES {
        let claimed = format!("203.0.113.{number}, 192.0.2.4");
        assert_eq!(
            status(&mut worker, &from(&claimed, &customer.code, "wrong")),
            401
        );
    }
    let right = |address: &str| from(address, &customer.code, customer.key);
    assert_eq!(status(&mut worker, &right("198.51.100.7, 192.0.2.4")), 429);
    assert_eq!(status(&mut worker, &right("192.0.2.4, 198.51.100.7")), 200);
}

#[test]
fn d10_addresses_of_ipv6_are_told_apart_in_full() {
    let customer = customer();
    let mut worker = one_worker();
    fail(&mut worker, &customer, "2001:db8::2");
    let right = |address: &str| from(address, &customer.code, customer.key);
    assert_eq!(status(&mut worker, &right("2001:db8::2")), 429);
    assert_eq!(status(&mut worker, &right("2001:db8::3")), 200);
}

#[test]
fn d10_one_failure_locks_nobody_out_and_a_success_clears_the_count() {
    let customer = customer();
    let mut worker = one_worker();
    let address = "192.0.2.5";
    for _ in 0..3 * FAILURES {
        assert_eq!(
            status(&mut worker, &from(address, &customer.code, "wrong")),
            401
        );
        let right = from(address, &customer.code, customer.key);
        assert_eq!(status(&mut worker, &right), 200);
    }
}

#[test]
fn d10_requests_that_are_refused_for_their_form_do_not_count() {
    let customer = customer();
    let Customer { code, key } = &customer;
    let address = "192.0.2.6";
    // Envoy closes the connection after a 400, so these go to whichever worker takes them.
    for _ in 0..6 * FAILURES {
        for text in [
            format!("client_id={code}&client_secret=wrong"),
            format!("grant_type=client_credentials&client_id={code}"),
            format!("grant_type=client_credentials&client_id={code}&client_secret={key}&scope=x"),
        ] {
            let request = Request::post("/auth/token")
                .header("x-forwarded-for", address)
                .form(text);
            assert_eq!(STACK.send(request).response.status, 400);
        }
    }
    for mut worker in STACK.envoy.connection_to_each_worker().unwrap() {
        assert_eq!(status(&mut worker, &from(address, code, key)), 200);
    }
}

#[test]
fn d10_a_code_that_is_spelled_in_many_ways_is_still_one_customer() {
    let customer = customer();
    let mut worker = one_worker();
    let (first, rest) = customer.code.split_at(1);
    let spelled = format!("%{:02x}{rest}", first.as_bytes()[0]);
    let guess = |user: &str| {
        Request::post("/auth/token")
            .header("x-forwarded-for", "192.0.2.7")
            .basic(user, "wrong")
            .form("grant_type=client_credentials")
    };
    for _ in 0..FAILURES {
        assert_eq!(status(&mut worker, &guess(&spelled)), 401);
    }
    assert_eq!(status(&mut worker, &guess(&customer.code)), 429);
    let right = from("192.0.2.7", &customer.code, customer.key);
    assert_eq!(status(&mut worker, &right), 429);
}

#[test]
fn d10_once_the_window_has_passed_the_caller_is_heard_again() {
    let stack = setup(json!({"failures": 2, "window_seconds": 2})).start();
    let customer = customer();
    let mut worker = stack.envoy.connection_to_each_worker().unwrap().remove(0);
    let right = token_request(&customer.code, customer.key);
    let throttled = wait::wait_for(|| {
        let wrong = worker
            .send(&token_request(&customer.code, "wrong"))
            .unwrap();
        (wrong.status == 429).then_some(wrong)
    });
    assert_slowed_down(&throttled.expect("failures add up within the window"));
    wait::until("the window has passed", || {
        worker.send(&right).unwrap().status == 200
    });
}

#[test]
fn d10_a_flood_of_made_up_codes_takes_bounded_memory_and_locks_nobody_out() {
    let stack = setup(json!({})).start();
    let customer = customer();
    let machines = stack.envoy.machines();
    let mut worker = stack.envoy.connection_to_each_worker().unwrap().remove(0);
    let mut flood = |range: std::ops::Range<usize>| {
        for number in range {
            let code = format!("{number}-{}", "x".repeat(200));
            assert_eq!(
                worker.send(&token_request(&code, "wrong")).unwrap().status,
                401
            );
        }
    };
    flood(0..2_000);
    let before = stack.envoy.resident_bytes().unwrap();
    flood(2_000..4_000);
    let grown = stack.envoy.resident_bytes().unwrap().saturating_sub(before);
    assert!(grown < 8 << 20, "2,000 codes took {grown} bytes");
    assert_eq!(
        worker
            .send(&token_request(&customer.code, customer.key))
            .unwrap()
            .status,
        200
    );
    assert_eq!(stack.envoy.machines(), machines);
}
