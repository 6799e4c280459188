#!/usr/bin/env bash
# report.sh NAME: keep what is read as the newest result of a command, and with REPORT=1 put it into its place
# (between `<!-- NAME -->` and `<!-- end of NAME -->`) in docs/reliability.md.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

name=$1
page=docs/reliability.md
mkdir -p target/reliability
{
    printf '*%s, Envoy %s, %s processors.*\n\n' "$(date -u +%Y-%m-%d)" \
        "$("$tools/envoy" --version 2>/dev/null | sed -n 's|.*version: [0-9a-f]*/\([0-9.]*\).*|\1|p')" "$(nproc)"
    cat
} >"target/reliability/$name.md"
[ -n "${REPORT:-}" ] || exit 0
grep --quiet "^<!-- $name -->$" "$page" || die "$page has no place for the result of $name"
awk -v name="$name" -v text="target/reliability/$name.md" '
    $0 == "<!-- end of " name " -->" { skip = 0 }
    !skip
    $0 == "<!-- " name " -->" { skip = 1; while ((getline line < text) > 0) print line }
' "$page" >"target/reliability/page"
cp target/reliability/page "$page"
say report "$page has the result of $name"
