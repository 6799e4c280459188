//! `GET /v1/clients/{client_id}`: the lookup contract.

use super::{AppState, openapi, problem};
use crate::clock;
use crate::customer::CustomerCode;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

pub(super) const PATH: &str = "/v1/clients/{client_id}";

/// A customer's record.
#[utoipa::path(
    get,
    path = PATH,
    description = "The record of one customer: scope, state, and the hashes of all API Keys.",
    params(("client_id" = String, Path, description = "The Customer Code, percent-encoded as one segment")),
    security(("service_token" = [])),
    responses(
        (status = 200, description = "The record", body = openapi::ClientRecord),
        (status = 401, description = "No service token, or a wrong one", body = openapi::Problem),
        (status = 404, description = "There is no such customer", body = openapi::Problem),
        (status = 503, description = "The database cannot tell; ask again later", body = openapi::Problem)
    )
)]
pub(super) async fn client(
    State(state): State<AppState>,
    headers: HeaderMap,
    client_id: Result<Path<String>, PathRejection>,
) -> Response {
    if state
        .tokens
        .as_ref()
        .is_some_and(|tokens| !tokens.admit(&headers))
    {
        let challenge = [(
            header::WWW_AUTHENTICATE,
            "Bearer realm=\"credential-store\"",
        )];
        return (challenge, problem(StatusCode::UNAUTHORIZED, "unauthorized")).into_response();
    }
    // What is no Customer Code, or not even text, is nobody's.
    let code = client_id
        .ok()
        .and_then(|Path(text)| text.parse::<CustomerCode>().ok());
    let Some(code) = code else {
        return problem(StatusCode::NOT_FOUND, "unknown_client");
    };
    match state.repository.lookup(&code).await {
        Ok(Some(found)) => {
            state
                .lookup_days
                .note(code, found.last_lookup_day, clock::day_of((state.clock)()));
            ([(header::CACHE_CONTROL, "no-store")], Json(found.record)).into_response()
        }
        Ok(None) => problem(StatusCode::NOT_FOUND, "unknown_client"),
        Err(error) => {
            tracing::error!(%error, "lookup failed");
            problem(StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        }
    }
}
