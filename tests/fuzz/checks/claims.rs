//! The claims of a token that is signed as it should be (D14, D16).

use crate::world::{self, Hash};
use crate::{jws, oracle};

/// The request passes exactly where the oracle says so, under the subject of the claims.
pub fn check(data: &[u8]) {
    let token = world::token(0, Hash::Sha256, br#"{"alg":"HS256","typ":"JWT"}"#, data);
    let expected = oracle::subject(token.as_bytes());
    assert_eq!(
        jws::passes(token.as_bytes()),
        expected,
        "{}",
        String::from_utf8_lossy(data)
    );
}
