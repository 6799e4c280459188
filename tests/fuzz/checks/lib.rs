//! What must hold of the core for any bytes. Each check takes the bytes of one input and panics where its property
//! fails. What a check compares with is written anew in [`oracle`], without the core.
//!
//! | target | input | property |
//! |---|---|---|
//! | [`authorization`] | `Authorization` of a protected request | it passes exactly with `Bearer`, spaces and a token of ours |
//! | [`jws`] | a token, or header and claims to sign with a key of choice | it passes exactly where the oracle says so; so a key of the ring signed it |
//! | [`claims`] | claims, signed with the ring's key | it passes exactly where the oracle says so, and the identity is theirs |
//! | [`form`] | a token request's body, with a Basic header or without | what is looked up is what `form_urlencoded` reads; what they disagree on is refused |
//! | [`lookup`] | the lookup's status and body | a token is issued exactly where the record opens for the key |
//! | [`configuration`] | the filter's configuration | what loads opens nothing that it does not say, and no error shows a secret |
//! | [`path`] | method and path | public exactly where the path is canonical and the rule's, byte for byte; no spelling escapes a rule |
//! | [`machine`] | events in any order, on several streams | no order yields a pass or a token that is not earned |

pub mod authorization;
pub mod claims;
pub mod configuration;
pub mod form;
pub mod jws;
pub mod lookup;
pub mod machine;
pub mod oracle;
pub mod path;
pub mod world;

/// What is done with one input.
pub type Check = fn(&[u8]);

/// Every target by name.
pub const TARGETS: [(&str, Check); 8] = [
    ("authorization", authorization::check),
    ("claims", claims::check),
    ("configuration", configuration::check),
    ("form", form::check),
    ("jws", jws::check),
    ("lookup", lookup::check),
    ("machine", machine::check),
    ("path", path::check),
];
