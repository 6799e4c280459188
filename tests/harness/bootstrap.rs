//! The configuration of one Envoy, made from the example that operators copy.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use crate::files;

/// The cluster that the filter asks for customers' records, where its configuration names no other.
const LOOKUP_CLUSTER: &str = "credential_lookup";

/// An example of `envoy/` as JSON, with what differs from run to run replaced.
pub struct Bootstrap(pub Value);

impl Bootstrap {
    /// The example that most tests start from, with the built module in it.
    pub fn example() -> Result<Self> {
        Self::read("envoy.yaml")
    }

    /// Any example by its file name in `envoy/`, with the built module in it.
    pub fn read(name: &str) -> Result<Self> {
        let mut bootstrap = Self::parse(name)?;
        bootstrap.use_module(&files::module()?)?;
        Ok(bootstrap)
    }

    /// The same just as it is written.
    pub fn parse(name: &str) -> Result<Self> {
        let path = files::checkout().join("envoy").join(name);
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let value = serde_saphyr::from_str(&text)
            .with_context(|| format!("{} is no YAML", path.display()))?;
        Ok(Self(value))
    }

    /// Where the admin interface listens; port 0 lets the system choose.
    pub fn admin(&mut self, port: u16) {
        self.0["admin"]["address"] = loopback(port);
    }

    /// Where requests are taken; port 0 lets the system choose.
    pub fn listen(&mut self, port: u16) -> Result<()> {
        for listener in list(&mut self.0, "/static_resources/listeners")? {
            listener["address"] = loopback(port);
        }
        Ok(())
    }

    /// Sends the lookup cluster to the store and every other cluster to the upstream.
    pub fn connect(&mut self, store: SocketAddr, upstream: SocketAddr) -> Result<()> {
        let lookup = self.lookup_cluster()?;
        for cluster in list(&mut self.0, "/static_resources/clusters")? {
            let address = if cluster["name"] == *lookup {
                store
            } else {
                upstream
            };
            set_endpoints(cluster, &[address])?;
        }
        Ok(())
    }

    /// Sends the lookup cluster somewhere else; `None` leaves it without any endpoint.
    pub fn connect_lookup(&mut self, address: Option<SocketAddr>) -> Result<()> {
        let lookup = self.lookup_cluster()?;
        let clusters = list(&mut self.0, "/static_resources/clusters")?;
        let mut own = clusters
            .iter_mut()
            .filter(|cluster| cluster["name"] == *lookup);
        set_endpoints(
            own.next().context("envoy.yaml has no lookup cluster")?,
            address.as_slice(),
        )
    }

    /// Puts the cluster for several replicas of the store, `envoy/lookup-replicas.yaml`, in the place of the example's.
    pub fn connect_replicas(&mut self, addresses: &[SocketAddr]) -> Result<()> {
        let path = files::checkout().join("envoy/lookup-replicas.yaml");
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let mut cluster: Value = serde_saphyr::from_str(&text)
            .with_context(|| format!("{} is no YAML", path.display()))?;
        set_endpoints(&mut cluster, addresses)?;
        let clusters = list(&mut self.0, "/static_resources/clusters")?;
        let own = clusters
            .iter_mut()
            .find(|cluster| cluster["name"] == LOOKUP_CLUSTER);
        *own.context("envoy.yaml has no lookup cluster")? = cluster;
        Ok(())
    }

    /// Changes the filter's configuration by a JSON merge patch (RFC 7396): `null` removes a key, a list replaces a list.
    pub fn merge_configuration(&mut self, patch: &Value) -> Result<()> {
        let mut configuration = self.configuration()?;
        json_patch::merge(&mut configuration, patch);
        self.replace_configuration(&configuration.to_string())
    }

    /// The filter's configuration as it stands.
    pub fn configuration(&mut self) -> Result<Value> {
        let text = self.plugin()?["configuration"]["value"].take();
        let text = text
            .as_str()
            .context("the filter's configuration is no text")?
            .to_owned();
        self.replace_configuration(&text)?;
        serde_json::from_str(&text).context("the filter's configuration in envoy.yaml is no JSON")
    }

    /// Puts any text in the place of the filter's configuration.
    pub fn replace_configuration(&mut self, text: &str) -> Result<()> {
        self.plugin()?["configuration"] = json!({
            "@type": "type.googleapis.com/google.protobuf.StringValue",
            "value": text,
        });
        Ok(())
    }

    /// Adds the first listener of another configuration under a name of its own, on a free port.
    pub fn add_listener(&mut self, name: &str, mut other: Self) -> Result<()> {
        let mut listener = list(&mut other.0, "/static_resources/listeners")?.swap_remove(0);
        listener["name"] = json!(name);
        listener["address"] = loopback(0);
        list(&mut self.0, "/static_resources/listeners")?.push(listener);
        Ok(())
    }

    /// Lets paths and header names come as they are sent: what the filter must not depend on.
    pub fn leave_requests_as_they_come(&mut self) -> Result<()> {
        let manager = self.connection_manager()?;
        for protection in [
            "normalize_path",
            "merge_slashes",
            "path_with_escaped_slashes_action",
        ] {
            manager.remove(protection).context(protection)?;
        }
        let options = manager["common_http_protocol_options"].as_object_mut();
        let options = options.context("common_http_protocol_options")?;
        options
            .remove("headers_with_underscores_action")
            .context("headers_with_underscores_action")?;
        Ok(())
    }

    /// Writes the access log to a file of its own, where no line of Envoy's own log falls in the middle of it.
    pub fn log_requests_to(&mut self, path: &Path) -> Result<()> {
        let log = &mut self.connection_manager()?["access_log"][0];
        log["name"] = json!("envoy.access_loggers.file");
        log["typed_config"]["@type"] =
            json!("type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog");
        log["typed_config"]["path"] = json!(path);
        Ok(())
    }

    /// Takes trailers from HTTP/1.1 callers, and hands them on to the API.
    pub fn forward_trailers(&mut self) -> Result<()> {
        let enabled = json!({"enable_trailers": true});
        let manager = self.connection_manager()?;
        manager.insert("http_protocol_options".to_owned(), enabled.clone());
        let api = list(&mut self.0, "/static_resources/clusters")?
            .iter_mut()
            .find(|cluster| cluster["name"] == "api")
            .context("envoy.yaml has no cluster api")?;
        api["typed_extension_protocol_options"] = json!({
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http_protocol_options": enabled},
            }
        });
        Ok(())
    }

    /// Lets the filter see a further variable of Envoy's environment.
    pub fn show_variable(&mut self, name: &str) -> Result<()> {
        let plugin = self.plugin()?;
        let keys = plugin["vm_config"].pointer_mut("/environment_variables/host_env_keys");
        let keys = keys.and_then(Value::as_array_mut);
        keys.context("envoy.yaml has no host_env_keys")?
            .push(json!(name));
        Ok(())
    }

    /// The `PluginConfig` of the filter.
    pub fn plugin(&mut self) -> Result<&mut Map<String, Value>> {
        self.connection_manager()?
            .get_mut("http_filters")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
            .find_map(|filter| filter.pointer_mut("/typed_config/config"))
            .and_then(Value::as_object_mut)
            .context("envoy.yaml has no wasm filter")
    }

    /// The `HttpConnectionManager` of the listener.
    pub fn connection_manager(&mut self) -> Result<&mut Map<String, Value>> {
        self.0
            .pointer_mut("/static_resources/listeners/0/filter_chains/0/filters/0/typed_config")
            .and_then(Value::as_object_mut)
            .context("envoy.yaml has no HTTP connection manager")
    }

    fn lookup_cluster(&mut self) -> Result<String> {
        let configuration = self.configuration()?;
        let named = configuration.pointer("/token_endpoint/lookup/cluster");
        Ok(named
            .and_then(Value::as_str)
            .unwrap_or(LOOKUP_CLUSTER)
            .to_owned())
    }

    fn use_module(&mut self, path: &Path) -> Result<()> {
        let plugin = self.plugin()?;
        plugin["vm_config"]["code"] = json!({"local": {"filename": path}});
        Ok(())
    }
}

fn set_endpoints(cluster: &mut Value, addresses: &[SocketAddr]) -> Result<()> {
    cluster["type"] = json!("STATIC");
    let endpoints: Vec<Value> = addresses
        .iter()
        .map(|address| json!({"endpoint": {"address": loopback(address.port())}}))
        .collect();
    let place = cluster.pointer_mut("/load_assignment/endpoints");
    *place.context("a cluster of envoy.yaml has no endpoints")? =
        json!([{"lb_endpoints": endpoints}]);
    Ok(())
}

fn list<'a>(value: &'a mut Value, pointer: &str) -> Result<&'a mut Vec<Value>> {
    value
        .pointer_mut(pointer)
        .and_then(Value::as_array_mut)
        .with_context(|| format!("envoy.yaml has nothing at {pointer}"))
}

fn loopback(port: u16) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port}})
}
