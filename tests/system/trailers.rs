//! Requests that say more behind their body.

use latchkey_tests::{Bootstrap, Connection, Stack};
use std::sync::LazyLock;

static STACK: LazyLock<Stack> = LazyLock::new(|| {
    Stack::setup()
        .bootstrap(|bootstrap| {
            Bootstrap::leave_requests_as_they_come(bootstrap)?;
            bootstrap.forward_trailers()
        })
        .start()
});

/// A chunked request with these trailers.
fn chunked(head: &str, body: &str, trailers: &[&str]) -> Vec<u8> {
    let mut text = format!("{head}host: api\r\ntransfer-encoding: chunked\r\n\r\n");
    if !body.is_empty() {
        text.push_str(&format!("{:x}\r\n{body}\r\n", body.len()));
    }
    text.push_str("0\r\n");
    for trailer in trailers {
        text.push_str(&format!("{trailer}\r\n"));
    }
    text.push_str("\r\n");
    text.into_bytes()
}

const TOKEN_HEAD: &str =
    "POST /auth/token HTTP/1.1\r\ncontent-type: application/x-www-form-urlencoded\r\n";

#[test]
fn d18_an_identity_header_sent_as_a_trailer_is_removed_too() {
    let customer = STACK.customer();
    let head = format!(
        "GET /trailers HTTP/1.1\r\nauthorization: Bearer {}\r\n",
        STACK.token(&customer)
    );
    let forged = [
        "x-customer-code: EVIL",
        "x_customer_code: EVIL",
        "x-checksum: 7",
    ];
    let request = chunked(&head, "body", &forged);
    let mut connection = Connection::open(STACK.envoy.address()).unwrap();
    let response = connection.send_bytes(&request).unwrap();
    assert_eq!(response.status, 200, "{response:?}");
    let seen = STACK
        .upstream
        .requests_with("x-customer-code", &customer.code);
    let trailers = &seen.last().expect("it did not arrive").trailers;
    assert_eq!(trailers, &[("x-checksum".to_owned(), b"7".to_vec())]);
}

#[test]
fn c1_a_form_with_trailers_behind_it_is_a_whole_form() {
    let customer = STACK.customer();
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        customer.code, customer.key.secret
    );
    let request = chunked(TOKEN_HEAD, &form, &["x-checksum: 7"]);
    let mut connection = Connection::open(STACK.envoy.address()).unwrap();
    let response = connection.send_bytes(&request).unwrap();
    assert_eq!(response.status, 200, "{response:?}");
}

#[test]
fn d1_trailers_without_a_form_are_an_empty_form() {
    let request = chunked(TOKEN_HEAD, "", &["x-checksum: 7"]);
    let mut connection = Connection::open(STACK.envoy.address()).unwrap();
    let response = connection.send_bytes(&request).unwrap();
    assert_eq!(response.status, 400, "{response:?}");
    assert_eq!(response.json()["error"], "unsupported_grant_type");
}
