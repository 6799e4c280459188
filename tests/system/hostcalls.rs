//! How often a request crosses between Envoy and the filter, which is most of what the filter costs.

use latchkey_tests::wait::until;
use latchkey_tests::{Connection, Request, Stack};
use std::collections::BTreeMap;

/// What Envoy calls for a request without a body that passes. It calls the filter once more, from within, for
/// memory to put the header fields in.
const CALLBACKS: [&str; 4] = [
    "proxy_on_context_create",
    "proxy_on_request_headers",
    "proxy_on_memory_allocate",
    "proxy_on_delete",
];

/// What the filter calls for it: the header fields, the clock, two identity headers, three pieces of filter state.
const HOSTCALLS: [&str; 7] = [
    "proxy_get_header_map_pairs",
    "proxy_get_current_time_nanoseconds",
    "proxy_replace_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_set_property",
    "proxy_set_property",
    "proxy_set_property",
];

/// What the first request after a pause calls as well, and those that follow it closely do not: they are counted
/// together.
const COUNTING: [&str; 3] = [
    "proxy_define_metric",
    "proxy_increment_metric",
    "proxy_set_tick_period_milliseconds",
];

/// The calls that one request caused.
#[derive(Debug, Default)]
struct Calls {
    callbacks: Vec<String>,
    hostcalls: Vec<String>,
}

/// The calls of every request in a log, in the order of their contexts' numbers. A line is
/// `[time][thread][trace][wasm] … [host->vm] NAME(CONTEXT, …` for a call into the machine, `… [host<-vm] NAME return: …` for
/// its end, and `… [vm->host] env.NAME(…` for a call out of it.
fn calls(log: &str, thread: &str) -> BTreeMap<u32, Calls> {
    let mut requests: BTreeMap<u32, Calls> = BTreeMap::new();
    // Whose callbacks are under way: memory is asked for from within another.
    let mut under_way: Vec<u32> = Vec::new();
    for line in log.lines().filter(|line| line.contains(thread)) {
        if let Some((_, call)) = line.split_once("[host->vm] ") {
            let (name, arguments) = call.split_once('(').unwrap();
            let first = arguments.split([',', ')']).next().unwrap();
            let context = under_way.first().copied();
            let context = context.unwrap_or_else(|| first.parse().unwrap());
            under_way.push(context);
            let calls = requests.entry(context).or_default();
            calls.callbacks.push(name.to_owned());
        } else if line.contains("[host<-vm] ") {
            under_way.pop();
        } else if let Some((_, call)) = line.split_once("[vm->host] env.")
            && let Some(&context) = under_way.first()
        {
            let name = call.split('(').next().unwrap();
            let calls = requests.entry(context).or_default();
            calls.hostcalls.push(name.to_owned());
        }
    }
    // Only requests have a context that is made and deleted here; ticks come to the plugin's own.
    requests.retain(|_, calls| {
        let has = |name: &str| calls.callbacks.iter().any(|callback| callback == name);
        has("proxy_on_context_create") && has("proxy_on_delete")
    });
    requests
}

/// `[thread]` of the last line that holds a text.
fn thread(log: &str, text: &str) -> String {
    let line = log.lines().rfind(|line| line.contains(text)).unwrap();
    format!("[{}]", line.split(['[', ']']).nth(3).unwrap())
}

#[test]
fn a_request_with_a_known_token_crosses_seven_times_out_of_the_machine_and_four_times_into_it() {
    const REQUESTS: usize = 20;
    let stack = Stack::setup().traced().start();
    let token = stack.token(&stack.customer());
    let mut connection = Connection::open(stack.envoy.address()).unwrap();
    let mut send = || {
        let response = connection.send(&Request::get("/products").bearer(&token));
        assert_eq!(response.unwrap().status, 200);
    };
    // From the second one on the token is known on this connection's worker.
    send();
    let start = stack.envoy.log().len();
    let worker = thread(&stack.envoy.log(), "proxy_on_request_headers(");
    let mut requests = BTreeMap::new();
    until("a request is not counted by itself", || {
        (0..REQUESTS).for_each(|_| send());
        until("the log has all of them", || {
            requests = calls(&stack.envoy.log()[start..], &worker);
            requests.len() % REQUESTS == 0 && !requests.is_empty()
        });
        requests.values().any(|calls| calls.hostcalls == HOSTCALLS)
    });
    for calls in requests.values() {
        assert_eq!(calls.callbacks, CALLBACKS);
        let mut hostcalls = calls.hostcalls.clone();
        hostcalls.retain(|call| !COUNTING.contains(&call.as_str()));
        assert_eq!(hostcalls, HOSTCALLS);
    }
}
