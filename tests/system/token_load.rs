//! Many token requests at once, half of them hopeless: each is answered rightly.

use latchkey_tests::{Connection, SIGNING_KEY, Stack, jwt, token_request};
use serde_json::json;
use std::thread;

const AT_ONCE: usize = 64;
const EACH: usize = 20_000usize.div_ceil(AT_ONCE);

/// The 32 customers and one address fail far more often than any throttle would bear.
fn stack() -> Stack {
    Stack::setup()
        .configuration(json!({"token_endpoint": {
            "throttle": {"failures": 1_000_000},
        }}))
        .start()
}

#[test]
fn c3_c6_of_20000_token_requests_at_64_at_once_each_gets_its_own_answer() {
    let stack = stack();
    let customers: Vec<_> = (0..AT_ONCE / 2).map(|_| stack.customer()).collect();
    let machines = stack.envoy.machines();
    let caller = |number: usize| {
        let customer = &customers[number % customers.len()];
        let mut connection = Connection::open(stack.envoy.address()).unwrap();
        let right = token_request(&customer.code, &customer.key.secret);
        let wrong = [
            token_request(
                &customer.code,
                &customers[(number + 1) % customers.len()].key.secret,
            ),
            token_request("NOBODY", &customer.key.secret),
        ];
        let mut issued = Vec::with_capacity(EACH / 2 + 1);
        for request in 0..EACH {
            if request % 2 == 0 {
                let response = connection.send(&right).unwrap();
                assert_eq!(response.status, 200, "{response:?}");
                let token = response.json()["access_token"].as_str().unwrap().to_owned();
                let claims = jwt::verify(SIGNING_KEY.as_bytes(), &token);
                assert_eq!(claims["sub"], customer.code);
                issued.push(claims["jti"].as_str().unwrap().to_owned());
            } else {
                let response = connection.send(&wrong[request / 2 % 2]).unwrap();
                assert_eq!(response.status, 401, "{response:?}");
            }
        }
        issued
    };
    let mut tokens: Vec<String> = thread::scope(|scope| {
        let callers: Vec<_> = (0..AT_ONCE)
            .map(|number| scope.spawn(move || caller(number)))
            .collect();
        callers
            .into_iter()
            .flat_map(|caller| caller.join().unwrap())
            .collect()
    });
    let issued = tokens.len();
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), issued, "two tokens have the same jti");
    assert_eq!(stack.envoy.machines(), machines);
}
