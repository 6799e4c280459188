#!/usr/bin/env bash
# Run every test, then say which requirement of docs/contract.md is held by how many of them.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# The lines that customers paste are run as they stand.
command -v curl >/dev/null || install_packages curl

log=$root/target/test.log
status=0
cargo test --workspace --locked --no-fail-fast 2>&1 | tee "$log" || status=$?
cargo run --quiet --locked --package latchkey-tests --bin conformance -- "$log" || status=1
exit "$status"
