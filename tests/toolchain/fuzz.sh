#!/usr/bin/env bash
# Run the fuzz targets of tests/fuzz, each for FUZZ_SECONDS (60), or for FUZZ_RUNS executions, or FUZZ_TARGETS only.
# What is found in between is kept in target/fuzz/corpus, so that the next run goes on from there.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

fuzz=$root/tests/fuzz
built=$root/target/fuzz
seconds=${FUZZ_SECONDS:-60}
runs=${FUZZ_RUNS:-}
extent=partial
if [ -n "${FUZZ_TARGETS:-}" ]; then
    read -ra targets <<<"$FUZZ_TARGETS"
else
    targets=("$fuzz"/targets/*.rs)
    targets=("${targets[@]##*/}")
    targets=("${targets[@]%.rs}")
    # What docs/reliability.md tells of is ten million executions of each.
    [ "${runs:-0}" -lt 10000000 ] || extent=complete
fi

say fuzz 'every committed input, without libFuzzer'
CARGO_TARGET_DIR=$built quietly fuzz-replay cargo test --quiet --locked --manifest-path "$fuzz/Cargo.toml" ||
    die 'a committed input breaks its property (output above)'

# libFuzzer comes as C++ source with the crate libfuzzer-sys.
if ! command -v c++ >/dev/null; then
    say fuzz 'skipped: no C++ compiler (c++) to build libFuzzer with'
    exit 0
fi
if ! command -v cargo-fuzz >/dev/null; then
    pip_install requirements-fuzz
    export PATH=$venv/bin:$PATH
fi
say fuzz "building ${#targets[@]} targets with coverage instrumentation (minutes the first time)"
# No sanitizer: the core has no unsafe code. So a stable toolchain will do, and inputs take a fraction of the time.
quietly fuzz-build cargo fuzz build --fuzz-dir "$fuzz" --sanitizer none --release --features libfuzzer --target-dir "$built" ||
    die 'the fuzz targets did not build (output above)'
binaries=$(compgen -G "$built/*/release/jws")
binaries=${binaries%/jws}

# fuzz_one TARGET: one line at the end, or the property that broke.
fuzz_one() {
    local target=$1 log=$built/$1.log limit=(-max_total_time="$seconds") executed rate inputs
    [ -z "$runs" ] || limit=(-runs="$runs")
    mkdir -p "$built/corpus/$target" "$built/crashes"
    if ! "$binaries/$target" "$built/corpus/$target" "$fuzz/seeds/$target" -dict="$fuzz/dictionaries/$target.dict" "${limit[@]}" \
        -max_len=1024 -print_final_stats=1 -artifact_prefix="$built/crashes/$target-" >"$log" 2>&1; then
        grep --text --max-count=3 -A 3 'panicked at' "$log" >&2 || tail -n 20 "$log" >&2
        printf 'error: the property of %s does not hold for the input in target/fuzz/crashes\n' "$target" >&2
        printf '       copy it to tests/fuzz/seeds/%s under a name that tells what it shows, and add a named test to the core\n' "$target" >&2
        return 1
    fi
    inputs=$(find "$built/corpus/$target" -type f | wc -l)
    executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
    say fuzz "$target: $executed executions, $rate a second, $inputs inputs in its corpus"
    printf '| %s | %s | %s | %s |\n' "$target" "$executed" "$rate" "$inputs" >"$built/$target.row"
}

say fuzz "running, two at a time: ${targets[*]}"
failed=0
for target in "${targets[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge "${FUZZ_JOBS:-2}" ]; do wait -n || failed=1; done
    fuzz_one "$target" &
done
while [ "$(jobs -rp | wc -l)" -gt 0 ]; do wait -n || failed=1; done
[ "$failed" -eq 0 ] || die 'fuzzing found something (above)'

{
    printf 'Each target ran for %s. None found an input that breaks its property.\n\n' "${runs:+$runs executions}${runs:-$seconds s}"
    printf '| target | executions | a second | inputs in the corpus |\n|---|---:|---:|---:|\n'
    for target in "${targets[@]}"; do cat "$built/$target.row"; done
} | "$here/report.sh" fuzz "make fuzz${runs:+ FUZZ_RUNS=$runs}" "$extent"
