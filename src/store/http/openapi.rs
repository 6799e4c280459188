//! `GET /openapi.json`: the contract, for programs.

use super::{health, lookup, metrics};
use axum::Json;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi, ToSchema};

/// What the lookup service knows of one customer.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes latchkey_core::lookup::ClientRecord, which is what is sent"
)]
pub(super) struct ClientRecord {
    /// The Customer Code, spelled as tokens will carry it.
    #[schema(example = "ACME01")]
    client_id: String,
    /// `false`: the account is disabled, no key opens it.
    enabled: bool,
    /// The customer's whole scope, space-separated (RFC 6749 section 3.3).
    #[schema(example = "read")]
    scope: String,
    /// Every key issued, in any state.
    keys: Vec<KeyRecord>,
}

/// One API Key: its hash and its dates, never the key.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes latchkey_core::lookup::KeyRecord, which is what is sent"
)]
pub(super) struct KeyRecord {
    /// The name under which the key is listed and revoked.
    #[schema(example = "k_FATDhsSL1a2x")]
    id: String,
    /// `sha256:` or `hmac-sha256:` and 64 hexadecimal digits.
    #[schema(example = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    hash: String,
    /// Unix seconds from which the key no longer opens anything; null: never.
    #[schema(required)]
    expires_at: Option<i64>,
    /// Unix seconds from which the key is revoked; null: it is not.
    revoked_at: Option<i64>,
}

/// An answer that is no record.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what http::problem sends")]
pub(super) struct Problem {
    /// One word.
    #[schema(example = "unknown_client")]
    error: String,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Latchkey credential store",
        description = "The lookup service that Latchkey's filter asks for a customer's record."
    ),
    paths(lookup::client, health::process, health::database, metrics::page, document),
    modifiers(&ServiceToken)
)]
struct Api;

struct ServiceToken;

impl Modify for ServiceToken {
    fn modify(&self, document: &mut Document) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "One of the service tokens the store was started with.",
            ))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("service_token", SecurityScheme::Http(bearer));
    }
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", description = "This document.", responses((status = 200)))]
pub(super) async fn document() -> Json<Document> {
    Json(Api::openapi())
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_core::json::Json;
    use latchkey_core::lookup;
    use serde_json::{Value, json};

    /// The properties of a schema, each with whether it is required.
    fn described(name: &str) -> Vec<(String, bool)> {
        let document = serde_json::to_value(Api::openapi()).unwrap();
        let schema = &document["components"]["schemas"][name];
        let required = |property: &str| {
            schema["required"]
                .as_array()
                .unwrap()
                .contains(&json!(property))
        };
        let properties = schema["properties"].as_object().unwrap();
        properties
            .keys()
            .map(|property| (property.clone(), required(property)))
            .collect()
    }

    /// The fields of a record, each with whether the record is refused without it.
    fn real<T>(record: &T) -> Vec<(String, bool)>
    where
        T: serde::Serialize + for<'a> TryFrom<&'a Json<'a>>,
    {
        let whole = serde_json::to_value(record).unwrap();
        let refused_without = |field: &str| {
            let mut rest = whole.clone();
            rest.as_object_mut().unwrap().remove(field);
            let text = rest.to_string();
            T::try_from(&Json::parse(text.as_bytes()).unwrap()).is_err()
        };
        let fields = whole.as_object().unwrap().keys();
        fields
            .map(|field| (field.clone(), refused_without(field)))
            .collect()
    }

    #[test]
    fn the_document_describes_the_records_that_are_sent() {
        let key = lookup::KeyRecord {
            id: "k_1".to_owned(),
            hash: lookup::KeyHash::sha256(b"key"),
            expires_at: Some(1),
            revoked_at: Some(1),
        };
        assert_eq!(described("KeyRecord"), real(&key));
        let client = lookup::ClientRecord {
            client_id: "ACME01".to_owned(),
            enabled: true,
            scope: "read".to_owned(),
            keys: vec![key],
        };
        assert_eq!(described("ClientRecord"), real(&client));
    }

    #[test]
    fn the_lookup_asks_for_a_service_token_and_nothing_else_does() {
        let document = serde_json::to_value(Api::openapi()).unwrap();
        for (path, item) in document["paths"].as_object().unwrap() {
            let secured = item["get"]["security"] == json!([{"service_token": []}]);
            assert_eq!(secured, path == super::super::lookup::PATH, "{path}");
        }
        assert_eq!(
            document["components"]["securitySchemes"]["service_token"]["scheme"],
            Value::from("bearer")
        );
    }
}
