//! Manifests of Kubernetes as values.

use crate::deployed;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Every document of a YAML file.
#[track_caller]
pub(crate) fn documents(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    parse(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

/// Every document of a text.
pub(crate) fn parse(text: &str) -> Result<Vec<Value>, String> {
    serde_saphyr::from_multiple(text).map_err(|error| error.to_string())
}

/// The one document of this kind and name in a file of `envoy/`.
#[track_caller]
pub(crate) fn manifest(path: &str, kind: &str, name: &str) -> Value {
    let mut found = documents(&deployed(path));
    found.retain(|document| document["kind"] == kind && document["metadata"]["name"] == name);
    assert_eq!(found.len(), 1, "{path}: {kind} {name}");
    found.remove(0)
}
