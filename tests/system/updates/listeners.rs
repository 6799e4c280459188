//! Listeners in a file that Envoy watches, as `dynamic_resources.lds_config` has it.

use anyhow::{Context, Result};
use latchkey_tests::wait::until;
use latchkey_tests::{Bootstrap, Stack, files};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

type Listeners = BTreeMap<&'static str, Value>;

/// What the tests of this file share. Each has a listener of its own.
pub struct Lab {
    pub stack: Stack,
    file: PathBuf,
    /// The listeners as they are in the file, each as a bootstrap with one listener.
    listeners: Arc<Mutex<Listeners>>,
}

pub static LAB: LazyLock<Lab> = LazyLock::new(|| {
    let folder = files::run_folder().unwrap_or_else(|error| panic!("{error:#}"));
    let file = folder.join("listeners.json");
    let listeners = Arc::new(Mutex::new(BTreeMap::new()));
    let (path, shared) = (file.clone(), listeners.clone());
    let stack = Stack::setup()
        .bootstrap(move |bootstrap| {
            let mut listeners = lock(&shared);
            for name in ["rules", "rotation-a", "rotation-b"] {
                listeners.insert(name, bootstrap.0.clone());
            }
            write(&path, &listeners)?;
            bootstrap.0["node"] = json!({"id": "tests", "cluster": "tests"});
            bootstrap.0["dynamic_resources"] =
                json!({"lds_config": {"path_config_source": {"path": path}}});
            Ok(())
        })
        .start();
    Lab {
        stack,
        file,
        listeners,
    }
});

impl Lab {
    /// Where a listener takes requests.
    pub fn address(&self, name: &str) -> SocketAddr {
        self.stack.envoy.listener(name)
    }

    /// Changes a listener in the file, as an operator's tool would: the whole file at once.
    #[track_caller]
    pub fn update(&self, name: &'static str, change: impl FnOnce(&mut Bootstrap) -> Result<()>) {
        let update = || {
            let mut listeners = lock(&self.listeners);
            let mut bootstrap = Bootstrap(listeners[name].clone());
            change(&mut bootstrap)?;
            listeners.insert(name, bootstrap.0);
            write(&self.file, &listeners)
        };
        update().unwrap_or_else(|error: anyhow::Error| panic!("{error:#}"));
    }

    /// The same, and waits until Envoy has it and the listener it replaces is gone.
    #[track_caller]
    pub fn update_and_wait(
        &self,
        name: &'static str,
        change: impl FnOnce(&mut Bootstrap) -> Result<()>,
    ) {
        let modified = self.stat("listener_modified");
        self.update(name, change);
        until("Envoy has the new listener", || {
            self.stat("listener_modified") > modified
        });
        until("the old listener is gone", || {
            self.stat("total_listeners_draining") == 0
        });
    }

    /// A figure of Envoy's listener manager.
    pub fn stat(&self, name: &str) -> u64 {
        self.stack.envoy.stat(&format!("listener_manager.{name}"))
    }
}

fn lock(listeners: &Mutex<Listeners>) -> MutexGuard<'_, Listeners> {
    listeners.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write(path: &PathBuf, listeners: &Listeners) -> Result<()> {
    let resource = |(name, bootstrap): (&&str, &Value)| {
        let mut listener = bootstrap.pointer("/static_resources/listeners/0")?.clone();
        listener["@type"] = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
        listener["name"] = json!(name);
        Some(listener)
    };
    let resources: Option<Vec<Value>> = listeners.iter().map(resource).collect();
    let text = json!({"resources": resources.context("a bootstrap without listener")?});
    // Moved into place, since Envoy watches for that and must never read half a file.
    let new = path.with_extension("new");
    fs::write(&new, text.to_string())?;
    Ok(fs::rename(&new, path)?)
}
