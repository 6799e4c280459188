//! Requests that want to reach the upstream.

use super::*;

#[test]
fn c12_a_token_opens_the_upstream_as_its_customer_and_only_for_an_hour() {
    let mut engine = engine();
    let bearer = format!("Bearer {}", token(&mut engine, ""));
    let headers = [
        ("authorization", bearer.as_str()),
        ("x-customer-code", "EVIL"),
        ("x_customer_code", "EVIL"),
    ];
    let mut request = Request::new(&mut engine);
    let Action::Pass(pass) = request.get("/products", &headers) else {
        panic!("refused")
    };
    assert_eq!(
        pass.edits().set(),
        [("x-customer-code".to_owned(), "ACME01".to_owned())]
    );
    assert_eq!(pass.edits().remove(), ["x_customer_code"]);
    let mut request = Request {
        now: NOW.plus(Duration::from_secs(3600)),
        ..Request::new(&mut engine)
    };
    let reply = reply(request.get("/products", &headers));
    assert_eq!(reply.outcome.reason, Reason::Expired);
    assert!(reply.body.contains("The access token expired"));
}

#[test]
fn d11_d12_challenges_say_what_rfc_6750_wants() {
    let mut engine = engine();
    let bearer = format!("Bearer {}", token(&mut engine, ""));
    let narrow = format!("Bearer {}", token(&mut engine, "&scope=write"));
    for (path, headers, status, challenge) in [
        (
            "/products",
            vec![],
            401,
            Some("Bearer realm=\"https://issuer\""),
        ),
        (
            "/products",
            vec![("authorization", "Bearer x")],
            401,
            Some(
                "Bearer realm=\"https://issuer\", error=\"invalid_token\", error_description=\"The access token is invalid\"",
            ),
        ),
        (
            "/admin/x",
            vec![("authorization", bearer.as_str())],
            403,
            Some(
                "Bearer realm=\"https://issuer\", error=\"insufficient_scope\", error_description=\"The access token lacks the scope this request needs\", scope=\"admin\"",
            ),
        ),
        (
            "//admin/x",
            vec![("authorization", bearer.as_str())],
            403,
            Some(
                "Bearer realm=\"https://issuer\", error=\"insufficient_scope\", error_description=\"The access token lacks the scope this request needs\", scope=\"read admin\"",
            ),
        ),
        (
            "/products",
            vec![("authorization", narrow.as_str())],
            403,
            Some(
                "Bearer realm=\"https://issuer\", error=\"insufficient_scope\", error_description=\"The access token lacks the scope this request needs\", scope=\"read\"",
            ),
        ),
    ] {
        let reply = reply(Request::new(&mut engine).get(path, &headers));
        let sent = reply
            .headers
            .iter()
            .find(|(name, _)| *name == "www-authenticate")
            .map(|(_, value)| value.as_str());
        assert_eq!(
            (reply.status, sent),
            (status, challenge),
            "{path} {headers:?}"
        );
    }
}

#[test]
fn deny_rules_and_connect_are_refused_with_and_without_a_token() {
    let mut engine = engine();
    let bearer = format!("Bearer {}", token(&mut engine, ""));
    for head in [
        vec![(":method", "POST"), (":path", "/products")],
        vec![(":method", "CONNECT")],
        vec![(":method", "CONNECT"), (":path", "/healthz")],
    ] {
        assert_eq!(
            reply(Request::new(&mut engine).head(&head, true)).status,
            401,
            "{head:?}"
        );
        let mut with_token = head.clone();
        with_token.push(("authorization", &bearer));
        let reply = reply(Request::new(&mut engine).head(&with_token, true));
        assert_eq!(
            (reply.status, reply.outcome.reason),
            (403, Reason::Denied),
            "{head:?}"
        );
    }
}

#[test]
fn d18_a_public_path_passes_without_identity() {
    let mut engine = engine();
    let mut request = Request::new(&mut engine);
    let Action::Pass(pass) = request.get(
        "/healthz?x",
        &[("x-customer-code", "EVIL"), ("authorization", "junk")],
    ) else {
        panic!()
    };
    assert_eq!(
        (pass.edits().remove(), pass.edits().set()),
        (&["x-customer-code".to_owned()][..], &[][..])
    );
    assert_eq!(pass.outcome().reason, Reason::Public);
}

#[test]
fn report_mode_lets_pass_what_it_would_refuse_and_gives_it_no_identity() {
    let mut engine = engine_with(|config| config["mode"] = json!("report"));
    let mut request = Request::new(&mut engine);
    let Action::Pass(pass) = request.get("/products", &[("x-customer-code", "EVIL")]) else {
        panic!()
    };
    assert_eq!(
        (pass.outcome().verdict, pass.outcome().reason),
        (Verdict::Reported, Reason::MissingToken)
    );
    assert_eq!(
        (pass.edits().remove(), pass.edits().set()),
        (&["x-customer-code".to_owned()][..], &[][..])
    );
    assert_eq!(reply(request_wrong_key(&mut engine)).status, 401);
}

#[test]
fn report_mode_names_no_customer_where_the_token_lacks_scope() {
    let mut engine = engine_with(|config| config["mode"] = json!("report"));
    let bearer = format!("Bearer {}", token(&mut engine, "&scope=write"));
    let mut request = Request::new(&mut engine);
    let Action::Pass(pass) = request.get("/products", &[("authorization", &bearer)]) else {
        panic!()
    };
    assert_eq!(pass.outcome().reason, Reason::InsufficientScope);
    assert_eq!(pass.outcome().customer, None);
    assert!(pass.edits().set().is_empty());
}

#[test]
fn d19_no_event_out_of_order_lets_a_request_pass() {
    let events = || {
        let body = Event::Body {
            bytes: b"x",
            complete: true,
            address: b"",
        };
        let answer = Answer {
            status: Some(b"200"),
            body: b"{}",
            body_size: 2,
        };
        [
            body,
            Event::BodyOverdue {
                host_delivers: true,
            },
            Event::Answer {
                answer,
                random: [0; 16],
            },
            Event::NotSent,
        ]
    };
    for first in events() {
        let mut engine = engine();
        let mut request = Request::new(&mut engine);
        assert_eq!(reply(request.step(first).action).status, 500);
        for next in events() {
            assert!(matches!(request.step(next).action, Action::Wait));
        }
        let again = request.get("/healthz", &[]);
        assert!(matches!(again, Action::Wait));
    }
}

#[test]
fn d14_a_token_that_is_remembered_is_still_held_to_its_dates() {
    let mut engine = engine();
    let bearer = format!("Bearer {}", token(&mut engine, ""));
    let headers = [("authorization", bearer.as_str())];
    for (seconds, passes) in [
        (0, true),
        (1, true),
        (3599, true),
        (3600, false),
        (3599, true),
        (4000, false),
    ] {
        let now = NOW.plus(Duration::from_secs(seconds));
        let mut request = Request {
            now,
            ..Request::new(&mut engine)
        };
        let action = request.get("/products", &headers);
        assert_eq!(
            matches!(action, Action::Pass(_)),
            passes,
            "after {seconds} s: {action:?}"
        );
    }
}

#[test]
fn d15_a_token_unlike_a_remembered_one_in_a_single_letter_is_refused() {
    let mut engine = engine();
    let good = token(&mut engine, "");
    let authorization = |token: &str| format!("Bearer {token}");
    assert!(matches!(
        Request::new(&mut engine).get("/products", &[("authorization", &authorization(&good))]),
        Action::Pass(_)
    ));
    for at in 0..good.len() {
        let mut other = good.clone().into_bytes();
        other[at] = if other[at] == b'A' { b'B' } else { b'A' };
        let other = authorization(std::str::from_utf8(&other).unwrap());
        let reply = reply(Request::new(&mut engine).get("/products", &[("authorization", &other)]));
        assert_eq!(reply.status, 401, "letter {at}");
    }
}
