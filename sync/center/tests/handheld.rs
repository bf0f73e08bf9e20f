//! A handheld played by plain libraries: rcgen for requests, reqwest for the wire.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use reqwest::{Client, RequestBuilder, Response};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use spotcheck_domain::{Clock, ManualClock};
use spotcheck_evidence::testkit::NOW_MS;
use spotcheck_wire::enrol::{ENROL_SCHEMA, EnrolRequest, EnrolResponse, Ticket};

use crate::clock::TlsTime;
use crate::testing::{TestCentre, TestData, TestOptions};

pub(super) struct Key(pub(super) KeyPair);

impl Key {
    pub(super) fn new() -> Self {
        Self(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap())
    }

    pub(super) fn csr(&self) -> Vec<u8> {
        CertificateParams::default().serialize_request(&self.0).unwrap().der().to_vec()
    }
}

/// A centre at the story's present with a clock to turn.
pub(super) fn centre() -> (TestCentre, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at_ms(NOW_MS));
    let options = TestOptions {
        clock: Some(Arc::<ManualClock>::clone(&clock)),
        claims: TestData::Nothing,
        ..TestOptions::default()
    };
    (TestCentre::start_with(options).unwrap(), clock)
}

pub(super) fn config(
    roots: &[CertificateDer<'static>],
    clock: Arc<dyn Clock>,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
) -> rustls::ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut store = rustls::RootCertStore::empty();
    for root in roots {
        store.add(root.clone()).unwrap();
    }
    let builder = rustls::ClientConfig::builder_with_details(provider, Arc::new(TlsTime(clock)))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(store);
    match identity {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).unwrap(),
        None => builder.with_no_client_auth(),
    }
}

pub(super) fn client(config: rustls::ClientConfig) -> Client {
    Client::builder().tls_backend_preconfigured(config).no_proxy().build().unwrap()
}

pub(super) struct Handheld {
    pub(super) client: Client,
    pub(super) url: String,
    pub(super) tls_key: Vec<u8>,
    pub(super) tls_chain: String,
    pub(super) signing: Key,
    pub(super) answer: EnrolResponse,
}

pub(super) fn anonymous(centre: &TestCentre, clock: &Arc<ManualClock>) -> Client {
    let root = centre.centre().ca().tls.der().clone();
    client(config(&[root], Arc::<ManualClock>::clone(clock), None))
}

pub(super) fn request(
    ticket: &Ticket,
    tls: Option<&Key>,
    signing: &Key,
    device: Option<&str>,
    recipient: Option<&str>,
) -> EnrolRequest {
    let mut request = EnrolRequest {
        schema: ENROL_SCHEMA.to_owned(),
        ticket: ticket.locator(),
        tls_csr: tls.map(Key::csr).unwrap_or_default(),
        signing_csr: signing.csr(),
        device: device.map(str::to_owned),
        package_recipient: recipient.map(str::to_owned),
        proof: Vec::new(),
    };
    request.proof = ticket.proof(&request.proof_parts());
    request
}

impl Handheld {
    pub(super) async fn enrol(centre: &TestCentre, clock: &Arc<ManualClock>) -> Self {
        Self::enrol_by(centre, clock, centre.device_ticket()).await
    }

    pub(super) async fn enrol_by(
        centre: &TestCentre,
        clock: &Arc<ManualClock>,
        ticket: &Ticket,
    ) -> Self {
        let (tls, signing) = (Key::new(), Key::new());
        let ask = request(ticket, Some(&tls), &signing, None, None);
        let response = anonymous(centre, clock)
            .post(format!("{}/v1/enroll", centre.url()))
            .json(&ask)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        let answer: EnrolResponse = response.json().await.unwrap();
        let chain = answer.tls_chain.clone();
        Self::with(centre, clock, tls.0.serialize_der(), chain, signing, answer)
    }

    pub(super) fn with(
        centre: &TestCentre,
        clock: &Arc<ManualClock>,
        tls_key: Vec<u8>,
        tls_chain: String,
        signing: Key,
        answer: EnrolResponse,
    ) -> Self {
        let chain =
            CertificateDer::pem_slice_iter(tls_chain.as_bytes()).map(Result::unwrap).collect();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(tls_key.clone()));
        let root = centre.centre().ca().tls.der().clone();
        let config = config(&[root], Arc::<ManualClock>::clone(clock), Some((chain, key)));
        Self { client: client(config), url: centre.url(), tls_key, tls_chain, signing, answer }
    }

    pub(super) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.url))
    }

    pub(super) fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.url))
    }

    pub(super) fn tus(&self, method: &str, path: &str) -> RequestBuilder {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        self.client.request(method, format!("{}{path}", self.url)).header("tus-resumable", "1.0.0")
    }

    /// Uploads one blob in parts of `part` bytes.
    pub(super) async fn upload(&self, bytes: &[u8], part: usize) {
        use base64::Engine;
        let b64 = base64::engine::general_purpose::STANDARD;
        let hash = crate::objects::sha256_hex(bytes);
        let made = self
            .tus("POST", "/v1/blobs")
            .header("upload-length", bytes.len())
            .header("upload-metadata", format!("sha256 {}", b64.encode(hash)))
            .send()
            .await
            .unwrap();
        assert_eq!(made.status(), 201);
        let location = made.headers()["location"].to_str().unwrap().to_owned();
        let mut offset = 0;
        for block in bytes.chunks(part) {
            let sum = ring::digest::digest(&ring::digest::SHA256, block);
            let answer = self
                .tus("PATCH", &location)
                .header("content-type", "application/offset+octet-stream")
                .header("upload-offset", offset)
                .header("upload-checksum", format!("sha256 {}", b64.encode(sum)))
                .body(block.to_vec())
                .send()
                .await
                .unwrap();
            offset += block.len();
            assert_eq!(answer.status(), 204);
            assert_eq!(answer.headers()["upload-offset"], offset.to_string().as_str());
        }
    }
}

/// Status and problem code.
pub(super) async fn problem(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body["status"], status);
    (status, body["code"].as_str().unwrap().to_owned())
}

/// Fails if any of the tokens stands in clear in any file of the folder; gives the number of files seen.
pub(super) fn no_token_in_clear(folder: &std::path::Path, tokens: &[&[u8]]) -> usize {
    let mut left = vec![folder.to_owned()];
    let mut seen = 0;
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(std::fs::read_dir(path).unwrap().map(|e| e.unwrap().path()));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        seen += 1;
        for token in tokens {
            assert!(!bytes.windows(token.len()).any(|w| w == *token), "{}", path.display());
        }
    }
    seen
}

pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
