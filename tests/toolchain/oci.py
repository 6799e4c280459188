#!/usr/bin/env python3
"""Writes the filter as two OCI image layouts, the same bytes each time.

oci.py MODULE FOLDER VERSION writes
  FOLDER/filter-image     one layer with plugin.wasm: what `docker build` of filter.Dockerfile makes, and what Istio and
                          Envoy Gateway call the compat variant
  FOLDER/filter-artifact  the module itself as a layer of type application/vnd.module.wasm.content.layer.v1+wasm
and prints the digest of each manifest.
"""

import gzip
import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
WASM_CONFIG = "application/vnd.module.wasm.config.v1+json"
WASM_LAYER = "application/vnd.module.wasm.content.layer.v1+wasm"


class Layout:
    def __init__(self, folder, version):
        self.folder, self.version = folder, version
        (folder / "blobs/sha256").mkdir(parents=True, exist_ok=True)
        (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def blob(self, media_type, data):
        digest = hashlib.sha256(data).hexdigest()
        (self.folder / "blobs/sha256" / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    def finish(self, config, layers):
        annotations = {
            "org.opencontainers.image.title": "latchkey",
            "org.opencontainers.image.version": self.version,
            "org.opencontainers.image.licenses": "Apache-2.0",
        }
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers, "annotations": annotations}
        descriptor = self.blob(MANIFEST, encode(manifest))
        named = {**descriptor, "annotations": {"org.opencontainers.image.ref.name": self.version}}
        (self.folder / "index.json").write_bytes(encode({"schemaVersion": 2, "manifests": [named]}))
        print(self.folder.name, descriptor["digest"])


def encode(value):
    return json.dumps(value, separators=(",", ":")).encode()


def tar_of(name, data):
    """A tar file with one file in it, without time and owner."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(data), 0o644
        tar.addfile(entry, io.BytesIO(data))
    return archive.getvalue()


def write_image(layout, module):
    tar = tar_of("plugin.wasm", module)
    layer = layout.blob("application/vnd.oci.image.layer.v1.tar+gzip", gzip.compress(tar, mtime=0))
    config = {
        # Docker and containerd want a platform; the module runs on any.
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(tar).hexdigest()]},
    }
    layout.finish(layout.blob("application/vnd.oci.image.config.v1+json", encode(config)), [layer])


def write_artifact(layout, module):
    config = layout.blob(WASM_CONFIG, encode({"name": "latchkey", "version": layout.version}))
    # Istio expects two layers, the configuration among them.
    described = {"type": "envoy_proxy", "abiVersions": ["v0-2-1"]}
    layers = [layout.blob(WASM_CONFIG, encode(described)), layout.blob(WASM_LAYER, module)]
    layout.finish(config, layers)


def main():
    module, folder, version = Path(sys.argv[1]).read_bytes(), Path(sys.argv[2]), sys.argv[3]
    write_image(Layout(folder / "filter-image", version), module)
    write_artifact(Layout(folder / "filter-artifact", version), module)


main()
