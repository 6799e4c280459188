//! What the upstream learns of the customer (D18).

use latchkey_tests::vectors::{IdentityVector, load};
use latchkey_tests::{Request, now};

use crate::lab::LAB;

#[test]
fn d18_the_upstream_learns_what_a_verified_token_says_and_nothing_else() {
    let vectors: Vec<IdentityVector> = load("identity");
    let before = LAB.stack.envoy.machines();
    for vector in &vectors {
        let headers = vector.headers(&LAB.known, now());
        let request = headers
            .iter()
            .fold(Request::get(vector.path()), |request, (name, value)| {
                request.header(name, value)
            });
        let exchange = LAB.stack.send_to(LAB.address("ours-headers"), request);
        assert_eq!(
            exchange.response.status, 200,
            "{}: {:?}",
            vector.name, exchange.response
        );
        let seen = exchange.reached().headers.iter();
        vector.assert_arrives(&LAB.known, seen.map(|(name, value)| (&**name, &**value)));
    }
    assert_eq!(LAB.stack.envoy.machines(), before);
}
