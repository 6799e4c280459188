#!/usr/bin/env bash
# Install the OAuth clients that the tests run, in the versions of the lock files in tests/clients: into target/clients.
# `make setup` has been here before: it leaves target/tools/node.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

clients=$root/tests/clients
built=$root/target/clients
venv=$built/python
mkdir -p "$built/node" "$built/go"

missing=()
command -v curl >/dev/null || missing+=(curl)
command -v go >/dev/null || missing+=(golang-go)
[ -e /usr/share/gocode/src/golang.org/x/oauth2/clientcredentials ] || missing+=(golang-golang-x-oauth2-dev)
[ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"

installed requirements "$clients/python" || say clients 'Python packages into target/clients/python'
pip_install requirements "$clients/python"

if ! npm_installed "$clients/node" "$built/node"; then
    say clients 'Node.js packages into target/clients/node'
    npm_install "$clients/node" "$built/node"
fi

cargo build --quiet --locked --manifest-path "$clients/rust/Cargo.toml" --target-dir "$built/rust" ||
    die 'tests/clients/rust did not build (output above)'

# Debian's packages of Go libraries are sources below /usr/share/gocode, for builds without modules.
GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$built/go/cache go build -o "$built/go/clientcredentials" "$clients/go/clientcredentials.go" ||
    die 'tests/clients/go did not build (output above)'

say clients 'all installed, in target/clients'
