//! `latchkey-store serve`

use super::Error;
use crate::http::{self, AppState, ServiceTokens};
use crate::repository::Repository;
use clap::Args;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Args)]
pub(super) struct Serve {
    /// Where to listen; port 0 lets the system choose
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8480")]
    listen: SocketAddr,
    /// Tokens that callers may present, separated by commas, so that they can be rotated
    #[arg(
        long,
        env = "LATCHKEY_SERVICE_TOKENS",
        value_name = "TOKENS",
        hide = true,
        hide_env_values = true
    )]
    service_tokens: Option<String>,
}

impl Serve {
    pub(super) async fn run(self, repository: Arc<dyn Repository>) -> Result<(), Error> {
        let tokens = ServiceTokens::parse(self.service_tokens.as_deref().unwrap_or_default())?;
        let app = http::app(AppState {
            repository,
            tokens: Arc::new(tokens),
        });
        let listener = TcpListener::bind(self.listen)
            .await
            .map_err(|source| Error::Listen {
                address: self.listen.to_string(),
                source,
            })?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        println!("listening on http://{}", listener.local_addr()?);
        std::io::stdout().flush()?;
        axum::serve(listener, app)
            .with_graceful_shutdown(async move {
                tokio::select! {
                    _ = terminate.recv() => (),
                    _ = interrupt.recv() => (),
                }
            })
            .await?;
        Ok(())
    }
}
