//! `make run`: the whole path on the loopback address, with a demo customer, until Ctrl-C.

mod customer;
mod screen;
mod secret;
mod settings;

use anyhow::{Context, Result};
use latchkey_tests::exit::exit_code;
use latchkey_tests::{Bootstrap, Envoy, Store, Upstream};
use settings::Settings;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

fn main() -> ExitCode {
    exit_code(run().map(|()| ExitCode::SUCCESS))
}

fn run() -> Result<()> {
    let stop = stop_signals()?;
    let settings = Settings::from_environment()?;
    let folder = &settings.folder;
    fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    let signing_key = secret::kept_in(&folder.join("signing.key"))?;
    let service_token = secret::kept_in(&folder.join("service.token"))?;

    screen::step("store", "starting");
    let log = new_log(folder, "store.log")?;
    let store = Store::start(&folder.join("store.sqlite"), &log, &service_token)?;
    screen::step("upstream", "starting");
    let upstream = Upstream::start()?;
    screen::step("Envoy", "starting with the filter in it");
    let mut bootstrap = Bootstrap::example()?;
    bootstrap.admin(settings.admin_port);
    bootstrap.listen(settings.port)?;
    bootstrap.connect(store.address(), upstream.address())?;
    let environment = [
        ("LATCHKEY_SIGNING_KEY", &*signing_key),
        ("LATCHKEY_LOOKUP_TOKEN", &*service_token),
    ];
    new_log(folder, "envoy.log")?;
    let envoy = Envoy::start(folder, &bootstrap, &environment)?;

    screen::step("customer", customer::CODE);
    let env_file = folder.join("demo.env");
    let key = customer::working_key(&store, envoy.address(), &env_file)?;
    customer::write_env_file(&env_file, envoy.address(), &key)?;
    screen::show(&envoy, &store, &upstream, &key, folder);

    let watched = watch(&stop, &envoy, &store);
    screen::step("demo", "stopping everything");
    envoy.stop();
    store.stop();
    watched
}

/// A log file without what earlier runs wrote.
fn new_log(folder: &Path, name: &str) -> Result<PathBuf> {
    let log = folder.join(name);
    fs::write(&log, "").with_context(|| format!("writing {}", log.display()))?;
    Ok(log)
}

/// Receives something for each Ctrl-C, SIGTERM or SIGHUP.
fn stop_signals() -> Result<Receiver<()>> {
    let (sender, receiver) = channel();
    ctrlc::set_handler(move || {
        // The receiver lives until the program ends, so sending cannot fail.
        let _ = sender.send(());
    })
    .context("setting the signal handler")?;
    Ok(receiver)
}

/// Returns when it is time to stop: without an error if somebody asked, with one if a child ended by itself.
fn watch(stop: &Receiver<()>, envoy: &Envoy, store: &Store) -> Result<()> {
    while stop.recv_timeout(Duration::from_millis(200)) == Err(RecvTimeoutError::Timeout) {
        envoy.process().check()?;
        store
            .process()
            .as_mut()
            .map_or(Ok(()), |process| process.check())?;
    }
    Ok(())
}
