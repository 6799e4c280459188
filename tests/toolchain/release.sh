#!/usr/bin/env bash
# Everything of a release, in dist/. LATCHKEY_VERSION (else: that of Cargo.toml) and LATCHKEY_REGISTRY (else: the example's)
# are filled into what operators deploy.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

written=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
version=${LATCHKEY_VERSION:-$written}
version=${version#v} # as tags have it
example=registry.example.com/latchkey
registry=${LATCHKEY_REGISTRY:-$example}
dist=$root/dist
cyclonedx=0.5.9

rm -rf "$dist"
mkdir -p "$dist"

say release "version $version"
say release 'filter, built twice'
"$here/reproduce.sh"
cp target/latchkey.wasm "$dist/latchkey.wasm"
sed 's|filename: target/latchkey.wasm|filename: latchkey.wasm|' envoy/envoy.yaml >"$dist/envoy.yaml"

say release 'credential store, with all optimisations'
cargo build --release --locked --package latchkey-store || die 'the store did not build (output above)'
strip -o "$dist/latchkey-store" target/release/latchkey-store

say release 'OCI image layouts of the filter'
"$venv/bin/python" "$here/oci.py" "$dist/latchkey.wasm" "$dist" "$version" >"$tools/digests" || die 'the layouts could not be written (output above)'
digest=$(sed -n 's/^filter-image sha256://p' "$tools/digests")

say release 'what operators deploy and read, with version, registry and digest'
"$here/fill.sh" "$dist" "$written" "$version" "$example" "$registry" "$digest"

say release 'bills of materials'
if [ ! -x "$tools/cargo/bin/cargo-cyclonedx" ]; then
    say release "compiling cargo-cyclonedx $cyclonedx into target/tools/cargo (some minutes, once)"
    quietly cyclonedx cargo install cargo-cyclonedx --version "$cyclonedx" --locked --root "$tools/cargo" || die 'cargo-cyclonedx did not build (output above)'
fi
# bill CRATE_FOLDER NAME TARGET: it leaves its file beside the crate's manifest.
bill() {
    "$tools/cargo/bin/cargo-cyclonedx" cyclonedx --manifest-path "$1/Cargo.toml" --format json --target "$3" --override-filename "$2.cdx" ||
        die "no bill of materials for $2 (output above)"
    mv "$1/$2.cdx.json" "$dist/"
    # It leaves one for every crate of the workspace.
    find src tests -name "$2.cdx.json" -delete
}
bill src/filter latchkey wasm32-wasip1
bill src/store latchkey-store "$(rustc -vV | sed -n 's/^host: //p')"

(cd "$dist" && find . -type f -printf '%P\0' | sort --zero-terminated | xargs -0 sha256sum) >"$tools/SHA256SUMS"
mv "$tools/SHA256SUMS" "$dist/"
say release "dist/: $(find "$dist" -type f | wc -l) files; the filter's image has the digest sha256:$digest"
