//! Every decision Latchkey makes, and nothing else: no hostcall, clock, randomness, environment,
//! file or thread. Those are arguments, so that each rule can be tested by comparing values.
#![deny(missing_docs, unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::panic,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

pub mod lookup;
