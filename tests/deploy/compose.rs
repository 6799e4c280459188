//! `docker-compose/`: parsed by compose, and its parts run as processes: Envoy, the API, two stores on a real PostgreSQL,
//! Prometheus. Only the containers are missing; `test.sh` is for a machine with an engine.

use crate::caller::Caller;
use crate::manifests::documents;
use crate::{deployed, output};
use latchkey_tests::process::Process;
use latchkey_tests::{
    Bootstrap, Connection, Envoy, Postgres, Request, SIGNING_KEY, Store, files, wait,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::sync::{LazyLock, Mutex};

const TOKEN: &str = "the-service-token-of-the-compose-stack";

pub(crate) struct Compose {
    pub(crate) stores: [Store; 2],
    pub(crate) envoy: Envoy,
    pub(crate) prometheus: SocketAddr,
    pub(crate) upstream: Envoy,
    _database: Postgres,
    _prometheus: Mutex<Process>,
}

pub(crate) static COMPOSE: LazyLock<Compose> = LazyLock::new(Compose::start);

impl Compose {
    fn start() -> Self {
        let folder = files::run_folder().unwrap();
        let database = Postgres::start().unwrap();
        let url = database.database().unwrap();
        let store =
            |name: &str| Store::start_on(&url, &folder.join(format!("{name}.log")), TOKEN).unwrap();
        let stores = [store("store-1"), store("store-2")];

        let mut upstream =
            Bootstrap(documents(&deployed("docker-compose/upstream.yaml")).remove(0));
        upstream.admin(0);
        upstream.listen(0).unwrap();
        let upstream = Envoy::start(&folder.join("upstream"), &upstream, &[]).unwrap();

        let admin = free_address();
        let mut bootstrap = Bootstrap::read("docker-compose/envoy.yaml").unwrap();
        bootstrap.admin(admin.port());
        bootstrap.listen(0).unwrap();
        let names = BTreeMap::from([
            ("upstream", upstream.listener("api")),
            ("store-1", stores[0].address()),
            ("store-2", stores[1].address()),
            ("127.0.0.1", admin),
        ]);
        resolve(&mut bootstrap.0["static_resources"]["clusters"], &names);
        let environment = [
            ("LATCHKEY_SIGNING_KEY", SIGNING_KEY),
            ("LATCHKEY_LOOKUP_TOKEN", TOKEN),
        ];
        let envoy = Envoy::start(&folder, &bootstrap, &environment).unwrap();
        let (process, prometheus) = start_prometheus(&folder, envoy.listener("metrics"), &stores);
        Self {
            stores,
            envoy,
            prometheus,
            upstream,
            _database: database,
            _prometheus: Mutex::new(process),
        }
    }

    pub(crate) fn caller(&self) -> Caller {
        Caller::plain(self.envoy.listener("api"))
    }

    /// What Prometheus answers to a query now.
    pub(crate) fn query(&self, expression: &str) -> Vec<Value> {
        let encoded =
            percent_encoding::utf8_percent_encode(expression, percent_encoding::NON_ALPHANUMERIC);
        let answer = self.prometheus_json(&format!("/api/v1/query?query={encoded}"));
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        answer["data"]["result"].as_array().unwrap().clone()
    }

    pub(crate) fn prometheus_json(&self, path: &str) -> Value {
        Request::get(path).send(self.prometheus).unwrap().json()
    }
}

/// Puts real addresses in the place of the names of services.
fn resolve(value: &mut Value, names: &BTreeMap<&str, SocketAddr>) {
    if let Some(address) = value.get_mut("socket_address") {
        let real = names[address["address"].as_str().unwrap()];
        *address = json!({"address": real.ip(), "port_value": real.port()});
        return;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| resolve(item, names)),
        Value::Object(fields) => fields.values_mut().for_each(|field| resolve(field, names)),
        _ => {}
    }
}

/// The stack's Prometheus, which asks every second instead of every five.
fn start_prometheus(
    folder: &Path,
    envoy: SocketAddr,
    stores: &[Store; 2],
) -> (Process, SocketAddr) {
    let mut text = fs::read_to_string(deployed("docker-compose/prometheus.yml")).unwrap();
    let alerts = deployed("observability/alerts.yaml").display().to_string();
    for (from, to) in [
        ("envoy:9902", envoy.to_string()),
        ("store-1:8480", stores[0].address().to_string()),
        ("store-2:8480", stores[1].address().to_string()),
        ("_interval: 5s", "_interval: 1s".to_owned()),
        ("[alerts.yaml]", format!("[{alerts:?}]")),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, &to);
    }
    let configuration = folder.join("prometheus.yml");
    fs::write(&configuration, text).unwrap();
    let address = free_address();
    let mut command = crate::tool("tools/prometheus");
    command
        .arg(format!("--config.file={}", configuration.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            folder.join("prometheus").display()
        ))
        .arg(format!("--web.listen-address={address}"));
    let mut process =
        Process::spawn("prometheus", command, &folder.join("prometheus.log")).unwrap();
    wait::until("Prometheus is ready", || {
        process.check().unwrap();
        Connection::open(address).is_ok()
            && Request::get("/-/ready")
                .send(address)
                .is_ok_and(|answer| answer.status == 200)
    });
    (process, address)
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

/// The services as compose itself understands the file, without any engine.
fn services() -> Value {
    let mut compose = match Command::new("docker").args(["compose", "version"]).output() {
        Ok(found) if found.status.success() => {
            let mut docker = Command::new("docker");
            docker.arg("compose");
            docker
        }
        _ => Command::new("docker-compose"),
    };
    compose
        .arg("--file")
        .arg(deployed("docker-compose/compose.yaml"))
        .arg("config");
    for name in [
        "LATCHKEY_SIGNING_KEY",
        "LATCHKEY_LOOKUP_TOKEN",
        "POSTGRES_PASSWORD",
        "GRAFANA_PASSWORD",
    ] {
        compose.env(name, "a-secret-for-parsing");
    }
    let parsed: Value = serde_saphyr::from_str(&output(&mut compose)).unwrap();
    parsed["services"].clone()
}

#[test]
fn compose_understands_the_file_and_every_service_says_whether_it_is_well() {
    let services = services();
    let services = services.as_object().unwrap();
    let names: Vec<&str> = services.keys().map(String::as_str).collect();
    let expected = [
        "envoy",
        "grafana",
        "migrate",
        "postgres",
        "prometheus",
        "store-1",
        "store-2",
        "upstream",
    ];
    assert_eq!(names, expected);
    for (name, service) in services {
        let check = &service["healthcheck"];
        let one_off = name == "migrate";
        let disabled = check["disable"] == true || check["test"] == json!(["NONE"]);
        assert_eq!(disabled, one_off, "{name}: {check}");
        assert!(disabled || check["test"].is_array(), "{name}: {check}");
    }
}

#[test]
fn without_its_secrets_the_stack_does_not_start() {
    let text = fs::read_to_string(deployed("docker-compose/compose.yaml")).unwrap();
    for name in [
        "LATCHKEY_SIGNING_KEY",
        "LATCHKEY_LOOKUP_TOKEN",
        "POSTGRES_PASSWORD",
        "GRAFANA_PASSWORD",
    ] {
        assert!(text.contains(&format!("${{{name}:?")), "{name}");
    }
}

#[test]
fn every_file_that_a_service_mounts_is_there() {
    for (name, service) in services().as_object().unwrap() {
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let source = match volume {
                Value::String(text) => text.split(':').next().unwrap(),
                other => other["source"].as_str().unwrap(),
            };
            let module = source.ends_with("/latchkey.wasm");
            assert!(
                module || !source.starts_with('/') || Path::new(source).exists(),
                "{name}: {source}"
            );
        }
    }
}

#[test]
fn c12_a_token_opens_the_customers_data_and_nothing_else_does() {
    let caller = COMPOSE.caller();
    let store = &COMPOSE.stores[0];
    store.add_customer("COMPOSE1").unwrap();
    let key = store.issue_key("COMPOSE1").unwrap();
    let reply = caller.ask_for_token("COMPOSE1", &key.secret);
    assert_eq!(reply.status, 200, "{reply:?}");
    let token = reply.json()["access_token"].as_str().unwrap().to_owned();

    let data = caller.read("/products", &token, &["--header", "x-customer-code: EVIL"]);
    let expected =
        json!({"method": "GET", "path": "/products", "customer": "COMPOSE1", "scope": "read"});
    assert_eq!((data.status, data.json()), (200, expected));
    assert_eq!(caller.ask("/products", &[]).status, 401);
    assert_eq!(
        caller
            .read("/products", &token, &["--request", "POST"])
            .status,
        403
    );

    // c10: the key is rotated through the other replica.
    let new = COMPOSE.stores[1].issue_key("COMPOSE1").unwrap();
    assert_eq!(caller.ask_for_token("COMPOSE1", &new.secret).status, 200);
    COMPOSE.stores[1].revoke_key(&key).unwrap();
    assert_eq!(caller.ask_for_token("COMPOSE1", &key.secret).status, 401);
    assert_eq!(caller.read("/products", &token, &[]).status, 200);
}

#[test]
fn the_metrics_listener_shows_nothing_else_of_the_admin_interface() {
    let caller = Caller::plain(COMPOSE.envoy.listener("metrics"));
    assert_eq!(caller.ask("/ready", &[]).status, 200);
    assert!(
        caller
            .ask("/stats/prometheus", &[])
            .body
            .contains("latchkey_config_loads_total")
    );
    for path in [
        "/",
        "/config_dump",
        "/stats",
        "/ready/../config_dump",
        "//ready",
    ] {
        assert_eq!(caller.ask(path, &["--path-as-is"]).status, 404, "{path}");
    }
    assert_eq!(
        caller.ask("/quitquitquit", &["--request", "POST"]).status,
        404
    );
    assert_eq!(caller.ask("/ready", &["--request", "POST"]).status, 404);
}

/// The health check of a service, as the shell would run it in its container, with a port of this run.
fn health(service: &str, port: &str, real: u16) -> bool {
    // From the file, since versions of compose print a `$` in different ways.
    let file = documents(&deployed("docker-compose/compose.yaml")).remove(0);
    let services = &file["services"];
    let check = match &services[service]["healthcheck"]["test"] {
        Value::Null => &file["x-store"]["healthcheck"]["test"],
        check => check,
    };
    let check: Vec<&str> = check
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(check[..3], ["CMD", "bash", "-c"], "{service}");
    let place = format!("/dev/tcp/127.0.0.1/{port}");
    assert!(check[3].contains(&place), "{}", check[3]);
    let script = check[3]
        .replace(&place, &format!("/dev/tcp/127.0.0.1/{real}"))
        .replace("$$", "$");
    Command::new("bash")
        .args(["-c", &script])
        .output()
        .unwrap()
        .status
        .success()
}

#[test]
fn the_health_checks_tell_well_from_unwell() {
    let nobody = free_address().port();
    for (service, port, real) in [
        ("store-1", "8480", COMPOSE.stores[0].address().port()),
        ("envoy", "9902", COMPOSE.envoy.listener("metrics").port()),
        (
            "upstream",
            "9902",
            COMPOSE.upstream.listener("health").port(),
        ),
    ] {
        assert!(health(service, port, real), "{service} is well");
        assert!(!health(service, port, nobody), "{service} is not there");
    }
}

#[test]
fn secrets_are_made_once_and_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = files::run_folder().unwrap();
    let script = folder.join("secrets.sh");
    fs::copy(deployed("docker-compose/secrets.sh"), &script).unwrap();
    output(&mut Command::new(&script));
    let made = fs::read_to_string(folder.join(".env")).unwrap();
    let mode = fs::metadata(folder.join(".env"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let lengths = made
        .lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(name, _)| !name.starts_with("COMPOSE"));
    let lengths: Vec<usize> = lengths.map(|(_, value)| value.len()).collect();
    assert_eq!(
        lengths, [64; 4],
        "32 random bytes each, as hexadecimal digits"
    );
    output(&mut Command::new(&script));
    assert_eq!(fs::read_to_string(folder.join(".env")).unwrap(), made);
}
