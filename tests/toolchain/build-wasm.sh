#!/usr/bin/env bash
# Build the filter and optimise it: target/latchkey.wasm, touched only where its bytes change.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$here/module.sh"

compile latchkey
built=$root/target/$target/wasm/latchkey.wasm
module=$root/target/latchkey.wasm
exports=$root/src/filter/exports.txt
stamp=$tools/latchkey.wasm.stamp
state=$(sha256sum "$built" "$exports" "$here/package-lock.json" "$here/module.sh")
if [ -e "$module" ] && [ "$state" = "$(cat "$stamp" 2>/dev/null)" ]; then
    say module "target/latchkey.wasm is up to date ($(wc -c <"$module") bytes)"
    exit 0
fi

say module 'wasm-metadce and wasm-opt'
optimise "$built" "$exports" "$module"
printf '%s' "$state" >"$stamp"
say module "target/latchkey.wasm, $(wc -c <"$built") bytes, $(wc -c <"$module") after wasm-opt"
