//! A virtual machine that dies in the middle of its work (D19). The module is built for this test alone, with the feature
//! `trap`: there a header asks for it.

use latchkey_tests::lookup::{record, reply};
use latchkey_tests::{Behaviour, Connection, Lookup, Request, Stack, files, token_request, wait};
use serde_json::json;
use std::time::{Duration, Instant};

use crate::answer::{short, stopped};
use crate::matrix::Matrix;

const GROUP: &str = "trap";
const RIGHT: &str = "closed, never open, back within 3 s";
const CODE: &str = "TRAPPED";
const KEY: &str = "lk_the-key-of-this-customer";

pub fn run(matrix: &mut Matrix) {
    let lookup = Lookup::start().expect("a port");
    let answer = reply("200 OK", record(CODE, KEY).to_string());
    lookup.on(CODE, Behaviour::Send(answer.clone()));
    let (address, module) = (
        lookup.address(),
        files::target_folder().join("latchkey-trap.wasm"),
    );
    let stack = Stack::setup()
        .bootstrap(move |bootstrap| {
            bootstrap.connect_lookup(Some(address))?;
            bootstrap.plugin()?["vm_config"]["code"] = json!({"local": {"filename": module}});
            let manager = bootstrap.connection_manager()?;
            // A trap in the lookup's answer leaves the caller to this limit.
            manager.insert("stream_idle_timeout".into(), json!("1s"));
            Ok(())
        })
        .start();
    let ask = || token_request(CODE, KEY);
    let read = || Request::get("/products").bearer(&stack.forge(json!({})));
    let public = Request::get("/healthz");
    for (place, fault, request) in [
        ("head", "the head of a request with a valid token", read()),
        ("head", "the head of a public request", public),
        ("memory", "a head, for lack of memory", read()),
        ("body", "the form", ask()),
        ("answer", "the lookup's answer", ask()),
    ] {
        let fault = format!("the VM traps while it reads {fault}");
        matrix.trap(&stack.envoy, GROUP, fault, &[RIGHT], || {
            let seen = stopped(&stack.send(request.header("x-trap", place)));
            closed(&stack, seen)
        });
    }
    let fault = "the VM traps between requests, in its timer";
    matrix.trap(&stack.envoy, GROUP, fault, &[RIGHT], || {
        let traps = stack.envoy.machines().traps;
        stack.send(read().header("x-trap", "tick"));
        wait::until("it traps", || stack.envoy.machines().traps > traps);
        recovers(&stack)
    });
    let fault = "the VM traps while another request awaits its lookup";
    matrix.trap(&stack.envoy, GROUP, fault, &[RIGHT], || {
        lookup.on(CODE, Behaviour::Hold(answer));
        let [mut waiting, mut trapped] = [(); 2].map(|()| {
            let connections = stack.envoy.connection_to_each_worker();
            connections
                .expect("every worker takes connections")
                .remove(0)
        });
        let before = lookup.seen(CODE).len();
        waiting.start(&ask()).expect("it is sent");
        wait::until("the lookup is under way", || {
            lookup.seen(CODE).len() > before
        });
        let seen = trapped.send(&read().header("x-trap", "head"));
        lookup.release(CODE);
        let other = waiting.send_bytes(b"");
        match other.map_or("503".to_owned(), |answer| short(&answer)) {
            opened if opened.starts_with('2') => format!("the other got {opened}"),
            _ => closed(
                &stack,
                seen.map_or("503".to_owned(), |answer| short(&answer)),
            ),
        }
    });
}

/// The request that met the trap has failed, and so on.
fn closed(stack: &Stack, seen: String) -> String {
    match &seen[..3] {
        "500" | "503" | "504" => recovers(stack),
        _ => seen,
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
            connection.and_then(|mut connection| connection.send(request))
        };
        let without = asked(&Request::get("/products")).map(|answer| answer.status);
        open = without.ok().filter(|status| !matches!(status, 401 | 503));
        let is_served = asked(&good).is_ok_and(|answer| answer.status == 200);
        served = if is_served { served + 1 } else { 0 };
        // Twenty in a row have met both workers.
        served >= 20 || open.is_some()
    });
    match open {
        Some(status) => format!("open: {status} without a token"),
        None if started.elapsed() < Duration::from_secs(3) => RIGHT.to_owned(),
        None => format!("back after {} ms", started.elapsed().as_millis()),
    }
}
