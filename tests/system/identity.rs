//! Nobody but the filter says who the customer is (D18), whatever the path looks like (D17).

use latchkey_tests::{Bootstrap, Exchange, Request, Stack};
use serde_json::json;
use std::sync::LazyLock;

static STACK: LazyLock<Stack> = LazyLock::new(|| {
    Stack::setup()
        .configuration(json!({
            "access": [
                {"match": {"prefix": "/open/"}, "allow": "public"},
                {"match": {}, "require": {"scope": ["read"]}},
            ],
            "identity": {"headers": {"x-customer-code": "sub", "x-token-scope": "scope"}},
        }))
        // Without the help that Envoy gives in the example: the filter must not depend on it.
        .bootstrap(Bootstrap::leave_requests_as_they_come)
        .start()
});

/// Public, protected, the token endpoint, and spellings that are none of them.
const PATHS: &[&str] = &[
    "/",
    "/products",
    "/open/",
    "/open/page?x=1",
    "/open/../products",
    "/open/%2e%2e/products",
    "/open//page",
    "/OPEN/page",
    "//products",
    "/auth/token",
    "/auth/token/",
    "//auth/token",
    "/auth/tok%65n",
    "/x/../auth/token",
    "/auth/token;a=b",
    "/products\\x",
    "/products%2fx",
    "http://other.example.com/products",
];

const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"];

/// Every way to claim to be someone else.
fn spoofed(request: Request) -> [Request; 5] {
    let claim = |name: &str| {
        request
            .clone()
            .header(name, "EVIL")
            .header("x-token-scope", "EVIL")
    };
    [
        claim("x-customer-code"),
        claim("X-Customer-Code"),
        claim("X-CUSTOMER-CODE"),
        claim("x-customer-code").header("X-Customer-Code", "EVIL2"),
        claim("x_customer_code"),
    ]
}

/// `own` is what the filter itself may have said.
#[track_caller]
fn assert_not_believed(exchange: &Exchange, own: &str) {
    for seen in &exchange.upstream {
        for (name, value) in &seen.headers {
            let value = String::from_utf8_lossy(value);
            assert!(
                !value.contains("EVIL"),
                "{name}: {value} reached the upstream: {seen:?}"
            );
        }
        let codes = seen.values("x-customer-code");
        assert!(codes.is_empty() || codes == [own.as_bytes()], "{seen:?}");
    }
}

#[test]
fn d18_without_a_token_a_callers_identity_headers_never_reach_the_upstream() {
    for path in PATHS {
        for method in METHODS {
            for request in spoofed(Request::new(method, path)) {
                assert_not_believed(&STACK.send(request), "");
            }
        }
    }
}

#[test]
fn d18_with_a_token_the_upstream_sees_the_tokens_customer_only() {
    let customer = STACK.customer();
    let token = STACK.token(&customer);
    for path in PATHS {
        for method in METHODS {
            for request in spoofed(Request::new(method, path).bearer(&token)) {
                assert_not_believed(&STACK.send(request), &customer.code);
            }
        }
    }
}

#[test]
fn d18_a_spoofed_request_that_passes_carries_the_tokens_customer_once() {
    let customer = STACK.customer();
    let token = STACK.token(&customer);
    for request in spoofed(Request::get("/products").bearer(&token)) {
        let exchange = STACK.send(request);
        assert_eq!(exchange.response.status, 200, "{:?}", exchange.response);
        let seen = exchange.reached();
        assert_eq!(seen.values("x-customer-code"), [customer.code.as_bytes()]);
        assert_eq!(seen.values("x-token-scope"), [b"read"]);
    }
}

#[test]
fn d18_a_spoofed_request_to_a_public_path_passes_without_any_identity() {
    for request in spoofed(Request::get("/open/page")) {
        let exchange = STACK.send(request);
        assert_eq!(exchange.response.status, 200, "{:?}", exchange.response);
        let seen = exchange.reached();
        assert!(seen.values("x-customer-code").is_empty(), "{seen:?}");
        assert!(seen.values("x-token-scope").is_empty(), "{seen:?}");
    }
}

#[test]
fn d18_a_claim_that_a_token_lacks_does_not_leave_the_callers_header_standing() {
    let token = STACK.forge(json!({"sub": "OTHER", "scope": "read"}));
    let request = Request::get("/products")
        .bearer(&token)
        .header("x-customer-code", "EVIL");
    let exchange = STACK.send(request);
    assert_eq!(exchange.response.status, 200, "{:?}", exchange.response);
    assert_eq!(exchange.reached().values("x-customer-code"), [b"OTHER"]);

    let unscoped = STACK.forge(json!({"scope": null}));
    let request = Request::get("/products")
        .bearer(&unscoped)
        .header("x-token-scope", "read");
    assert_eq!(STACK.send(request).stopped().status, 403);
}

#[test]
fn d17_a_path_that_is_not_canonical_is_never_public() {
    let public = ["/open/", "/open/page?x=1"];
    for path in PATHS.iter().filter(|path| !public.contains(path)) {
        let exchange = STACK.send(Request::get(path));
        let status = exchange.stopped().status;
        assert!((400..500).contains(&status), "{path}: {status}");
    }
    for path in public {
        assert_eq!(
            STACK.send(Request::get(path)).response.status,
            200,
            "{path}"
        );
    }
}

#[test]
fn d17_only_the_canonical_path_is_the_token_endpoint() {
    let customer = STACK.customer();
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        customer.code, customer.key.secret
    );
    for path in PATHS
        .iter()
        .filter(|path| path.contains("auth") && **path != "/auth/token")
    {
        let exchange = STACK.send(Request::post(path).form(&*form));
        assert_eq!(exchange.stopped().status, 401, "{path}");
    }
    assert_eq!(
        STACK
            .send(Request::post("/auth/token").form(form))
            .stopped()
            .status,
        200
    );
}
