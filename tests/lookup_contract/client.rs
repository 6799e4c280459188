//! Asks as the filter does.

use anyhow::{Context, Result, ensure};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use latchkey_core::lookup::PathTemplate;
use latchkey_core::lookup::reply::{Answer, MAX_REPLY};
use std::time::{Duration, Instant};
use tokio::time::timeout;

const PLACEHOLDER: &str = "{client_id}";

pub(crate) struct Client {
    http: hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    origin: String,
    path: PathTemplate,
    headers: Vec<(HeaderName, HeaderValue)>,
    timeout: Duration,
}

/// What came back, and how long it took.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    pub(crate) took: Duration,
}

impl Client {
    pub(crate) fn new(
        url: &str,
        headers: Vec<(String, String)>,
        timeout: Duration,
    ) -> Result<Self> {
        ensure!(
            url.matches(PLACEHOLDER).count() == 1,
            "the URL must hold {PLACEHOLDER} once: {url}"
        );
        let scheme = url
            .find("://")
            .context("the URL must begin with http:// or https://")?;
        let path = url[scheme + 3..].find('/').map(|slash| scheme + 3 + slash);
        let path = path.context("the URL must have a path")?;
        let template = PathTemplate::parse(&url[path..])
            .with_context(|| format!("{} cannot be the filter's lookup path", &url[path..]))?;
        let header = |(name, value): (String, String)| {
            let name =
                HeaderName::try_from(&name).with_context(|| format!("{name} is no header name"))?;
            let value = HeaderValue::try_from(value);
            Ok((
                name.clone(),
                value.with_context(|| format!("the value of {name} is no header value"))?,
            ))
        };
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()
            .context("reading this system's certificate authorities")?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            http: hyper_util::client::legacy::Client::builder(TokioExecutor::new())
                .build(connector),
            origin: url[..path].to_owned(),
            path: template,
            headers: headers.into_iter().map(header).collect::<Result<_>>()?,
            timeout,
        })
    }

    /// Whether a credential is sent.
    pub(crate) fn has_credential(&self) -> bool {
        !self.headers.is_empty()
    }

    pub(crate) async fn ask(&self, client_id: &str) -> Result<Reply> {
        self.send(client_id, &self.headers).await
    }

    pub(crate) async fn ask_without_credential(&self, client_id: &str) -> Result<Reply> {
        self.send(client_id, &[]).await
    }

    pub(crate) async fn ask_with_wrong_credential(&self, client_id: &str) -> Result<Reply> {
        let wrong = |value: &HeaderValue| {
            let mut bytes = value.as_bytes().to_vec();
            if let Some(last) = bytes.last_mut() {
                *last = if *last == b'x' { b'y' } else { b'x' };
            }
            HeaderValue::from_bytes(&bytes)
        };
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| Ok((name.clone(), wrong(value)?)));
        self.send(client_id, &headers.collect::<Result<Vec<_>>>()?)
            .await
    }

    async fn send(&self, client_id: &str, headers: &[(HeaderName, HeaderValue)]) -> Result<Reply> {
        let path = self
            .path
            .path(client_id)
            .context("the filter never asks for this code")?;
        let mut request = Request::get(format!("{}{path}", self.origin));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let started = Instant::now();
        let exchange = async {
            let response = self.http.request(request.body(Empty::new())?).await?;
            let status = response.status().as_u16();
            // One byte more than the filter reads shows that there is too much.
            let body = Limited::new(response.into_body(), MAX_REPLY + 1)
                .collect()
                .await;
            let body = match body {
                Ok(body) => body.to_bytes().to_vec(),
                Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                    vec![b' '; MAX_REPLY + 1]
                }
                Err(error) => anyhow::bail!("the body broke off: {error}"),
            };
            Ok((status, body))
        };
        let (status, body) = timeout(self.timeout, exchange)
            .await
            .with_context(|| format!("no answer within {} ms", self.timeout.as_millis()))??;
        Ok(Reply {
            status,
            body,
            took: started.elapsed(),
        })
    }
}

impl Reply {
    /// As the filter's reader takes it.
    pub(crate) fn answer<'a>(&'a self, status: &'a str) -> Answer<'a> {
        Answer {
            status: Some(status.as_bytes()),
            body: &self.body,
            body_size: self.body.len(),
        }
    }
}
