//! One request, one answer: IPP over HTTP POST (RFC 8010), with limits on time and size.
//!
//! The `ipp` crate writes and reads the messages; its own HTTP client is not used because it follows
//! proxies of the environment and redirects, has one timeout for everything and no limit on the answer.

use std::io::Cursor;
use std::time::Duration;

use ipp::attribute::IppAttributes;
use ipp::model::StatusCode;
use ipp::parser::IppParser;
use ipp::reader::IppReader;
use ipp::request::IppRequestResponse;
use tokio::runtime::Runtime;

use crate::Error;
use crate::uri::Address;

/// How long connecting may take.
const CONNECT_S: u64 = 5;
/// How long a question may take.
pub(crate) const ASK_S: u64 = 10;
/// How long handing over a document may take.
pub(crate) const SEND_S: u64 = 180;
/// Largest answer read.
const MAX_ANSWER_BYTES: usize = 1 << 20;

pub(crate) struct Transport {
    runtime: Runtime,
    client: reqwest::Client,
}

/// A successful answer.
pub(crate) struct Answer {
    pub(crate) attributes: IppAttributes,
}

impl Transport {
    /// `ca_pem`: certificates trusted for `ipps`, besides those of the system.
    pub(crate) fn new(ca_pem: Option<&[u8]>) -> Result<Self, Error> {
        // Several parts of the program install the same provider; the first one wins.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(CONNECT_S))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent("spotcheck");
        if let Some(pem) = ca_pem {
            let certificates =
                reqwest::Certificate::from_pem_bundle(pem).map_err(|_| Error::Tls)?;
            builder = builder.tls_certs_merge(certificates);
        }
        let client = builder.build().map_err(|e| Error::Client(e.without_url().to_string()))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Error::Client(e.kind().to_string()))?;
        Ok(Self { runtime, client })
    }

    /// Runs something that waits.
    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Sends a request and its document, reads the answer, insists on a successful status.
    pub(crate) async fn ask(
        &self,
        address: &Address,
        request: &IppRequestResponse,
        document: &[u8],
        within_s: u64,
    ) -> Result<Answer, Error> {
        let head = request.to_bytes();
        let mut body = Vec::with_capacity(head.len().saturating_add(document.len()));
        body.extend_from_slice(&head);
        body.extend_from_slice(document);
        let exchange = async {
            let response = self
                .client
                .post(&address.post)
                .header("content-type", "application/ipp")
                .header("accept", "application/ipp")
                .body(body)
                .send()
                .await
                .map_err(connection)?;
            let status = response.status();
            if !status.is_success() {
                return Err(Error::Protocol(format!("http status {}", status.as_u16())));
            }
            read_limited(response).await
        };
        let bytes = tokio::time::timeout(Duration::from_secs(within_s), exchange)
            .await
            .map_err(|_| Error::Timeout)??;
        let (header, attributes, _) = IppParser::new(IppReader::new(Cursor::new(bytes)))
            .parse_parts()
            .map_err(|e| Error::Protocol(kind_of(&e)))?;
        match header.status_code() {
            status if status.is_success() => Ok(Answer { attributes }),
            StatusCode::ClientErrorDocumentFormatNotSupported
            | StatusCode::ClientErrorDocumentFormatError => Err(Error::Format),
            StatusCode::ClientErrorNotFound | StatusCode::ClientErrorGone => Err(Error::Forgotten),
            StatusCode::ServerErrorNotAcceptingJobs => {
                Err(Error::NotReady(vec!["不接受作业".to_owned()]))
            }
            StatusCode::ServerErrorBusy => Err(Error::NotReady(vec!["打印机正忙".to_owned()])),
            _ => Err(Error::Refused(header.operation_or_status)),
        }
    }
}

/// The parser's complaint without the bytes it complains about.
fn kind_of(error: &ipp::parser::IppParseError) -> String {
    let text = format!("{error:?}");
    text.split(['(', '{', ' ']).next().unwrap_or_default().to_owned()
}

async fn read_limited(mut response: reqwest::Response) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(connection)? {
        if bytes.len().saturating_add(chunk.len()) > MAX_ANSWER_BYTES {
            return Err(Error::Protocol("answer too long".to_owned()));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn connection(error: reqwest::Error) -> Error {
    if error.is_timeout() && !error.is_connect() {
        return Error::Timeout;
    }
    let error = error.without_url();
    let mut causes = Vec::new();
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(e) = cause {
        causes.push(e.to_string());
        cause = e.source();
    }
    let said = causes.join(": ");
    if said.contains("certificate") { Error::Tls } else { Error::Unreachable(said) }
}
