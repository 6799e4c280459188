#!/usr/bin/env bash
# Starts the whole stack, goes a customer's way through it, and takes it down again, under a project name of its own: the data of
# a stack that was started by hand stay. Needs a Docker engine with compose, curl and the filter (`make wasm`, or LATCHKEY_WASM).
# KEEP=1 leaves the stack running.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export COMPOSE_PROJECT_NAME=latchkey-test

if docker compose version >/dev/null 2>&1; then compose=(docker compose); else compose=(docker-compose); fi
port=${LATCHKEY_PORT:-10000}
api=http://127.0.0.1:$port
export LATCHKEY_WASM=${LATCHKEY_WASM:-../../target/latchkey.wasm}
[ -f "$LATCHKEY_WASM" ] || { echo "error: no filter at $LATCHKEY_WASM: run make wasm, or set LATCHKEY_WASM" >&2; exit 1; }

step() { printf '==> %s\n' "$*"; }
fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}
down() {
    local status=$?
    [ "$status" -eq 0 ] || "${compose[@]}" logs --tail 50 || true
    [ "${KEEP:-}" = 1 ] || "${compose[@]}" down --volumes --remove-orphans
    exit "$status"
}

# store ARGUMENTS...: the account manager's command line, in one of the replicas.
store() { "${compose[@]}" exec -T store-1 latchkey-store --json "$@"; }
# field NAME: a text field of the JSON on standard input.
field() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" | head -n 1; }
# status ARGUMENTS...: the status of a request.
status() { curl --silent --output /dev/null --write-out '%{http_code}' "$@"; }
token_status() { status "$api/auth/token" --data grant_type=client_credentials --data client_id=ACME01 --data "client_secret=$1"; }
expect() { [ "$2" = "$3" ] || fail "$1: expected $2, found $3"; }

step 'secrets'
./secrets.sh
trap down EXIT
step 'building the store'
"${compose[@]}" build
step 'starting'
"${compose[@]}" down --volumes --remove-orphans # what KEEP=1 left
"${compose[@]}" up --detach

step 'waiting until everything is healthy'
for service in postgres store-1 store-2 upstream envoy prometheus grafana; do
    for attempt in $(seq 1 120); do
        health=$(docker inspect --format '{{.State.Health.Status}}' "$("${compose[@]}" ps --quiet "$service")" 2>/dev/null || true)
        [ "$health" != healthy ] || break
        [ "$attempt" -lt 120 ] || fail "$service is not healthy but '$health'"
        sleep 1
    done
done

step 'a customer and an API Key'
store customer add ACME01 >/dev/null
issued=$(store key issue ACME01)
key=$(field key <<<"$issued")
key_id=$(field id <<<"$issued")

step 'a token'
token=$(curl --silent --fail "$api/auth/token" --data grant_type=client_credentials --data client_id=ACME01 --data "client_secret=$key" | field access_token)
[ -n "$token" ] || fail 'no token was issued'

step 'data'
expect 'the Customer Code that the API was told' ACME01 \
    "$(curl --silent --fail "$api/products" --header "Authorization: Bearer $token" --header 'x-customer-code: EVIL' | field customer)"
expect 'without a token' 401 "$(status "$api/products")"
expect 'writing with a token to read' 403 "$(status --request POST "$api/products" --header "Authorization: Bearer $token")"

step 'rotation of the API Key'
new=$(store key issue ACME01 | field key)
expect 'the new key' 200 "$(token_status "$new")"
store key revoke --yes "$key_id" >/dev/null
expect 'the old key, revoked' 401 "$(token_status "$key")"
expect 'the new key, afterwards' 200 "$(token_status "$new")"
expect 'the token of the old key, which lives on' 200 "$(status "$api/products" --header "Authorization: Bearer $token")"

step 'one replica of the store lost'
"${compose[@]}" stop store-2 >/dev/null 2>&1
for attempt in $(seq 1 30); do
    [ "$(token_status "$new")" != 200 ] || break
    [ "$attempt" -lt 30 ] || fail 'no token with one replica'
    sleep 1
done

step 'metrics'
prometheus=http://127.0.0.1:${PROMETHEUS_PORT:-9090}
for attempt in $(seq 1 60); do
    answer=$(curl --silent "$prometheus/api/v1/query" --data-urlencode 'query=sum(latchkey_token_requests_total{result="issued"})')
    [[ $answer != *'"value"'* ]] || break
    [ "$attempt" -lt 60 ] || fail "Prometheus has not seen the tokens: $answer"
    sleep 1
done
step 'dashboard'
password=$(sed -n 's/^GRAFANA_PASSWORD=//p' .env)
expect 'the dashboard in Grafana' 200 \
    "$(status --user "admin:$password" "http://127.0.0.1:${GRAFANA_PORT:-3000}/api/dashboards/uid/latchkey")"
step 'all well'
