//! Whatever state the lookup cluster is in: the right answer in time, never a token, never a hang (D9).

use latchkey_tests::lookup::{record, reply};
use latchkey_tests::{
    Behaviour, Connection, Lookup, Request, Response, Stack, token_request, wait,
};
use serde_json::json;
use std::net::TcpListener;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_millis(500);
const KEY: &str = "lk_the-key-of-every-customer-here";

static LOOKUP: LazyLock<Lookup> = LazyLock::new(|| Lookup::start().unwrap());

static STACK: LazyLock<Stack> = LazyLock::new(|| {
    Stack::setup()
        .configuration(json!({"token_endpoint": {"lookup": {"timeout_ms": TIMEOUT.as_millis()}}}))
        .bootstrap(|bootstrap| bootstrap.connect_lookup(Some(LOOKUP.address())))
        .start()
});

/// A token request for `code` is answered as an outage. A late answer may be the machine's fault once, not five times.
#[track_caller]
fn assert_unavailable(stack: &Stack, code: &str) {
    let mut fastest = Duration::MAX;
    for _ in 0..5 {
        let asked = Instant::now();
        let exchange = stack.request_token(code, KEY);
        fastest = fastest.min(asked.elapsed());
        assert_outage(exchange.stopped());
        if fastest < TIMEOUT + Duration::from_millis(100) {
            return;
        }
    }
    panic!("the fastest of five answers took {fastest:?}");
}

#[track_caller]
fn assert_outage(response: &Response) {
    assert_eq!(response.status, 503, "{response:?}");
    assert_eq!(response.json()["error"], "temporarily_unavailable");
    let retry_after = response.value("retry-after").unwrap_or_default();
    assert!(retry_after.parse::<u32>().is_ok(), "{response:?}");
    assert!(!response.text().contains("access_token"));
}

fn good(code: &str) -> Vec<u8> {
    reply("200 OK", record(code, KEY).to_string())
}

/// The lookup of a customer of its own goes as told; the filter's count of such lookups grows.
#[track_caller]
fn assert_fails(code: &str, behaviour: Behaviour, status: &str) {
    let counted = || {
        STACK.envoy.stat(&format!(
            "wasmcustom.latchkey_lookups_total_status={status}"
        ))
    };
    let before = counted();
    LOOKUP.on(code, behaviour);
    let machines = STACK.envoy.machines();
    assert_unavailable(&STACK, code);
    assert!(counted() > before, "no lookup was counted as {status}");
    for line in [
        format!("latchkey: lookup status={status} duration_ms="),
        "latchkey: endpoint=token result=error reason=lookup_failed advice=".into(),
    ] {
        wait::until("the log tells of it", || STACK.envoy.log().contains(&line));
    }
    assert_eq!(STACK.envoy.machines(), machines);
}

#[test]
fn d9_the_record_of_these_tests_opens_so_that_refusals_mean_something() {
    LOOKUP.on("GOOD", Behaviour::Send(good("GOOD")));
    let exchange = STACK.request_token("GOOD", KEY);
    assert_eq!(exchange.stopped().status, 200, "{:?}", exchange.response);
    let exchange = STACK.request_token("GOOD", "another key");
    assert_eq!(exchange.stopped().status, 401);
}

#[test]
fn d9_a_lookup_cluster_that_refuses_connections_is_an_outage() {
    // Nobody listens on a port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let stack = Stack::setup()
        .bootstrap(move |bootstrap| bootstrap.connect_lookup(Some(address)))
        .start();
    assert_unavailable(&stack, "REFUSED");
    assert!(
        stack
            .envoy
            .stat("wasmcustom.latchkey_lookups_total_status=unreachable")
            >= 2,
        "not tried twice"
    );
    assert_eq!(read_with_token(&stack), 200);
}

#[test]
fn d9_a_lookup_cluster_without_endpoints_is_an_outage() {
    let stack = Stack::setup()
        .bootstrap(|bootstrap| bootstrap.connect_lookup(None))
        .start();
    assert_unavailable(&stack, "NOWHERE");
    assert_eq!(read_with_token(&stack), 200);
}

fn read_with_token(stack: &Stack) -> u16 {
    let token = stack.forge(json!({}));
    stack
        .send(Request::get("/products").bearer(&token))
        .response
        .status
}

#[test]
fn d9_a_lookup_that_is_never_answered_is_an_outage_once_its_time_is_up() {
    assert_fails("SILENT", Behaviour::Silence, "timeout");
    assert_eq!(read_with_token(&STACK), 200);
}

#[test]
fn d9_an_answer_of_one_byte_a_second_is_an_outage_once_its_time_is_up() {
    assert_fails("DRIP-HEAD", Behaviour::Drip(good("DRIP-HEAD")), "timeout");
}

#[test]
fn d9_a_body_that_stops_halfway_is_an_outage_once_its_time_is_up() {
    let whole = good("HALF");
    LOOKUP.on("HALF", Behaviour::Send(whole[..whole.len() - 9].to_vec()));
    assert_unavailable(&STACK, "HALF");
}

#[test]
fn d9_a_reset_before_the_head_is_an_outage() {
    assert_fails("RESET-0", Behaviour::Reset(Vec::new()), "reset");
}

#[test]
fn d9_a_reset_in_the_middle_of_the_body_is_an_outage() {
    let whole = good("RESET-1");
    assert_fails(
        "RESET-1",
        Behaviour::Reset(whole[..whole.len() - 9].to_vec()),
        "reset",
    );
}

#[test]
fn d9_a_status_that_is_neither_200_nor_404_is_an_outage_even_with_a_good_record() {
    let statuses = [
        "201 Created",
        "204 No Content",
        "206 Partial Content",
        "301 Moved Permanently",
        "302 Found",
        "400 Bad Request",
        "401 Unauthorized",
        "403 Forbidden",
        "410 Gone",
        "429 Too Many Requests",
        "500 Internal Server Error",
        "503 Service Unavailable",
    ];
    for status in statuses {
        let code = format!("STATUS-{}", &status[..3]);
        let bytes = match &status[..3] {
            "204" => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
            _ => reply(status, record(&code, KEY).to_string()),
        };
        assert_fails(&code, Behaviour::Send(bytes), "bad_status");
    }
}

#[test]
fn d9_a_redirect_is_not_followed() {
    LOOKUP.on("TARGET", Behaviour::Send(good("TARGET")));
    let location = format!("http://{}/v1/clients/TARGET", LOOKUP.address());
    let redirect =
        format!("HTTP/1.1 301 Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
    assert_fails(
        "MOVED",
        Behaviour::Send(redirect.into_bytes()),
        "bad_status",
    );
    assert!(LOOKUP.seen("TARGET").is_empty());
}

#[test]
fn d9_only_404_means_an_unknown_customer_whatever_its_body() {
    LOOKUP.on(
        "GONE",
        Behaviour::Send(reply("404 Not Found", record("GONE", KEY).to_string())),
    );
    assert_eq!(STACK.request_token("GONE", KEY).stopped().status, 401);
}

#[test]
fn d9_a_200_without_a_usable_record_is_an_outage() {
    let deep = "[".repeat(10_000);
    let deep_member = format!(r#"{{"client_id":"JUNK","x":{deep}"#);
    let text = record("JUNK", KEY).to_string();
    let twice = text.replace(r#""enabled":true"#, r#""enabled":true,"enabled":false"#);
    let hidden_twice = text.replace(r#""enabled":true"#, r#""enabled":true,"\u0065nabled":true"#);
    let mut not_utf8 = text.clone().into_bytes();
    let scope = text.find("read").unwrap();
    not_utf8[scope] = 0xff;
    let junk: Vec<Vec<u8>> = vec![
        vec![],
        b"null".into(),
        b"{}".into(),
        b"[]".into(),
        b"<html>It works!</html>".into(),
        b"\xff\xfe\x00".into(),
        deep.into(),
        deep_member.into(),
        twice.into(),
        hidden_twice.into(),
        not_utf8,
        text[..text.len() - 1].into(),
        [text.as_bytes(), b"{}"].concat(),
        text.replace("JUNK", "OTHER").into(),
        text.replace("JUNK", "junk").into(),
        text.replace("true", "\"true\"").into(),
        text.replace("true", "1").into(),
        text.replace("\"expires_at\"", "\"expires\"").into(),
        text.replace("\"read\"", "[\"read\"]").into(),
        text.replace("sha256:", "").into(),
    ];
    for (number, body) in junk.into_iter().enumerate() {
        eprintln!(
            "junk {number}: {}",
            String::from_utf8_lossy(&body[..body.len().min(200)])
        );
        assert_fails("JUNK", Behaviour::Send(reply("200 OK", body)), "bad_record");
    }
}

#[test]
fn d9_an_answer_that_is_no_http_is_an_outage() {
    for bytes in [
        &b"hello\r\n\r\n"[..],
        b"\0\0\0",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
    ] {
        LOOKUP.on("NO-HTTP", Behaviour::Reset(bytes.to_vec()));
        assert_unavailable(&STACK, "NO-HTTP");
    }
}

#[test]
fn d9_a_record_of_64_kib_is_read_and_one_byte_more_is_an_outage() {
    let mut record = record("LARGE", KEY);
    record["later"] = json!("");
    let room = 64 * 1024 - record.to_string().len();
    record["later"] = json!("x".repeat(room));
    LOOKUP.on(
        "LARGE",
        Behaviour::Send(reply("200 OK", record.to_string())),
    );
    assert_eq!(STACK.request_token("LARGE", KEY).stopped().status, 200);
    record["later"] = json!("x".repeat(room + 1));
    assert_fails(
        "LARGE",
        Behaviour::Send(reply("200 OK", record.to_string())),
        "too_large",
    );
}

#[test]
fn d9_a_hundred_answers_of_1_mib_are_outages_and_leave_no_memory_behind() {
    let mut record = record("HUGE", KEY);
    record["later"] = json!("x".repeat(1 << 20));
    let answer = reply("200 OK", record.to_string());
    assert_fails("HUGE", Behaviour::Send(answer), "too_large");
    let before = STACK.envoy.resident_bytes().unwrap();
    for _ in 0..100 {
        assert_outage(STACK.request_token("HUGE", KEY).stopped());
    }
    let grown = STACK.envoy.resident_bytes().unwrap().saturating_sub(before);
    assert!(
        grown < 32 << 20,
        "100 MiB of answers left {grown} bytes behind"
    );
}

#[test]
fn d9_callers_that_are_gone_before_the_answer_do_no_harm_a_hundred_times() {
    LOOKUP.on("GONE-CALLER", Behaviour::Hold(good("GONE-CALLER")));
    let machines = STACK.envoy.machines();
    for number in 1..=100 {
        let mut caller = Connection::open(STACK.envoy.address()).unwrap();
        caller.start(&token_request("GONE-CALLER", KEY)).unwrap();
        wait::until("the lookup is under way", || {
            LOOKUP.seen("GONE-CALLER").len() == number
        });
        drop(caller);
    }
    LOOKUP.release("GONE-CALLER");
    let exchange = STACK.request_token("GONE-CALLER", KEY);
    assert_eq!(exchange.stopped().status, 200, "{:?}", exchange.response);
    assert_eq!(STACK.envoy.machines(), machines);
}

#[test]
fn d9_a_lookup_that_failed_is_not_held_against_anyone() {
    let half = Behaviour::Reset(good("RECOVERS")[..40].to_vec());
    let mut behaviours = vec![half; 20];
    behaviours.push(Behaviour::Send(good("RECOVERS")));
    LOOKUP.on_each("RECOVERS", behaviours);
    for _ in 0..20 {
        assert_outage(STACK.request_token("RECOVERS", KEY).stopped());
    }
    assert_eq!(STACK.request_token("RECOVERS", KEY).stopped().status, 200);
}

#[test]
fn d9_a_connection_that_was_made_is_not_tried_again() {
    LOOKUP.on_each(
        "ONCE",
        vec![Behaviour::Reset(Vec::new()), Behaviour::Send(good("ONCE"))],
    );
    assert_outage(STACK.request_token("ONCE", KEY).stopped());
    assert_eq!(LOOKUP.seen("ONCE").len(), 1);
}
