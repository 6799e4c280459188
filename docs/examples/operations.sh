#!/usr/bin/env bash
# The commands of docs/operations.md for the account manager. `make test` runs them on a database of its own.
set -euo pipefail
field() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" | head -n 1; }

# step: customer
latchkey-store customer add ACME01
latchkey-store key issue ACME01
# end
OLD_KEY_ID=$(latchkey-store --json key list ACME01 | field id)

# step: rotate
latchkey-store key issue ACME01 --expires-in 365d
# … the customer switches to the new key, and says so …
latchkey-store key list ACME01
latchkey-store key revoke --yes "$OLD_KEY_ID"
# end

# step: disable
latchkey-store customer disable --yes ACME01
latchkey-store customer enable ACME01
# end

# step: audit
latchkey-store audit
# end

# step: migrate
latchkey-store migrate
# end
