//! The store ended and frozen, and Envoy drained, while requests go on.

use latchkey_tests::load::{Kind, Load, Plan, Tally};
use latchkey_tests::{Request, Stack, wait};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use crate::answer::{SERVES, still_serves};
use crate::matrix::Matrix;

pub const GROUP: &str = "under load";
pub const CLEAN: &str = "no wrong answer, none missing";
const RIGHT: &str = "reads served, token requests 503, then 200 again";

/// No lookup is broken on purpose: it is the store itself that goes.
pub const PLAN: Plan = Plan {
    callers: 4,
    rate: 50,
    lookup_faults: false,
    excused: &[],
};

/// Token requests may be told of the outage. Nothing else may change.
const OUTAGE: &[(Kind, u16)] = &[(Kind::Token, 503)];

pub fn run(matrix: &mut Matrix) {
    let stack = Stack::setup()
        .configuration(json!({"token_endpoint": {"lookup": {"timeout_ms": 1000}}}))
        .start();
    stack.upstream.forget_requests();
    let fault = "the store is killed, and comes back";
    matrix.row(&stack.envoy, GROUP, fault, &[RIGHT], || {
        let restart = || stack.store.restart().expect("it starts again");
        during(&stack, || signal(&stack, Signal::SIGKILL), restart)
    });
    let fault = "the store is frozen (SIGSTOP), and goes on";
    matrix.row(&stack.envoy, GROUP, fault, &[RIGHT], || {
        let thaw = || signal(&stack, Signal::SIGCONT);
        during(&stack, || signal(&stack, Signal::SIGSTOP), thaw)
    });
    let fault = "Envoy drains its listeners";
    matrix.row(&stack.envoy, GROUP, fault, &[CLEAN], || {
        let load = Load::start(&stack, PLAN);
        wait::until("requests go through", || load.tally().total() > 100);
        let drain = Request::post("/drain_listeners?graceful&skip_exit");
        drain
            .send(stack.envoy.admin())
            .expect("Envoy's admin interface answers");
        let before = load.tally().total();
        wait::until("requests go on", || load.tally().total() > before + 500);
        // Callers are told to come back on another connection.
        let told = stack.envoy.stat("http.api.downstream_cx_drain_close");
        match told {
            0 => "Envoy does not drain".to_owned(),
            _ => tell(&load.stop()),
        }
    });
}

fn during(stack: &Stack, fault: impl FnOnce(), repair: impl FnOnce()) -> String {
    let load = Load::start(
        stack,
        Plan {
            excused: OUTAGE,
            ..PLAN
        },
    );
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
    let (answers, serves) = (tell(&load.stop()), still_serves(stack));
    if answers == CLEAN && serves == SERVES {
        return RIGHT.to_owned();
    }
    format!("{answers}; {serves}")
}

/// What was wrong with the answers, in a few words.
pub fn tell(tally: &Tally) -> String {
    if let Some(first) = tally.wrong.first() {
        let first = first.lines().next().unwrap_or_default();
        return format!("{} wrong answers, the first: {first}", tally.wrong_count);
    }
    match tally.unanswered {
        0 => CLEAN.to_owned(),
        count => format!("no wrong answer, {count} missing"),
    }
}

fn signal(stack: &Stack, signal: Signal) {
    let process = stack.store.process();
    let id = process.as_ref().expect("the store runs").id();
    kill(Pid::from_raw(id as i32), signal).expect("the store is there");
}
