//! `GET /v1/clients/{client_id}`: the lookup contract.

use super::AppState;
use crate::customer::CustomerCode;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// 200 with the record, 404 for an unknown client, 401 without the right service token, 503 if the database
/// cannot tell.
pub(super) async fn client(
    State(state): State<AppState>,
    headers: HeaderMap,
    Path(client_id): Path<String>,
) -> Response {
    if !state.tokens.admit(&headers) {
        let challenge = [(
            header::WWW_AUTHENTICATE,
            "Bearer realm=\"credential-store\"",
        )];
        return (challenge, problem(StatusCode::UNAUTHORIZED, "unauthorized")).into_response();
    }
    // What is no Customer Code is nobody's.
    let Ok(code) = client_id.parse::<CustomerCode>() else {
        return problem(StatusCode::NOT_FOUND, "unknown_client");
    };
    match state.repository.lookup(&code).await {
        Ok(Some(found)) => {
            ([(header::CACHE_CONTROL, "no-store")], Json(found.record)).into_response()
        }
        Ok(None) => problem(StatusCode::NOT_FOUND, "unknown_client"),
        Err(error) => {
            tracing::error!(%error, "lookup failed");
            problem(StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        }
    }
}

fn problem(status: StatusCode, error: &'static str) -> Response {
    (
        status,
        [(header::CACHE_CONTROL, "no-store")],
        Json(json!({ "error": error })),
    )
        .into_response()
}
