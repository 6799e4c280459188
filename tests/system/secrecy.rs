//! No API Key, secret, token or Authorization value is ever written down: in the log with the filter's debug lines, in any metric, in a
//! lookup's URL, or in what is passed on with a lookup.

use latchkey_tests::lookup::{record, reply};
use latchkey_tests::{Behaviour, Lookup, Request, SIGNING_KEY, Stack, jwt, token_request, wait};
use serde_json::json;

const RIGHT_KEY: &str = "CANARY-right-key-7hU2";
const WRONG_KEY: &str = "CANARY-wrong-key-9dK4";
const PEPPER: &str = "CANARY-pepper-3mX8";
/// As the store makes them.
const REAL_KEY: &str = "lk_CANARYkeyCANARYkeyCANARYkeyCANARYkeyCANARYk";
/// Put wherever a caller might put a secret by mistake.
const STRAY: &str = "CANARY-stray-5pQ1";

/// Every outcome there is, with something secret in each place that a caller controls.
fn requests(stack: &Stack) -> Vec<Request> {
    let form = |text: String| Request::post("/auth/token").form(text);
    let good = format!("client_id=CUSTOMER&client_secret={RIGHT_KEY}");
    let grant = "grant_type=client_credentials";
    let token = stack.forge(json!({}));
    let read = || Request::get(format!("/products?access_token={token}"));
    vec![
        token_request("CUSTOMER", RIGHT_KEY),
        token_request("CUSTOMER", WRONG_KEY),
        token_request("NOBODY", WRONG_KEY),
        // The wrong way round.
        token_request(REAL_KEY, "CUSTOMER"),
        form(grant.into()).basic(REAL_KEY, "CUSTOMER"),
        token_request("DISABLED", RIGHT_KEY),
        token_request("EXPIRED", RIGHT_KEY),
        token_request("REVOKED", RIGHT_KEY),
        token_request("JUNK", RIGHT_KEY),
        token_request("RESET", RIGHT_KEY),
        token_request("SILENT", RIGHT_KEY),
        form(grant.into()).basic("CUSTOMER", RIGHT_KEY),
        form(grant.into()).basic("CUSTOMER", WRONG_KEY),
        form(format!("{grant}&{good}")).basic("CUSTOMER", RIGHT_KEY),
        form(format!("{grant}&{good}&client_secret={STRAY}")),
        form(format!("{grant}&{good}&scope={STRAY}")),
        form(format!("{grant}&{good}&{STRAY}={STRAY}")),
        form(format!("grant_type={STRAY}&{good}")),
        form(format!("{grant}&{good}&x={}", "a".repeat(17_000))),
        form(grant.into()).header("authorization", format!("Basic {STRAY}")),
        token_request("CUSTOMER", RIGHT_KEY).bearer(&token),
        token_request("CUSTOMER", RIGHT_KEY)
            .header("cookie", STRAY)
            .header(STRAY, STRAY),
        Request::post(format!("/auth/token?{good}")).form(grant),
        Request::post("/auth/token").body(good.clone()),
        Request::get(format!("/auth/token?{good}")),
        read(),
        read().bearer(&token),
        read().bearer(&stack.forge(json!({"exp": 1}))),
        read().bearer(&stack.forge(json!({"iss": STRAY}))),
        read().bearer(&stack.forge(json!({"aud": STRAY}))),
        read().bearer(&stack.forge(json!({"scope": STRAY}))),
        read().bearer(&stack.forge(json!({"sub": "not a\nheader"}))),
        read().bearer(&jwt::sign(STRAY.as_bytes(), jwt::HS256_HEADER, "{}")),
        read().bearer(&jwt::sign(
            SIGNING_KEY.as_bytes(),
            &json!({"alg": "HS256", "kid": STRAY}).to_string(),
            "{}",
        )),
        read().bearer(STRAY),
        read().header("authorization", STRAY),
        read().basic(STRAY, RIGHT_KEY),
        read().bearer(&token).header("x-customer-code", STRAY),
    ]
}

#[test]
fn c11_nothing_secret_is_in_the_log_at_debug_in_a_metric_or_in_a_lookup() {
    let lookup = Lookup::start().unwrap();
    let address = lookup.address();
    let stack = Stack::setup()
        .configuration(json!({"token_endpoint": {"lookup": {"pepper": {"env": "LATCHKEY_PEPPER"}, "timeout_ms": 500}, "throttle": {"failures": 2}}}))
        .environment("LATCHKEY_PEPPER", PEPPER)
        .bootstrap(move |bootstrap| {
            bootstrap.show_variable("LATCHKEY_PEPPER")?;
            bootstrap.connect_lookup(Some(address))
        })
        .start();
    let mut customers =
        ["CUSTOMER", "DISABLED", "EXPIRED", "REVOKED"].map(|code| record(code, RIGHT_KEY));
    customers[1]["enabled"] = json!(false);
    customers[2]["keys"][0]["expires_at"] = json!(1);
    customers[3]["keys"][0]["revoked_at"] = json!(1);
    for customer in &customers {
        lookup.on(
            customer["client_id"].as_str().unwrap(),
            Behaviour::Send(reply("200 OK", customer.to_string())),
        );
    }
    lookup.on(
        "JUNK",
        Behaviour::Send(reply("200 OK", format!("{{\"x\": \"{STRAY}\"}}"))),
    );
    lookup.on("RESET", Behaviour::Reset(Vec::new()));
    lookup.on("SILENT", Behaviour::Silence);

    let mut secrets: Vec<String> = [
        RIGHT_KEY,
        WRONG_KEY,
        REAL_KEY,
        PEPPER,
        STRAY,
        SIGNING_KEY,
        stack.service_token(),
    ]
    .map(str::to_owned)
    .into();
    let requests = requests(&stack);
    let mut outcomes = Vec::new();
    // Often enough for any worker to have had too many failures.
    for request in std::iter::repeat_n(&requests, 5).flatten() {
        let response = stack.send(request.clone()).response;
        if response.status == 200 && response.text().contains("access_token\":") {
            secrets.push(response.json()["access_token"].as_str().unwrap().to_owned());
        }
        outcomes.push(response.status);
        secrets.extend(request.values("authorization"));
    }
    // Otherwise less was tried than this test believes.
    for status in [200, 400, 401, 403, 405, 413, 429, 503] {
        assert!(
            outcomes.contains(&status),
            "nothing got {status}: {outcomes:?}"
        );
    }
    stack.send(Request::get("/the-last-one"));
    wait::until("all requests are in the access log", || {
        stack.envoy.log().contains("\"/the-last-one\"")
    });
    let log = stack.envoy.log();
    assert!(
        log.contains("[debug]") && log.contains("reason=missing_token"),
        "the filter's debug lines are not there:\n{log}"
    );

    let admin = |path| Request::get(path).send(stack.envoy.admin()).unwrap().text();
    let mut written = vec![
        ("log", log),
        ("metrics", admin("/stats/prometheus")),
        ("stats", admin("/stats")),
    ];
    for seen in lookup.all() {
        let headers = seen
            .headers
            .iter()
            .filter(|(name, _)| name != "authorization");
        let values =
            headers.map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)));
        written.push((
            "lookup",
            format!("{} {}", seen.path, values.collect::<Vec<_>>().join("\n")),
        ));
    }
    for secret in secrets.iter().flat_map(|secret| parts(secret)) {
        for (place, text) in &written {
            assert!(
                !text.contains(secret),
                "{secret:?} is in the {place}:\n{text}"
            );
        }
    }
}

/// A secret as a whole and, where it has them, its scheme's credentials and a token's signature.
fn parts(secret: &str) -> Vec<&str> {
    let credentials = secret.rsplit(' ').next().unwrap_or(secret);
    let signature = secret.rsplit('.').next().unwrap_or(secret);
    let mut parts = vec![secret, credentials, signature];
    parts.retain(|part| part.len() > 8);
    parts
}
