//! Answers in the few words of a row.

use latchkey_tests::stack::Exchange;
use latchkey_tests::{Request, Response, Stack};
use serde_json::{Value, json};

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
    match exchange.upstream.len() {
        0 => short(&exchange.response),
        _ => format!(
            "{}, and the upstream was reached",
            short(&exchange.response)
        ),
    }
}

/// After a fault, every worker serves a valid token and refuses none at all.
pub fn still_serves(stack: &Stack) -> String {
    let good = Request::get("/products").bearer(&stack.forge(json!({})));
    let workers = stack.envoy.connection_to_each_worker();
    for mut worker in workers.expect("every worker takes connections") {
        let answers = [&good, &Request::get("/products")].map(|request| worker.send(request));
        let statuses = answers.map(|answer| answer.map_or(0, |response| response.status));
        if statuses != [200, 401] {
            return format!(
                "a valid token gets {}, none gets {}",
                statuses[0], statuses[1]
            );
        }
    }
    "all workers serve".to_owned()
}
