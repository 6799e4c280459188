#!/usr/bin/env bash
# Makes the secrets of this folder's stack, in .env, unless they are there. For trying out: a real deployment keeps its secrets
# in a secrets manager.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

[ ! -e .env ] || exit 0
random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
umask 077
cat >.env <<END
COMPOSE_PROJECT_NAME=latchkey
LATCHKEY_SIGNING_KEY=$(random)
LATCHKEY_LOOKUP_TOKEN=$(random)
POSTGRES_PASSWORD=$(random)
GRAFANA_PASSWORD=$(random)
END
echo 'secrets made in .env'
