#!/usr/bin/env bash
# Break the core in every small way that cargo-mutants knows, in the modules that decide who may pass, and see that a test of the
# core fails each time. What survives must be explained in tests/mutants.tsv, and what is explained there must survive.
# MUTANTS_SECONDS stops after a time; MUTANTS_MORE=1 goes on with the last run, whose caught mutants are not tried again.
# Backticks are for Markdown here.
# shellcheck disable=SC2016
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

version=27.1.0
modules=(jwt/verify bearer access credential token/form)
explained=$root/tests/mutants.tsv
built=$root/target/mutants

export PATH=$tools/cargo/bin:$PATH
if [ "$(cargo mutants --version 2>/dev/null)" != "cargo-mutants $version" ]; then
    say mutants "building cargo-mutants $version (minutes, once)"
    quietly mutants-install cargo install cargo-mutants --version "$version" --locked --force --root "$tools/cargo" --target-dir "$built/tool" ||
        die 'cargo-mutants did not build (output above)'
    rm -rf "$built/tool"
fi

files=()
for module in "${modules[@]}"; do files+=(--file "src/core/$module.rs"); done
mapfile -t all < <(cargo mutants --package latchkey-core "${files[@]}" --list --colors never)
[ -z "${MUTANTS_MORE:-}" ] || files+=(--iterate)
within=()
[ -z "${MUTANTS_SECONDS:-}" ] || within=(timeout --signal=INT "$MUTANTS_SECONDS")
mkdir -p "$built/found"
say mutants "${#all[@]} in ${modules[*]}"
status=0
# The core's quick tests, without those of made-up values, which take as long as all others together. A mutant that hangs is caught too. Its own folder of builds: the copies of the sources come and go, the dependencies stay.
CARGO_TARGET_DIR=$built/target CARGO_PROFILE_DEV_DEBUG=0 "${within[@]}" cargo mutants --package latchkey-core "${files[@]}" --output "$built/found" \
    --no-shuffle --timeout 60 --colors never --jobs 1 -- --lib --test flow || status=$?
# 2: some survived, 3: some hung. Whether that is right is seen below.
case $status in 0 | 2 | 3) ;; *) die "cargo-mutants did not come to its end ($status)" 'MUTANTS_MORE=1 goes on from here' ;; esac

# Without line and column, which every change moves.
survived=$(sed 's/:[0-9]*:[0-9]*: /: /' "$built/found/mutants.out/missed.txt" | sort -u)
known=$(grep --invert-match '^#' "$explained" | cut -f 1 | sort -u)
unexplained=$(comm -23 <(printf '%s\n' "$survived") <(printf '%s\n' "$known"))
gone=$(comm -13 <(printf '%s\n' "$survived") <(printf '%s\n' "$known"))
[ -z "$unexplained" ] || die "no test fails with: $unexplained" 'add a test that does, or say in tests/mutants.tsv why none can'
[ -z "$gone" ] || die "tests/mutants.tsv explains what does not survive: $gone" 'take it out'

{
    printf 'Each module of `src/core` with one small change at a time. A change is caught where a test of the core fails, hangs, or where it does not compile.\n\n'
    printf '| module | changes | caught | survive, explained below |\n|---|---:|---:|---:|\n'
    for module in "${modules[@]}"; do
        tried=$(printf '%s\n' "${all[@]}" | grep --count "^src/core/$module.rs:" || true)
        left=$(grep --count "^src/core/$module.rs:" "$built/found/mutants.out/missed.txt" || true)
        printf '| `%s` | %s | %s | %s |\n' "$module" "$tried" "$((tried - left))" "$left"
    done
    printf '\n| survives | why no test can tell |\n|---|---|\n'
    grep --invert-match '^#' "$explained" | sed 's/|/\\|/g; s/^src\/core\/\([^\t]*\)\t\(.*\)/| `\1` | \2 |/'
} | "$here/report.sh" mutants 'make mutants' complete
