//! The plugin's life: it is configured, and ticks while it has something to do.

use crate::host::{self, LogLevel};
use crate::telemetry;
use crate::worker::Worker;
use latchkey_core::{Config, Engine};
use std::rc::Rc;

/// Loads the plugin's configuration; `None`: it is refused, and the log says why.
pub(crate) fn configure() -> Option<Rc<Worker>> {
    let text = host::configuration().unwrap_or_default();
    let loaded = Config::load(&text, &host::variable);
    telemetry::configured(loaded.is_ok());
    match loaded {
        Ok(config) => {
            for warning in config.warnings() {
                host::log(
                    LogLevel::Warn,
                    &format!("latchkey: configuration: {warning}"),
                );
            }
            Some(Rc::new(Worker::new(Engine::new(config))))
        }
        Err(error) => {
            host::log(
                LogLevel::Error,
                &format!("latchkey: configuration refused: {error}"),
            );
            None
        }
    }
}
