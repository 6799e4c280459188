#!/usr/bin/env bash
# Build the filter so that a header makes it crash, for `make test-faults` alone: target/latchkey-trap.wasm.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$here/module.sh"

compile latchkey --features trap
optimise "$root/target/$target/wasm/latchkey.wasm" "$root/src/filter/exports.txt" "$root/target/latchkey-trap.wasm"
say module 'target/latchkey-trap.wasm, which crashes when asked to'
