//! Every manifest against the schemas of the API that takes it.

use crate::manifests::{documents, parse};
use crate::{deployed, output, skipped, tool};
use latchkey_tests::files::{self, files_below};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The schema of each kind of custom resource, by `apiVersion` and `kind`.
type Schemas = BTreeMap<(String, String), Value>;

/// What an overlay of kustomize comes to.
fn overlay(name: &str) -> String {
    let folder = deployed("kubernetes/overlays").join(name);
    let kubectl = if Command::new("kubectl")
        .arg("version")
        .arg("--client")
        .output()
        .is_ok()
    {
        Command::new("kubectl")
    } else {
        tool("venv/bin/kubectl")
    };
    let mut kubectl = kubectl;
    output(kubectl.arg("kustomize").arg(folder))
}

fn is_custom(document: &Value) -> bool {
    let (group, _) = document["apiVersion"]
        .as_str()
        .unwrap()
        .split_once('/')
        .unwrap_or_default();
    group.contains('.') && !group.ends_with("k8s.io")
        || group == "gateway.networking.k8s.io"
        || is_kustomize(document)
}

fn is_kustomize(document: &Value) -> bool {
    document["kind"] == "Kustomization"
}

/// Manifests as they are applied: the overlays built, and the files of the other folders.
fn all() -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for name in ["sqlite", "postgres"] {
        for document in parse(&overlay(name)).unwrap() {
            all.push((format!("overlay {name}"), document));
        }
    }
    // Overlays leave the examples of their secrets out.
    for name in ["sqlite", "postgres"] {
        let place = format!("kubernetes/overlays/{name}/secret.yaml");
        for document in documents(&deployed(&place)) {
            all.push((place.clone(), document));
        }
    }
    for path in ["istio", "envoy-gateway"]
        .iter()
        .flat_map(|folder| files_below(&deployed(folder), ".yaml"))
    {
        for document in documents(&path) {
            all.push((
                path.strip_prefix(files::checkout())
                    .unwrap()
                    .display()
                    .to_string(),
                document,
            ));
        }
    }
    all
}

#[test]
fn resources_of_kubernetes_fit_its_schemas_strictly() {
    let folder = files::run_folder().unwrap();
    let mut paths = Vec::new();
    for (number, (_, document)) in all()
        .iter()
        .filter(|(_, document)| !is_custom(document))
        .enumerate()
    {
        let path = folder.join(format!("{number}.yaml"));
        // JSON is YAML.
        fs::write(&path, document.to_string()).unwrap();
        paths.push(path);
    }
    assert!(paths.len() > 20, "{} manifests", paths.len());
    let mut validate = tool("venv/bin/kubernetes-validate");
    output(validate.arg("--strict").args(&paths));
}

#[test]
fn a_field_that_kubernetes_does_not_know_is_found() {
    let folder = files::run_folder().unwrap();
    let mut deployment = documents(&deployed("kubernetes/base/deployment.yaml")).remove(0);
    deployment["spec"]["template"]["spec"]["containers"][0]["imagePull"] = json!("Always");
    let path = folder.join("wrong.yaml");
    fs::write(&path, deployment.to_string()).unwrap();
    let checked = tool("venv/bin/kubernetes-validate")
        .arg("--strict")
        .arg(&path)
        .output()
        .unwrap();
    assert!(!checked.status.success());
}

/// Custom resources as files of a folder, each with the place it is from.
fn custom_resources(folder: &Path) -> Vec<(PathBuf, String, Value)> {
    let custom = all()
        .into_iter()
        .filter(|(_, document)| is_custom(document));
    let write = |(number, (place, document)): (usize, (String, Value))| {
        let path = folder.join(format!("{number}.json"));
        fs::write(&path, document.to_string()).unwrap();
        (path, place, document)
    };
    custom.enumerate().map(write).collect()
}

/// Checks these files against the schemas that packages hold; returns the names of those whose kind none of them knows.
fn validate_by_packages(paths: &[&Path]) -> Result<Vec<String>, String> {
    let checked = tool("tools/node")
        .arg(files::target_folder().join("tools/schemas/validate.mjs"))
        .args(paths)
        .output()
        .unwrap();
    if !checked.status.success() {
        return Err(String::from_utf8_lossy(&checked.stderr).into_owned());
    }
    let unknown = String::from_utf8(checked.stdout).unwrap();
    Ok(unknown.lines().map(str::to_owned).collect())
}

#[test]
fn custom_resources_fit_the_schemas_of_their_projects() {
    let resources = custom_resources(&files::run_folder().unwrap());
    let paths: Vec<&Path> = resources.iter().map(|(path, ..)| &**path).collect();
    let unknown = validate_by_packages(&paths).unwrap();
    assert!(
        paths.len() >= unknown.len() + 14,
        "of {} files these were not checked: {unknown:?}",
        paths.len()
    );
}

#[test]
fn a_value_that_the_schemas_do_not_allow_is_found() {
    let folder = files::run_folder().unwrap();
    let gateway = documents(&deployed("istio/gateway.yaml"));
    let mut gateway = gateway
        .into_iter()
        .find(|document| document["kind"] == "Gateway")
        .unwrap();
    gateway["spec"]["servers"][0]["tls"]["mode"] = json!("NONE");
    let path = folder.join("wrong.json");
    fs::write(&path, gateway.to_string()).unwrap();
    assert!(validate_by_packages(&[&path]).is_err());
}

/// The definitions are stricter than the schemas of the packages: they find fields that there are not.
#[test]
fn custom_resources_fit_the_definitions_of_their_projects() {
    let Some(schemas) = schemas() else { return };
    let folder = files::run_folder().unwrap();
    let mut checked = 0;
    for (path, place, document) in custom_resources(&folder) {
        let text = |field: &str| document[field].as_str().unwrap().to_owned();
        let kind = (text("apiVersion"), text("kind"));
        let Some(schema) = schemas.get(&kind) else {
            if !validate_by_packages(&[&path]).unwrap().is_empty() {
                let name = &document["metadata"]["name"];
                let what = format!("{place}: {} {name}", kind.1);
                skipped(&what, "no definition of this kind at hand");
            }
            continue;
        };
        let result = validate(&folder, schema, &document);
        assert!(
            result.is_ok(),
            "{place}, {kind:?}:\n{}",
            result.unwrap_err()
        );
        checked += 1;
    }
    assert!(checked >= 9, "only {checked} custom resources were checked");
}

#[test]
fn a_field_that_a_custom_resource_does_not_know_is_found() {
    let Some(schemas) = schemas() else { return };
    let mut document = documents(&deployed("istio/verify-wasmplugin.yaml")).remove(0);
    document["spec"]["failstrategy"] = json!("FAIL_RELOAD");
    let kind = (
        "extensions.istio.io/v1alpha1".to_owned(),
        "WasmPlugin".to_owned(),
    );
    assert!(validate(&files::run_folder().unwrap(), &schemas[&kind], &document).is_err());
}

/// The definitions in `LATCHKEY_CRDS`, or in a folder `crds` of a folder beside the checkout; none where there is neither.
fn schemas() -> Option<Schemas> {
    let named = env::var_os("LATCHKEY_CRDS").map(|folder| files::checkout().join(folder));
    let Some(folder) = named.or_else(beside_the_checkout) else {
        skipped(
            "custom resources of Istio and Envoy Gateway",
            "their definitions are not here; set LATCHKEY_CRDS to a folder that has them",
        );
        return None;
    };
    let mut schemas = Schemas::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "yaml") {
            documents(&path)
                .iter()
                .for_each(|definition| take(definition, &mut schemas));
        }
    }
    Some(schemas)
}

fn beside_the_checkout() -> Option<PathBuf> {
    let beside = files::checkout().parent()?;
    let mut folders = fs::read_dir(beside).ok()?.filter_map(Result::ok);
    folders.find_map(|folder| Some(folder.path().join("crds")).filter(|crds| crds.is_dir()))
}

fn take(definition: &Value, schemas: &mut Schemas) {
    let spec = &definition["spec"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    for version in spec["versions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|version| version["served"] == true)
    {
        let mut schema = version["schema"]["openAPIV3Schema"].clone();
        close(&mut schema);
        // What every resource has, whether its definition says so or not.
        schema["properties"]["metadata"] = json!({"type": "object"});
        for name in ["apiVersion", "kind"] {
            schema["properties"][name] = json!({"type": "string"});
        }
        let api = format!("{}/{}", text(&spec["group"]), text(&version["name"]));
        schemas.insert((api, text(&spec["names"]["kind"])), schema);
    }
}

/// Kubernetes drops fields that a definition does not name, without a word; here they are errors.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let open = fields.get("x-kubernetes-preserve-unknown-fields") == Some(&json!(true));
            // In `anyOf` and the like stand conditions, not the whole of an object.
            for (name, field) in fields.iter_mut() {
                if !matches!(name.as_str(), "anyOf" | "oneOf" | "allOf" | "not") {
                    close(field);
                }
            }
            let is_object = fields.get("type") == Some(&json!("object"))
                && fields.get("properties").is_some_and(Value::is_object);
            if is_object && !open && !fields.contains_key("additionalProperties") {
                fields.insert("additionalProperties".to_owned(), json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

fn validate(folder: &Path, schema: &Value, document: &Value) -> Result<(), String> {
    let (schema_file, document_file) = (folder.join("schema.json"), folder.join("document.json"));
    fs::write(&schema_file, schema.to_string()).unwrap();
    fs::write(&document_file, document.to_string()).unwrap();
    let checked = tool("venv/bin/python")
        .args(["-W", "ignore", "-m", "jsonschema", "--instance"])
        .args([&document_file, &schema_file])
        .output()
        .unwrap();
    match checked.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&checked.stderr).into_owned()),
    }
}

#[test]
fn the_store_runs_as_nobody_with_a_file_system_it_cannot_write_to() {
    for name in ["sqlite", "postgres"] {
        let documents = parse(&overlay(name)).unwrap();
        let pods = documents
            .iter()
            .filter_map(|document| document.pointer("/spec/template/spec"));
        let pods: Vec<&Value> = pods.collect();
        assert!(!pods.is_empty());
        for pod in pods {
            assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{name}");
            for container in pod["containers"].as_array().unwrap() {
                assert_eq!(
                    container["securityContext"]["readOnlyRootFilesystem"], true,
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn applying_an_overlay_never_puts_an_example_in_the_place_of_a_secret() {
    for name in ["sqlite", "postgres"] {
        let documents = parse(&overlay(name)).unwrap();
        assert!(
            documents
                .iter()
                .all(|document| document["kind"] != "Secret"),
            "{name}"
        );
        // What the pods read of the secret is what the example shows.
        let path = deployed("kubernetes/overlays")
            .join(name)
            .join("secret.yaml");
        let secret = crate::manifests::documents(&path).remove(0);
        let pods = documents
            .iter()
            .filter_map(|document| document.pointer("/spec/template/spec/containers/0/env"));
        let variables = pods.flat_map(|env| env.as_array().unwrap());
        for read in variables.filter_map(|variable| variable.pointer("/valueFrom/secretKeyRef")) {
            assert_eq!(read["name"], secret["metadata"]["name"], "{name}");
            let key = read["key"].as_str().unwrap();
            assert!(secret["stringData"][key].is_string(), "{name}: {key}");
        }
    }
}

#[test]
fn the_migration_job_can_be_applied_by_itself_and_ends_in_a_mesh() {
    let documents = parse(&overlay("postgres")).unwrap();
    let component = "/metadata/labels/app.kubernetes.io~1component";
    let chosen: Vec<&Value> = documents
        .iter()
        .filter(|document| document.pointer(component) == Some(&json!("migration")))
        .collect();
    assert_eq!(chosen.len(), 1);
    assert_eq!(chosen[0]["kind"], "Job");
    let injected = "/spec/template/metadata/labels/sidecar.istio.io~1inject";
    assert_eq!(chosen[0].pointer(injected), Some(&json!("false")));
}

#[test]
fn only_one_replica_works_on_an_sqlite_file() {
    let documents = parse(&overlay("sqlite")).unwrap();
    let deployment = documents
        .iter()
        .find(|document| document["kind"] == "Deployment")
        .unwrap();
    assert_eq!(deployment["spec"]["replicas"], 1);
    assert_eq!(deployment["spec"]["strategy"]["type"], "Recreate");
}
