#!/usr/bin/env bash
# Run every test, then say which requirement of docs/contract.md is held by how many of them.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# The lines that customers paste are run as they stand.
command -v curl >/dev/null || install_packages curl

log=$root/target/test.log
status=0
# What fuzzing found or begins with. Outside the workspace, so cargo is asked by itself.
CARGO_TARGET_DIR=$root/target/fuzz cargo test --locked --manifest-path tests/fuzz/Cargo.toml || status=$?
cargo test --workspace --locked --no-fail-fast 2>&1 | tee "$log" || status=$?
cargo run --quiet --locked --package latchkey-tests --bin conformance -- "$log" || status=1
exit "$status"
