//! The plugin's life: it is configured, makes streams, and ticks while one of them waits.

use crate::host;
use crate::stream::Stream;
use crate::telemetry;
use crate::worker::Worker;
use latchkey_core::{Config, Engine};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{ContextType, LogLevel};
use std::rc::Rc;

/// The root context.
#[derive(Default)]
pub(crate) struct Root {
    worker: Option<Rc<Worker>>,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
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
                self.worker = Some(Rc::new(Worker::new(Engine::new(config))));
                true
            }
            Err(error) => {
                host::log(
                    LogLevel::Error,
                    &format!("latchkey: configuration refused: {error}"),
                );
                false
            }
        }
    }

    fn on_tick(&mut self) {
        #[cfg(feature = "trap")]
        crate::trap::at(b"tick");
        if let Some(worker) = &self.worker {
            worker.tick();
        }
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::new(id, self.worker.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
