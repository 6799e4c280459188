//! A running Envoy, and what its admin interface tells of it.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::bootstrap::Bootstrap;
use crate::files;
use crate::http::{Connection, Request};
use crate::metrics::Metrics;
use crate::process::Process;
use crate::wait::wait_for;

/// As many worker threads as an Envoy has unless told otherwise, and so as many virtual machines that serve requests.
pub const WORKERS: usize = 2;

/// The real Envoy, with the built module in it.
pub struct Envoy {
    process: Mutex<Process>,
    admin: SocketAddr,
    address: SocketAddr,
}

/// What would show that a virtual machine has been replaced or lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machines {
    /// How many were ever made.
    pub created: u64,
    /// Every `vm_reload…` counter of the filter.
    pub reloads: BTreeMap<String, u64>,
    /// How many calls into a machine have trapped, by the log.
    pub traps: usize,
}

impl Machines {
    /// Those of an Envoy with this admin interface and this log.
    pub fn of(admin: SocketAddr, log: &str) -> Result<Self> {
        let stats = stats(admin)?;
        let created = stats.get("wasm.envoy.wasm.runtime.v8.created");
        Ok(Self {
            created: created.copied().unwrap_or(0),
            reloads: stats
                .into_iter()
                .filter(|(name, _)| name.starts_with("wasm.") && name.contains("vm_reload"))
                .collect(),
            traps: log.lines().filter(|line| is_trap(line)).count(),
        })
    }

    /// How often one was loaded anew; `None` where Envoy does not count that.
    pub fn reloaded(&self) -> Option<u64> {
        let counters = self.reloads.iter();
        let own = counters.filter(|(name, _)| name.ends_with("vm_reload_success"));
        own.map(|(_, count)| *count)
            .reduce(|sum, count| sum + count)
    }
}

impl Envoy {
    /// Starts it, and returns once it serves. `folder` takes its files, `environment` is what its process sees
    /// beside our own.
    pub fn start(
        folder: &Path,
        bootstrap: &Bootstrap,
        environment: &[(&str, &str)],
    ) -> Result<Self> {
        Self::start_with_workers(folder, bootstrap, environment, WORKERS)
    }

    /// Starts it so that its log has every call into a virtual machine, and every call out of one.
    pub fn start_traced(
        folder: &Path,
        bootstrap: &Bootstrap,
        environment: &[(&str, &str)],
    ) -> Result<Self> {
        let spawned = spawn(folder, bootstrap, environment, WORKERS, "trace")?;
        Self::once_ready(spawned)
    }

    /// Starts it with so many worker threads.
    pub fn start_with_workers(
        folder: &Path,
        bootstrap: &Bootstrap,
        environment: &[(&str, &str)],
        workers: usize,
    ) -> Result<Self> {
        let spawned = spawn(folder, bootstrap, environment, workers, "debug")?;
        Self::once_ready(spawned)
    }

    fn once_ready((mut process, admin_file): (Process, PathBuf)) -> Result<Self> {
        let admin = wait_for(|| match process.check() {
            Err(error) => Some(Err(error)),
            Ok(()) => ready(&admin_file).map(Ok),
        });
        let admin = admin.with_context(|| {
            format!(
                "Envoy did not become ready; see {}",
                process.log_path().display()
            )
        })??;
        let listeners = admin_json(admin, "/listeners?format=json")?;
        let port = listeners
            .pointer("/listener_statuses/0/local_address/socket_address/port_value")
            .and_then(Value::as_u64)
            .with_context(|| format!("Envoy names no listener: {listeners}"))?;
        Ok(Self {
            process: Mutex::new(process),
            admin,
            address: SocketAddr::from(([127, 0, 0, 1], port.try_into()?)),
        })
    }

    /// Starts it with a configuration that it ought to refuse, and returns its log once it has ended.
    pub fn refuse(
        folder: &Path,
        bootstrap: &Bootstrap,
        environment: &[(&str, &str)],
    ) -> Result<String> {
        let (mut process, admin_file) = spawn(folder, bootstrap, environment, WORKERS, "debug")?;
        let ended = wait_for(|| match process.exit() {
            Some(_) => Some(true),
            None => ready(&admin_file).map(|_| false),
        });
        ensure!(
            ended == Some(true),
            "Envoy took the configuration:\n{}",
            process.log()
        );
        Ok(process.log())
    }

    /// Where it takes requests.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where one of several listeners takes requests; fails the test if there is none of that name.
    pub fn listener(&self, name: &str) -> SocketAddr {
        let found = || {
            let listeners = admin_json(self.admin, "/listeners?format=json")?;
            let all = listeners["listener_statuses"]
                .as_array()
                .context("no list")?;
            let named = all.iter().find(|listener| listener["name"] == name);
            let port = named.and_then(|listener| {
                listener
                    .pointer("/local_address/socket_address/port_value")?
                    .as_u64()
            });
            let port = port.with_context(|| format!("no listener {name}: {listeners}"))?;
            Ok(SocketAddr::from(([127, 0, 0, 1], port.try_into()?)))
        };
        found().unwrap_or_else(|error: anyhow::Error| panic!("{error:#}"))
    }

    /// Where its admin interface is.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Everything it and the filter logged, access log included.
    pub fn log(&self) -> String {
        self.process().log()
    }

    /// Ends it.
    pub fn stop(self) {
        self.process
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
            .stop();
    }

    /// Its process, for those who want to end or watch it.
    pub fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every counter and gauge by its full name. Histograms are only in [`Envoy::metrics`].
    pub fn stats(&self) -> BTreeMap<String, u64> {
        stats(self.admin).expect("Envoy's admin interface answers")
    }

    /// A counter or gauge by its full name; 0 where Envoy has not counted anything yet.
    pub fn stat(&self, name: &str) -> u64 {
        self.stats().get(name).copied().unwrap_or(0)
    }

    /// All metrics with their labels, histograms among them, as Prometheus would read them.
    pub fn metrics(&self) -> Metrics {
        let text = admin_text(self.admin, "/stats/prometheus");
        Metrics::parse(&text.expect("Envoy's admin interface answers"))
    }

    /// The state of the virtual machines. Equal before and after: each is the one it was, and none has trapped.
    pub fn machines(&self) -> Machines {
        Machines::of(self.admin, &self.log()).expect("Envoy's admin interface answers")
    }

    /// One open connection to each worker, so that a test can speak to every virtual machine.
    pub fn connection_to_each_worker(&self) -> Result<Vec<Connection>> {
        self.connection_to_each_worker_at(self.address)
    }

    /// The same for one of several listeners.
    pub fn connection_to_each_worker_at(&self, address: SocketAddr) -> Result<Vec<Connection>> {
        let mut connections: Vec<Option<Connection>> = (0..WORKERS).map(|_| None).collect();
        // The kernel spreads connections over the workers by a hash of their ports.
        for _ in 0..1000 {
            let before = self.accepted();
            let mut connection = Connection::open(address)?;
            connection.send(&Request::get("/"))?;
            let after = self.accepted();
            // Others may connect at the same time; only a worker that alone accepted one is known.
            let grown: Vec<usize> = (0..WORKERS)
                .filter(|&worker| after[worker] != before[worker])
                .collect();
            if let [worker] = grown[..] {
                connections[worker].get_or_insert(connection);
            }
            if connections.iter().all(Option::is_some) {
                return Ok(connections.into_iter().flatten().collect());
            }
        }
        anyhow::bail!("1000 connections did not reach all {WORKERS} workers")
    }

    /// How many connections each worker has accepted.
    fn accepted(&self) -> Vec<u64> {
        let stats = self.stats();
        let count = |worker: usize| {
            let end = format!(".worker_{worker}.downstream_cx_total");
            let listener =
                |name: &str| name.starts_with("listener.") && !name.starts_with("listener.admin");
            stats
                .iter()
                .filter(|(name, _)| listener(name) && name.ends_with(&end))
                .map(|(_, count)| count)
                .sum()
        };
        (0..WORKERS).map(count).collect()
    }

    /// Bytes of its memory that are resident, from the kernel.
    pub fn resident_bytes(&self) -> Result<u64> {
        self.process().resident_bytes()
    }
}

fn spawn(
    folder: &Path,
    bootstrap: &Bootstrap,
    environment: &[(&str, &str)],
    workers: usize,
    wasm_log: &str,
) -> Result<(Process, PathBuf)> {
    fs::create_dir_all(folder)?;
    let configuration = folder.join("envoy.json");
    fs::write(&configuration, format!("{:#}\n", bootstrap.0))?;
    let admin_file = folder.join("admin-address");
    // One of an earlier run would be read as this one's.
    if admin_file.exists() {
        fs::remove_file(&admin_file)?;
    }
    let mut command = Command::new(files::envoy()?);
    command
        .arg("--config-path")
        .arg(&configuration)
        .arg("--admin-address-path")
        .arg(&admin_file)
        .args(["--concurrency", &workers.to_string()])
        // Without hot restart there is no shared memory for several Envoys to meet in, and no base id to choose.
        .arg("--disable-hot-restart")
        .args(["--file-flush-interval-msec", "50"])
        // A listener that is replaced tells its callers at once, and is gone in a second.
        .args(["--drain-time-s", "1", "--drain-strategy", "immediate"])
        .args([
            "--log-level",
            "warning",
            "--component-log-level",
            &format!("wasm:{wasm_log}"),
        ])
        .envs(environment.iter().copied());
    let process = Process::spawn("Envoy", command, &folder.join("envoy.log"))?;
    Ok((process, admin_file))
}

/// `… Function: proxy_on_request_headers failed: Uncaught RuntimeError: unreachable`
fn is_trap(line: &str) -> bool {
    line.contains("Function: proxy_") && line.contains(" failed: ")
}

/// The admin address, once Envoy has written it and is ready.
fn ready(admin_file: &Path) -> Option<SocketAddr> {
    let admin = fs::read_to_string(admin_file).ok()?.trim().parse().ok()?;
    let answer = Request::get("/ready").send(admin).ok()?;
    (answer.status == 200).then_some(admin)
}

fn admin_text(admin: SocketAddr, path: &str) -> Result<String> {
    let answer = Request::get(path).send(admin)?;
    ensure!(
        answer.status == 200,
        "{path} of Envoy's admin interface answers {answer:?}"
    );
    Ok(answer.text())
}

fn stats(admin: SocketAddr) -> Result<BTreeMap<String, u64>> {
    let text = admin_text(admin, "/stats")?;
    let pairs = text.lines().filter_map(|line| line.split_once(": "));
    Ok(pairs
        .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
        .collect())
}

fn admin_json(admin: SocketAddr, path: &str) -> Result<Value> {
    Ok(serde_json::from_str(&admin_text(admin, path)?)?)
}
