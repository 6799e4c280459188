//! Answers in the few words of a row.

use latchkey_tests::stack::Exchange;
use latchkey_tests::{Request, Response, Stack};
use serde_json::{Value, json};

/// What [`still_serves`] says where all is well.
pub const SERVES: &str = "all workers serve";

/// `503 temporarily_unavailable`, or the status alone where no error is named.
pub fn short(response: &Response) -> String {
    let error = serde_json::from_slice::<Value>(&response.body).ok();
    match error.as_ref().and_then(|body| body["error"].as_str()) {
        Some(error) => format!("{} {error}", response.status),
        None => response.status.to_string(),
    }
}

/// The same for a request that must not have reached the upstream.
pub fn stopped(exchange: &Exchange) -> String {
    let answer = short(&exchange.response);
    match exchange.upstream.len() {
        0 => answer,
        _ => format!("{answer}, and the upstream was reached"),
    }
}

/// After a fault, every worker serves a valid token, and refuses a request without one.
pub fn still_serves(stack: &Stack) -> String {
    let good = Request::get("/products").bearer(&stack.forge(json!({})));
    let workers = stack.envoy.connection_to_each_worker();
    for mut worker in workers.expect("every worker takes connections") {
        let answers = [&good, &Request::get("/products")].map(|request| worker.send(request));
        let statuses = answers.map(|answer| answer.map_or(0, |response| response.status));
        if statuses != [200, 401] {
            let [with, without] = statuses;
            return format!("a valid token gets {with}, none gets {without}");
        }
    }
    SERVES.to_owned()
}
