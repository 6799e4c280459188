#!/usr/bin/env bash
# curl with the credentials in the body. The token is used until the API refuses it with a 401.
set -euo pipefail

new_token() {
    local answer
    answer=$(curl --silent --show-error --fail-with-body "$TOKEN_URL" -d grant_type=client_credentials \
        --data-urlencode "client_id=$CLIENT_ID" --data-urlencode "client_secret=$CLIENT_SECRET") ||
        { echo "no token: $answer" >&2 && exit 1; }
    token=${answer#*\"access_token\":\"}
    token=${token%%\"*}
}

read_products() {
    products=$(curl --silent --show-error --write-out '\n%{http_code}' -H "Authorization: Bearer $token" "$API_URL/products")
    status=${products##*$'\n'}
}

new_token

# Reads the products each time Enter is pressed.
while read -r; do
    read_products
    if [ "$status" = 401 ]; then
        new_token
        read_products
    fi
    echo "${products%$'\n'*}"
    [ "$status" = 200 ] || exit 1
done
