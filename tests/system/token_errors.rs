//! Every way in which a token request is refused for what it is: status, words, headers, and what operators are told (C5, D1–D8).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use latchkey_tests::{Connection, Request, Response, Stack, token_request, wait};
use std::sync::LazyLock;

static STACK: LazyLock<Stack> = LazyLock::new(Stack::start);

/// What callers may have sent, and must not find in an answer.
const MARK: &str = "MARK0f-the-caller";

/// Sends a request, and checks what holds for every refusal (D8): JSON of two members in the RFC's characters, never stored,
/// never an echo; and that the refusal is counted under its reason.
#[track_caller]
fn assert_refused(request: Request, status: u16, error: &str, reason: &str) -> Response {
    let result = if status >= 500 { "error" } else { "refused" };
    let labels = [("result", result), ("reason", reason)];
    let counted = || {
        STACK
            .envoy
            .metrics()
            .sum("latchkey_token_requests_total", &labels)
    };
    let before = counted();
    let exchange = STACK.send(request);
    let response = exchange.stopped();
    assert_eq!(response.status, status, "{response:?}");
    assert_is_error(response, error);
    assert!(counted() > before, "not counted as {reason}: {response:?}");
    response.clone()
}

#[track_caller]
fn assert_is_error(response: &Response, error: &str) {
    let body = response.json();
    assert_eq!(body["error"], error, "{response:?}");
    assert_eq!(body.as_object().unwrap().len(), 2, "{response:?}");
    // RFC 6749 section 5.2: %x20-21 / %x23-5B / %x5D-7E
    let description = body["error_description"].as_str().unwrap();
    let legal = |byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    assert!(
        !description.is_empty() && description.bytes().all(legal),
        "{response:?}"
    );
    for (name, value) in [
        ("content-type", "application/json"),
        ("cache-control", "no-store"),
        ("pragma", "no-cache"),
    ] {
        assert_eq!(response.value(name), Some(value), "{response:?}");
    }
    assert!(!format!("{response:?}").contains(MARK), "{response:?}");
}

fn form(text: impl AsRef<str>) -> Request {
    Request::post("/auth/token").form(text.as_ref())
}

fn basic(user_and_password: impl AsRef<[u8]>) -> String {
    format!("Basic {}", STANDARD.encode(user_and_password))
}

/// Credentials that open, as a form.
fn good() -> String {
    let customer = STACK.customer();
    format!(
        "client_id={}&client_secret={}",
        customer.code, customer.key.secret
    )
}

#[test]
fn d1_another_grant_type_or_none_is_unsupported_before_anything_else_in_the_form() {
    let good = good();
    for text in [
        String::new(),
        good.clone(),
        format!("grant_type=&{good}"),
        format!("grant_type&{good}"),
        format!("grant_type={MARK}&{good}"),
        format!("grant_type=authorization_code&code=x&{good}"),
        format!("grant_type=refresh_token&refresh_token={MARK}&{good}"),
        format!("grant_type=Client_Credentials&{good}"),
        format!("grant_type=client_credentials+&{good}"),
        format!("Grant_Type=client_credentials&{good}"),
        "grant_type=password&scope=%22".into(),
    ] {
        assert_refused(
            form(text),
            400,
            "unsupported_grant_type",
            "unsupported_grant_type",
        );
    }
    let unreadable = form("grant_type=password").header("authorization", "Basic !!!");
    assert_refused(
        unreadable,
        400,
        "unsupported_grant_type",
        "unsupported_grant_type",
    );
}

#[test]
fn c5_a_missing_code_or_key_is_an_invalid_request_whichever_way_they_are_sent() {
    for extra in [
        "",
        "&client_id=A",
        "&client_secret=B",
        "&client_id=&client_secret=B",
        "&client_id=A&client_secret=",
        "&client_id=A&Client_Secret=B",
    ] {
        let request = form(format!("grant_type=client_credentials{extra}"));
        assert_refused(request, 400, "invalid_request", "missing_parameter");
    }
    for credentials in [":", "A:", ":B"] {
        let request =
            form("grant_type=client_credentials").header("authorization", basic(credentials));
        assert_refused(request, 400, "invalid_request", "missing_parameter");
    }
}

#[test]
fn c5_a_code_or_key_that_is_nobodys_is_an_invalid_client() {
    let challenge = format!(
        "Basic realm=\"{}\"",
        STACK.configuration()["issuer"].as_str().unwrap()
    );
    let long = "a".repeat(5000);
    let customer = STACK.customer();
    for (code, key, reason) in [
        ("NOBODY", MARK, "unknown_client"),
        (MARK, "x", "unknown_client"),
        (&*customer.code, MARK, "wrong_key"),
        (&*customer.code, &*long, "wrong_key"),
        (&*long, "x", "unknown_client"),
        ("%C3%A9", "x", "unknown_client"),
        ("%00", "x", "unknown_client"),
        ("a%0D%0Ax-evil:+1", "x", "unknown_client"),
    ] {
        let response = assert_refused(token_request(code, key), 401, "invalid_client", reason);
        assert_eq!(
            response.json()["error_description"],
            "Invalid client credentials."
        );
        assert_eq!(response.value("www-authenticate"), Some(&*challenge));
    }
}

#[test]
fn d2_a_basic_header_that_cannot_be_read_is_an_invalid_request() {
    let joined = format!("{}, {}", basic("A:B"), basic("A:B"));
    for value in [
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic QQ==",
        "BasicQTpC",
        "Basic\tQTpC",
        "Basic QTpC QTpC",
        &joined,
    ] {
        let request = form("grant_type=client_credentials").header("authorization", value);
        assert_refused(request, 400, "invalid_request", "malformed_request");
    }
    let twice = form("grant_type=client_credentials")
        .header("authorization", basic("A:B"))
        .header("authorization", basic("A:B"));
    assert_refused(twice, 400, "invalid_request", "malformed_request");
}

#[test]
fn d2_credentials_in_the_header_and_in_the_body_are_refused_even_if_both_are_good() {
    let customer = STACK.customer();
    let (code, key) = (&*customer.code, &*customer.key.secret);
    for extra in [
        format!("client_id={code}&client_secret={key}"),
        format!("client_secret={key}"),
        "client_id=OTHER".into(),
    ] {
        let request = form(format!("grant_type=client_credentials&{extra}"))
            .header("authorization", basic(format!("{code}:{key}")));
        assert_refused(request, 400, "invalid_request", "conflicting_credentials");
    }
}

#[test]
fn d3_a_repeated_parameter_is_refused_also_one_hidden_by_percent_encoding() {
    let good = format!("grant_type=client_credentials&{}", good());
    for again in [
        "client_id=A",
        "client%5Fid=A",
        "%63%6C%69%65%6E%74%5F%69%64=A",
        "client_secret=",
        "client_secret",
        "grant_type=client_credentials",
        "%67rant_type=password",
        "scope=read&scope=read",
        "scope=&scop%65=",
    ] {
        for text in [format!("{good}&{again}"), format!("{again}&{good}")] {
            assert_refused(form(text), 400, "invalid_request", "repeated_parameter");
        }
    }
}

#[test]
fn d3_a_parameter_that_is_no_utf8_is_an_invalid_request() {
    for text in [
        "client_id=%ff",
        "client_secret=%C3",
        "client_id=%ED%A0%80",
        "scope=%80",
    ] {
        let request = form(format!("grant_type=client_credentials&{text}"));
        assert_refused(request, 400, "invalid_request", "malformed_request");
    }
}

#[test]
fn d4_credentials_in_the_query_are_refused_whatever_the_body_says() {
    let good = good();
    let body = format!("grant_type=client_credentials&{good}");
    for query in [
        &*good,
        "client_id=A",
        "client_secret=B",
        "client_secret",
        "x=1&client%5Fsecret=B",
        "&client_id=",
        "a=b&%63lient_id=A",
    ] {
        for text in [&*body, "grant_type=client_credentials", ""] {
            let request = Request::post(format!("/auth/token?{query}")).form(text);
            assert_refused(request, 400, "invalid_request", "credentials_in_query");
        }
    }
}

#[test]
fn d5_another_content_type_or_none_is_an_invalid_request() {
    let body = format!("grant_type=client_credentials&{}", good());
    assert_refused(
        Request::post("/auth/token").body(&*body),
        400,
        "invalid_request",
        "wrong_content_type",
    );
    for content_type in [
        "",
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencodedx",
        "text/plain; application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded, application/json",
        "*/*",
    ] {
        let request = Request::post("/auth/token")
            .header("content-type", content_type)
            .body(&*body);
        assert_refused(request, 400, "invalid_request", "wrong_content_type");
    }
    let twice = Request::post("/auth/token")
        .header("content-type", "application/json")
        .form(&*body);
    assert_refused(twice, 400, "invalid_request", "wrong_content_type");
}

#[test]
fn d5_another_method_is_told_which_one_is_allowed() {
    for method in ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        for target in ["/auth/token", "/auth/token?client_secret=x"] {
            let request = Request::new(method, target).form(good());
            let response = assert_refused(request, 405, "invalid_request", "method_not_allowed");
            assert_eq!(response.value("allow"), Some("POST"));
        }
    }
    let mut connection = Connection::open(STACK.envoy.address()).unwrap();
    let head = b"HEAD /auth/token HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    connection.write(head).unwrap();
    let rest = connection.rest().unwrap();
    assert!(
        rest.starts_with("HTTP/1.1 405 ") && rest.ends_with("\r\n\r\n"),
        "{rest}"
    );
}

#[test]
fn d6_a_body_over_16_kib_is_refused_without_waiting_for_the_rest_of_it() {
    let announced = "POST /auth/token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n";
    for unfinished in [
        format!("{announced}content-length: 16385\r\n\r\n"),
        format!("{announced}content-length: 9999999999\r\n\r\ngrant_type"),
        format!(
            "{announced}transfer-encoding: chunked\r\n\r\n4001\r\n{}\r\n",
            "a".repeat(0x4001)
        ),
    ] {
        let mut connection = Connection::open(STACK.envoy.address()).unwrap();
        let response = connection.send_bytes(unfinished.as_bytes()).unwrap();
        assert_eq!(response.status, 413, "{response:?}");
        assert_is_error(&response, "invalid_request");
    }
    let whole = form("a".repeat(16 * 1024 + 1));
    assert_refused(whole, 413, "invalid_request", "body_too_large");
}

#[test]
fn d7_a_scope_that_the_customer_does_not_have_or_that_is_none_is_invalid() {
    let good = format!("grant_type=client_credentials&{}", good());
    for scope in [
        MARK,
        "write",
        "read+write",
        "Read",
        "read++read",
        "+read",
        "read+",
        "%22",
        "read%5C",
        "%C3%A9",
        "read%0A",
    ] {
        assert_refused(
            form(format!("{good}&scope={scope}")),
            400,
            "invalid_scope",
            "invalid_scope",
        );
    }
    // Who cannot authenticate learns nothing about scopes.
    let stranger =
        form("grant_type=client_credentials&client_id=NOBODY&client_secret=x&scope=write");
    assert_refused(stranger, 401, "invalid_client", "unknown_client");
}

#[test]
fn d8_checks_are_made_in_the_order_that_is_written_down() {
    let long = "a".repeat(16 * 1024 + 1);
    let everything_wrong = |method, content_type| {
        Request::new(method, "/auth/token?client_id=A").header("content-type", content_type)
    };
    let wrong_type = everything_wrong("PUT", "text/plain").body(&*long);
    assert_refused(wrong_type, 405, "invalid_request", "method_not_allowed");
    let wrong_type = everything_wrong("POST", "text/plain").body(&*long);
    assert_refused(wrong_type, 400, "invalid_request", "wrong_content_type");
    let too_long = Request::post("/auth/token?client_id=A").form(&*long);
    assert_refused(too_long, 413, "invalid_request", "body_too_large");
    let in_query = Request::post("/auth/token?client_id=A").form("client_id=A&client_id=A");
    assert_refused(in_query, 400, "invalid_request", "credentials_in_query");
    let repeated = form("client_id=A&client_id=A").header("authorization", "Basic !");
    assert_refused(repeated, 400, "invalid_request", "repeated_parameter");
    let no_grant = form("client_id=A").header("authorization", "Basic !");
    assert_refused(
        no_grant,
        400,
        "unsupported_grant_type",
        "unsupported_grant_type",
    );
    let no_method =
        form("grant_type=client_credentials&scope=%22").header("authorization", "Basic !");
    assert_refused(no_method, 400, "invalid_request", "malformed_request");
    let nobody = form("grant_type=client_credentials&scope=%22");
    assert_refused(nobody, 400, "invalid_request", "missing_parameter");
    let no_scope = form("grant_type=client_credentials&client_id=NOBODY&client_secret=x&scope=%22");
    assert_refused(no_scope, 400, "invalid_scope", "invalid_scope");
}

#[test]
fn each_refusal_is_one_line_of_the_log_with_its_reason_and_nothing_of_the_caller() {
    let customer = STACK.customer();
    assert_refused(
        token_request(&customer.code, MARK),
        401,
        "invalid_client",
        "wrong_key",
    );
    let line = format!(
        "latchkey: endpoint=token result=refused reason=wrong_key customer=\"{}\"",
        customer.code
    );
    wait::until("the refusal is in the log", || {
        STACK.envoy.log().contains(&line)
    });
    assert_refused(
        token_request(MARK, "x"),
        401,
        "invalid_client",
        "unknown_client",
    );
    let line = "latchkey: endpoint=token result=refused reason=unknown_client";
    wait::until("the refusal is in the log", || {
        STACK.envoy.log().contains(line)
    });
    assert!(!STACK.envoy.log().contains(MARK));
}
