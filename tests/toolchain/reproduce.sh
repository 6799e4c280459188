#!/usr/bin/env bash
# Build the filter once more, from nothing and in another folder, and compare: the same sources make the same bytes.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

again=$root/target/again
rm -rf "$again"
mkdir -p "$again/target/tools"
git ls-files -z | tar --create --null --files-from=- | tar --extract --directory "$again"
# What the build is made with, and nothing of what it made.
for tool in node npm wasm-toolchain; do ln -s "$tools/$tool" "$again/target/tools/$tool"; done
quietly again "$again/tests/toolchain/build-wasm.sh" || die 'the filter did not build a second time (output above)'
cmp "$root/target/latchkey.wasm" "$again/target/latchkey.wasm" || die 'the same sources made another filter'
rm -rf "$again"
say reproduced "sha256:$(sha256sum <"$root/target/latchkey.wasm" | cut -d ' ' -f 1)"
