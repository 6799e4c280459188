//! The very end of a token's life (D14).

use latchkey_tests::{Connection, Request, Stack, now};
use serde_json::json;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::matrix::Matrix;

const RIGHT: &str = "200 until `exp`, 401 from then on";

pub fn run(matrix: &mut Matrix) {
    let stack = Stack::start();
    for fraction in ["", ".25", ".999"] {
        let fault = match fraction {
            "" => "a token used without pause until `exp`".to_owned(),
            _ => format!("the same where `exp` ends in `{fraction}`"),
        };
        matrix.row(&stack.envoy, "clock", fault, &[RIGHT], || {
            let exp = format!("{}{fraction}", now() + 2);
            let number: serde_json::Number = exp.parse().expect("a number");
            edge(
                &stack,
                &stack.forge(json!({"exp": number})),
                exp.parse().expect("a number"),
            )
        });
    }
}

/// Sender and Envoy have the same clock: no 200 may be to a request that was sent after `exp`, and no 401 may have
/// arrived before.
fn edge(stack: &Stack, token: &str, exp: f64) -> String {
    let read = Request::get("/products").bearer(token);
    let mut connection = Connection::open(stack.envoy.address()).expect("a connection");
    let (mut good, mut bad) = (0, 0);
    while bad < 20 {
        let sent = seconds();
        let status = connection.send(&read).expect("an answer").status;
        let arrived = seconds();
        match status {
            200 if sent < exp && bad == 0 => good += 1,
            401 if arrived >= exp => bad += 1,
            other => return format!("{other}, sent {:.6} s before exp", exp - sent),
        }
    }
    if good == 0 {
        return "never 200".to_owned();
    }
    RIGHT.to_owned()
}

fn seconds() -> f64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    since_1970.expect("the clock is past 1970").as_secs_f64()
}
