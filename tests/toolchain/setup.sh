#!/usr/bin/env bash
# Everything a build, a run or a test needs beside Rust, Python 3, make and a C compiler.
# One line a step; quick where nothing is to do.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

command -v cargo >/dev/null || die 'cargo is not on PATH' "install Rust $(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml) or later: https://rustup.rs"
missing=()
command -v cc >/dev/null || missing+=(gcc libc6-dev)
command -v python3 >/dev/null || missing+=(python3)
# Debian ships these two modules apart from Python.
[ -x "$venv/bin/python" ] || python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
[ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"

"$here/wasm-target.sh"
"$here/envoy.sh"
"$here/wasm-opt.sh"
