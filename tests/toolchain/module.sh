# shellcheck shell=bash disable=SC2154
# How a crate becomes a module that Envoy loads. Sourced after common.sh, never run.

target=wasm32-wasip1
# simd128 is for SHA-256; the others are what Rust uses on this target anyway. Envoy's V8 has them all.
features=(--enable-simd --enable-bulk-memory --enable-sign-ext --enable-mutable-globals --enable-nontrapping-float-to-int
    --enable-reference-types --enable-multivalue)

# binaryen TOOL ARGUMENTS...
binaryen() {
    local tool=$1
    shift
    quietly "$tool" "$tools/node" "$tools/npm/node_modules/binaryen/bin/$tool" "$@" || die "$tool failed (output above)"
}

# compile PACKAGE [ARGUMENTS OF CARGO...]: leaves it in target/wasm32-wasip1/wasm/.
compile() {
    # Paths of this machine stay out of the module: it shall not matter where it was built.
    local cargo_home=${CARGO_HOME:-$HOME/.cargo} linker
    local flags=(-Ctarget-feature=+simd128 "--remap-path-prefix=$root=." "--remap-path-prefix=$cargo_home=cargo")
    local cargo=(cargo build)
    (
        if [ "$(<"$tools/wasm-toolchain")" = debian ]; then
            linker=$(compgen -G '/usr/bin/wasm-ld-*' | sort --version-sort | tail -n 1)
            flags+=("-Clinker=$linker" -Clink-self-contained=no -L/usr/lib/wasm32-wasi)
            # -Zbuild-std is for nightly compilers, or for those who ask nicely.
            export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
            cargo=(/usr/bin/cargo build '-Zbuild-std=std,panic_abort')
        fi
        # This form of RUSTFLAGS allows for spaces in paths, and wins over what the caller has set for other builds.
        CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && printf '%s' "${flags[*]}")
        export CARGO_ENCODED_RUSTFLAGS
        "${cargo[@]}" --locked --package "$@" --target "$target" --profile wasm --target-dir "$root/target"
    ) || die "$1 did not build (output above)"
}

# optimise BUILT EXPORTS MODULE: what the list in EXPORTS reaches, and no other export, optimised.
optimise() {
    local built=$1 exports=$2 module=$3 names name missing exported
    mapfile -t names < <(grep --invert-match '^#' "$exports")
    # wasm-metadce keeps what can be reached from the exports of this graph, and drops the other exports.
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
    [ -z "$missing" ] || die "${exports#"$root"/} names what the module does not export: $missing"
    mv "$module.new" "$module"
}
