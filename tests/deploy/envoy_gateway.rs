//! `envoy-gateway/`: what Envoy Gateway makes of EnvoyExtensionPolicy, changed by EnvoyPatchPolicy, in a real Envoy.

use crate::caller::Caller;
use crate::certificates::Authority;
use crate::istio::downstream_tls;
use crate::manifests::manifest;
use crate::walk;
use latchkey_tests::{Bootstrap, Stack, files};
use serde_json::{Value, json};

const LISTENER: &str = "latchkey/api/https";

/// The listener and cluster that Envoy Gateway makes of `gateway.yaml` and an extension policy.
fn proxy(authority: &Authority, policy: &Value) -> Value {
    let (namespace, name) = (
        &policy["metadata"]["namespace"],
        &policy["metadata"]["name"],
    );
    let wasm = &policy["spec"]["wasm"][0];
    assert_eq!(wasm["failOpen"], false);
    let id = format!(
        "envoyextensionpolicy/{}/{}/wasm/0",
        namespace.as_str().unwrap(),
        name.as_str().unwrap()
    );
    let filter = format!("envoy.filters.http.wasm/{id}");
    let service = "httproute/latchkey/products/rule/0";
    // Filters of policies are off for all, and switched on for each route.
    let switch =
        json!({"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "config": {}});
    json!({
        "admin": {},
        "static_resources": {
            "listeners": [{"name": LISTENER, "filter_chains": [{
                "name": LISTENER,
                "transport_socket": downstream_tls(authority),
                "filters": [{
                    "name": "envoy.filters.network.http_connection_manager",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                        "stat_prefix": "https-443",
                        "use_remote_address": true,
                        "normalize_path": true,
                        "merge_slashes": true,
                        "http_filters": [
                            {"name": filter, "disabled": true, "typed_config": {
                                "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                                "config": {
                                    "name": wasm["name"],
                                    "vm_config": {
                                        "vm_id": id,
                                        "runtime": "envoy.wasm.runtime.v8",
                                        "code": {"local": {"filename": files::module().unwrap()}},
                                        "environment_variables": {"host_env_keys": wasm["env"]["hostKeys"]},
                                    },
                                    "configuration": {
                                        "@type": "type.googleapis.com/google.protobuf.StringValue",
                                        "value": wasm["config"].to_string(),
                                    },
                                },
                            }},
                            {"name": "envoy.filters.http.router", "typed_config": {
                                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
                            }},
                        ],
                        "route_config": {"virtual_hosts": [{"name": "api", "domains": ["api.example.com"], "routes": [{
                            "match": {"prefix": "/"},
                            "route": {"cluster": service},
                            "typed_per_filter_config": {filter.clone(): switch},
                        }]}]},
                    },
                }],
            }]}],
            "clusters": [{"name": service, "load_assignment": {"cluster_name": service, "endpoints": []}}],
        },
    })
}

/// Does with the patches what Envoy Gateway does.
fn apply(proxy: &mut Value, policy: &Value) {
    for patch in policy["spec"]["jsonPatches"].as_array().unwrap() {
        let operation = &patch["operation"];
        let kind = patch["type"].as_str().unwrap();
        let resources = match kind.rsplit_once('.').unwrap().1 {
            "Listener" => "/static_resources/listeners",
            "Cluster" => "/static_resources/clusters",
            other => panic!("a patch for a {other}, which this test does not know"),
        };
        let resources = proxy
            .pointer_mut(resources)
            .unwrap()
            .as_array_mut()
            .unwrap();
        if operation["path"] == "" {
            assert_eq!(operation["value"]["name"], patch["name"]);
            resources.push(operation["value"].clone());
            continue;
        }
        let named = resources
            .iter_mut()
            .find(|resource| resource["name"] == patch["name"]);
        let resource = named.unwrap_or_else(|| panic!("no resource {}", patch["name"]));
        let place = json!({
            "op": operation["op"],
            "path": format!("{}{}", pointer(operation["jsonPath"].as_str().unwrap()), operation["path"].as_str().unwrap()),
            "value": operation["value"],
        });
        let patch: json_patch::Patch = serde_json::from_value(json!([place])).unwrap();
        json_patch::patch(resource, &patch).unwrap();
    }
}

/// The place of a path of the one form used here: the configuration of the HTTP filter of a certain name, the first.
fn pointer(path: &str) -> String {
    let name = path
        .strip_prefix("$..http_filters[?(@.name=='")
        .and_then(|rest| rest.strip_suffix("')].typed_config.config"));
    let expected = "envoy.filters.http.wasm/envoyextensionpolicy/latchkey/latchkey/wasm/0";
    assert_eq!(name, Some(expected), "{path}");
    "/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config".to_owned()
}

/// The gateway that issues tokens: extension policy, patch policy, and the bootstrap's patches.
pub(crate) fn issuing(authority: &Authority) -> Value {
    let policy = |kind| manifest("envoy-gateway/issue.yaml", kind, "latchkey");
    let mut gateway = proxy(authority, &policy("EnvoyExtensionPolicy"));
    apply(&mut gateway, &policy("EnvoyPatchPolicy"));
    let stats = manifest("envoy-gateway/gateway.yaml", "EnvoyProxy", "latchkey");
    let patches = stats["spec"]["bootstrap"]["jsonPatches"].clone();
    let patches: json_patch::Patch = serde_json::from_value(patches).unwrap();
    json_patch::patch(&mut gateway, &patches).unwrap();
    gateway
}

/// The gateway that only verifies.
pub(crate) fn verifying(authority: &Authority) -> Value {
    let policy = manifest(
        "envoy-gateway/verify.yaml",
        "EnvoyExtensionPolicy",
        "latchkey",
    );
    proxy(authority, &policy)
}

fn authority() -> Authority {
    let authority = Authority::new(&files::run_folder().unwrap());
    authority.issue("edge", "api.example.com");
    authority
}

fn caller(stack: &Stack, authority: &Authority) -> Caller {
    Caller::tls(
        "api.example.com",
        stack.envoy.address(),
        &authority.file("ca.crt"),
    )
}

#[test]
fn the_gateway_of_extension_and_patch_policy_issues_tokens_and_guards() {
    let authority = authority();
    let gateway = issuing(&authority);
    let stack = Stack::setup().base(Bootstrap(gateway)).start();
    walk::issues_and_guards(&caller(&stack, &authority), &stack.store, &stack.upstream);
    let allowed = [("result", "allowed"), ("reason", "valid_token")];
    assert_eq!(
        stack
            .envoy
            .metrics()
            .sum("latchkey_requests_total", &allowed),
        1.0
    );
}

#[test]
fn d19_without_the_patches_token_requests_get_an_error_and_never_reach_the_api() {
    let authority = authority();
    let policy = manifest(
        "envoy-gateway/issue.yaml",
        "EnvoyExtensionPolicy",
        "latchkey",
    );
    let mut gateway = proxy(&authority, &policy);
    apply(&mut gateway, &only_the_cluster());
    let stack = Stack::setup().base(Bootstrap(gateway)).start();
    let reply = caller(&stack, &authority).ask_for_token("ACME01", "lk_x");
    assert!(reply.status >= 500, "{reply:?}");
    assert_eq!(stack.upstream.count(), 0);
}

fn only_the_cluster() -> Value {
    let mut policy = manifest("envoy-gateway/issue.yaml", "EnvoyPatchPolicy", "latchkey");
    let patches = policy["spec"]["jsonPatches"].as_array_mut().unwrap();
    patches.retain(|patch| patch["operation"]["path"] == "");
    policy
}

#[test]
fn the_gateway_of_the_extension_policy_alone_verifies() {
    let authority = authority();
    let stack = Stack::setup()
        .base(Bootstrap(verifying(&authority)))
        .start();
    walk::only_guards(&stack, &caller(&stack, &authority));
}
