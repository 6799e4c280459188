#!/usr/bin/env bash
# Find or install a Rust toolchain for the wasm target, and leave its name in target/tools/wasm-toolchain:
#   rustup  the cargo on PATH has the target, or rustup can download it
#   debian  Debian's rustc-web builds the standard library from its source package
# LATCHKEY_WASM_TOOLCHAIN=rustup|debian forces one.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

target=wasm32-wasip1
wanted=${LATCHKEY_WASM_TOOLCHAIN:-}
case $wanted in
'' | rustup | debian) ;;
*) die "LATCHKEY_WASM_TOOLCHAIN is '$wanted'" 'expected: rustup, debian, or not set' ;;
esac

choose() {
    printf '%s\n' "$1" >"$tools/wasm-toolchain"
    say "wasm target" "$2"
    exit 0
}

version_of() { "$1" --version | cut -d ' ' -f 2; }

# The std library lies there exactly where the toolchain on PATH has the target.
has_target() { compgen -G "$(rustc --print target-libdir --target "$target")/libstd-*.rlib" >/dev/null; }
choose_rustup() { choose rustup "$target of rustc $(version_of rustc)"; }

debian_lld() { compgen -G '/usr/bin/wasm-ld-*' | sort --version-sort | tail -n 1; }
has_debian() {
    [ -x /usr/bin/cargo ] && [ -x /usr/bin/rustc ] && [ -n "$(debian_lld)" ] && [ -e /usr/lib/wasm32-wasi/crt1-reactor.o ] &&
        [ -e "$(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library/std/Cargo.toml" ]
}
choose_debian() { choose debian "$target, its standard library built from source by Debian's rustc $(version_of /usr/bin/rustc)"; }

if [ "$wanted" != debian ]; then
    has_target && choose_rustup
    [ "$wanted" != rustup ] && has_debian && choose_debian
    if command -v rustup >/dev/null; then
        say 'wasm target' "rustup target add $target (at most 2 minutes)"
        quietly rustup-target timeout 120 rustup target add "$target" && has_target && choose_rustup
    fi
    [ "$wanted" = rustup ] && die "the toolchain on PATH has no $target" "run: rustup target add $target"
    say 'wasm target' "not to be had from rustup: trying Debian's packages"
fi

has_debian && choose_debian
on_debian || die "no Rust toolchain with $target" "run where it can download: rustup target add $target"
install_packages rustc-web cargo-web rust-web-src lld-19 wasi-libc
has_debian || die "Debian's packages are installed, yet a part of them is not where it was expected" \
    'expected: /usr/bin/rustc, /usr/bin/wasm-ld-*, /usr/lib/wasm32-wasi, the standard library source of rust-web-src'
choose_debian
