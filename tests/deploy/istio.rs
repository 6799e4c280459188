//! `istio/`: the bodies of EnvoyFilter, put where Istio puts them, and what it makes of WasmPlugin and TrafficExtension,
//! in a real Envoy.

use crate::caller::Caller;
use crate::certificates::Authority;
use crate::manifests::manifest;
use crate::walk;
use latchkey_tests::{Bootstrap, Stack, files};
use serde_json::{Map, Value, json};

const MANAGER: &str = "envoy.filters.network.http_connection_manager";
const WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";

/// The listener and the clusters that Istio makes for a gateway or a sidecar, as far as they matter here.
fn proxy(tls: Option<&Authority>) -> Value {
    let router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
    let cors = "type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors";
    let mut chain = json!({"filters": [{
        "name": MANAGER,
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "outbound_0.0.0.0_8443",
            "use_remote_address": true,
            "normalize_path": true,
            "http_filters": [
                {"name": "envoy.filters.http.cors", "typed_config": {"@type": cors}},
                {"name": "envoy.filters.http.router", "typed_config": {"@type": router}},
            ],
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
                {"match": {"prefix": "/"}, "route": {"cluster": "outbound|8080||products.shop.svc.cluster.local"}},
            ]}]},
        },
    }]});
    if let Some(authority) = tls {
        chain["transport_socket"] = downstream_tls(authority);
    }
    let cluster = |name: &str| json!({"name": name, "load_assignment": {"cluster_name": name, "endpoints": []}});
    json!({
        "admin": {},
        "static_resources": {
            "listeners": [{"name": "proxy", "filter_chains": [chain]}],
            "clusters": [
                cluster("outbound|8080||products.shop.svc.cluster.local"),
                cluster("outbound|8480||latchkey-store.latchkey.svc.cluster.local"),
            ],
        },
    })
}

/// What a listener that terminates TLS has in its filter chain.
pub(crate) fn downstream_tls(authority: &Authority) -> Value {
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {"tls_certificates": [{
                "certificate_chain": {"filename": authority.file("edge.crt")},
                "private_key": {"filename": authority.file("edge.key")},
            }]},
        },
    })
}

/// Does with the patches what istiod and the agent beside Envoy do.
fn apply(proxy: &mut Value, filter: &Value) {
    let mut extensions = Map::new();
    for patch in filter["spec"]["configPatches"].as_array().unwrap() {
        let value = &patch["patch"]["value"];
        let matched = patch.pointer("/match/listener/filterChain/filter/name");
        assert!(matched.is_none_or(|name| name == MANAGER), "{matched:?}");
        match (
            patch["applyTo"].as_str().unwrap(),
            patch["patch"]["operation"].as_str().unwrap(),
        ) {
            ("EXTENSION_CONFIG", "ADD") => {
                let name = value["name"].as_str().unwrap().to_owned();
                extensions.insert(name, fetched(&value["typed_config"]));
            }
            ("HTTP_FILTER", "INSERT_FIRST") => {
                let name = value["name"].as_str().unwrap();
                assert_eq!(value["config_discovery"]["type_urls"], json!([WASM]));
                let found = json!({"name": name, "typed_config": extensions[name]});
                manager(proxy)["http_filters"]
                    .as_array_mut()
                    .unwrap()
                    .insert(0, found);
            }
            ("NETWORK_FILTER", "MERGE") => {
                json_patch::merge(manager(proxy), &value["typed_config"])
            }
            ("BOOTSTRAP", "MERGE") => json_patch::merge(proxy, value),
            other => panic!("istio/ has a patch that this test does not know: {other:?}"),
        }
    }
}

/// The agent fetches what `code.remote` names and puts the file's name in its place.
fn fetched(typed_config: &Value) -> Value {
    let mut filter = typed_config.clone();
    let code = filter.pointer_mut("/config/vm_config/code").unwrap();
    let address = code.pointer("/remote/http_uri/uri").and_then(Value::as_str);
    assert!(address.unwrap().starts_with("oci://"), "{code}");
    *code = json!({"local": {"filename": files::module().unwrap()}});
    filter
}

fn manager(proxy: &mut Value) -> &mut Value {
    proxy
        .pointer_mut("/static_resources/listeners/0/filter_chains/0/filters/0/typed_config")
        .unwrap()
}

/// The filter that istiod makes of a WasmPlugin, or of the `wasm` part of a TrafficExtension.
fn plugin(name: &str, wasm: &Value) -> Value {
    let variables = wasm["vmConfig"]["env"].as_array().unwrap();
    let from_host = variables
        .iter()
        .filter(|variable| variable["valueFrom"] == "HOST");
    let names: Vec<&Value> = from_host.map(|variable| &variable["name"]).collect();
    assert_eq!(
        names.len(),
        variables.len(),
        "no secret stands in a manifest"
    );
    assert_eq!(wasm["failStrategy"], "FAIL_RELOAD");
    assert!(wasm["url"].as_str().unwrap().starts_with("oci://"));
    json!({"name": name, "typed_config": {"@type": WASM, "config": {
        "name": name,
        "failure_policy": wasm["failStrategy"],
        "vm_config": {
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": files::module().unwrap()}},
            "environment_variables": {"host_env_keys": names},
        },
        "configuration": {
            "@type": "type.googleapis.com/google.protobuf.StringValue",
            "value": wasm["pluginConfig"].to_string(),
        },
    }}})
}

/// The gateway's Envoy, with what the two EnvoyFilters say.
pub(crate) fn gateway(authority: &Authority) -> Value {
    let mut gateway = proxy(Some(authority));
    for (path, name) in [
        ("istio/issue.yaml", "latchkey"),
        ("istio/metrics.yaml", "latchkey-metrics"),
    ] {
        apply(&mut gateway, &manifest(path, "EnvoyFilter", name));
    }
    gateway
}

/// The Envoy of a workload, with the WasmPlugin.
pub(crate) fn wasm_plugin() -> Value {
    let manifest = manifest(
        "istio/verify-wasmplugin.yaml",
        "WasmPlugin",
        "latchkey-verify",
    );
    assert_eq!(manifest["spec"]["phase"], "AUTHN");
    sidecar(&manifest["spec"])
}

fn sidecar(wasm: &Value) -> Value {
    let mut sidecar = proxy(None);
    manager(&mut sidecar)["http_filters"]
        .as_array_mut()
        .unwrap()
        .insert(0, plugin("shop.latchkey-verify", wasm));
    let metrics = manifest(
        "istio/metrics.yaml",
        "EnvoyFilter",
        "latchkey-metrics-of-products",
    );
    apply(&mut sidecar, &metrics);
    sidecar
}

/// Fails the test unless the requests that were let through are counted under labels, as the alerts read them.
#[track_caller]
fn assert_labels(stack: &Stack) {
    let allowed = [("result", "allowed"), ("reason", "valid_token")];
    let counted = stack
        .envoy
        .metrics()
        .sum("latchkey_requests_total", &allowed);
    assert_eq!(counted, 1.0);
}

#[test]
fn the_gateway_of_envoyfilter_issues_tokens_and_guards() {
    let authority = Authority::new(&files::run_folder().unwrap());
    authority.issue("edge", "api.example.com");
    let mut gateway = gateway(&authority);
    assert_eq!(
        manager(&mut gateway)["path_with_escaped_slashes_action"],
        "REJECT_REQUEST"
    );

    let stack = Stack::setup().base(Bootstrap(gateway)).start();
    let caller = Caller::tls(
        "api.example.com",
        stack.envoy.address(),
        &authority.file("ca.crt"),
    );
    walk::issues_and_guards(&caller, &stack.store, &stack.upstream);
    assert_labels(&stack);
}

#[test]
fn the_sidecar_of_wasmplugin_verifies() {
    let stack = Stack::setup().base(Bootstrap(wasm_plugin())).start();
    walk::only_guards(&stack, &Caller::plain(stack.envoy.address()));
    assert_labels(&stack);
}

#[test]
fn the_sidecar_of_trafficextension_verifies() {
    let manifest = manifest(
        "istio/verify-trafficextension.yaml",
        "TrafficExtension",
        "latchkey-verify",
    );
    assert_eq!(manifest["spec"]["phase"], "AUTHN");
    let sidecar = sidecar(&manifest["spec"]["wasm"]);
    let stack = Stack::setup().base(Bootstrap(sidecar)).start();
    walk::only_guards(&stack, &Caller::plain(stack.envoy.address()));
    assert_labels(&stack);
}

#[test]
fn both_ways_for_sidecars_configure_the_same() {
    let plugin = manifest(
        "istio/verify-wasmplugin.yaml",
        "WasmPlugin",
        "latchkey-verify",
    );
    let extension = manifest(
        "istio/verify-trafficextension.yaml",
        "TrafficExtension",
        "latchkey-verify",
    );
    for field in ["url", "failStrategy", "vmConfig", "pluginConfig"] {
        assert_eq!(
            plugin["spec"][field], extension["spec"]["wasm"][field],
            "{field}"
        );
    }
    for field in ["selector", "phase", "match"] {
        assert_eq!(plugin["spec"][field], extension["spec"][field], "{field}");
    }
}

#[test]
fn sidecar_and_gateway_trust_the_same_issuer_and_audience() {
    let sidecar = &manifest(
        "istio/verify-wasmplugin.yaml",
        "WasmPlugin",
        "latchkey-verify",
    )["spec"]["pluginConfig"];
    let filter = manifest("istio/issue.yaml", "EnvoyFilter", "latchkey");
    let text =
        filter.pointer("/spec/configPatches/0/patch/value/typed_config/config/configuration/value");
    let gateway: Value = serde_json::from_str(text.unwrap().as_str().unwrap()).unwrap();
    for field in ["issuer", "audience", "keys"] {
        assert_eq!(sidecar[field], gateway[field], "{field}");
    }
}
