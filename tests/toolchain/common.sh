# shellcheck shell=bash
# What the scripts in this folder share. Sourced, never run.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$root/tests/toolchain
tools=$root/target/tools
venv=$root/target/venv
cd "$root"
mkdir -p "$tools"

# One line per step: say NAME WHAT
say() { printf '%-14s %s\n' "$1" "$2"; }

# die WHAT [WHAT TO DO]
die() {
    printf 'error: %s\n' "$1" >&2
    [ $# -lt 2 ] || printf '       %s\n' "$2" >&2
    exit 1
}

# quietly LOG COMMAND...: keep the output in a file, and show its end only where the command fails.
quietly() {
    local log=$tools/$1.log
    shift
    if ! "$@" >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        return 1
    fi
}

on_debian() { command -v apt-get >/dev/null && [ -e /etc/debian_version ]; }

# Install system packages as root on Debian or Ubuntu; elsewhere stop with the one command to run.
# --no-remove: never at the price of a package that is already there.
install_packages() {
    local install=(apt-get install --yes --no-install-recommends --no-remove "$@")
    on_debian || die "this needs what Debian calls: $*" "install it with your system's package manager, then run make again"
    [ "$(id -u)" -eq 0 ] || die "missing system packages: $*" "run this, then make again: sudo ${install[*]}"
    say packages "apt-get install $*"
    quietly apt-update apt-get update || die 'apt-get update failed (output above)'
    DEBIAN_FRONTEND=noninteractive quietly apt-install "${install[@]}" -o DPkg::Lock::Timeout=120 ||
        die "apt-get could not install: $* (output above)"
}

# installed NAME [FOLDER]: whether pip_install has put this version of NAME.txt into the virtual environment.
installed() { [ -x "$venv/bin/python" ] && cmp --silent "${2:-$here}/$1.txt" "$venv/$1.installed"; }

# pip_install NAME [FOLDER]: the packages of NAME.txt (requirements…), once for each version of that file.
pip_install() {
    installed "$@" && return
    local list=${2:-$here}/$1.txt
    make_venv
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --requirement "$list" ||
        die "pip could not install ${list#"$root/"}" 'the lines above say why; packages exist for Linux on x86_64 and aarch64'
    cp "$list" "$venv/$1.installed"
}

# npm_installed LIST FOLDER: whether npm_install has put this version of LIST's lock file into FOLDER.
npm_installed() { cmp --silent "$1/package-lock.json" "$2/installed"; }

# npm_install LIST FOLDER: the packages of LIST/package.json and its lock file, into FOLDER.
npm_install() {
    mkdir -p "$2"
    cp "$1/package.json" "$1/package-lock.json" "$here/.npmrc" "$2/"
    quietly npm run_npm ci --prefix "$2" || die "npm could not install the packages of ${1#"$root/"} (output above)"
    cp "$1/package-lock.json" "$2/installed"
}

# run_npm ARGUMENTS...: the npm that came with the Node.js at target/tools/node, else the one on PATH.
run_npm() {
    local own
    own=$(dirname "$(readlink "$tools/node")")/../lib/node_modules/npm/bin/npm-cli.js
    if [ -e "$own" ]; then "$tools/node" "$own" "$@"; else npm "$@"; fi
}

# A virtual environment, made again where its Python is gone.
make_venv() {
    [ -x "$venv/bin/python" ] && "$venv/bin/python" -m pip --version >/dev/null 2>&1 && return
    say python "virtual environment in ${venv#"$root/"} ($(python3 --version))"
    rm -rf "$venv"
    python3 -m venv "$venv" || die "python3 -m venv failed for $venv"
}
