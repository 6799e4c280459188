//! What `make release` makes, but for the programs and the bills of materials, which take minutes to build.

use crate::{output, tool};
use latchkey_tests::files;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn script(name: &str) -> PathBuf {
    files::checkout().join("tests/toolchain").join(name)
}

fn layouts(folder: &Path) -> String {
    output(
        tool("venv/bin/python")
            .arg(script("oci.py"))
            .arg(files::module().unwrap())
            .arg(folder)
            .arg("9.8.7"),
    )
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// A blob that a descriptor names; fails the test unless digest and size are right.
fn blob(layout: &Path, descriptor: &Value) -> Vec<u8> {
    let digest = descriptor["digest"]
        .as_str()
        .unwrap()
        .strip_prefix("sha256:")
        .unwrap();
    let bytes = fs::read(layout.join("blobs/sha256").join(digest)).unwrap();
    let found: String = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(found, digest);
    assert_eq!(descriptor["size"], bytes.len());
    bytes
}

/// The manifest of a layout.
fn manifest(layout: &Path) -> Value {
    assert_eq!(
        json(&fs::read(layout.join("oci-layout")).unwrap())["imageLayoutVersion"],
        "1.0.0"
    );
    let index = json(&fs::read(layout.join("index.json")).unwrap());
    assert_eq!(
        index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"],
        "9.8.7"
    );
    json(&blob(layout, &index["manifests"][0]))
}

#[test]
fn the_filters_image_holds_the_module_where_istio_and_envoy_gateway_look() {
    let folder = files::run_folder().unwrap();
    layouts(&folder);
    let layout = folder.join("filter-image");
    let manifest = manifest(&layout);
    let config = json(&blob(&layout, &manifest["config"]));
    let layers = manifest["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 1);
    assert_eq!(
        layers[0]["mediaType"],
        "application/vnd.oci.image.layer.v1.tar+gzip"
    );
    let packed = folder.join("layer.tar.gz");
    fs::write(&packed, blob(&layout, &layers[0])).unwrap();

    let unpacked = folder.join("unpacked");
    fs::create_dir(&unpacked).unwrap();
    output(
        Command::new("tar")
            .arg("-xzf")
            .arg(&packed)
            .arg("-C")
            .arg(&unpacked),
    );
    assert_eq!(
        fs::read(unpacked.join("plugin.wasm")).unwrap(),
        fs::read(files::module().unwrap()).unwrap()
    );
    assert_eq!(fs::read_dir(&unpacked).unwrap().count(), 1);

    let tar = Command::new("gzip")
        .arg("-dc")
        .arg(&packed)
        .output()
        .unwrap()
        .stdout;
    let digest: String = Sha256::digest(&tar)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(config["rootfs"]["diff_ids"][0], format!("sha256:{digest}"));
}

#[test]
fn the_filters_artifact_holds_the_module_as_it_is() {
    let folder = files::run_folder().unwrap();
    layouts(&folder);
    let layout = folder.join("filter-artifact");
    let manifest = manifest(&layout);
    blob(&layout, &manifest["config"]);
    let layers = manifest["layers"].as_array().unwrap();
    // As many as Istio expects.
    assert_eq!(layers.len(), 2);
    let content = layers
        .iter()
        .find(|layer| layer["mediaType"] == "application/vnd.module.wasm.content.layer.v1+wasm");
    assert_eq!(
        blob(&layout, content.unwrap()),
        fs::read(files::module().unwrap()).unwrap()
    );
}

#[test]
fn the_same_module_makes_the_same_digests() {
    let folder = files::run_folder().unwrap();
    assert_eq!(layouts(&folder.join("one")), layouts(&folder.join("two")));
}

#[test]
fn a_releases_manifests_name_its_version_registry_and_digest() {
    let folder = files::run_folder().unwrap();
    let (written, example) = (env!("CARGO_PKG_VERSION"), "registry.example.com/latchkey");
    let digest = "0123456789abcdef".repeat(4);
    let filled = folder.join("dist");
    let mut fill = Command::new(script("fill.sh"));
    output(
        fill.arg(&filled)
            .args([written, "9.8.7", example, "images.test/team", &digest]),
    );

    let read = |path: &str| fs::read_to_string(filled.join("envoy").join(path)).unwrap();
    let filter = format!("images.test/team/filter@sha256:{digest}");
    for path in [
        "istio/issue.yaml",
        "istio/verify-wasmplugin.yaml",
        "istio/verify-trafficextension.yaml",
    ] {
        assert!(read(path).contains(&format!("oci://{filter}")), "{path}");
    }
    for path in ["envoy-gateway/issue.yaml", "envoy-gateway/verify.yaml"] {
        assert!(read(path).contains(&format!("url: {filter}")), "{path}");
    }
    for path in [
        "kubernetes/base/deployment.yaml",
        "kubernetes/overlays/postgres/migrate.yaml",
    ] {
        assert!(
            read(path).contains("image: images.test/team/store:9.8.7"),
            "{path}"
        );
    }
    let compose = read("docker-compose/compose.yaml");
    assert!(compose.contains("image: images.test/team/store:9.8.7"));
    assert!(!compose.contains("build:") && !compose.contains("target/"));
    assert!(!read("docker-compose/test.sh").contains("target/latchkey.wasm"));
    let left = Command::new("grep")
        .args([
            "-rE",
            &format!("{example}|latchkey-(store|filter):{written}"),
        ])
        .arg(filled.join("envoy"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout), "");
    crate::pages::assert_links_lead_somewhere(&filled);
}
