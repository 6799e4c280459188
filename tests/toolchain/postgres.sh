#!/usr/bin/env bash
# Find or install a PostgreSQL server for the store's tests. They start one of their own; none needs to run.
# POSTGRES_BIN (the folder of its programs) wins, then the newest of Debian's packages.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

found() {
    [ -x "$1/initdb" ] || return 1
    say PostgreSQL "$("$1/postgres" --version | sed 's/.*) //; s/ .*//'), in $1"
    exit 0
}
newest_of_debian() { compgen -G '/usr/lib/postgresql/*/bin' | sort --version-sort | tail -n 1; }

if [ -n "${POSTGRES_BIN:-}" ]; then
    found "$POSTGRES_BIN" || die "POSTGRES_BIN is '$POSTGRES_BIN', where there is no initdb"
fi
found "$(newest_of_debian)" || true

if [ "$(id -u)" -eq 0 ] && on_debian; then
    # Debian's package would start a server at once, and at every boot. Nobody has asked for that.
    no_server=/etc/postgresql-common/createcluster.d/latchkey.conf
    mkdir -p "$(dirname "$no_server")"
    trap 'rm -f "$no_server"' EXIT
    echo 'create_main_cluster = false' >"$no_server"
fi
install_packages postgresql
found "$(newest_of_debian)" || die "the package postgresql is installed, but there is no /usr/lib/postgresql/*/bin/initdb" 'set POSTGRES_BIN'
