//! The lookup service.

mod health;
mod lookup;
mod tokens;

pub use tokens::{ServiceTokens, TokensError};

use crate::repository::Repository;
use axum::Router;
use axum::routing::get;
use std::sync::Arc;

/// What the routes share.
#[derive(Clone)]
pub struct AppState {
    pub repository: Arc<dyn Repository>,
    pub tokens: Arc<ServiceTokens>,
}

/// Every route of the service.
pub fn app(state: AppState) -> Router {
    Router::new()
        .route("/v1/clients/{client_id}", get(lookup::client))
        .route("/healthz", get(health::process))
        .with_state(state)
}
