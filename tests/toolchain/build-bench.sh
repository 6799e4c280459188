#!/usr/bin/env bash
# Build what Latchkey is measured against: the trial filters, as the SDK makes them and without needless exports.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$here/module.sh"

compile latchkey-bench-filters
built=$root/target/$target/wasm/latchkey_bench_filters.wasm
mkdir -p "$root/target/bench"
cp "$built" "$root/target/bench/sdk.wasm"
optimise "$built" "$root/tests/bench/filters/exports.txt" "$root/target/bench/trimmed.wasm"
say module "target/bench/sdk.wasm ($(wc -c <"$built") bytes), trimmed.wasm ($(wc -c <"$root/target/bench/trimmed.wasm") bytes)"

command -v wrk >/dev/null || install_packages wrk

# The OAuth server that issuing is compared with, once for each version of its list.
peer=$root/target/bench/peer
if ! npm_installed "$root/tests/bench/peer" "$peer"; then
    say peer 'installing oidc-provider from npm into target/bench/peer'
    npm_install "$root/tests/bench/peer" "$peer"
fi
# Beside the packages that it imports.
cp "$root/tests/bench/peer/server.js" "$peer/"
