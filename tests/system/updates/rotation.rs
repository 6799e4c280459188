//! Rotating the signing key as docs/key-rotation.md tells, under load.

use anyhow::Result;
use latchkey_tests::wait::until;
use latchkey_tests::{Bootstrap, Customer, Request, SIGNING_KEY, jwt, now, token_request};
use serde_json::{Value, json};
use std::net::SocketAddr;

use crate::listeners::LAB;
use crate::load::{Load, Sender};

/// Seconds that tokens live here, in place of an hour.
const TTL: u64 = 8;

/// How long before its end a token is no longer used, so that a busy machine does not let it expire on the way.
const MARGIN: u64 = 5;

/// Two listeners that stand for two proxies with the same configuration.
const PROXIES: [&str; 2] = ["rotation-a", "rotation-b"];

const NEW_KEY: &str = "the key that signs after the rotation, 32 bytes and more";

fn configure(listener: &mut Bootstrap, keys: &Value) -> Result<()> {
    let variables = json!({
        "host_env_keys": ["LATCHKEY_LOOKUP_TOKEN"],
        "key_values": {"OLD": SIGNING_KEY, "NEW": NEW_KEY},
    });
    let machine = &mut listener.plugin()?["vm_config"];
    machine["environment_variables"] = variables;
    machine["vm_id"] = json!("rotation");
    listener.merge_configuration(&json!({
        "keys": keys,
        "token_endpoint": {"ttl_seconds": TTL},
        "access": [{"match": {}, "require": {"scope": ["read"]}}],
    }))
}

/// A customer's program behind a load balancer: it takes a token at one proxy, uses it at both while it is good,
/// and takes the next at the other.
fn customer(mut proxies: [SocketAddr; 2]) -> impl FnMut() -> Result<(), String> {
    let customer = LAB.stack.customer();
    let mut token: Option<(String, u64)> = None;
    move || {
        let good = token.take_if(|(_, until)| now() < *until);
        let (bearer, until) = match good {
            Some(good) => good,
            None => {
                proxies.reverse();
                let bearer = take(proxies[0], &customer)?;
                let claims = jwt::segment(bearer.split('.').nth(1).unwrap_or_default());
                (bearer, claims["exp"].as_u64().unwrap_or_default() - MARGIN)
            }
        };
        for proxy in proxies {
            let response = Request::get("/products").bearer(&bearer).send(proxy);
            let response = response.map_err(|error| format!("{error:#}"))?;
            if response.status != 200 {
                return Err(format!("{response:?}"));
            }
        }
        token = Some((bearer, until));
        Ok(())
    }
}

fn take(proxy: SocketAddr, customer: &Customer) -> Result<String, String> {
    let response = token_request(&customer.code, &customer.key.secret).send(proxy);
    let response = response.map_err(|error| format!("{error:#}"))?;
    match response.json()["access_token"].as_str() {
        Some(token) => Ok(token.to_owned()),
        None => Err(format!("{response:?}")),
    }
}

/// Updates one proxy after the other, while the load goes on. In between, a customer who has just come takes a token
/// at either and uses it at both.
#[track_caller]
fn update(keys: &Value, addresses: [SocketAddr; 2], load: &Load) {
    let [one, other] = addresses;
    for proxy in PROXIES {
        LAB.update_and_wait(proxy, |listener| configure(listener, keys));
        load.wait_for_rounds(50);
        for order in [[one, other], [other, one]] {
            assert_eq!(customer(order)(), Ok(()), "{proxy} has {keys}");
        }
    }
}

#[test]
fn c9_the_signing_key_is_rotated_under_load_without_one_refused_request() {
    let addresses = PROXIES.map(|proxy| LAB.address(proxy));
    let old = json!({"alg": "HS256", "secret": {"env": "OLD"}});
    let new = json!({"kid": "2026-12", "alg": "HS256", "secret": {"env": "NEW"}});
    let verify = |key: &Value| {
        let mut key = key.clone();
        key["use"] = json!("verify");
        key
    };
    for proxy in PROXIES {
        LAB.update_and_wait(proxy, |listener| configure(listener, &json!([old])));
    }
    let load = Load::start(
        (0..4)
            .map(|_| Box::new(customer(addresses)) as Sender)
            .collect(),
    );
    let asker = LAB.stack.customer();
    let header = || {
        let token = take(addresses[0], &asker).expect("a token");
        jwt::segment(token.split('.').next().unwrap())
    };
    load.wait_for_rounds(50);
    assert_eq!(header()["kid"], Value::Null);

    // 1. The new key verifies, everywhere.
    update(&json!([old, verify(&new)]), addresses, &load);
    assert_eq!(header()["kid"], Value::Null);

    // 2. The new key signs, and the old one verifies what it has signed.
    update(&json!([new, verify(&old)]), addresses, &load);
    assert_eq!(header()["kid"], "2026-12");

    // 3. Every token of the old key has expired, and the old key goes.
    let signed_last = now();
    until("the last token of the old key has expired", || {
        now() > signed_last + TTL
    });
    update(&json!([new]), addresses, &load);

    let (rounds, wrong) = load.stop();
    assert!(
        wrong.is_empty(),
        "{} of {rounds}, first {}",
        wrong.len(),
        wrong[0]
    );

    // The old key opens nothing any more, on any worker of either proxy.
    let claims = LAB.stack.claims(json!({})).to_string();
    let forged = jwt::sign(SIGNING_KEY.as_bytes(), jwt::HS256_HEADER, &claims);
    for address in addresses {
        let workers = LAB.stack.envoy.connection_to_each_worker_at(address);
        for mut connection in workers.unwrap() {
            let request = Request::get("/products").bearer(&forged);
            let exchange = LAB.stack.send_over(&mut connection, request);
            assert_eq!(exchange.stopped().status, 401);
        }
    }
}
