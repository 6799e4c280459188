//! Whole tokens (D15). The first byte tells what the rest is: a token as it stands; or a header and claims, with 0xff
//! between, to be signed with one of four keys and one of three hashes, and bent afterwards at a place of choice.

use crate::oracle;
use crate::world::{self, Hash};
use latchkey_core::Action;

/// What verifies was signed by a key of the ring with that key's algorithm, and is otherwise what D14 to D16 ask for.
pub fn check(data: &[u8]) {
    let Some((&mode, rest)) = data.split_first() else {
        return;
    };
    let token = if mode & 0x80 == 0 {
        made(mode, rest)
    } else {
        rest.to_vec()
    };
    let passes = passes(&token);
    assert_eq!(
        passes,
        oracle::subject(&token),
        "{}",
        String::from_utf8_lossy(&token)
    );
}

/// The Customer Code under which a request with this token passes.
pub fn passes(token: &[u8]) -> Option<String> {
    let value = [b"Bearer ", token].concat();
    match world::get(b"/products", &[(b"authorization", &value)]) {
        Action::Pass(pass) => {
            let set = pass.edits().set();
            let code = set.iter().find(|(name, _)| name == "x-customer-code");
            Some(code.expect("it is set").1.clone())
        }
        Action::Reply(reply) => {
            assert_eq!(reply.status, 401);
            None
        }
        other => panic!("{other:?}"),
    }
}

fn made(mode: u8, rest: &[u8]) -> Vec<u8> {
    let mut parts = rest.splitn(3, |&byte| byte == 0xff);
    let mut part = || parts.next().unwrap_or_default();
    let (header, claims, bent) = (part(), part(), part());
    let hash = [Hash::Sha256, Hash::Sha384, Hash::Sha512][usize::from(mode >> 2 & 3) % 3];
    let mut token = world::token(usize::from(mode & 3), hash, header, claims).into_bytes();
    if let &[high, low, byte, ..] = bent {
        let place = (usize::from(high) << 8 | usize::from(low)) % token.len();
        token[place] = byte;
    }
    token
}
