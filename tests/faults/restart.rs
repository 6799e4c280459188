//! Envoy replaced by another one while requests go on (hot restart).

use anyhow::{Context, Result};
use latchkey_tests::load::{Kind, Load};
use latchkey_tests::process::Process;
use latchkey_tests::{Bootstrap, Request, Stack, files, wait};
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;

use crate::matrix::Matrix;

const RIGHT: &str = "no wrong answer, before, during and after";

pub fn run(matrix: &mut Matrix) {
    // The store, the upstream and the customers are this stack's; the Envoys that replace each other are not.
    let stack = Stack::start();
    stack.upstream.forget_requests();
    matrix.row(
        &stack.envoy,
        "under load",
        "Envoy is replaced by another (hot restart)",
        &[RIGHT],
        || replaced(&stack).unwrap_or_else(|error| format!("{error:#}").replace('\n', " ")),
    );
}

fn replaced(stack: &Stack) -> Result<String> {
    let folder = files::run_folder()?;
    let mut bootstrap = Bootstrap::example()?;
    bootstrap.connect(stack.store.address(), stack.upstream.address())?;
    bootstrap.admin(0);
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    bootstrap.listen(address.port())?;
    let file = folder.join("envoy.json");
    fs::write(&file, bootstrap.0.to_string())?;

    let first = start(&folder, &file, 0, stack)?;
    serves(address)?;
    let load = Load::start_at(stack, address, 4, 50, &[]);
    wait::until("requests go through", || {
        load.tally().count(Kind::Valid, 200) > 100
    });
    let second = start(&folder, &file, 1, stack)?;
    wait::until("the first has drained and ended", || {
        let mut first = first
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        first.exit().is_some()
    });
    let at = load.tally();
    wait::until("requests go through the second", || {
        load.tally().count(Kind::Valid, 200) > at.count(Kind::Valid, 200) + 200
    });
    let tally = load.stop();
    drop(second);
    Ok(match tally.wrong.first() {
        None => RIGHT.to_owned(),
        Some(wrong) => format!(
            "{} wrong: {}",
            tally.wrong_count,
            wrong.lines().next().unwrap_or_default()
        ),
    })
}

fn start(
    folder: &Path,
    file: &Path,
    epoch: u32,
    stack: &Stack,
) -> Result<std::sync::Mutex<Process>> {
    let base = folder.join("base-id");
    let mut command = Command::new(files::envoy()?);
    command.arg("--config-path").arg(file);
    command.args([
        "--concurrency",
        "2",
        "--drain-time-s",
        "2",
        "--parent-shutdown-time-s",
        "4",
        "--log-level",
        "warning",
    ]);
    command.args(["--restart-epoch", &epoch.to_string()]);
    if epoch == 0 {
        command
            .arg("--use-dynamic-base-id")
            .arg("--base-id-path")
            .arg(&base);
    } else {
        command.args([
            "--base-id",
            fs::read_to_string(&base)
                .context("the first Envoy's base id")?
                .trim(),
        ]);
    }
    command.envs([
        ("LATCHKEY_SIGNING_KEY", latchkey_tests::SIGNING_KEY),
        ("LATCHKEY_LOOKUP_TOKEN", stack.service_token()),
    ]);
    let process = Process::spawn("Envoy", command, &folder.join(format!("envoy-{epoch}.log")))?;
    Ok(process.into())
}

fn serves(address: SocketAddr) -> Result<()> {
    let answers = || {
        Request::get("/healthz")
            .send(address)
            .is_ok_and(|answer| answer.status == 200)
    };
    latchkey_tests::wait::wait_for(|| answers().then_some(()))
        .context("the first Envoy does not serve")
}
