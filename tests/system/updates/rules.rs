//! Access rules that change under load, and updates that cannot be.

use latchkey_tests::wait::until;
use latchkey_tests::{Connection, Request, Response, SIGNING_KEY, jwt};
use serde_json::{Value, json};
use std::net::SocketAddr;

use crate::listeners::LAB;
use crate::load::Load;

/// The header of requests that must never reach the upstream.
const HOSTILE: &str = "x-test-hostile";

/// Rules that send scope `read` to one folder and keep it out of the other.
fn rules(open: &str, closed: &str) -> Value {
    json!({"access": [
        {"match": {"prefix": open}, "require": {"scope": ["read"]}},
        {"match": {"prefix": closed}, "require": {"scope": ["admin"]}},
        {"match": {"path": "/both"}, "require": {"scope": ["read"]}},
        {"match": {}, "deny": true},
    ]})
}

fn expect(response: Result<Response, anyhow::Error>, allowed: &[u16]) -> Result<(), String> {
    match response {
        Ok(response) if allowed.contains(&response.status) => Ok(()),
        Ok(response) => Err(format!("not {allowed:?} but {response:?}")),
        Err(error) => Err(format!("not {allowed:?} but {error:#}")),
    }
}

/// Over a connection that is kept for as long as Envoy does.
fn kept(address: SocketAddr, request: Request) -> impl FnMut() -> Result<(), String> {
    let mut open = None;
    move || {
        let mut connection = match open.take() {
            Some(connection) => connection,
            None => Connection::open(address).map_err(|error| format!("{error:#}"))?,
        };
        let response = connection.send(&request);
        if let Ok(response) = &response
            && response.value("connection") != Some("close")
        {
            open = Some(connection);
        }
        expect(response, &[200])
    }
}

fn fresh(
    address: SocketAddr,
    request: Request,
    allowed: &'static [u16],
) -> impl FnMut() -> Result<(), String> {
    move || expect(request.send(address), allowed)
}

#[test]
fn d19_rules_that_change_under_load_refuse_and_admit_nothing_wrongly_and_a_broken_update_changes_nothing()
 {
    let stack = &LAB.stack;
    let address = LAB.address("rules");
    LAB.update_and_wait("rules", |listener| {
        listener.merge_configuration(&rules("/a/", "/b/"))
    });

    let claims = stack.claims(json!({})).to_string();
    let stranger = jwt::sign(
        b"a key that nobody has configured",
        jwt::HS256_HEADER,
        &claims,
    );
    let expired = stack.forge(json!({"exp": 1}));
    let good = stack.forge(json!({}));
    let hostile = |request: Request| request.header(HOSTILE, "1");
    let load = Load::start(vec![
        Box::new(fresh(address, Request::get("/both").bearer(&good), &[200])),
        Box::new(kept(address, Request::get("/both").bearer(&good))),
        Box::new(fresh(
            address,
            Request::get("/a/x").bearer(&good),
            &[200, 403],
        )),
        Box::new(fresh(
            address,
            hostile(Request::get("/both").bearer(&stranger)),
            &[401],
        )),
        Box::new(fresh(
            address,
            hostile(Request::get("/a/x").bearer(&expired)),
            &[401],
        )),
        Box::new(fresh(address, hostile(Request::get("/b/x")), &[401])),
        Box::new(fresh(
            address,
            hostile(Request::get("/other").bearer(&good)),
            &[403],
        )),
    ]);
    let status = |path: &str| {
        Request::get(path)
            .bearer(&good)
            .send(address)
            .unwrap()
            .status
    };
    let folders = || (status("/a/x"), status("/b/x"));

    for round in 0..6 {
        let (open, closed, expected) = match round % 2 {
            0 => ("/b/", "/a/", (403, 200)),
            _ => ("/a/", "/b/", (200, 403)),
        };
        LAB.update_and_wait("rules", |listener| {
            listener.merge_configuration(&rules(open, closed))
        });
        assert_eq!(folders(), expected, "after update {round}");
        load.wait_for_rounds(100);
    }

    for broken in [
        json!({"surprise": []}).to_string(),
        "no JSON".to_owned(),
        String::new(),
        broken_by(json!({"keys": []})),
        broken_by(json!({"keys": [{"alg": "HS256", "secret": {"inline": "short"}}]})),
        broken_by(json!({"keys": [{"alg": "HS256", "secret": {"env": "LATCHKEY_NOT_THERE"}}]})),
        broken_by(json!({"keys": [
            {"kid": "a", "alg": "HS256", "secret": {"inline": SIGNING_KEY}},
            {"kid": "a", "alg": "HS256", "secret": {"inline": SIGNING_KEY}},
        ]})),
        broken_by(
            json!({"keys": [{"alg": "HS256", "secret": {"inline": SIGNING_KEY}, "use": "verify"}]}),
        ),
    ] {
        let rejected = LAB.stat("lds.update_rejected");
        LAB.update("rules", |listener| listener.replace_configuration(&broken));
        until("Envoy has rejected the update", || {
            LAB.stat("lds.update_rejected") > rejected
        });
        load.wait_for_rounds(50);
        assert_eq!(folders(), (200, 403), "after the broken update {broken}");
    }
    assert!(!stack.envoy.log().contains(SIGNING_KEY));

    let whole = whole_configuration(&rules("/b/", "/a/"));
    LAB.update_and_wait("rules", |listener| listener.replace_configuration(&whole));
    assert_eq!(
        folders(),
        (403, 200),
        "after a good update that follows broken ones"
    );

    let (rounds, wrong) = load.stop();
    assert!(rounds > 1000, "{rounds} rounds are no load");
    assert!(
        wrong.is_empty(),
        "{} of {rounds}, first {}",
        wrong.len(),
        wrong[0]
    );
    assert!(stack.upstream.requests_with(HOSTILE, "1").is_empty());
}

/// A configuration that is good but for one thing.
fn broken_by(patch: Value) -> String {
    whole_configuration(&patch)
}

fn whole_configuration(patch: &Value) -> String {
    let mut configuration = LAB.stack.configuration().clone();
    json_patch::merge(&mut configuration, patch);
    configuration.to_string()
}
