#!/usr/bin/env bash
# Who failed to get a token, why, from where and how often, most often first. Reads Envoy's log from standard input:
#   kubectl logs deployment/… | ./failed-attempts.sh
# The customer is named where there is one of that code; `-` stands for codes that nobody has.
set -euo pipefail
jq --raw-input --raw-output 'fromjson? | select(.path == "/auth/token" and .result == "refused") |
    [.customer // "-", .reason, .address] | @tsv' | sort | uniq --count | sort --numeric-sort --reverse
