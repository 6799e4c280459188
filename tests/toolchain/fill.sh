#!/usr/bin/env bash
# fill.sh FOLDER WRITTEN VERSION EXAMPLE REGISTRY DIGEST: copy envoy/ and the documentation to FOLDER, with the images of this
# version, from this registry, and the filter's by its digest.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
[ $# -eq 6 ] || die "found $# arguments" 'expected: FOLDER WRITTEN VERSION EXAMPLE REGISTRY DIGEST'
folder=$1 written=$2 version=$3 example=$4 registry=$5 digest=$6

mkdir -p "$folder"
git ls-files -z envoy docs README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md LICENSE |
    tar --create --null --files-from=- | tar --extract --directory "$folder"
mapfile -d '' files < <(find "$folder/envoy" -type f \( -name '*.yaml' -o -name '*.md' -o -name '*.Dockerfile' \) -print0)
dots=${written//./\\.}
sed -i \
    -e "s|$example/filter:$dots|$registry/filter@sha256:$digest|g" \
    -e "s|$example/store:$dots|$registry/store:$version|g" \
    -e "s|latchkey-store:$dots|latchkey-store:$version|g" \
    -e "s|latchkey-filter:$dots|latchkey-filter:$version|g" \
    -e "s|$example|$registry|g" \
    "${files[@]}"

# A release has no sources to build from: the filter lies two folders up, and the store's image comes from the registry.
sed -i \
    -e '/^    build:$/,/^      dockerfile: /d' \
    -e "s|image: latchkey-store:|image: $registry/store:|" \
    -e 's|\.\./\.\./target/latchkey\.wasm|../../latchkey.wasm|' \
    "$folder/envoy/docker-compose/compose.yaml" "$folder/envoy/docker-compose/test.sh"
