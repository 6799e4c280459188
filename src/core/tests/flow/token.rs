//! Requests that want a token.

use super::*;

#[test]
fn c3_c4_a_right_key_gets_a_bearer_token_of_exactly_one_hour() {
    let mut engine = engine();
    let reply = issue(&mut engine, "");
    let body: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(
        (reply.status, &body["token_type"], &body["expires_in"]),
        (200, &json!("Bearer"), &json!(3600))
    );
    assert_eq!(body.as_object().unwrap().len(), 3);
    let token = body["access_token"].as_str().unwrap();
    assert!(token.starts_with("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."));
    let claims = claims(token);
    assert_eq!(
        claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(),
        3600
    );
    for (name, value) in [
        ("iss", "https://issuer"),
        ("sub", "ACME01"),
        ("client_id", "ACME01"),
        ("aud", "api"),
        ("scope", "read write"),
    ] {
        assert_eq!(claims[name], json!(value), "{name}");
    }
    assert_eq!(claims["jti"].as_str().unwrap().len(), 22);
}

#[test]
fn d7_scope_is_narrowed_and_echoed_or_refused() {
    let mut engine = engine();
    let narrowed = issue(&mut engine, "&scope=write");
    let body: Value = serde_json::from_str(&narrowed.body).unwrap();
    assert_eq!(body["scope"], json!("write"));
    assert_eq!(
        claims(body["access_token"].as_str().unwrap())["scope"],
        json!("write")
    );
    let refused = issue(&mut engine, "&scope=write+admin");
    assert_eq!(
        (refused.status, refused.outcome.reason),
        (400, Reason::InvalidScope)
    );
    assert!(refused.body.contains("invalid_scope"));
}

#[test]
fn the_lookup_carries_the_customer_code_and_never_the_key() {
    let mut engine = engine();
    let mut request = Request::new(&mut engine);
    let head = [
        (":method", "POST"),
        (":path", "/auth/token"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-request-id", "r-1"),
        ("traceparent", "00-a"),
    ];
    request.head(&head, false);
    let body = b"grant_type=client_credentials&client_id=a%2Fb&client_secret=lk_right";
    let call = call(
        request
            .step(Event::Body {
                bytes: body,
                complete: true,
                address: b"",
            })
            .action,
    );
    let expected = [
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/v1/clients/a%2Fb"),
        (":authority", "store"),
        (
            "authorization",
            "Bearer TOKEN-0123456789012345678901234567890123456789",
        ),
        ("x-request-id", "r-1"),
        ("traceparent", "00-a"),
    ];
    let sent: Vec<(&str, &str)> = call
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(sent, expected);
    assert_eq!(
        (call.cluster.as_str(), call.timeout),
        ("store", Duration::from_millis(500))
    );
    assert!(!format!("{call:?} {request:?}", request = request.state).contains("lk_right"));
}

#[test]
fn d9_an_unreachable_store_is_asked_once_more_while_time_is_left() {
    let unreachable = "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure";
    let mut engine = engine();
    let mut request = Request::new(&mut engine);
    call(request.ask(KEY));
    request.now = NOW.plus(Duration::from_millis(200));
    let step = request.answer("503", unreachable);
    assert_eq!(step.lookup.unwrap().status, LookupStatus::Unreachable);
    assert_eq!(call(step.action).timeout, Duration::from_millis(300));
    let reply = reply(request.answer("503", unreachable).action);
    assert_eq!(
        (reply.status, reply.outcome.reason),
        (503, Reason::LookupFailed)
    );
    assert!(reply.headers.iter().any(|(name, _)| *name == "retry-after"));

    let mut request = Request::new(&mut engine);
    call(request.ask(KEY));
    request.now = NOW.plus(Duration::from_millis(500));
    assert!(matches!(
        request.answer("503", unreachable).action,
        Action::Reply(_)
    ));
}

#[test]
fn d9_a_lookup_that_could_not_be_made_or_broke_off_is_503() {
    let mut engine = engine();
    let mut request = Request::new(&mut engine);
    call(request.ask(KEY));
    assert_eq!(reply(request.step(Event::NotSent).action).status, 503);
    let mut request = Request::new(&mut engine);
    call(request.ask(KEY));
    let answer = Answer {
        status: None,
        body: b"",
        body_size: 0,
    };
    assert_eq!(
        reply(
            request
                .step(Event::Answer {
                    answer,
                    random: [0; 16]
                })
                .action
        )
        .status,
        503
    );
}

#[test]
fn d10_too_many_failures_are_answered_unheard_and_only_for_that_caller() {
    let mut engine = engine();
    for _ in 0..3 {
        assert_eq!(reply(request_wrong_key(&mut engine)).status, 401);
    }
    let reply = reply(Request::new(&mut engine).ask(KEY));
    assert_eq!(
        (reply.status, reply.outcome.reason),
        (429, Reason::Throttled)
    );
    assert!(reply.headers.contains(&("retry-after", "60".to_owned())));
    let mut elsewhere = Request::new(&mut engine);
    let head = [
        (":method", "POST"),
        (":path", "/auth/token"),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    elsewhere.head(&head, false);
    let bytes = format!("grant_type=client_credentials&client_id=ACME01&client_secret={KEY}");
    call(
        elsewhere
            .step(Event::Body {
                bytes: bytes.as_bytes(),
                complete: true,
                address: b"192.0.2.2:5",
            })
            .action,
    );
}

#[test]
fn d10_a_code_spelled_so_that_it_can_be_read_two_ways_is_counted_as_the_customer_it_guesses_at() {
    use base64::Engine as _;
    let mut engine = engine();
    let user = "ACME%301:wrong";
    let basic = format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(user)
    );
    for _ in 0..3 {
        let mut request = Request::new(&mut engine);
        call(request.post_with(
            "grant_type=client_credentials",
            &[("authorization", &basic)],
        ));
        call(request.answer("200", &record(KEY)).action);
        assert_eq!(reply(request.answer("404", "").action).status, 401);
    }
    assert_eq!(reply(Request::new(&mut engine).ask(KEY)).status, 429);
}

#[test]
fn d10_failed_lookups_and_malformed_requests_do_not_count_as_failures() {
    let mut engine = engine();
    for _ in 0..9 {
        let mut request = Request::new(&mut engine);
        call(request.ask(KEY));
        request.answer("500", "");
        assert_eq!(
            reply(Request::new(&mut engine).post("grant_type=x")).status,
            400
        );
    }
    call(Request::new(&mut engine).ask(KEY));
}

#[test]
fn d2_a_basic_user_that_can_be_read_two_ways_is_looked_up_both_ways() {
    use base64::Engine as _;
    let basic = format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(format!("A%2DB:{KEY}"))
    );
    let head = [
        (":method", "POST"),
        (":path", "/auth/token"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("authorization", &basic),
    ];
    let mut engine = engine();
    let mut request = Request::new(&mut engine);
    request.head(&head, false);
    let first = call(
        request
            .step(Event::Body {
                bytes: b"grant_type=client_credentials",
                complete: true,
                address: b"",
            })
            .action,
    );
    assert!(
        first
            .headers
            .contains(&(":path".to_owned(), "/v1/clients/A-B".to_owned()))
    );
    let second = call(request.answer("404", "").action);
    assert!(
        second
            .headers
            .contains(&(":path".to_owned(), "/v1/clients/A%252DB".to_owned()))
    );
    let record = record(KEY).replace("ACME01", "A%2DB");
    assert_eq!(reply(request.answer("200", &record).action).status, 200);
}

#[test]
fn d5_d6_d4_the_head_alone_refuses_what_it_can() {
    let form = ("content-type", "application/x-www-form-urlencoded");
    for (head, status, reason) in [
        (
            vec![(":method", "GET"), (":path", "/auth/token")],
            405,
            Reason::MethodNotAllowed,
        ),
        (
            vec![(":method", "POST"), (":path", "/auth/token")],
            400,
            Reason::WrongContentType,
        ),
        (
            vec![
                (":method", "POST"),
                (":path", "/auth/token"),
                form,
                ("content-length", "16385"),
            ],
            413,
            Reason::BodyTooLarge,
        ),
        (
            vec![
                (":method", "POST"),
                (":path", "/auth/token?client%5fid=a"),
                form,
            ],
            400,
            Reason::CredentialsInQuery,
        ),
    ] {
        let mut engine = engine();
        let reply = reply(Request::new(&mut engine).head(&head, false));
        assert_eq!(
            (reply.status, reply.outcome.reason),
            (status, reason),
            "{head:?}"
        );
    }
    let mut engine = engine();
    let head = [(":method", "POST"), (":path", "//auth/token"), form];
    assert_eq!(
        reply(Request::new(&mut engine).head(&head, false))
            .outcome
            .reason,
        Reason::MissingToken
    );
}

#[test]
fn c14_plain_http_is_refused_where_https_is_required() {
    let mut engine = engine_with(|config| config["token_endpoint"]["require_https"] = json!(true));
    let head = |proto| {
        [
            (":method", "POST"),
            (":path", "/auth/token"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("x-forwarded-proto", proto),
        ]
    };
    let refused = reply(Request::new(&mut engine).head(&head("http"), false));
    assert_eq!(
        (refused.status, refused.outcome.reason),
        (400, Reason::InsecureTransport)
    );
    assert!(refused.body.contains("HTTPS"));
    assert!(matches!(
        Request::new(&mut engine).head(&head("https"), false),
        Action::AwaitBody
    ));
}

#[test]
fn d6_a_body_is_refused_as_soon_as_it_is_too_large() {
    let mut engine = engine();
    let mut request = Request::new(&mut engine);
    request.head(
        &[
            (":method", "POST"),
            (":path", "/auth/token"),
            ("content-type", "application/x-www-form-urlencoded"),
        ],
        false,
    );
    let fits = vec![b'a'; 16 * 1024];
    assert!(matches!(
        request
            .step(Event::Body {
                bytes: &fits,
                complete: false,
                address: b""
            })
            .action,
        Action::Wait
    ));
    let large = vec![b'a'; 16 * 1024 + 1];
    assert_eq!(
        reply(
            request
                .step(Event::Body {
                    bytes: &large,
                    complete: false,
                    address: b""
                })
                .action
        )
        .status,
        413
    );
}

#[test]
fn a_body_that_never_comes_is_told_from_a_host_that_never_brings_one() {
    for (host_delivers, status, reason) in [
        (true, 408, Reason::BodyTimeout),
        (false, 500, Reason::HostMisconfigured),
    ] {
        let mut engine = engine();
        let mut request = Request::new(&mut engine);
        request.head(
            &[
                (":method", "POST"),
                (":path", "/auth/token"),
                ("content-type", "application/x-www-form-urlencoded"),
            ],
            false,
        );
        let reply = reply(request.step(Event::BodyOverdue { host_delivers }).action);
        assert_eq!((reply.status, reply.outcome.reason), (status, reason));
        assert_eq!(
            reply
                .outcome
                .to_string()
                .contains("allow_on_headers_stop_iteration"),
            !host_delivers
        );
    }
}
