//! Connections: what they may take, and how they end.

use super::{Tls, TlsError};
use axum::Router;
use axum::extract::Request;
use axum_server::accept::{Accept, NoDelayAcceptor};
use axum_server::service::SendService;
use axum_server::tls_rustls::RustlsAcceptor;
use axum_server::{Handle, Server};
use hyper::body::Incoming;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// How long a caller may take from one answer to the whole head of the next request. A proxy should close idle
/// connections sooner (`envoy/envoy.yaml` does): a connection that ends just as it sends costs it a lookup.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);
const FIRST_REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const TLS_TIMEOUT: Duration = Duration::from_secs(5);
/// How long requests that are under way may take once the service is asked to end.
const GRACE: Duration = Duration::from_secs(10);
const HEAD_BYTES: usize = 16 * 1024;
const HEAD_LINES: usize = 64;

/// Answers requests until `ended`, then finishes those under way.
pub async fn serve(
    listener: TcpListener,
    tls: Option<&Tls>,
    app: Router,
    ended: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let server = axum_server::from_tcp(listener)?;
    match tls {
        None => run(server.acceptor(NoDelayAcceptor::new()), app, ended).await?,
        Some(tls) => {
            let acceptor = RustlsAcceptor::new(tls.load()?).handshake_timeout(TLS_TIMEOUT);
            run(
                server.acceptor(acceptor.acceptor(NoDelayAcceptor::new())),
                app,
                ended,
            )
            .await?;
        }
    }
    Ok(())
}

/// Why the service ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

async fn run<A>(
    server: Server<SocketAddr, A>,
    app: Router,
    ended: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()>
where
    A: Accept<TcpStream, Router> + Clone + Send + Sync + 'static,
    A::Stream: AsyncRead + AsyncWrite + Unpin + Send,
    A::Service: SendService<Request<Incoming>> + Send,
    A::Future: Send,
{
    let handle = Handle::new();
    let mut server = server
        .handle(handle.clone())
        .first_request_timeout(FIRST_REQUEST_TIMEOUT)
        .accept_error_handler(|from, error| tracing::warn!(?from, %error, "no connection"));
    let builder = server.http_builder();
    builder
        .http1()
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEAD_LINES);
    builder.http2().max_header_list_size(HEAD_BYTES as u32);
    tokio::spawn(async move {
        ended.await;
        handle.graceful_shutdown(Some(GRACE));
    });
    server.serve(app.into_make_service()).await
}
