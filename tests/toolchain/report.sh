#!/usr/bin/env bash
# report.sh NAME COMMAND complete|partial: what is read becomes the newest result of a command, target/reliability/NAME.md.
# A complete run also writes its section of docs/reliability.md, between `<!-- NAME -->` and `<!-- end of NAME -->`.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

name=$1
command=$2
page=docs/reliability.md
result=target/reliability/$name.md
mkdir -p target/reliability
{
    # shellcheck disable=SC2016
    printf 'Written by `%s` on %s, %s processors.\n\n' "$command" "$(date -u +%Y-%m-%d)" "$(nproc)"
    cat
} >"$result"
if [ "$3" != complete ]; then
    say report "$result; $page is left as it is, since this was only a part"
    exit 0
fi
for marker in "<!-- $name -->" "<!-- end of $name -->"; do
    grep --quiet --line-regexp --fixed-strings -e "$marker" "$page" || die "$page has no line $marker" 'put both markers where the section belongs'
done
awk -v name="$name" -v result="$result" '
    $0 == "<!-- end of " name " -->" { skip = 0 }
    !skip
    $0 == "<!-- " name " -->" { skip = 1; while ((getline line < result) > 0) print line }
' "$page" >"$result.page"
mv "$result.page" "$page"
say report "$page, section $name"
