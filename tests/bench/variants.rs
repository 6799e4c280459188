//! What is measured: one listener of the same Envoy for each filter, and what is sent to it.

use anyhow::{Context, Result};
use latchkey_tests::Bootstrap;
use serde::Serialize;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;

use crate::ext_authz;
use crate::tokens::{Issuer, SIGNING_KEY};

/// One line of the tables.
#[derive(Clone, Serialize)]
pub struct Variant {
    /// Its name in the results.
    pub name: String,
    /// What it is, in words.
    pub what: String,
    /// The listener it is sent to.
    #[serde(skip)]
    pub listener: String,
    /// What is sent.
    #[serde(skip)]
    pub sends: Sends,
    /// Whether its time depends on which token is sent.
    #[serde(skip)]
    pub reads_token: bool,
}

/// The `Authorization` header of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sends {
    /// A valid token.
    Token,
    /// Nothing.
    Nothing,
    /// A token whose signature is another's.
    BadSignature,
}

impl Variant {
    /// The status of its responses.
    pub fn status(&self) -> u16 {
        if self.sends == Sends::Token { 200 } else { 401 }
    }
}

/// The listener without a filter, which the others are compared with.
pub const BASE: &str = "none";

fn serving(name: &str, what: &str, reads_token: bool) -> Variant {
    Variant {
        name: name.to_owned(),
        what: what.to_owned(),
        listener: name.to_owned(),
        sends: Sends::Token,
        reads_token,
    }
}

fn refusing(name: &str, what: &str, sends: Sends) -> Variant {
    Variant {
        name: name.to_owned(),
        what: what.to_owned(),
        listener: "latchkey".to_owned(),
        sends,
        reads_token: false,
    }
}

/// All variants that are measured by default.
pub fn all() -> Vec<Variant> {
    let sdk = "as the SDK makes it";
    let trimmed = "the same without needless exports";
    vec![
        serving(BASE, "no filter", false),
        serving(
            "noop",
            &format!("wasm filter that does nothing, {sdk}"),
            false,
        ),
        serving("noop-trimmed", trimmed, false),
        serving(
            "read-set",
            &format!("wasm, reads one header and sets one, {sdk}"),
            false,
        ),
        serving("read-set-trimmed", trimmed, false),
        serving(
            "hostcalls",
            "wasm, Latchkey's hostcalls and nothing else",
            false,
        ),
        serving("latchkey", "Latchkey, valid token", true),
        refusing(
            "latchkey-no-token",
            "Latchkey refusing: no token",
            Sends::Nothing,
        ),
        refusing(
            "latchkey-bad-signature",
            "Latchkey refusing: bad signature",
            Sends::BadSignature,
        ),
        serving(
            "jwt_authn",
            "jwt_authn, HS256, as people configure it",
            true,
        ),
        serving("jwt_authn-cache", "jwt_authn with jwt_cache_config", true),
        serving("lua", "Envoy's Lua filter, HS256 in Lua", true),
        serving(
            "ext_authz",
            "ext_authz over gRPC, a service with Latchkey's core",
            true,
        ),
    ]
}

/// What single hostcalls cost: a filter without needless exports that does one thing. Measured on request.
pub fn hostcalls() -> Vec<Variant> {
    [
        ("hostcall-read-one", "wasm, reads one header"),
        ("hostcall-read-all", "wasm, reads all headers"),
        ("hostcall-set-one", "wasm, sets one header"),
        ("hostcall-clock", "wasm, reads the clock"),
        ("hostcall-count", "wasm, counts one metric"),
        (
            "hostcall-filter-state",
            "wasm, sets one piece of filter state",
        ),
    ]
    .map(|(name, what)| serving(name, what, false))
    .into()
}

/// Another build of Latchkey, to compare with. Its listener's name is the path of the module.
pub fn build(module: &Path) -> Variant {
    let name = module.file_stem().unwrap_or_default().to_string_lossy();
    Variant {
        listener: module.display().to_string(),
        ..serving(&name, "Latchkey, another build", true)
    }
}

/// The filter of a listener; `None` for the one without.
fn filter(listener: &str, folder: &Path, issuer: &Issuer, latchkey: &Value) -> Option<Value> {
    let sdk = |work| Some(trial(listener, &folder.join("sdk.wasm"), work));
    let trimmed = |work| Some(trial(listener, &folder.join("trimmed.wasm"), work));
    match listener {
        BASE => None,
        "noop" => sdk("nothing"),
        "noop-trimmed" => trimmed("nothing"),
        "read-set" => sdk("read one, set one"),
        "read-set-trimmed" => trimmed("read one, set one"),
        "hostcalls" => trimmed("hostcalls of Latchkey"),
        "latchkey" => Some(wasm(latchkey.clone())),
        "jwt_authn" => Some(jwt_authn(issuer, None)),
        "jwt_authn-cache" => Some(jwt_authn(issuer, Some(json!({"jwt_cache_size": 2000})))),
        "lua" => Some(lua(issuer)),
        "ext_authz" => Some(ext_authz()),
        "hostcall-read-one" => trimmed("read one"),
        "hostcall-read-all" => trimmed("read all"),
        "hostcall-set-one" => trimmed("set one"),
        "hostcall-clock" => trimmed("read the clock"),
        "hostcall-count" => trimmed("count one"),
        "hostcall-filter-state" => trimmed("set filter state"),
        path => {
            let mut build = latchkey.clone();
            // What the example allows is what this module needs; another may need more.
            build["capability_restriction_config"].take();
            build["vm_config"]["vm_id"] = path.into();
            build["vm_config"]["code"]["local"]["filename"] = path.into();
            Some(wasm(build))
        }
    }
}

/// The example's configuration with a listener for each of the variants in place of the example's one.
pub fn bootstrap(
    variants: &[Variant],
    folder: &Path,
    store: SocketAddr,
    upstream: SocketAddr,
) -> Result<(Bootstrap, Issuer)> {
    let mut bootstrap = Bootstrap::example()?;
    bootstrap.admin(0);
    bootstrap.connect(store, upstream)?;
    let configuration = bootstrap.configuration()?;
    let issuer = Issuer::of(&configuration);
    let latchkey = Value::Object(bootstrap.plugin()?.clone());
    // The same for all, and dear: a line of JSON for each request.
    bootstrap.connection_manager()?.remove("access_log");
    let router = bootstrap.connection_manager()?["http_filters"].as_array();
    let router = router
        .and_then(|filters| filters.last())
        .context("envoy.yaml has no router")?
        .clone();

    let mut names: Vec<&str> = Vec::new();
    let mut listeners = vec![lookup(&mut bootstrap, &router)?];
    for variant in variants {
        if names.contains(&&*variant.listener) {
            continue;
        }
        names.push(&variant.listener);
        let filter = filter(&variant.listener, folder, &issuer, &latchkey);
        let filters: Vec<Value> = filter.into_iter().chain([router.clone()]).collect();
        bootstrap.connection_manager()?["http_filters"] = filters.into();
        let mut listener = bootstrap.0["static_resources"]["listeners"][0].clone();
        listener["name"] = variant.listener.clone().into();
        listeners.push(listener);
    }
    if names.contains(&"ext_authz") {
        let service = ext_authz_cluster(ext_authz::start(&configuration)?);
        let clusters = bootstrap.0["static_resources"]["clusters"].as_array_mut();
        clusters
            .context("envoy.yaml has no clusters")?
            .push(service);
    }
    bootstrap.0["static_resources"]["listeners"] = listeners.into();
    bootstrap.listen(0)?;
    Ok((bootstrap, issuer))
}

/// A listener that hands requests on to the credential store.
fn lookup(bootstrap: &mut Bootstrap, router: &Value) -> Result<Value> {
    bootstrap.connection_manager()?["http_filters"] = json!([router]);
    let mut listener = bootstrap.0["static_resources"]["listeners"][0].clone();
    listener["name"] = "lookup".into();
    let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
    manager["route_config"]["virtual_hosts"][0]["routes"] =
        json!([{"match": {"prefix": "/"}, "route": {"cluster": "credential_lookup"}}]);
    Ok(listener)
}

fn wasm(config: Value) -> Value {
    json!({
        "name": "wasm",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": config,
        },
    })
}

fn trial(name: &str, module: &Path, work: &str) -> Value {
    wasm(json!({
        "name": name,
        "failure_policy": "FAIL_RELOAD",
        "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": work},
        "vm_config": {
            "vm_id": name,
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": module}},
        },
    }))
}

/// The same check as Latchkey's example makes, with the same headers for the upstream.
fn jwt_authn(issuer: &Issuer, cache: Option<Value>) -> Value {
    let key = latchkey_tests::jwt::encode(SIGNING_KEY);
    let keys = json!({"keys": [{"kty": "oct", "alg": "HS256", "k": key}]});
    let mut provider = json!({
        "issuer": issuer.issuer,
        "audiences": [issuer.audience],
        "forward": true,
        "local_jwks": {"inline_string": keys.to_string()},
        "claim_to_headers": [
            {"header_name": "x-customer-code", "claim_name": "sub"},
            {"header_name": "x-token-scope", "claim_name": "scope"},
        ],
    });
    if let Some(cache) = cache {
        provider["jwt_cache_config"] = cache;
    }
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": {"latchkey": provider},
            "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "latchkey"}}],
        },
    })
}

fn lua(issuer: &Issuer) -> Value {
    let source = include_str!("hs256.lua")
        .replace("ISSUER", &issuer.issuer)
        .replace("AUDIENCE", &issuer.audience);
    json!({
        "name": "envoy.filters.http.lua",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": source},
        },
    })
}

fn ext_authz() -> Value {
    json!({
        "name": "envoy.filters.http.ext_authz",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
            "transport_api_version": "V3",
            "grpc_service": {"envoy_grpc": {"cluster_name": "ext_authz"}, "timeout": "1s"},
        },
    })
}

fn ext_authz_cluster(service: SocketAddr) -> Value {
    let address = json!({"socket_address": {"address": "127.0.0.1", "port_value": service.port()}});
    json!({
        "name": "ext_authz",
        "type": "STATIC",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http2_protocol_options": {}},
            },
        },
        "load_assignment": {
            "cluster_name": "ext_authz",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    })
}
