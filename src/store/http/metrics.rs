//! `GET /metrics`, for Prometheus.

use super::AppState;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

const DAY: i64 = 86_400;
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const BUCKETS: [f64; 12] = [
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
];
/// The spans for which the ending keys are counted.
const SPANS: [(&str, i64); 3] = [("1d", DAY), ("7d", 7 * DAY), ("30d", 30 * DAY)];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Span {
    within: &'static str,
}

/// What is counted. No label ever holds anything that a caller sent.
pub struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    durations: Family<Route, Histogram, fn() -> Histogram>,
    keys_expiring: Family<Span, Gauge>,
    database_up: Gauge,
}

impl Metrics {
    /// Counts one answered request.
    pub(super) fn observe(&self, route: &str, status: u16, duration: Duration) {
        let route = route.to_owned();
        self.requests
            .get_or_create(&Request {
                route: route.clone(),
                status,
            })
            .inc();
        self.durations
            .get_or_create(&Route { route })
            .observe(duration.as_secs_f64());
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("latchkey_store");
        let requests = Family::default();
        let durations: Family<Route, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(BUCKETS));
        let keys_expiring = Family::default();
        let database_up = Gauge::default();
        registry.register("requests", "Requests answered", requests.clone());
        registry.register_with_unit(
            "request_duration",
            "Time from a request's head to its answer",
            Unit::Seconds,
            durations.clone(),
        );
        registry.register(
            "keys_expiring",
            "Working API Keys of enabled customers that end within the span; absent if the database cannot tell",
            keys_expiring.clone(),
        );
        registry.register(
            "database_up",
            "Whether the database answered just now",
            database_up.clone(),
        );
        Self {
            registry,
            requests,
            durations,
            keys_expiring,
            database_up,
        }
    }
}

/// The page. The keys are counted as it is asked for.
#[utoipa::path(
    get,
    path = "/metrics",
    description = "Metrics in the OpenMetrics text format.",
    responses((status = 200, body = String, content_type = "application/openmetrics-text"))
)]
pub(super) async fn page(State(state): State<AppState>) -> Response {
    let metrics = &state.metrics;
    let now = (state.clock)();
    metrics.database_up.set(1);
    for (within, seconds) in SPANS {
        match state
            .repository
            .count_keys_ending(now, now.saturating_add(seconds))
            .await
        {
            Ok(count) => drop(
                metrics
                    .keys_expiring
                    .get_or_create(&Span { within })
                    .set(count),
            ),
            Err(error) => {
                tracing::error!(%error, "the ending keys could not be counted");
                metrics.keys_expiring.clear();
                metrics.database_up.set(0);
                break;
            }
        }
    }
    let mut text = String::new();
    match encode(&mut text, &metrics.registry) {
        Ok(()) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(std::fmt::Error) => axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
