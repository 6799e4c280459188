//! The store and Envoy themselves, ended, frozen, drained and replaced while requests go on.

use latchkey_tests::load::{Kind, Load, Tally};
use latchkey_tests::{Lookup, Stack, wait};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::answer::still_serves;
use crate::matrix::Matrix;

const GROUP: &str = "under load";
const RIGHT: &str = "valid tokens served, token requests 503, then 200 again";

/// Token requests may be told of the outage. Nothing else may change.
const OUTAGE: &[(Kind, u16)] = &[(Kind::Token, 503)];

pub fn run(matrix: &mut Matrix) {
    let lookup = Lookup::start().expect("a port");
    let address = lookup.address();
    let stack = Stack::setup()
        .bootstrap(move |bootstrap| bootstrap.connect_lookup(Some(address)))
        .start();
    lookup.on(
        latchkey_tests::load::BROKEN,
        latchkey_tests::Behaviour::Reset(Vec::new()),
    );
    lookup.forward_to(stack.store.address());
    stack.upstream.forget_requests();
    matrix.row(
        &stack.envoy,
        GROUP,
        "the store is killed, and comes back",
        &[RIGHT],
        || {
            during(
                &stack,
                || signal(&stack, Signal::SIGKILL),
                || stack.store.restart().expect("it starts again"),
            )
        },
    );
    matrix.row(
        &stack.envoy,
        GROUP,
        "the store is frozen (SIGSTOP), and goes on",
        &[RIGHT],
        || {
            during(
                &stack,
                || signal(&stack, Signal::SIGSTOP),
                || signal(&stack, Signal::SIGCONT),
            )
        },
    );
    matrix.row(
        &stack.envoy,
        GROUP,
        "listeners are drained",
        &["no wrong answer"],
        || {
            let load = Load::start(&stack, 4, 50, &[]);
            wait::until("requests go through", || load.tally().total() > 100);
            let drain = latchkey_tests::Request::post("/drain_listeners?graceful&skip_exit");
            drain
                .send(stack.envoy.admin())
                .expect("Envoy's admin interface answers");
            let before = load.tally().total();
            wait::until("requests go through, or no connection is taken", || {
                let tally = load.tally();
                tally.total() > before + 200 || tally.broken_connections > 20
            });
            no_wrong(&load.stop())
        },
    );
}

fn during(stack: &Stack, fault: impl FnOnce(), repair: impl FnOnce()) -> String {
    let load = Load::start(stack, 4, 50, OUTAGE);
    wait::until("tokens are issued", || {
        load.tally().count(Kind::Token, 200) > 5
    });
    fault();
    let at = load.tally();
    wait::until("token requests fail, and reads go on", || {
        let now = load.tally();
        let reads = now.count(Kind::Valid, 200) > at.count(Kind::Valid, 200) + 100;
        now.count(Kind::Token, 503) > at.count(Kind::Token, 503) + 5 && reads
    });
    repair();
    let at = load.tally();
    wait::until("tokens are issued again", || {
        load.tally().count(Kind::Token, 200) > at.count(Kind::Token, 200) + 5
    });
    match (
        no_wrong(&load.stop()).as_str(),
        still_serves(stack).as_str(),
    ) {
        ("no wrong answer", "all workers serve") => RIGHT.to_owned(),
        (wrong, serves) => format!("{wrong}; {serves}"),
    }
}

fn no_wrong(tally: &Tally) -> String {
    match tally.wrong.first() {
        None => "no wrong answer".to_owned(),
        Some(first) => {
            let first = first.lines().next().unwrap_or_default();
            format!("{} wrong answers, the first: {first}", tally.wrong_count)
        }
    }
}

fn signal(stack: &Stack, signal: Signal) {
    let process = stack.store.process();
    let id = process.as_ref().expect("the store runs").id();
    kill(Pid::from_raw(id as i32), signal).expect("the store is there");
}
