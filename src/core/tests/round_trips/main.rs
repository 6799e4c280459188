//! What one side writes, the other reads back: for any value, with writers that are not the core's own. The values are made up by
//! proptest, the same in every run.

mod paths;
mod requests;
mod tokens;

use proptest::test_runner::{Config, RngSeed};

/// How each property is tried. Nothing is written beside the sources: a failure prints the smallest value that shows it.
fn config() -> Config {
    Config {
        cases: 512,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..Config::default()
    }
}
