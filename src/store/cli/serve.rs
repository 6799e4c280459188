//! `latchkey-store serve`

use super::Error;
use crate::clock;
use crate::http::{self, AppState, LookupDays, ServiceTokens, Tls};
use crate::repository::Repository;
use clap::{Args, ValueEnum};
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

const LOG_VARIABLE: &str = "LATCHKEY_LOG";

/// Callers show a service token: LATCHKEY_SERVICE_TOKENS holds those that are accepted, separated by commas.
/// To rotate one, add the new, restart, give it to the callers, remove the old, restart.
///
/// LATCHKEY_LOG says what is logged, to standard error: error, warn, info (the default) or debug, which has a line for
/// each request.
#[derive(Args)]
pub(super) struct Serve {
    /// Where to listen; port 0 lets the system choose
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8480")]
    listen: SocketAddr,
    // Only from the environment: a command line can be read by everyone on the machine.
    #[arg(
        long,
        env = "LATCHKEY_SERVICE_TOKENS",
        hide = true,
        hide_env_values = true
    )]
    service_tokens: Option<String>,
    /// Answer everyone, without a service token; on a loopback address only
    #[arg(long)]
    insecure_no_auth: bool,
    /// Offer TLS with this certificate and those that lead to its issuer (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Demand a client certificate from one of these issuers (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_client_ca: Option<PathBuf>,
    /// How log lines are written
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

#[derive(Clone, Copy, ValueEnum)]
enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

impl Serve {
    pub(super) async fn run(self, repository: Arc<dyn Repository>) -> Result<(), Error> {
        let tokens = self.tokens()?;
        let tls = self.tls();
        self.log_format.start();
        let (lookup_days, written) = LookupDays::start(repository.clone());
        let app = http::app(AppState {
            repository,
            tokens: tokens.map(Arc::new),
            metrics: Arc::default(),
            lookup_days,
            clock: clock::now,
        });
        let listener = TcpListener::bind(self.listen).map_err(|source| Error::Listen {
            address: self.listen,
            source,
        })?;
        let address = listener.local_addr()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        if tls.is_none() && !address.ip().is_loopback() {
            tracing::warn!(%address, "no TLS: service tokens and key hashes cross the network in clear");
        }
        let ended = end()?;
        // Nobody has to read it.
        let _ = writeln!(io::stdout(), "listening on {scheme}://{address}");
        http::serve(listener, tls.as_ref(), app, ended).await?;
        // The routes are gone, and with them the last sender.
        let _ = written.await;
        Ok(())
    }

    fn tokens(&self) -> Result<Option<ServiceTokens>, Error> {
        match (&self.service_tokens, self.insecure_no_auth) {
            (_, true) if !self.listen.ip().is_loopback() => Err(Error::OpenToAll {
                address: self.listen,
            }),
            (Some(list), true) if !list.is_empty() => Err(Error::TokensAndOpen),
            (_, true) => Ok(None),
            (list, false) => Ok(Some(ServiceTokens::parse(
                list.as_deref().unwrap_or_default(),
            )?)),
        }
    }

    fn tls(&self) -> Option<Tls> {
        let (certificate, key) = self.tls_certificate.clone().zip(self.tls_key.clone())?;
        Some(Tls {
            certificate,
            key,
            client_ca: self.tls_client_ca.clone(),
        })
    }
}

impl LogFormat {
    fn start(self) {
        let filter =
            EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new("info"));
        let lines = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(io::stderr);
        match self {
            Self::Text => lines.with_ansi(false).init(),
            Self::Json => lines.json().flatten_event(true).init(),
        }
    }
}

/// Ends when the process is asked to end.
fn end() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => (),
            _ = interrupt.recv() => (),
        }
        tracing::info!("finishing the requests under way, then ending");
    })
}
