//! The lookup service's routes, asked without a network.

use crate::databases::{Database, NOW, at, on_both_databases};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use latchkey_store::customer::CustomerCode;
use latchkey_store::http::{self, AppState, LookupDays, ServiceTokens};
use latchkey_store::repository::Repository;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::task::JoinHandle;
use tower::ServiceExt;

const TOKEN: &str = "the-service-token-of-these-tests";
const DAY: i64 = 86_400;

on_both_databases![
    the_record_is_given_only_for_the_service_token,
    c6_what_is_no_customer_code_is_an_unknown_client,
    c9_a_revocation_shows_at_the_very_next_lookup,
    the_day_of_the_last_lookup_is_kept,
    the_metrics_count_requests_and_keys_that_end_soon,
    other_routes_never_answer_404,
    a_request_id_is_kept_or_made,
    a_body_over_the_limit_is_refused,
];

struct Service {
    app: Router,
    repository: Arc<dyn Repository>,
    written: JoinHandle<()>,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Service {
    async fn on(database: &Database) -> Self {
        let repository = database.open().await;
        let (lookup_days, written) = LookupDays::start(repository.clone());
        let app = http::app(AppState {
            repository: repository.clone(),
            tokens: Some(Arc::new(ServiceTokens::parse(TOKEN).unwrap())),
            metrics: Arc::default(),
            lookup_days,
            clock: || NOW,
        });
        Self {
            app,
            repository,
            written,
        }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    async fn lookup(&self, client_id: &str) -> Answer {
        let request = Request::get(format!("/v1/clients/{client_id}"))
            .header("authorization", format!("Bearer {TOKEN}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn add(&self, code: &str) -> CustomerCode {
        let code: CustomerCode = code.parse().unwrap();
        self.repository
            .add_customer(&code, &"read".parse().unwrap(), &at(NOW))
            .await
            .unwrap();
        code
    }
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

async fn the_record_is_given_only_for_the_service_token(database: Database) {
    let service = Service::on(&database).await;
    service.add("ACME01").await;
    let found = service.lookup("ACME01").await;
    assert_eq!(found.status, 200);
    assert_eq!(found.headers["content-type"], "application/json");
    assert_eq!(found.headers["cache-control"], "no-store");
    assert_eq!(
        found.json(),
        json!({"client_id": "ACME01", "enabled": true, "scope": "read", "keys": []})
    );

    for wrong in [
        None,
        Some("Bearer wrong-token-of-these-tests"),
        Some(TOKEN),
        Some("Basic eDp5"),
    ] {
        // Whether the client exists makes no difference to someone without a token.
        for client in ["ACME01", "NOBODY", "%FF"] {
            let mut request = Request::get(format!("/v1/clients/{client}"));
            if let Some(wrong) = wrong {
                request = request.header("authorization", wrong);
            }
            let refused = service.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(refused.status, 401, "{wrong:?}");
            assert_eq!(
                refused.headers["www-authenticate"],
                "Bearer realm=\"credential-store\""
            );
            assert_eq!(refused.json(), json!({"error": "unauthorized"}));
        }
    }
}

async fn c6_what_is_no_customer_code_is_an_unknown_client(database: Database) {
    let service = Service::on(&database).await;
    service.add("ACME01").await;
    for unknown in [
        "NOBODY",
        "acme01",
        "%FF%FE",
        "%00",
        "ACME01%00",
        "ACME%2001",
        "..%2FACME01",
        "%C3%84",
        &"A".repeat(9000),
    ] {
        let answer = service.lookup(unknown).await;
        assert_eq!(answer.status, 404, "{unknown}");
        assert_eq!(answer.json(), json!({"error": "unknown_client"}));
    }
    // Percent-encoding is of the segment, not of the code.
    assert_eq!(service.lookup("%41CME01").await.status, 200);
}

async fn c9_a_revocation_shows_at_the_very_next_lookup(database: Database) {
    let service = Service::on(&database).await;
    let acme = service.add("ACME01").await;
    // The account manager's command line has the database open by itself.
    let manager = database.open().await;
    let (_, key) = manager.issue_key(&acme, NOW + DAY, &at(NOW)).await.unwrap();
    assert_eq!(
        service.lookup("ACME01").await.json()["keys"][0]["revoked_at"],
        Value::Null
    );
    manager.revoke_key(&key.id, &at(NOW + 1)).await.unwrap();
    assert_eq!(
        service.lookup("ACME01").await.json()["keys"][0]["revoked_at"],
        json!(NOW + 1)
    );
    manager
        .set_enabled(&acme, false, &at(NOW + 2))
        .await
        .unwrap();
    assert_eq!(
        service.lookup("ACME01").await.json()["enabled"],
        json!(false)
    );
}

async fn the_day_of_the_last_lookup_is_kept(database: Database) {
    let service = Service::on(&database).await;
    let (acme, bolt) = (service.add("ACME01").await, service.add("BOLT02").await);
    for _ in 0..3 {
        service.lookup("ACME01").await;
    }
    service.lookup("NOBODY").await;
    let Service {
        app,
        repository,
        written,
    } = service;
    drop(app);
    written.await.unwrap();
    assert_eq!(
        repository.customer(&acme).await.unwrap().last_lookup_day,
        Some(NOW / DAY)
    );
    assert_eq!(
        repository.customer(&bolt).await.unwrap().last_lookup_day,
        None
    );
    // An older day, from a replica whose clock is behind, does not replace a newer one.
    repository
        .note_lookups(&[
            (acme.clone(), NOW / DAY - 1),
            (bolt.clone(), 5),
            (bolt.clone(), 6),
        ])
        .await
        .unwrap();
    assert_eq!(
        repository.customer(&acme).await.unwrap().last_lookup_day,
        Some(NOW / DAY)
    );
    assert_eq!(
        repository.customer(&bolt).await.unwrap().last_lookup_day,
        Some(6)
    );
}

async fn the_metrics_count_requests_and_keys_that_end_soon(database: Database) {
    let service = Service::on(&database).await;
    let acme = service.add("ACME01").await;
    for days in [3, 20, 40] {
        service
            .repository
            .issue_key(&acme, NOW + days * DAY, &at(NOW))
            .await
            .unwrap();
    }
    service.lookup("ACME01").await;
    service.lookup("NOBODY").await;
    let page = service.get("/metrics").await;
    assert_eq!(
        page.headers["content-type"],
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    let text = page.text();
    for line in [
        "latchkey_store_requests_total{route=\"/v1/clients/{client_id}\",status=\"200\"} 1",
        "latchkey_store_requests_total{route=\"/v1/clients/{client_id}\",status=\"404\"} 1",
        "latchkey_store_keys_expiring{within=\"1d\"} 0",
        "latchkey_store_keys_expiring{within=\"7d\"} 1",
        "latchkey_store_keys_expiring{within=\"30d\"} 2",
        "latchkey_store_database_up 1",
    ] {
        assert!(
            text.lines().any(|other| other == line),
            "{line} is not in\n{text}"
        );
    }
    assert!(
        !text.contains("ACME01") && !text.contains("NOBODY"),
        "{text}"
    );
}

async fn other_routes_never_answer_404(database: Database) {
    let service = Service::on(&database).await;
    for path in [
        "/",
        "/v1/clients/",
        "/v1/clients",
        "/v2/clients/ACME01",
        "/v1/clients/A/B",
    ] {
        assert_eq!(service.get(path).await.status, 400, "{path}");
    }
    for (path, status) in [
        ("/healthz", 200),
        ("/readyz", 200),
        ("/openapi.json", 200),
        ("/metrics", 200),
    ] {
        assert_eq!(service.get(path).await.status, status, "{path}");
    }
    let put = Request::put("/v1/clients/ACME01")
        .body(Body::empty())
        .unwrap();
    assert_eq!(service.send(put).await.status, 405);
}

async fn a_request_id_is_kept_or_made(database: Database) {
    let service = Service::on(&database).await;
    let given = Request::get("/healthz").header("x-request-id", "from-envoy");
    assert_eq!(
        service
            .send(given.body(Body::empty()).unwrap())
            .await
            .headers["x-request-id"],
        "from-envoy"
    );
    let (one, other) = (service.get("/healthz").await, service.get("/healthz").await);
    assert_ne!(one.headers["x-request-id"], other.headers["x-request-id"]);
}

async fn a_body_over_the_limit_is_refused(database: Database) {
    let service = Service::on(&database).await;
    let request = Request::get("/v1/clients/ACME01").header("content-length", "1025");
    assert_eq!(
        service
            .send(request.body(Body::from(vec![b'x'; 1025])).unwrap())
            .await
            .status,
        413
    );
}
