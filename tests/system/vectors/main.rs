//! The examples of `tests/vectors/` through the real Envoy, beside Envoy's own `jwt_authn`.

mod challenges;
mod identity;
mod lab;
mod paths;
mod table;
mod tokens;
