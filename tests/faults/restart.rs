//! Envoy replaced by another one while requests go on (hot restart).

use anyhow::{Context, Result};
use latchkey_tests::load::{Kind, Load};
use latchkey_tests::process::Process;
use latchkey_tests::{Bootstrap, Machines, Request, Stack, files, wait};
use serde_json::json;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;

use crate::matrix::{Effect, Matrix};
use crate::outage::{CLEAN, GROUP, PLAN, tell};

pub fn run(matrix: &mut Matrix) {
    // The store, the upstream and the customers are this stack's; the Envoys that replace each other are not.
    let stack = Stack::start();
    stack.upstream.forget_requests();
    let fault = "Envoy is replaced by another (hot restart)";
    matrix.add(GROUP, fault, &[CLEAN], || {
        replaced(&stack).unwrap_or_else(|error| (format!("{error:#}").replace('\n', " "), None))
    });
}

/// Two Envoys that share a port, one after the other.
struct Pair<'a> {
    stack: &'a Stack,
    folder: PathBuf,
}

fn replaced(stack: &Stack) -> Result<(String, Option<Effect>)> {
    let folder = files::run_folder()?;
    let mut bootstrap = Bootstrap::example()?;
    bootstrap.connect(stack.store.address(), stack.upstream.address())?;
    bootstrap.admin(0);
    // As in every stack: the example's time for a lookup is not for a machine that starts an Envoy beside another.
    let patience = json!({"token_endpoint": {"lookup": {"timeout_ms": 10_000}}});
    bootstrap.merge_configuration(&patience)?;
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    bootstrap.listen(address.port())?;
    fs::write(folder.join("envoy.json"), bootstrap.0.to_string())?;
    let pair = Pair { stack, folder };

    let mut first = pair.start(0)?;
    serves(address)?;
    let load = Load::start_at(stack, address, PLAN);
    let go_on = || {
        let at = load.tally().count(Kind::Valid, 200);
        wait::until("requests go through", || {
            load.tally().count(Kind::Valid, 200) > at + 200
        });
    };
    go_on();
    let before = first.resident_bytes()?;
    let second = pair.start(1)?;
    wait::until("the first has drained and ended", || first.exit().is_some());
    go_on();
    let answers = tell(&load.stop());
    let effect = Effect {
        reloads: pair.reloads(1, &second.log())?,
        memory: (before, second.resident_bytes()?),
    };
    let seen = match effect.reloads {
        0 => answers,
        _ => format!("{answers}, and machines were loaded anew"),
    };
    Ok((seen, Some(effect)))
}

impl Pair<'_> {
    fn start(&self, epoch: u32) -> Result<Process> {
        let base = self.folder.join("base-id");
        let mut command = Command::new(files::envoy()?);
        command
            .arg("--config-path")
            .arg(self.folder.join("envoy.json"));
        command.args(["--concurrency", "2", "--log-level", "warning"]);
        command.args(["--drain-time-s", "2", "--parent-shutdown-time-s", "4"]);
        command.args(["--restart-epoch", &epoch.to_string()]);
        command
            .arg("--admin-address-path")
            .arg(self.admin_file(epoch));
        if epoch == 0 {
            command.arg("--use-dynamic-base-id");
            command.arg("--base-id-path").arg(&base);
        } else {
            let id = fs::read_to_string(&base).context("the first Envoy's base id")?;
            command.args(["--base-id", id.trim()]);
        }
        command.envs([
            ("LATCHKEY_SIGNING_KEY", latchkey_tests::SIGNING_KEY),
            ("LATCHKEY_LOOKUP_TOKEN", self.stack.service_token()),
        ]);
        let log = self.folder.join(format!("envoy-{epoch}.log"));
        Process::spawn("Envoy", command, &log)
    }

    fn admin_file(&self, epoch: u32) -> PathBuf {
        self.folder.join(format!("admin-{epoch}"))
    }

    /// How often a virtual machine was loaded anew. An Envoy takes over the counters of the one it replaces.
    fn reloads(&self, epoch: u32, log: &str) -> Result<u64> {
        let admin = fs::read_to_string(self.admin_file(epoch))?;
        let machines = Machines::of(admin.trim().parse()?, log)?;
        machines.reloaded().context("Envoy counts no reloads")
    }
}

fn serves(address: SocketAddr) -> Result<()> {
    let answers = || {
        let answer = Request::get("/healthz").send(address);
        answer.is_ok_and(|answer| answer.status == 200)
    };
    wait::wait_for(|| answers().then_some(())).context("the first Envoy does not serve")
}
