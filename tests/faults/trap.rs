//! A virtual machine that dies in the middle of its work (D19). The module is built for this test alone, with the feature
//! `trap`: there a header asks for it.

use latchkey_tests::{Connection, Request, Stack, token_request, wait};
use serde_json::json;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::answer::stopped;
use crate::matrix::{Machines, Matrix};

const RIGHT: &str = "closed, never open, back within 3 s";

pub fn run(matrix: &mut Matrix, module: PathBuf) {
    let stack = Stack::setup()
        .bootstrap(move |bootstrap| {
            bootstrap.plugin()?["vm_config"]["code"] = json!({"local": {"filename": module}});
            let manager = bootstrap.connection_manager()?;
            // A trap in the lookup's answer leaves the caller to this limit.
            manager.insert("stream_idle_timeout".into(), json!("1s"));
            Ok(())
        })
        .start();
    let customer = stack.customer();
    let ask = || token_request(&customer.code, &customer.key.secret);
    let read = || Request::get("/products").bearer(&stack.forge(json!({})));
    for (place, fault, request) in [
        (
            "head",
            "reading the head of a request with a valid token",
            read(),
        ),
        ("memory", "asking for more memory than there is", read()),
        (
            "head",
            "reading the head of a public request",
            Request::get("/healthz"),
        ),
        ("body", "reading the form", ask()),
        ("answer", "reading the lookup's answer", ask()),
    ] {
        let fault = format!("the VM traps while {fault}");
        matrix.row_with(
            &stack.envoy,
            "trap",
            fault,
            &[RIGHT],
            Machines::Replaced,
            || {
                let machines = stack.envoy.machines();
                let seen = stopped(&stack.send(request.header("x-trap", place)));
                if stack.envoy.machines().traps == machines.traps {
                    return format!("{seen}, and nothing trapped");
                }
                match &seen[..3] {
                    "500" | "503" | "504" => recovers(&stack),
                    _ => seen,
                }
            },
        );
    }
}

/// From the trap on, a request without a token never passes; one with a valid token does again soon.
fn recovers(stack: &Stack) -> String {
    let good = Request::get("/products").bearer(&stack.forge(json!({})));
    let started = Instant::now();
    let mut open = None;
    let mut served = 0;
    wait::until("every worker serves again", || {
        let asked = |request: &Request| {
            let connection = Connection::open(stack.envoy.address());
            connection
                .and_then(|mut connection| connection.send(request))
                .map_or(0, |answer| answer.status)
        };
        let without = asked(&Request::get("/products"));
        if !matches!(without, 401 | 503) {
            open = Some(without);
        }
        served = if asked(&good) == 200 { served + 1 } else { 0 };
        // Twenty in a row have met both workers.
        served >= 20 || open.is_some()
    });
    match open {
        Some(status) => format!("open: {status} without a token"),
        None if started.elapsed() < Duration::from_secs(3) => RIGHT.to_owned(),
        None => format!("back after {} ms", started.elapsed().as_millis()),
    }
}
