//! The examples of `tests/vectors/` in the core by itself, as values: no Envoy, and a clock that stands still.

mod challenges;
mod configuration;
mod desk;
mod identity;
mod inspect;
mod paths;
mod tokens;
