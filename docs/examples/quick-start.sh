#!/usr/bin/env bash
# docs/quick-start.md, from an empty folder to a customer's data. `make test` runs it, on other ports.
# LATCHKEY is a checkout in which `make wasm` was run.
set -euo pipefail
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT

# step: files
cp "$LATCHKEY"/target/latchkey.wasm "$LATCHKEY"/envoy/envoy.yaml .
sed -i 's|filename: target/latchkey.wasm|filename: latchkey.wasm|' envoy.yaml
# end

# step: lookup
API_KEY=lk_$(openssl rand -hex 32)
HASH=$(printf %s "$API_KEY" | sha256sum | cut -d ' ' -f 1)
mkdir -p lookup/v1/clients
cat > lookup/v1/clients/ACME01 <<END
{"client_id": "ACME01", "enabled": true, "scope": "read",
 "keys": [{"id": "k_1", "hash": "sha256:$HASH", "expires_at": $(date -d '+1 year' +%s), "revoked_at": null}]}
END
python3 -m http.server 8081 --bind 127.0.0.1 --directory lookup &
# end

# step: api
mkdir -p api
echo '[{"name": "witch"}]' > api/products
python3 -m http.server 8080 --bind 127.0.0.1 --directory api &
# end

# step: envoy
LATCHKEY_SIGNING_KEY=$(openssl rand -base64 32)
LATCHKEY_LOOKUP_TOKEN=not-needed-by-this-lookup-service
export LATCHKEY_SIGNING_KEY LATCHKEY_LOOKUP_TOKEN
envoy --config-path envoy.yaml &
until curl --silent --fail --output /dev/null http://127.0.0.1:9901/ready; do sleep 0.1; done
# end
until curl --silent --output /dev/null http://127.0.0.1:8081/ && curl --silent --output /dev/null http://127.0.0.1:8080/; do sleep 0.1; done

# step: token
TOKEN=$(curl --silent --fail http://127.0.0.1:10000/auth/token \
  --data grant_type=client_credentials --data client_id=ACME01 --data client_secret="$API_KEY" |
  sed 's/.*"access_token":"\([^"]*\)".*/\1/')
# end

# step: data
curl --silent --fail http://127.0.0.1:10000/products --header "Authorization: Bearer $TOKEN"
curl --silent --output /dev/null --write-out '%{http_code}\n' http://127.0.0.1:10000/products
# end
