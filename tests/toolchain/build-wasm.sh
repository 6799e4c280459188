#!/usr/bin/env bash
# Build the filter and optimise it: target/latchkey.wasm, touched only where its bytes change.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

target=wasm32-wasip1
toolchain=$(<"$tools/wasm-toolchain")
# simd128 is for SHA-256; the others are what Rust uses on this target anyway. Envoy's V8 has them all.
features=(--enable-simd --enable-bulk-memory --enable-sign-ext --enable-mutable-globals --enable-nontrapping-float-to-int
    --enable-reference-types --enable-multivalue)

# binaryen TOOL ARGUMENTS...
binaryen() {
    local tool=$1
    shift
    quietly "$tool" "$tools/node" "$tools/npm/node_modules/binaryen/bin/$tool" "$@" || die "$tool failed (output above)"
}

# Paths of this machine stay out of the module: it shall not matter where it was built.
cargo_home=${CARGO_HOME:-$HOME/.cargo}
flags=(-Ctarget-feature=+simd128 "--remap-path-prefix=$root=." "--remap-path-prefix=$cargo_home=cargo")
cargo=(cargo build)

if [ "$toolchain" = debian ]; then
    linker=$(compgen -G '/usr/bin/wasm-ld-*' | sort --version-sort | tail -n 1)
    flags+=("-Clinker=$linker" -Clink-self-contained=no -L/usr/lib/wasm32-wasi)
    # -Zbuild-std is for nightly compilers, or for those who ask nicely.
    export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
    cargo=(/usr/bin/cargo build '-Zbuild-std=std,panic_abort')
fi

# This form of RUSTFLAGS allows for spaces in paths, and wins over what the caller has set for other builds.
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && printf '%s' "${flags[*]}")
export CARGO_ENCODED_RUSTFLAGS
"${cargo[@]}" --locked --package latchkey --target "$target" --profile wasm --target-dir "$root/target" ||
    die 'the filter did not build (output above)'

built=$root/target/$target/wasm/latchkey.wasm
module=$root/target/latchkey.wasm
exports=$root/src/filter/exports.txt
stamp=$tools/latchkey.wasm.stamp
state=$(sha256sum "$built" "$exports" "$here/package-lock.json" "${BASH_SOURCE[0]}")
if [ -e "$module" ] && [ "$state" = "$(cat "$stamp" 2>/dev/null)" ]; then
    say module "target/latchkey.wasm is up to date ($(wc -c <"$module") bytes)"
    exit 0
fi

# wasm-metadce keeps what can be reached from the exports of this graph, and drops the other exports.
say module 'wasm-metadce and wasm-opt'
mapfile -t names < <(grep --invert-match '^#' "$exports")
{
    printf '[{"name": "Envoy", "root": true, "reaches": [%s]}' "$(printf '"%s",' "${names[@]}" | sed 's/,$//')"
    for name in "${names[@]}"; do printf ',\n {"name": "%s", "export": "%s"}' "$name" "$name"; done
    printf ']\n'
} >"$tools/exports.json"
binaryen wasm-metadce "${features[@]}" --graph-file="$tools/exports.json" "$built" --output "$tools/reached.wasm"
binaryen wasm-opt "${features[@]}" -O3 --strip-debug --strip-producers --strip-target-features "$tools/reached.wasm" --output "$module.new"

exported='new WebAssembly.Module(fs.readFileSync(process.argv[1]))'
exported="WebAssembly.Module.exports($exported).forEach(({ name }) => console.log(name))"
missing=$(comm -23 <(printf '%s\n' "${names[@]}" | sort) <("$tools/node" --eval "$exported" "$module.new" | sort))
[ -z "$missing" ] || die "src/filter/exports.txt names what the module does not export: $missing"

mv "$module.new" "$module"
printf '%s' "$state" >"$stamp"
say module "target/latchkey.wasm, $(wc -c <"$built") bytes, $(wc -c <"$module") after wasm-opt"
