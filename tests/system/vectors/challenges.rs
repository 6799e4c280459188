//! What a refused caller is told (D11, D12).

use latchkey_tests::vectors::{ChallengeVector, load};
use latchkey_tests::{Request, now};

use crate::lab::LAB;

fn request(method: &str, vector: &ChallengeVector) -> Request {
    let request = Request::new(method, &vector.target);
    let ChallengeVector {
        authorization,
        recipe,
        ..
    } = vector;
    let values = LAB.known.authorization(authorization, recipe, now());
    values.iter().fold(request, |request, value| {
        request.header("authorization", value)
    })
}

#[test]
fn d11_d12_a_refused_caller_is_told_this_and_nothing_more() {
    let vectors: Vec<ChallengeVector> = load("challenges");
    for vector in &vectors {
        let exchange = LAB
            .stack
            .send_to(LAB.address("ours-paths"), request("GET", vector));
        let response = exchange.stopped();
        let name = &vector.name;
        assert_eq!(response.status, vector.status, "{name}: {response:?}");
        let challenges = response.values("www-authenticate");
        let expected: Vec<&[u8]> = vector.challenge.iter().map(String::as_bytes).collect();
        assert_eq!(challenges, expected, "{name}: {response:?}");
        assert_eq!(
            response.value("content-type"),
            Some("application/json"),
            "{name}"
        );
        assert_eq!(response.json(), vector.body, "{name}");
    }
}

#[test]
fn d11_d12_the_answer_to_head_is_that_to_get_without_its_body() {
    let vectors: Vec<ChallengeVector> = load("challenges");
    for vector in &vectors {
        let ask = |method| {
            let exchange = LAB
                .stack
                .send_to(LAB.address("ours-paths"), request(method, vector));
            exchange.stopped().without_date()
        };
        let (get, head) = (ask("GET"), ask("HEAD"));
        assert_eq!(
            (head.status, &head.headers),
            (get.status, &get.headers),
            "{}",
            vector.name
        );
        assert!(head.body.is_empty(), "{}: {head:?}", vector.name);
    }
}
