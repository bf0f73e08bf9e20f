//! A small centre that speaks the protocol, and misbehaves when told to: its state and its listener.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Extension;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rcgen::KeyPair;
use rustls::server::WebPkiClientVerifier;
use rustls::time_provider::TimeProvider;
use rustls::{RootCertStore, ServerConfig, version};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use serde_json::json;
use spotcheck_domain::{rfc3339, to_canonical};
use spotcheck_evidence::Hash32;
use spotcheck_evidence::cms::{RingP256, sign_detached};
use spotcheck_wire::bundles::{Announcement, BundleState, WireReceipt};
use spotcheck_wire::enrol::{TICKET_SCHEMA, Ticket, TicketKind};
use spotcheck_wire::tasks::{PackageFile, PackageItem, TaskItem, TaskList};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

use super::NOW_MS;
use super::authority::{Ca, Kind};
use super::log::TestLog;
use super::routes::router;

pub(crate) const DEVICE: &str = "D-0001";
pub(crate) const OFFICER: &str = "O-0001";

/// How the centre misbehaves.
#[derive(Default)]
pub(crate) struct Mischief {
    /// Puts another key into the signing request before it is looked at.
    pub(crate) swap_request: bool,
    /// Issues the signing certificate for another key.
    pub(crate) swap_key: bool,
    /// The trust statement is signed by another CA.
    pub(crate) foreign_trust: bool,
    /// The signing certificate carries this profile instead of the right one.
    pub(crate) profile: Option<Kind>,
    /// Next answers to file requests end after so many bytes, by a broken connection.
    pub(crate) cut_downloads: VecDeque<usize>,
    /// Files are shorter than announced by so many bytes, politely.
    pub(crate) shorten: usize,
    /// One byte of this file is another.
    pub(crate) flip: Option<String>,
    /// Next PATCHes are cut after so many bytes of body.
    pub(crate) cut_patches: VecDeque<usize>,
    /// Next PATCHes are answered by this status, nothing is kept.
    pub(crate) patch_status: VecDeque<u16>,
    /// Upload addresses point to this origin.
    pub(crate) foreign_uploads: Option<String>,
    /// Changes the receipt before it is sent.
    pub(crate) receipt: Option<fn(&mut WireReceipt, &mut Inner)>,
    /// The trust statement of a pull has another escrow.
    pub(crate) foreign_escrow: bool,
    /// Changes the task list before it is sent.
    pub(crate) tasks: Option<fn(&mut TaskList)>,
    /// State that a committed bundle stays in.
    pub(crate) stuck: Option<BundleState>,
    /// Answers every request of a device with this code.
    pub(crate) problem: Option<&'static str>,
}

/// What the centre has seen and has.
pub(crate) struct Inner {
    pub(crate) tls: Ca,
    pub(crate) evidence: Ca,
    pub(crate) log: TestLog,
    pub(crate) mischief: Mischief,
    pub(crate) tickets: BTreeMap<String, Ticket>,
    pub(crate) tasks: Vec<TaskItem>,
    pub(crate) files: BTreeMap<(String, String), Vec<u8>>,
    pub(crate) uploads: BTreeMap<String, (String, Vec<u8>, usize)>,
    pub(crate) delivered: BTreeMap<String, Vec<u8>>,
    pub(crate) announcement: Option<Announcement>,
    pub(crate) entry: Option<(u64, Vec<u8>)>,
    pub(crate) journal: Vec<String>,
    /// Bytes of PATCH bodies that arrived, kept or not.
    pub(crate) patched: usize,
    /// Bytes of package files sent.
    pub(crate) served: usize,
    pub(crate) enrolments: u32,
    /// Number of the present intake key: 1 when the centre begins.
    pub(crate) intake: u32,
    /// What the handheld said of its intake keys at its last pull.
    pub(crate) asked_intake: Option<String>,
}

pub(crate) type Shared = Arc<Mutex<Inner>>;

/// Who asks, and the switch that ends the connection.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) authenticated: bool,
    pub(crate) kill: Arc<Notify>,
}

pub(crate) struct FakeCentre {
    pub(crate) address: SocketAddr,
    shared: Shared,
    _runtime: Runtime,
}

#[derive(Debug)]
struct FixedTime;

impl TimeProvider for FixedTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(NOW_MS as u64 / 1000)))
    }
}

fn config(inner: &Inner, hosts: &[&str], from_ms: i64) -> ServerConfig {
    let key = KeyPair::generate().unwrap();
    let leaf = inner.tls.issue(Kind::Server, "CENTRE", hosts, &key, from_ms);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(inner.tls.der()).unwrap();
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .allow_unauthenticated()
        .build()
        .unwrap();
    let chain = vec![leaf.der().clone(), inner.tls.der()];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    ServerConfig::builder_with_details(provider, Arc::new(FixedTime))
        .with_protocol_versions(&[&version::TLS13])
        .unwrap()
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .unwrap()
}

impl FakeCentre {
    pub(crate) fn new() -> Self {
        Self::with(&["127.0.0.1"], NOW_MS)
    }

    /// A centre whose server certificate is for `hosts` and is valid from a day before `from_ms`.
    pub(crate) fn with(hosts: &[&str], from_ms: i64) -> Self {
        let mut log = TestLog::new("centre.example/log", 7);
        let entry = to_canonical(&json!({"type": "time/1", "at": rfc3339(NOW_MS - 3_600_000)}));
        log.append(&entry.unwrap());
        let inner = Inner {
            tls: Ca::new("示例通信根"),
            evidence: Ca::new("示例证据根"),
            log,
            mischief: Mischief::default(),
            tickets: BTreeMap::new(),
            tasks: Vec::new(),
            files: BTreeMap::new(),
            uploads: BTreeMap::new(),
            delivered: BTreeMap::new(),
            announcement: None,
            entry: None,
            journal: Vec::new(),
            patched: 0,
            served: 0,
            enrolments: 0,
            intake: 1,
            asked_intake: None,
        };
        let acceptor = TlsAcceptor::from(Arc::new(config(&inner, hosts, from_ms)));
        let shared: Shared = Arc::new(Mutex::new(inner));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0))).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(accept(listener, acceptor, shared.clone()));
        Self { address, shared, _runtime: runtime }
    }

    pub(crate) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.shared.lock().unwrap()
    }

    /// A ticket's text, for a handheld that reaches the centre at `port`.
    pub(crate) fn ticket_at(&self, kind: TicketKind, id: &str, port: u16) -> String {
        let mut inner = self.inner();
        let ticket = Ticket {
            schema: TICKET_SCHEMA.to_owned(),
            kind,
            id: id.to_owned(),
            name: "张三".to_owned(),
            centre: format!("https://127.0.0.1:{port}"),
            ca_sha256: inner.tls.sha256(),
            code: hex::encode([inner.tickets.len() as u8 + 1; 16]),
            expires: rfc3339(NOW_MS + 86_400_000),
        };
        inner.tickets.insert(ticket.locator(), ticket.clone());
        ticket.to_text().unwrap()
    }

    pub(crate) fn ticket(&self, kind: TicketKind, id: &str) -> String {
        self.ticket_at(kind, id, self.address.port())
    }

    /// Puts a signed package on offer for the first task. `signer`: the role that signs it.
    pub(crate) fn offer(&self, id: &str, claims: &[u8], signer: Kind) {
        let mut inner = self.inner();
        let reference = b"reference".to_vec();
        let task = inner.tasks[0].task.id.to_string();
        let entry = |bytes: &[u8]| json!({"size": bytes.len(), "sha256": Hash32::sha256(bytes).to_string()});
        let manifest = to_canonical(&json!({
            "schema": "spotcheck-package/1", "task": task, "package": id,
            "files": {"claims.db": entry(claims), "reference.db": entry(&reference)},
        }))
        .unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = inner.evidence.issue(signer, "CENTRE", &[], &key, NOW_MS);
        let p7s = sign_detached(
            &Hash32::sha256(&manifest),
            &RingP256::from_pkcs8(key.serialized_der()).unwrap(),
            &[CertificateDer::from(certificate.der().to_vec())],
            Some(NOW_MS),
        )
        .unwrap();
        let files = [
            ("package.json", manifest),
            ("package.json.p7s", p7s),
            ("reference.db", reference),
            ("claims.db", claims.to_vec()),
        ];
        let listed = files
            .iter()
            .map(|(name, bytes)| PackageFile {
                name: (*name).to_owned(),
                size: bytes.len() as u64,
                sha256: Hash32::sha256(bytes).to_string(),
            })
            .collect();
        for (name, bytes) in files {
            inner.files.insert((id.to_owned(), name.to_owned()), bytes);
        }
        inner.tasks[0].package = Some(PackageItem { id: id.to_owned(), files: listed });
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, shared: Shared) {
    let app = router(shared);
    loop {
        let Ok((tcp, _)) = listener.accept().await else { return };
        let (acceptor, app) = (acceptor.clone(), app.clone());
        tokio::spawn(async move {
            let Ok(tls) = acceptor.accept(tcp).await else { return };
            let connection = Connection {
                authenticated: tls.get_ref().1.peer_certificates().is_some(),
                kill: Arc::new(Notify::new()),
            };
            let kill = connection.kill.clone();
            let service = TowerToHyperService::new(app.layer(Extension(connection)));
            let builder = Builder::new(TokioExecutor::new());
            tokio::select! {
                _ = builder.serve_connection(TokioIo::new(tls), service) => {}
                () = kill.notified() => {}
            }
        });
    }
}
