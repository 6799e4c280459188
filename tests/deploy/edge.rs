//! `edge-tls.yaml`: TLS on both sides, limits, and the caller's address.

use crate::caller::Caller;
use crate::certificates::Authority;
use crate::{output, walk};
use latchkey_tests::process::Process;
use latchkey_tests::{Bootstrap, Envoy, SIGNING_KEY, Store, Upstream, files, wait};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::{LazyLock, Mutex};

const TOKEN: &str = "the-service-token-of-the-edge";
const ENVIRONMENT: [(&str, &str); 2] = [
    ("LATCHKEY_SIGNING_KEY", SIGNING_KEY),
    (
        "LATCHKEY_LOOKUP_AUTHORIZATION",
        "Bearer the-service-token-of-the-edge",
    ),
];

struct Edge {
    authority: Authority,
    store: Store,
    /// The same database over TLS, which demands a certificate of its callers.
    _tls_store: Mutex<Process>,
    upstream: Upstream,
    envoy: Envoy,
    behind_balancer: Envoy,
}

static EDGE: LazyLock<Edge> = LazyLock::new(Edge::start);

impl Edge {
    fn start() -> Self {
        let folder = files::run_folder().unwrap();
        let authority = Authority::new(&folder.join("certs"));
        for (name, host) in [
            ("edge", "api.example.com"),
            ("lookup", "lookup.example.com"),
            ("client", "envoy.internal"),
        ] {
            authority.issue(name, host);
        }
        std::fs::copy(authority.file("ca.crt"), authority.file("lookup-ca.crt")).unwrap();
        let store = Store::start(
            &folder.join("store.sqlite"),
            &folder.join("store.log"),
            TOKEN,
        )
        .unwrap();
        let (tls_store, address) =
            serve_tls(store.database(), &authority, &folder.join("tls-store.log"));
        let upstream = Upstream::start().unwrap();
        let start = |folder: &Path, hops: u64| {
            let mut bootstrap = bootstrap(&authority, address, upstream.address());
            bootstrap
                .connection_manager()
                .unwrap()
                .insert("xff_num_trusted_hops".to_owned(), json!(hops));
            Envoy::start(folder, &bootstrap, &ENVIRONMENT).unwrap()
        };
        Self {
            envoy: start(&folder.join("edge"), 0),
            behind_balancer: start(&folder.join("behind"), 1),
            authority,
            store,
            _tls_store: Mutex::new(tls_store),
            upstream,
        }
    }

    fn caller(&self, arguments: &[&str]) -> Caller {
        self.caller_of(&self.envoy, arguments)
    }

    fn caller_of(&self, envoy: &Envoy, arguments: &[&str]) -> Caller {
        let issuer = self.authority.file("ca.crt");
        Caller::tls("api.example.com", envoy.listener("https"), &issuer).with(arguments)
    }
}

/// The file as it is, with the certificates of this run and free ports.
fn bootstrap(authority: &Authority, lookup: SocketAddr, upstream: SocketAddr) -> Bootstrap {
    let mut bootstrap = Bootstrap::read("edge-tls.yaml").unwrap();
    move_certificates(&mut bootstrap.0, authority);
    bootstrap.admin(0);
    bootstrap.listen(0).unwrap();
    bootstrap.connect(lookup, upstream).unwrap();
    bootstrap
}

/// Puts this run's certificates in the place of the operator's.
pub(crate) fn move_certificates(value: &mut Value, authority: &Authority) {
    match value {
        Value::String(text) => {
            if let Some(name) = text.strip_prefix("/etc/envoy/certs") {
                let path = authority.file(name.trim_start_matches('/'));
                *text = path.display().to_string();
            }
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| move_certificates(item, authority)),
        Value::Object(fields) => fields
            .values_mut()
            .for_each(|field| move_certificates(field, authority)),
        _ => {}
    }
}

fn serve_tls(database: &str, authority: &Authority, log: &Path) -> (Process, SocketAddr) {
    let mut command = Command::new(files::store().unwrap());
    command
        .args(["--database", database, "serve", "--listen", "127.0.0.1:0"])
        .arg("--tls-certificate")
        .arg(authority.file("lookup.crt"))
        .arg("--tls-key")
        .arg(authority.file("lookup.key"))
        .arg("--tls-client-ca")
        .arg(authority.file("ca.crt"))
        .env("LATCHKEY_SERVICE_TOKENS", TOKEN);
    let process = Process::spawn("latchkey-store", command, log).unwrap();
    let address = wait::wait_for(|| {
        let log = process.log();
        let line = log
            .lines()
            .find_map(|line| line.strip_prefix("listening on https://"));
        line?.parse().ok()
    });
    (process, address.expect("the store listens"))
}

#[test]
fn c14_http_1_and_http_2_over_tls_issue_tokens_and_guard() {
    for (argument, version) in [("--http1.1", "HTTP/1.1"), ("--http2", "HTTP/2")] {
        let caller = EDGE.caller(&[argument]);
        let reply = caller.ask("/products", &[]);
        assert_eq!(reply.version, version);
        walk::issues_and_guards(&caller, &EDGE.store, &EDGE.upstream);
    }
}

#[test]
fn c14_every_answer_over_tls_tells_browsers_to_stay_with_https() {
    let caller = EDGE.caller(&[]);
    for reply in [
        caller.ask("/products", &[]),
        caller.ask("/healthz", &[]),
        caller.ask_for_token("NOBODY", "x"),
    ] {
        let value = reply.header("strict-transport-security");
        assert_eq!(
            value,
            Some("max-age=31536000; includeSubDomains"),
            "{reply:?}"
        );
    }
}

#[test]
fn c14_plain_http_is_sent_on_but_a_token_request_is_refused() {
    let caller = Caller::plain(EDGE.envoy.listener("http"));
    let sent_on = caller.ask("/products?page=2", &[]);
    assert_eq!(sent_on.status, 301);
    assert_eq!(
        sent_on.header("location"),
        Some("https://api.example.com/products?page=2")
    );
    let refused = caller.ask_for_token("ACME01", "lk_x");
    assert_eq!(
        (refused.status, &refused.json()["error"]),
        (400, &json!("invalid_request"))
    );
    assert_eq!(refused.header("content-type"), Some("application/json"));
}

#[test]
fn a_flood_of_token_requests_is_answered_429_in_the_words_of_the_token_endpoint() {
    // An Envoy of its own, since the limit is for all callers together.
    let folder = files::run_folder().unwrap();
    let mut bootstrap = bootstrap(
        &EDGE.authority,
        EDGE.store.address(),
        EDGE.upstream.address(),
    );
    let limit = bootstrap.0.pointer_mut(
        "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/route_config/virtual_hosts/0/routes/0\
         /typed_per_filter_config/envoy.filters.http.local_ratelimit/token_bucket",
    );
    *limit.unwrap() = json!({"max_tokens": 2, "tokens_per_fill": 1, "fill_interval": "3600s"});
    let envoy = Envoy::start(&folder, &bootstrap, &ENVIRONMENT).unwrap();
    // Over HTTP/2 Envoy ends the stream right after an answer that came before the body; curl before 7.89 then forgets the answer.
    let caller = EDGE.caller_of(&envoy, &["--http1.1"]);
    let replies: Vec<_> = (0..3)
        .map(|_| caller.ask("/auth/token", &["--data", "x"]))
        .collect();
    assert!(
        replies[..2].iter().all(|reply| reply.status == 400),
        "{replies:?}"
    );
    let limited = &replies[2];
    assert_eq!(
        (limited.status, &limited.json()["error"]),
        (429, &json!("slow_down"))
    );
    assert_eq!(limited.header("retry-after"), Some("1"));
    assert_eq!(limited.header("content-type"), Some("application/json"));
    assert_eq!(
        caller.ask("/products", &[]).status,
        401,
        "other paths are not limited"
    );
}

#[test]
fn the_callers_address_is_believed_from_as_many_balancers_as_are_told() {
    let addresses = |envoy: &Envoy, path: &str| {
        EDGE.caller_of(envoy, &[])
            .ask(path, &["--header", "x-forwarded-for: 203.0.113.7"]);
        let line = wait::wait_for(|| {
            let log = envoy.log();
            let mut lines = log
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok());
            lines.find(|line| line["path"] == path)
        });
        line.expect("a line in the access log")["address"].clone()
    };
    assert_eq!(addresses(&EDGE.envoy, "/from-outside"), "127.0.0.1");
    assert_eq!(
        addresses(&EDGE.behind_balancer, "/from-balancer"),
        "203.0.113.7"
    );
}

#[test]
fn the_lookup_service_takes_no_caller_without_a_certificate() {
    let lookup = EDGE.envoy.metrics();
    walk::issues_and_guards(&EDGE.caller(&[]), &EDGE.store, &EDGE.upstream);
    let found = [("status", "found")];
    assert!(
        EDGE.envoy.metrics().sum("latchkey_lookups_total", &found)
            > lookup.sum("latchkey_lookups_total", &found)
    );
    let mut without = Command::new("curl");
    without
        .args(["--silent", "--cacert"])
        .arg(EDGE.authority.file("ca.crt"))
        .args([
            "--connect-to",
            &format!("lookup.example.com:443:{}", tls_address()),
        ])
        .args(["--header", &format!("authorization: Bearer {TOKEN}")])
        .arg("https://lookup.example.com/v1/clients/NOBODY");
    assert!(!without.output().unwrap().status.success());
    let shown = without
        .arg("--cert")
        .arg(EDGE.authority.file("client.crt"))
        .arg("--key")
        .arg(EDGE.authority.file("client.key"));
    assert!(
        output(shown).contains("unknown_client"),
        "with the certificate it answers"
    );
}

fn tls_address() -> String {
    let process = EDGE._tls_store.lock().unwrap();
    let log = process.log();
    let line = log
        .lines()
        .find_map(|line| line.strip_prefix("listening on https://"));
    line.expect("the store listens").to_owned()
}
