//! Bytes are hostile: whatever comes, the answer is clean and the virtual machines stay the same.

use latchkey_tests::{Connection, Request, Response, Stack, token_request};
use serde_json::json;
use std::sync::LazyLock;

static STACK: LazyLock<Stack> = LazyLock::new(Stack::start);

/// Sends a request to every worker, and makes sure that all their machines survived it.
#[track_caller]
fn on_each_worker(request: &Request) -> Vec<Response> {
    let machines = STACK.envoy.machines();
    let untouched = STACK.upstream.requests_with("x-hostile", "yes").len();
    let request = request.clone().header("x-hostile", "yes");
    let connections = STACK.envoy.connection_to_each_worker().unwrap();
    let answers = connections
        .into_iter()
        .map(|mut worker| worker.send(&request).unwrap())
        .collect();
    assert_alive();
    assert_eq!(STACK.envoy.machines(), machines);
    assert_eq!(
        STACK.upstream.requests_with("x-hostile", "yes").len(),
        untouched
    );
    answers
}

/// A trap shows only at the next request.
#[track_caller]
fn assert_alive() {
    let read = Request::get("/products").bearer(&STACK.forge(json!({})));
    for mut worker in STACK.envoy.connection_to_each_worker().unwrap() {
        assert_eq!(worker.send(&read).unwrap().status, 200);
    }
}

#[track_caller]
fn assert_status(request: Request, allowed: &[u16]) {
    for response in on_each_worker(&request) {
        assert!(
            allowed.contains(&response.status),
            "expected one of {allowed:?}: {response:?}"
        );
    }
}

#[test]
fn d19_bytes_that_are_no_text_in_authorization_are_refused() {
    for value in [
        b"\xff".to_vec(),
        b"Bearer \xff".to_vec(),
        b"Bearer \xff.\xfe.\xfd".to_vec(),
        b"Basic \xff".to_vec(),
        b"\xffBearer x".to_vec(),
        vec![0xff; 8000],
    ] {
        let with = |request: Request| request.header("authorization", &value);
        assert_status(with(Request::get("/products")), &[401]);
        let form = "grant_type=client_credentials&client_id=a&client_secret=b";
        assert_status(with(Request::post("/auth/token").form(form)), &[400, 401]);
    }
}

#[test]
fn d19_bytes_that_are_no_text_anywhere_in_the_head_are_refused() {
    assert_status(Request::get(b"/\xff\xfe"), &[400, 401]);
    assert_status(
        Request::get("/products").header("x-customer-code", b"\xff"),
        &[401],
    );
    assert_status(
        Request::get("/products").header("host", b"\xff"),
        &[400, 401],
    );
    assert_status(
        Request::post("/auth/token")
            .header("content-type", b"\xff")
            .body("x"),
        &[400],
    );
    assert_status(
        Request::post(b"/auth/token?\xff=\xff").form("x"),
        &[400, 401],
    );
}

#[test]
fn d6_a_body_of_1_mib_to_the_token_endpoint_gets_413() {
    let filler = "a".repeat(1 << 20);
    for response in on_each_worker(&Request::post("/auth/token").form(&*filler)) {
        assert_eq!(response.status, 413, "{response:?}");
    }
    let filler = format!("grant_type=client_credentials&client_id=a&client_secret=b&x={filler}");
    for response in on_each_worker(&Request::post("/auth/token").form(filler)) {
        assert_eq!(response.status, 413, "{response:?}");
    }
}

#[test]
fn d6_a_body_of_more_than_16_kib_gets_413_and_json_and_one_of_16_kib_is_read() {
    let customer = STACK.customer();
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&x=",
        customer.code, customer.key.secret
    );
    let filled = |length: usize| format!("{form}{}", "a".repeat(length - form.len()));
    let largest = STACK.send(Request::post("/auth/token").form(filled(16 << 10)));
    assert_eq!(largest.stopped().status, 200, "{:?}", largest.response);
    let larger = STACK.send(Request::post("/auth/token").form(filled((16 << 10) + 1)));
    assert_eq!(larger.stopped().status, 413, "{:?}", larger.response);
    assert_eq!(
        larger.response.value("content-type"),
        Some("application/json")
    );
    assert!(larger.response.json()["error"].is_string());
}

#[test]
fn d19_a_header_of_60_kb_gets_a_clean_4xx() {
    // Just under Envoy's own limit for all headers together, so that the filter sees it.
    let long = "a".repeat(60_000);
    assert_status(Request::get("/products").header("x-long", &long), &[401]);
    assert_status(Request::get("/products").bearer(&long), &[401]);
    assert_status(
        Request::get("/products").header("x-customer-code", &long),
        &[401],
    );
    assert_status(
        Request::post("/auth/token")
            .header("authorization", format!("Basic {long}"))
            .form("x"),
        &[400, 401],
    );
    assert_status(
        Request::get("/products").header("x-long", "a".repeat(61_440)),
        &[431],
    );
}

#[test]
fn d19_a_path_of_60_kb_gets_a_clean_4xx() {
    let long = "a".repeat(60_000);
    assert_status(Request::get(format!("/{long}")), &[401, 414, 431]);
    assert_status(
        Request::post(format!("/auth/token?{long}")).form("x"),
        &[400, 401, 414, 431],
    );
}

#[test]
fn d19_a_form_that_is_no_text_is_refused() {
    for body in [
        b"\xff\xfe\x00".to_vec(),
        b"grant_type=client_credentials&client_id=\xff&client_secret=\xff".to_vec(),
        b"grant_type=client_credentials&client_id=%ff&client_secret=%00".to_vec(),
        b"grant_type=client_credentials&client_id=%&client_secret=%zz".to_vec(),
        b"&&&&====".to_vec(),
        vec![b'&'; 16 << 10],
        vec![0; 16 << 10],
    ] {
        assert_status(Request::post("/auth/token").form(body), &[400, 401]);
    }
}

#[test]
fn d19_a_client_id_that_would_leave_its_path_segment_stays_unknown() {
    for code in [
        "..",
        "../admin",
        "%2e%2e%2f",
        "a/b",
        "a?b",
        "a#b",
        "a b",
        "a\r\nx: y",
        "\u{0}",
        "Ä",
    ] {
        let encoded: String = code.bytes().map(|byte| format!("%{byte:02X}")).collect();
        assert_status(token_request(&encoded, "x"), &[400, 401]);
    }
}

#[test]
fn d19_nonsense_on_the_wire_is_answered_by_envoy() {
    let machines = STACK.envoy.machines();
    for bytes in [
        &b"\xff\xfe\xfd\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nauthorization: Bearer\r\n x\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nauthorization: a\0b\r\n\r\n",
        b"POST /auth/token HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /auth/token HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let mut connection = Connection::open(STACK.envoy.address()).unwrap();
        let response = connection.send_bytes(bytes).unwrap();
        assert!((400..500).contains(&response.status), "{response:?}");
    }
    assert_alive();
    assert_eq!(STACK.envoy.machines(), machines);
}

#[test]
fn a_caller_that_goes_away_in_the_middle_leaves_everything_as_it_was() {
    let customer = STACK.customer();
    let machines = STACK.envoy.machines();
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        customer.code, customer.key.secret
    );
    let head = format!(
        "POST /auth/token HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n",
        form.len()
    );
    for sent in [
        head.clone(),
        format!("{head}{}", &form[..10]),
        format!("{head}{form}"),
    ] {
        for _ in 0..10 {
            Connection::open(STACK.envoy.address())
                .unwrap()
                .write(sent.as_bytes())
                .unwrap();
        }
    }
    assert_alive();
    assert_eq!(STACK.token(&customer).split('.').count(), 3);
    assert_eq!(STACK.envoy.machines(), machines);
}
