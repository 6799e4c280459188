#!/usr/bin/env bash
# Run the fuzz targets of tests/fuzz, or FUZZ_TARGETS only, each for FUZZ_SECONDS (60), or for FUZZ_RUNS executions.
# What is found in between is kept in target/fuzz/corpus, so that the next run goes on from there. With both variables set,
# executions are counted over as many runs of the same build as it takes, each of at most FUZZ_SECONDS a target.
# With FUZZ_SEED, nothing is kept: each target begins with the committed inputs, and goes nearly the same way in every run.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

fuzz=$root/tests/fuzz
built=$root/target/fuzz
runs=${FUZZ_RUNS:-}
seconds=${FUZZ_SECONDS:-}
[ -n "$runs$seconds" ] || seconds=60
extent=partial
if [ -n "${FUZZ_TARGETS:-}" ]; then
    read -ra targets <<<"$FUZZ_TARGETS"
else
    targets=("$fuzz"/targets/*.rs)
    targets=("${targets[@]##*/}")
    targets=("${targets[@]%.rs}")
    extent=complete
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
    local target=$1 log=$built/$1.log corpus=$built/corpus/$1 tally=$built/$1.tally options=() before=0 spent=0 build rate inputs broke
    build=$(sha256sum <"$binaries/$target")
    if [ -n "${FUZZ_SEED:-}" ]; then
        # In an order of their own: a folder lists its files as it likes.
        corpus=$built/corpus-of-seed/$target
        rm -rf "$corpus"
        options+=(-seed="$FUZZ_SEED" -seed_inputs="$(printf '%s\n' "$fuzz/seeds/$target"/* | LC_ALL=C sort | paste -sd,)")
    else
        options+=("$fuzz/seeds/$target")
        if [ -n "$runs" ] && [ -e "$tally" ]; then
            [ "$(sed -n 1p "$tally")" != "$build" ] || read -r before spent < <(sed -n 2p "$tally")
        fi
    fi
    [ -z "$seconds" ] || options+=(-max_total_time="$seconds")
    [ -z "$runs" ] || options+=(-runs="$((runs > before ? runs - before : 1))")
    mkdir -p "$corpus" "$built/crashes"
    if [ -z "$runs" ] || [ "$before" -lt "$runs" ]; then
        if ! "$binaries/$target" "$corpus" -dict="$fuzz/dictionaries/$target.dict" "${options[@]}" \
            -max_len=1024 -print_final_stats=1 -artifact_prefix="$built/crashes/$target-" >"$log" 2>&1; then
            grep --text --max-count=3 -A 3 'panicked at' "$log" >&2 || tail -n 20 "$log" >&2
            printf 'error: the property of %s does not hold for the input in target/fuzz/crashes\n' "$target" >&2
            printf '       copy it to tests/fuzz/seeds/%s under a name that tells what it shows, and add a named test to the core\n' "$target" >&2
            return 1
        fi
        before=$((before + $(sed -n 's/^stat::number_of_executed_units: *//p' "$log")))
        spent=$((spent + $(sed -n 's/^Done .* runs in \([0-9]*\) second.*/\1/p' "$log")))
        printf '%s\n%s %s\n' "$build" "$before" "$spent" >"$tally"
    fi
    rate=$((before / (spent > 0 ? spent : 1)))
    inputs=$(find "$corpus" -type f | wc -l)
    broke=$(find "$built/crashes" -name "$target-*" | wc -l)
    say fuzz "$target: $before executions in $spent s, $rate a second, $inputs inputs in its corpus"
    printf '| %s | %s | %s | %s | %s | %s |\n' "$target" "$before" "$spent" "$rate" "$inputs" "$broke" >"$built/$target.row"
}

jobs=${FUZZ_JOBS:-2}
say fuzz "running, $jobs at a time: ${targets[*]}"
failed=0
for target in "${targets[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n || failed=1; done
    fuzz_one "$target" &
done
while [ "$(jobs -rp | wc -l)" -gt 0 ]; do wait -n || failed=1; done
[ "$failed" -eq 0 ] || die 'fuzzing found something (above)'

[ -z "${FUZZ_SEED:-}" ] || exit 0
# What docs/reliability.md tells of is ten million executions of each.
for target in "${targets[@]}"; do
    [ "$(cut -d ' ' -f 4 "$built/$target.row")" -ge 10000000 ] || extent=partial
done
{
    printf 'Executions of each target, and the inputs that it found to reach something new. A run stops at the\nfirst input that breaks its property.\n\n'
    printf '| target | executions | seconds | a second | inputs in the corpus | what broke its property |\n|---|---:|---:|---:|---:|---:|\n'
    for target in "${targets[@]}"; do cat "$built/$target.row"; done
} | "$here/report.sh" fuzz "make fuzz${runs:+ FUZZ_RUNS=$runs}" "$extent"
