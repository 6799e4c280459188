//! The clients, and what is claimed of each. The checks hold every claim.

use crate::versions::Version;

/// One client, used the way its documentation shows.
pub struct Client {
    /// What `CLIENT=` calls it: its file's name without the ending.
    pub name: &'static str,
    /// The file, in `tests/clients`.
    pub file: &'static str,
    /// Where its version is fixed.
    pub version: Version,
    /// How it sends Customer Code and API Key.
    pub credentials: Credentials,
    /// When it asks for a new token.
    pub renewal: Renewal,
    /// How many token requests it makes with a wrong key before it gives up.
    pub attempts: usize,
    /// What it says of a wrong key.
    pub refusal: &'static [&'static str],
    /// Whether it can be used without TLS, as `make run` is.
    pub plain_http: PlainHttp,
}

/// Where the credentials of a token request stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Credentials {
    /// `client_id` and `client_secret` in the form.
    Body,
    /// HTTP Basic, both parts form-encoded as RFC 6749 wants it.
    BasicEncoded,
    /// HTTP Basic, both parts as they are.
    BasicRaw,
}

/// When a client asks for a new token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// So many seconds before the old one expires.
    Early(u32),
    /// When it has expired, by the client's own clock.
    AtExpiry,
    /// When the API has refused it.
    AfterRefusal,
}

/// What a client makes of `http://`.
pub enum PlainHttp {
    /// Nothing special.
    Works,
    /// It works with this environment variable set to 1.
    With(&'static str),
    /// It refuses with these words.
    Refused(&'static str),
}

/// The endpoint's own words, wherever the client puts them.
const IN_WORDS: &[&str] = &["invalid_client", "Invalid client credentials."];

pub const CLIENTS: &[Client] = &[
    Client {
        name: "authlib-requests",
        file: "python/authlib-requests.py",
        version: Version::Python("authlib"),
        credentials: Credentials::BasicRaw,
        renewal: Renewal::Early(300),
        attempts: 1,
        refusal: &["OAuthError: invalid_client: Invalid client credentials."],
        plain_http: PlainHttp::Works,
    },
    Client {
        name: "authlib-httpx",
        file: "python/authlib-httpx.py",
        version: Version::Python("authlib"),
        credentials: Credentials::BasicRaw,
        renewal: Renewal::Early(300),
        attempts: 1,
        refusal: &["OAuthError: invalid_client: Invalid client credentials."],
        plain_http: PlainHttp::Works,
    },
    Client {
        name: "requests-oauthlib",
        file: "python/requests-oauthlib.py",
        version: Version::Python("requests-oauthlib"),
        credentials: Credentials::BasicRaw,
        renewal: Renewal::AtExpiry,
        attempts: 1,
        refusal: &["InvalidClientError: (invalid_client) Invalid client credentials."],
        plain_http: PlainHttp::With("OAUTHLIB_INSECURE_TRANSPORT"),
    },
    Client {
        name: "httpx-auth",
        file: "python/httpx-auth.py",
        version: Version::Python("httpx-auth"),
        credentials: Credentials::BasicRaw,
        renewal: Renewal::Early(300),
        attempts: 1,
        refusal: &["InvalidGrantRequest: invalid_client: Invalid client credentials."],
        plain_http: PlainHttp::Works,
    },
    Client {
        name: "plain-requests",
        file: "python/plain-requests.py",
        version: Version::Python("requests"),
        credentials: Credentials::Body,
        renewal: Renewal::Early(300),
        attempts: 1,
        refusal: IN_WORDS,
        plain_http: PlainHttp::Works,
    },
    Client {
        name: "openid-client",
        file: "node/openid-client.mjs",
        version: Version::Node("openid-client"),
        credentials: Credentials::Body,
        renewal: Renewal::Early(300),
        attempts: 1,
        refusal: &["OAUTH_WWW_AUTHENTICATE_CHALLENGE", "status: 401"],
        plain_http: PlainHttp::Refused("only requests to HTTPS are allowed"),
    },
    Client {
        name: "simple-oauth2",
        file: "node/simple-oauth2.mjs",
        version: Version::Node("simple-oauth2"),
        credentials: Credentials::BasicEncoded,
        renewal: Renewal::Early(300),
        attempts: 1,
        refusal: IN_WORDS,
        plain_http: PlainHttp::Works,
    },
    Client {
        name: "oauth4webapi",
        file: "node/oauth4webapi.mjs",
        version: Version::Node("oauth4webapi"),
        credentials: Credentials::Body,
        renewal: Renewal::Early(300),
        attempts: 1,
        refusal: &["OAUTH_WWW_AUTHENTICATE_CHALLENGE", "status: 401"],
        plain_http: PlainHttp::Refused("only requests to HTTPS are allowed"),
    },
    Client {
        name: "badgateway-oauth2-client",
        file: "node/badgateway-oauth2-client.mjs",
        version: Version::Node("@badgateway/oauth2-client"),
        credentials: Credentials::BasicRaw,
        renewal: Renewal::AtExpiry,
        attempts: 1,
        refusal: &["OAuth2 error invalid_client. Invalid client credentials."],
        plain_http: PlainHttp::Works,
    },
    Client {
        name: "oauth2-basic",
        file: "rust/oauth2-basic.rs",
        version: Version::Crate("oauth2"),
        credentials: Credentials::BasicEncoded,
        renewal: Renewal::Early(300),
        attempts: 1,
        refusal: &["ServerResponse", "invalid_client"],
        plain_http: PlainHttp::Works,
    },
    Client {
        name: "oauth2-body",
        file: "rust/oauth2-body.rs",
        version: Version::Crate("oauth2"),
        credentials: Credentials::Body,
        renewal: Renewal::Early(300),
        attempts: 1,
        refusal: &["ServerResponse", "invalid_client"],
        plain_http: PlainHttp::Works,
    },
    Client {
        name: "reqwest",
        file: "rust/reqwest.rs",
        version: Version::Crate("reqwest"),
        credentials: Credentials::Body,
        renewal: Renewal::Early(300),
        attempts: 1,
        refusal: IN_WORDS,
        plain_http: PlainHttp::Works,
    },
    Client {
        name: "clientcredentials",
        file: "go/clientcredentials.go",
        version: Version::Debian("golang-golang-x-oauth2-dev"),
        credentials: Credentials::BasicEncoded,
        renewal: Renewal::Early(10),
        // It takes any refusal for a sign that the credentials belong into the body.
        attempts: 2,
        refusal: IN_WORDS,
        plain_http: PlainHttp::Works,
    },
    Client {
        name: "curl-body",
        file: "curl/curl-body.sh",
        version: Version::Curl,
        credentials: Credentials::Body,
        renewal: Renewal::AfterRefusal,
        attempts: 1,
        refusal: IN_WORDS,
        plain_http: PlainHttp::Works,
    },
    Client {
        name: "curl-basic",
        file: "curl/curl-basic.sh",
        version: Version::Curl,
        credentials: Credentials::BasicRaw,
        renewal: Renewal::AfterRefusal,
        attempts: 1,
        refusal: IN_WORDS,
        plain_http: PlainHttp::Works,
    },
];
