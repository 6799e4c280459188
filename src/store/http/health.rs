//! Is it alive, and can it answer?

use super::{AppState, problem};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

const OK: &str = "ok\n";

/// The process answers.
#[utoipa::path(
    get,
    path = "/healthz",
    description = "Whether the process is alive. Restart it if not.",
    responses((status = 200, body = String, content_type = "text/plain"))
)]
pub(super) async fn process() -> &'static str {
    OK
}

/// The database answers too, and its schema is the one this program knows.
#[utoipa::path(
    get,
    path = "/readyz",
    description = "Whether lookups can be answered. Send none if not.",
    responses(
        (status = 200, body = String, content_type = "text/plain"),
        (status = 503, description = "The database cannot be used; the log says why", body = super::openapi::Problem)
    )
)]
pub(super) async fn database(State(state): State<AppState>) -> Response {
    match state.repository.check().await {
        Ok(()) => OK.into_response(),
        Err(error) => {
            tracing::error!(%error, "not ready");
            problem(StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        }
    }
}
