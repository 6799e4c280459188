//! Images: each pinned, each of our own of this version, and Dockerfiles that need no network but package registries.

use crate::deployed;
use latchkey_tests::files::{self, files_below};
use std::fs;

/// Every `image: …`, `url: …` and `uri: …` of a YAML text that names an image.
fn images(text: &str) -> Vec<String> {
    let mut images = Vec::new();
    for line in text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
    {
        for key in [" image: ", " url: ", " uri: "] {
            let Some((_, value)) = line.split_once(key) else {
                continue;
            };
            let value = value
                .trim()
                .trim_start_matches(['"', '{'])
                .trim_start_matches("oci://");
            let value = value.split(['"', ' ', ',', '}']).next().unwrap_or_default();
            if value.contains(':') && !value.starts_with("http") && !value.is_empty() {
                images.push(value.to_owned());
            }
        }
    }
    images
}

#[test]
fn every_image_has_a_fixed_tag_and_our_own_have_this_version() {
    let version = env!("CARGO_PKG_VERSION");
    let mut own = 0;
    for path in files_below(&deployed(""), ".yaml") {
        for image in images(&fs::read_to_string(&path).unwrap()) {
            let (name, tag) = image.rsplit_once(':').unwrap();
            assert!(
                tag != "latest" && tag.contains(|letter: char| letter.is_ascii_digit()),
                "{path:?}: {image}"
            );
            if name.contains("latchkey") {
                assert_eq!(tag, version, "{path:?}: {image}");
                own += 1;
            }
        }
    }
    assert!(own >= 6, "{own} images of our own");
}

#[test]
fn the_filters_image_is_one_copy_from_scratch() {
    let text = fs::read_to_string(deployed("docker-compose/filter.Dockerfile")).unwrap();
    let steps: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(steps, ["FROM scratch", "COPY latchkey.wasm /plugin.wasm"]);
}

#[test]
fn the_stores_image_names_each_base_once_runs_as_nobody_and_fetches_nothing_but_crates() {
    let text = fs::read_to_string(deployed("docker-compose/store.Dockerfile")).unwrap();
    let steps: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let bases: Vec<&str> = steps
        .iter()
        .filter_map(|line| line.strip_prefix("FROM "))
        .collect();
    assert_eq!(bases, ["${BUILD_IMAGE} AS build", "${BASE_IMAGE}"]);
    for argument in ["BUILD_IMAGE", "BASE_IMAGE"] {
        let defaults = steps
            .iter()
            .filter(|line| line.starts_with(&format!("ARG {argument}=")))
            .count();
        assert_eq!(defaults, 1, "{argument}");
    }
    assert!(steps.contains(&"USER 65532:65532"));
    for word in ["curl ", "wget ", "http://", "https://", "ADD ", "git "] {
        assert!(!steps.iter().any(|line| line.contains(word)), "{word}");
    }
    // The compiler of the image is no older than what the crates need.
    let workspace = fs::read_to_string(files::checkout().join("Cargo.toml")).unwrap();
    let needed = workspace
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = \"1."))
        .unwrap();
    let used = text.split("rust:1.").nth(1).unwrap();
    let number = |text: &str| {
        text.split(['.', '"'])
            .next()
            .unwrap()
            .parse::<u32>()
            .unwrap()
    };
    assert!(number(used) >= number(needed), "{used} {needed}");
}
