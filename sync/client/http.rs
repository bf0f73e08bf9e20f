//! One small HTTP layer: JSON in and out, bounded bodies, problem documents and TLS faults told apart.
//!
//! reqwest would follow redirects, read proxies from the environment and repeat requests on its own; all
//! of that is switched off, because a centre never redirects and every repetition of an upload must be
//! ours to count.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, redirect, retry};
use rustls::CertificateError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use spotcheck_domain::Entropy;
use spotcheck_wire::hello::CLIENT_VERSION_HEADER;
use spotcheck_wire::problem::{PROBLEM_JSON, Problem};

use crate::error::{Error, Result, plain_code};
use crate::patience::Patience;

/// Largest answer read into memory, bytes (task list with CRLs; everything else is far smaller).
pub(crate) const MAX_ANSWER: usize = 32 << 20;
const MAX_PROBLEM: usize = 64 << 10;

/// A connection policy towards one centre.
pub(crate) struct Http {
    client: Client,
    base: Url,
    pub(crate) patience: Patience,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl Http {
    /// A `base` of plain HTTP is possible here (the upload client is compared with foreign tus servers);
    /// addresses of centres go through [`base_url`], which refuses it.
    pub(crate) fn new(
        base: Url,
        tls: rustls::ClientConfig,
        client_version: &str,
        patience: Patience,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self> {
        let mut headers = HeaderMap::new();
        let version = HeaderValue::from_str(client_version)
            .map_err(|_| Error::SetUp("client version".to_owned()))?;
        headers.insert(CLIENT_VERSION_HEADER, version);
        let builder = Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(base.scheme() == "https")
            .default_headers(headers)
            .http1_only()
            .no_proxy()
            .referer(false)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .connect_timeout(Duration::from_millis(patience.connect_ms))
            .read_timeout(Duration::from_millis(patience.silence_ms))
            .tcp_user_timeout(Duration::from_millis(patience.dead_ms))
            .tcp_keepalive(Duration::from_millis(patience.dead_ms.div_euclid(3)))
            .pool_max_idle_per_host(1);
        let client = builder.build().map_err(|error| Error::SetUp(error.to_string()))?;
        Ok(Self { client, base, patience, entropy })
    }

    /// The address of a path of the protocol, e.g. `/v1/tasks`.
    pub(crate) fn url(&self, path: &str) -> Result<Url> {
        self.base.join(path).map_err(|error| Error::SetUp(error.to_string()))
    }

    /// True if `url` is served by the same scheme, host and port as the centre.
    pub(crate) fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.base.origin() && url.username().is_empty() && url.password().is_none()
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Sends and reads a JSON answer.
    pub(crate) async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T> {
        let response = checked(send(request).await?).await?;
        let body = bounded(response, MAX_ANSWER).await?;
        serde_json::from_slice(&body).map_err(|error| Error::Protocol(shape(&error)))
    }

    /// As [`Self::json`], but tried again after connection faults: for requests whose repetition changes
    /// nothing at the centre.
    pub(crate) async fn json_again<T: DeserializeOwned>(
        &self,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<T> {
        let mut attempt = 1;
        loop {
            match self.json(request()).await {
                Err(error) if error.is_retryable() && attempt < self.patience.tries => {
                    tracing::info!(attempt, "Request will be tried again: {error}.");
                    self.pause_after(&error, attempt).await;
                    attempt = attempt.saturating_add(1);
                }
                other => return other,
            }
        }
    }

    /// GET with repetition.
    pub(crate) async fn get<T: DeserializeOwned>(&self, url: &Url) -> Result<T> {
        self.json_again(|| self.client.get(url.clone())).await
    }

    /// POST of JSON with repetition; `idempotency` names the request so that a repetition is recognised.
    pub(crate) async fn post<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        url: &Url,
        body: &B,
        idempotency: Option<&str>,
    ) -> Result<T> {
        let bytes = bytes::Bytes::from(
            serde_json::to_vec(body).map_err(|error| Error::SetUp(shape(&error)))?,
        );
        self.json_again(|| {
            let mut request = self
                .client
                .post(url.clone())
                .header(CONTENT_TYPE, "application/json")
                .body(bytes.clone());
            if let Some(key) = idempotency {
                request = request.header(spotcheck_wire::bundles::IDEMPOTENCY_KEY, key);
            }
            request
        })
        .await
    }

    /// Waits before try number `attempt` + 1, as long as the centre asks for within our own limit.
    async fn pause_after(&self, error: &Error, attempt: u32) {
        let asked = match error {
            Error::Problem(problem) => {
                problem.retry_after.map_or(0, |s| u64::from(s).saturating_mul(1000))
            }
            _ => 0,
        };
        let asked = Duration::from_millis(asked.min(self.patience.cap_ms));
        tokio::time::sleep(asked.max(self.patience.wait(attempt, self.entropy.as_ref()))).await;
    }

    /// Waits before try number `attempt` + 1.
    pub(crate) async fn pause(&self, attempt: u32) {
        tokio::time::sleep(self.patience.wait(attempt, self.entropy.as_ref())).await;
    }
}

/// Category and place of a JSON error, without the values it complains about.
fn shape(error: &serde_json::Error) -> String {
    format!("JSON {:?} at line {} column {}", error.classify(), error.line(), error.column())
}

/// Sends; TLS faults and broken connections become errors of their own.
pub(crate) async fn send(request: RequestBuilder) -> Result<Response> {
    request.send().await.map_err(|error| transport(&error))
}

/// Passes a successful response on and turns everything else into the problem it tells.
pub(crate) async fn checked(response: Response) -> Result<Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let is_problem = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.starts_with(PROBLEM_JSON));
    let body = bounded(response, MAX_PROBLEM).await.unwrap_or_default();
    let problem = if is_problem { serde_json::from_slice::<Problem>(&body).ok() } else { None };
    let mut problem = problem.unwrap_or_else(|| plain_problem(status));
    problem.status = status.as_u16();
    problem.code = plain_code(&problem.code);
    Err(Error::Problem(Box::new(problem)))
}

fn plain_problem(status: StatusCode) -> Problem {
    let mut problem = Problem::new(status.as_u16(), &format!("HTTP-{}", status.as_u16()), "", "");
    problem.retryable = matches!(status.as_u16(), 408 | 423 | 429 | 500 | 502..=504);
    problem
}

/// Reads a body that may not be longer than `limit` bytes.
pub(crate) async fn bounded(mut response: Response, limit: usize) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| transport(&error))? {
        if body.len().saturating_add(chunk.len()) > limit {
            return Err(Error::Protocol(format!("answer longer than {limit} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Tells an untrusted server, a wrong clock, a refused handheld and a missing network apart.
pub(crate) fn transport(error: &reqwest::Error) -> Error {
    if let Some(tls) = tls_fault(error) {
        return tls_error(tls);
    }
    if error.is_builder() || error.is_request() && error.url().is_none() {
        return Error::SetUp(error.to_string());
    }
    let mut cause = error.to_string();
    let mut inner = error.source();
    while let Some(next) = inner {
        cause = next.to_string();
        inner = next.source();
    }
    Error::Offline(cause)
}

fn tls_error(error: &rustls::Error) -> Error {
    let cause = error.to_string();
    match error {
        rustls::Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => Error::CentreCertificateTime(cause),
        rustls::Error::AlertReceived(_) => Error::DeviceRefused(cause),
        rustls::Error::InvalidCertificate(_)
        | rustls::Error::InvalidCertRevocationList(_)
        | rustls::Error::NoCertificatesPresented
        | rustls::Error::PeerIncompatible(_)
        | rustls::Error::PeerMisbehaved(_)
        | rustls::Error::InvalidMessage(_)
        | rustls::Error::DecryptError => Error::FalseCentre(cause),
        _ => Error::Offline(cause),
    }
}

/// Finds rustls' error, which tokio-rustls packs into `io::Error` (whose `source` skips what it holds).
fn tls_fault<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e rustls::Error> {
    let mut next: Option<&'e (dyn StdError + 'static)> = Some(error);
    while let Some(current) = next {
        if let Some(tls) = current.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        if let Some(held) = current.downcast_ref::<io::Error>().and_then(io::Error::get_ref)
            && let Some(tls) = tls_fault(held)
        {
            return Some(tls);
        }
        next = current.source();
    }
    None
}

/// The centre's base address: `https://host:port`, nothing else.
pub(crate) fn base_url(centre: &str) -> Result<Url> {
    let url =
        Url::parse(centre).map_err(|error| Error::SetUp(format!("centre address: {error}")))?;
    let plain = url.scheme() == "https"
        && url.has_host()
        && matches!(url.path(), "" | "/")
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if plain {
        Ok(url)
    } else {
        Err(Error::SetUp("centre address is not https://host:port".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_https_origin_is_a_centre() {
        assert!(base_url("https://127.0.0.1:8443").is_ok());
        for bad in ["http://a", "https://u:p@a", "https://a/x", "https://a?x", "ftp://a", "", "a"] {
            assert!(base_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_tls_fault_is_found_inside_an_io_error() {
        let tls = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let io = io::Error::new(io::ErrorKind::InvalidData, tls);
        assert!(tls_fault(&io).is_some());
        let expired = rustls::Error::InvalidCertificate(CertificateError::Expired);
        assert!(matches!(tls_error(&expired), Error::CentreCertificateTime(_)));
    }
}
