//! The lookup service.

mod health;
mod lookup;
mod lookup_days;
mod metrics;
mod observe;
mod openapi;
mod server;
mod tls;
mod tokens;

pub use lookup_days::LookupDays;
pub use metrics::Metrics;
pub use server::{ServeError, serve};
pub use tls::{Tls, TlsError};
pub use tokens::{ServiceTokens, TokensError};

use crate::repository::Repository;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;
use std::time::Duration;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::timeout::TimeoutLayer;

/// Far more than a lookup takes, and longer than the filter waits for one.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
/// No request here needs a body.
const BODY_LIMIT: usize = 1024;

/// What the routes share.
#[derive(Clone)]
pub struct AppState {
    pub repository: Arc<dyn Repository>,
    /// `None`: everyone may ask.
    pub tokens: Option<Arc<ServiceTokens>>,
    pub metrics: Arc<Metrics>,
    pub lookup_days: LookupDays,
    /// Unix seconds, now.
    pub clock: fn() -> i64,
}

/// Every route of the service.
pub fn app(state: AppState) -> Router {
    Router::new()
        .route(lookup::PATH, get(lookup::client))
        .route("/healthz", get(health::process))
        .route("/readyz", get(health::database))
        .route("/metrics", get(metrics::page))
        .route("/openapi.json", get(openapi::document))
        .fallback(no_such_route)
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            REQUEST_TIMEOUT,
        ))
        .layer(from_fn_with_state(state.metrics.clone(), observe::observe))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .with_state(state)
}

/// Not 404: on the lookup path that means "unknown client", and a filter that asks at a wrong path would tell its
/// callers that their credentials are wrong.
async fn no_such_route() -> Response {
    problem(StatusCode::BAD_REQUEST, "no_such_route")
}

/// An answer that is no record.
fn problem(status: StatusCode, error: &'static str) -> Response {
    let body = axum::Json(serde_json::json!({ "error": error }));
    (status, [(header::CACHE_CONTROL, "no-store")], body).into_response()
}
