//! One log line and one count for each request. Neither holds an Authorization header.

use super::Metrics;
use axum::extract::{MatchedPath, Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;
use std::time::Instant;

const REQUEST_ID: &str = "x-request-id";
const TRACE: &str = "traceparent";

pub(super) async fn observe(
    State(metrics): State<Arc<Metrics>>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let request_id = text(request.headers(), REQUEST_ID);
    let trace = text(request.headers(), TRACE);

    let response = next.run(request).await;

    let status = response.status().as_u16();
    let duration = started.elapsed();
    metrics.observe(route, status, duration);
    let micros = duration.as_micros() as u64;
    match status {
        500.. => tracing::error!(route, status, micros, request_id, trace, "answered"),
        401 => tracing::warn!(route, status, micros, request_id, trace, "answered"),
        _ => tracing::debug!(route, status, micros, request_id, trace, "answered"),
    }
    response
}

/// A header's value, if it is visible ASCII.
fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
