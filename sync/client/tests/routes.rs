//! What the tests' centre answers, route by route.

use std::collections::BTreeMap;
use std::io;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::header::{
    CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_RANGE, LOCATION, RANGE,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, head, post};
use axum::{Extension, Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{StreamExt, stream};
use rcgen::KeyPair;
use serde_json::json;
use spotcheck_domain::{rfc3339, to_canonical};
use spotcheck_evidence::Hash32;
use spotcheck_wire::bundles::{
    Announced, Announcement, BundleState, BundleStatus, JournalAccepted, JournalUpload,
    STATUS_SCHEMA, WireReceipt,
};
use spotcheck_wire::enrol::{
    ENROL_SCHEMA, EnrolRequest, EnrolResponse, POLICY_SCHEMA, Policy, RenewRequest, SignedTrust,
    TRUST_SCHEMA, TicketKind, TrustStatement,
};
use spotcheck_wire::hello::{HELLO_SCHEMA, Hello};
use spotcheck_wire::problem::{PROBLEM_JSON, Problem, code};
use spotcheck_wire::tasks::{NamedText, TASKS_SCHEMA, TaskList};

use super::NOW_MS;
use super::authority::{Ca, Kind, key_of};
use super::centre::{Connection, DEVICE, Inner, Shared};

const RECIPIENT_A: &str = "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq";
const RECIPIENT_B: &str = "age1pppppppppppppppppppppppppppppppppppppppppppppppppppppppppp";
const RECIPIENT_C: &str = "age1zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz";

/// The protocol's routes.
pub(crate) fn router(shared: Shared) -> Router {
    Router::new()
        .route("/v1/hello", get(hello))
        .route("/v1/enroll", post(enroll))
        .route("/v1/renew", post(renew))
        .route("/v1/tasks", get(tasks))
        .route("/v1/packages/{id}/{file}", get(package))
        .route("/v1/bundles", post(announce))
        .route("/v1/bundles/{id}", get(status))
        .route("/v1/bundles/{id}/commit", post(commit))
        .route("/v1/blobs", post(create))
        .route("/v1/blobs/{id}", head(offset).patch(patch))
        .route("/v1/device-journal", post(journal))
        .with_state(shared)
}

fn problem(status: u16, code: &str) -> Response {
    let body = serde_json::to_vec(&Problem::new(status, code, "题", "详情")).unwrap();
    (StatusCode::from_u16(status).unwrap(), [(CONTENT_TYPE, PROBLEM_JSON)], body).into_response()
}

/// The refusal for who is not enrolled, or whom the test wants refused.
fn refusal(inner: &Inner, connection: &Connection) -> Option<Response> {
    if !connection.authenticated {
        return Some(problem(401, code::UNAUTHENTICATED));
    }
    inner.mischief.problem.map(|code| problem(403, code))
}

async fn hello() -> Json<Hello> {
    Json(Hello {
        schema: HELLO_SCHEMA.to_owned(),
        version_min: 1,
        version_max: 1,
        capabilities: vec!["tus-1.0".to_owned(), "something-new".to_owned()],
        server_time: rfc3339(NOW_MS),
        minimum_client: "0.1.0".to_owned(),
    })
}

async fn enroll(State(shared): State<Shared>, Json(mut request): Json<EnrolRequest>) -> Response {
    let mut inner = shared.lock().unwrap();
    if inner.mischief.swap_request {
        let key = KeyPair::generate().unwrap();
        let csr = rcgen::CertificateParams::default().serialize_request(&key).unwrap();
        request.signing_csr = csr.der().to_vec();
    }
    let known = inner.tickets.get(&request.ticket).cloned();
    let Some(ticket) = known.filter(|t| t.verify_proof(&request.proof_parts(), &request.proof))
    else {
        return problem(403, code::TICKET);
    };
    inner.tickets.remove(&request.ticket);
    inner.enrolments += 1;
    let mut tls_chain = String::new();
    let kind = match ticket.kind {
        TicketKind::Device => {
            let key = key_of(&request.tls_csr);
            tls_chain = inner.tls.issue(Kind::ClientTls, &ticket.id, &[], &key, NOW_MS).pem();
            Kind::Device
        }
        TicketKind::Officer => Kind::Officer,
    };
    let kind = inner.mischief.profile.unwrap_or(kind);
    let signing = if inner.mischief.swap_key {
        inner.evidence.issue(kind, &ticket.id, &[], &KeyPair::generate().unwrap(), NOW_MS)
    } else {
        inner.evidence.issue(kind, &ticket.id, &[], &key_of(&request.signing_csr), NOW_MS)
    };
    let answer = answer(&inner, ticket.id, tls_chain, signing.pem());
    Json(answer).into_response()
}

async fn renew(
    State(shared): State<Shared>,
    Extension(connection): Extension<Connection>,
    Json(request): Json<RenewRequest>,
) -> Response {
    let mut inner = shared.lock().unwrap();
    if let Some(refusal) = refusal(&inner, &connection) {
        return refusal;
    }
    inner.enrolments += 1;
    let from_ms = NOW_MS + 340 * 86_400_000;
    let tls = inner.tls.issue(Kind::ClientTls, DEVICE, &[], &key_of(&request.tls_csr), NOW_MS);
    let key = key_of(&request.signing_csr);
    let signing = inner.evidence.issue(Kind::Device, DEVICE, &[], &key, from_ms);
    let answer = answer(&inner, DEVICE.to_owned(), tls.pem(), signing.pem());
    Json(answer).into_response()
}

/// Intake key of a number: one recipient for the first, another for all later ones.
fn intake(number: u32) -> (String, String) {
    let recipient = if number == 1 { RECIPIENT_A } else { RECIPIENT_C };
    (recipient.to_owned(), format!("intake-{number}"))
}

/// The trust statement for an id, and its signature.
fn trust(inner: &Inner, id: &str, escrow: &str) -> (Vec<u8>, Vec<u8>) {
    let (intake, intake_id) = intake(inner.intake);
    let trust = to_canonical(&TrustStatement {
        schema: TRUST_SCHEMA.to_owned(),
        id: id.to_owned(),
        roots: inner.evidence.pem(),
        tls_roots: inner.tls.pem(),
        tsa_roots: String::new(),
        intake,
        intake_id,
        escrow: escrow.to_owned(),
        log_key: inner.log.vkey(),
        policy: Policy {
            schema: POLICY_SCHEMA.to_owned(),
            pin_min_file: 10,
            pin_min_hardware: 6,
            allow_file_protection: true,
            retention_days: 30,
            idle_lock_minutes: 5,
            reserve_bytes: 1 << 29,
            pad_signatures: false,
        },
    })
    .unwrap();
    let foreign = inner.mischief.foreign_trust;
    let signer = if foreign { Ca::new("别的根").sign(&trust) } else { inner.tls.sign(&trust) };
    (trust, signer)
}

fn answer(inner: &Inner, id: String, tls_chain: String, signing_chain: String) -> EnrolResponse {
    let (trust, trust_signature) = trust(inner, &id, RECIPIENT_B);
    EnrolResponse {
        schema: ENROL_SCHEMA.to_owned(),
        id,
        tls_chain,
        signing_chain,
        trust,
        trust_signature,
        ca: inner.tls.der().to_vec(),
    }
}

fn from_size(query: &BTreeMap<String, String>) -> u64 {
    query.get("from_size").and_then(|text| text.parse().ok()).unwrap_or(0)
}

async fn tasks(
    State(shared): State<Shared>,
    Extension(connection): Extension<Connection>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let mut inner = shared.lock().unwrap();
    if let Some(refusal) = refusal(&inner, &connection) {
        return refusal;
    }
    inner.asked_intake = query.get("intake").cloned();
    let size = inner.log.size();
    let entry =
        to_canonical(&json!({"type": "time/1", "at": rfc3339(NOW_MS - 3_600_000)})).unwrap();
    let mut list = TaskList {
        schema: TASKS_SCHEMA.to_owned(),
        tasks: inner.tasks.clone(),
        crls: vec![
            NamedText { name: "evidence.crl".to_owned(), text: inner.evidence.crl() },
            NamedText { name: "tls.crl".to_owned(), text: inner.tls.crl() },
        ],
        time_entry: String::from_utf8(entry).unwrap(),
        time_proof: inner.log.proof(0, size),
        checkpoint: inner.log.checkpoint(),
        consistency: inner.log.consistency(from_size(&query), size),
        trust: None,
    };
    let present = intake(inner.intake).1;
    if inner.asked_intake.as_ref().is_some_and(|keys| keys.split(',').next() != Some(&present)) {
        let escrow = if inner.mischief.foreign_escrow { RECIPIENT_C } else { RECIPIENT_B };
        let (statement, signature) = trust(&inner, DEVICE, escrow);
        list.trust = Some(SignedTrust { statement, signature });
    }
    if let Some(change) = inner.mischief.tasks {
        change(&mut list);
    }
    Json(list).into_response()
}

async fn package(
    State(shared): State<Shared>,
    Extension(connection): Extension<Connection>,
    Path((id, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let mut inner = shared.lock().unwrap();
    if let Some(refusal) = refusal(&inner, &connection) {
        return refusal;
    }
    let Some(mut bytes) = inner.files.get(&(id, file.clone())).cloned() else {
        return problem(404, code::NOT_FOUND);
    };
    let etag = format!("\"{}\"", Hash32::sha256(&bytes));
    bytes.truncate(bytes.len() - inner.mischief.shorten.min(bytes.len()));
    if inner.mischief.flip.as_ref() == Some(&file) {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    }
    let text = |name| headers.get(name).and_then(|v| v.to_str().ok());
    let from = text(RANGE)
        .filter(|_| text(IF_RANGE) == Some(etag.as_str()))
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    let (status, from) =
        from.map_or((StatusCode::OK, 0), |from| (StatusCode::PARTIAL_CONTENT, from));
    if from >= bytes.len() {
        return StatusCode::RANGE_NOT_SATISFIABLE.into_response();
    }
    let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
    let mut body = bytes.split_off(from);
    let length = body.len();
    let mut pieces: Vec<io::Result<Bytes>> = Vec::new();
    let cut = if length > 64 { inner.mischief.cut_downloads.pop_front() } else { None };
    if let Some(cut) = cut {
        body.truncate(cut);
    }
    inner.served += body.len();
    pieces.push(Ok(Bytes::from(body)));
    let broken = stream::once(async move {
        // Lets the piece before it leave before the connection breaks.
        tokio::task::yield_now().await;
        Err(io::Error::from(io::ErrorKind::ConnectionReset))
    });
    let stream = stream::iter(pieces);
    let body = if cut.is_some() {
        Body::from_stream(stream.chain(broken))
    } else {
        Body::from_stream(stream)
    };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(ETAG, etag.parse().unwrap());
    headers.insert(CONTENT_LENGTH, length.into());
    if status == StatusCode::PARTIAL_CONTENT {
        headers.insert(CONTENT_RANGE, range.parse().unwrap());
    }
    response
}

async fn announce(
    State(shared): State<Shared>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
    Json(announcement): Json<Announcement>,
) -> Response {
    let mut inner = shared.lock().unwrap();
    if let Some(refusal) = refusal(&inner, &connection) {
        return refusal;
    }
    let key = headers.get("idempotency-key").and_then(|v| v.to_str().ok());
    assert_eq!(key, Some(announcement.tagmanifest_sha256.as_str()), "idempotency key");
    let blobs = announcement.files.iter().flat_map(|file| &file.blobs);
    let missing = blobs
        .map(|blob| blob.ciphertext_sha256.clone())
        .filter(|sha256| !inner.delivered.contains_key(sha256))
        .collect();
    inner.announcement = Some(announcement);
    Json(Announced { missing }).into_response()
}

async fn create(
    State(shared): State<Shared>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
) -> Response {
    let mut inner = shared.lock().unwrap();
    if let Some(refusal) = refusal(&inner, &connection) {
        return refusal;
    }
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!(text("tus-resumable"), "1.0.0");
    let metadata = text("upload-metadata");
    let sha256 = metadata.split(',').find_map(|part| part.strip_prefix("sha256 ")).unwrap();
    let sha256 = String::from_utf8(STANDARD.decode(sha256).unwrap()).unwrap();
    let id = format!("u{}", inner.uploads.len());
    let length = text("upload-length").parse().unwrap();
    inner.uploads.insert(id.clone(), (sha256, Vec::new(), length));
    let origin = inner.mischief.foreign_uploads.clone().unwrap_or_default();
    (StatusCode::CREATED, [(LOCATION, format!("{origin}/v1/blobs/{id}"))]).into_response()
}

async fn offset(State(shared): State<Shared>, Path(id): Path<String>) -> Response {
    let inner = shared.lock().unwrap();
    let Some((_, bytes, length)) = inner.uploads.get(&id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers =
        [("upload-offset", bytes.len().to_string()), ("upload-length", length.to_string())];
    (StatusCode::OK, headers).into_response()
}

async fn patch(
    State(shared): State<Shared>,
    Extension(connection): Extension<Connection>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let cut = shared.lock().unwrap().mischief.cut_patches.pop_front();
    let mut received = Vec::new();
    let mut stream = body.into_data_stream();
    while let Some(Ok(piece)) = stream.next().await {
        received.extend_from_slice(&piece);
        shared.lock().unwrap().patched += piece.len();
        if cut.is_some_and(|cut| received.len() >= cut) {
            connection.kill.notify_one();
            std::future::pending::<()>().await;
        }
    }
    let mut inner = shared.lock().unwrap();
    if let Some(status) = inner.mischief.patch_status.pop_front() {
        return StatusCode::from_u16(status).unwrap().into_response();
    }
    let Some((sha256, bytes, length)) = inner.uploads.get_mut(&id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    if text("upload-offset") != bytes.len().to_string() {
        return StatusCode::CONFLICT.into_response();
    }
    let checksum = ring::digest::digest(&ring::digest::SHA256, &received);
    if text("upload-checksum") != format!("sha256 {}", STANDARD.encode(checksum)) {
        return StatusCode::from_u16(460).unwrap().into_response();
    }
    bytes.extend_from_slice(&received);
    let offset = bytes.len();
    if offset == *length {
        assert_eq!(Hash32::sha256(bytes).to_string(), *sha256);
        let (sha256, bytes) = (sha256.clone(), bytes.clone());
        inner.delivered.insert(sha256, bytes);
    }
    (StatusCode::NO_CONTENT, [("upload-offset", offset.to_string())]).into_response()
}

fn bundle_status(inner: &mut Inner, from: u64) -> BundleStatus {
    let announcement = inner.announcement.clone().unwrap();
    let state = inner.mischief.stuck.unwrap_or(BundleState::Received);
    let mut receipt = None;
    if state == BundleState::Received {
        let (index, entry) = inner.entry.clone().unwrap_or_else(|| {
            let entry = to_canonical(&json!({
                "type": "bundle/1", "bundle": announcement.bundle, "device": DEVICE,
                "tagmanifest_sha256": announcement.tagmanifest_sha256, "received": rfc3339(NOW_MS),
            }))
            .unwrap();
            (inner.log.append(&entry), entry)
        });
        inner.entry = Some((index, entry.clone()));
        let size = inner.log.size();
        let mut wire = WireReceipt {
            entry,
            proof: inner.log.proof(index, size),
            crl: inner.evidence.crl(),
            timestamps: Vec::new(),
            consistency: inner.log.consistency(from, size),
        };
        if let Some(change) = inner.mischief.receipt {
            change(&mut wire, inner);
        }
        receipt = Some(wire);
    }
    let errors =
        if state == BundleState::Rejected { vec!["SIG-INVALID".to_owned()] } else { Vec::new() };
    let (schema, bundle) = (STATUS_SCHEMA.to_owned(), announcement.bundle);
    BundleStatus { schema, bundle, state, errors, receipt }
}

async fn commit(
    State(shared): State<Shared>,
    Extension(connection): Extension<Connection>,
) -> Response {
    let inner = shared.lock().unwrap();
    if let Some(refusal) = refusal(&inner, &connection) {
        return refusal;
    }
    let announcement = inner.announcement.clone().unwrap();
    let mut blobs = announcement.files.iter().flat_map(|file| &file.blobs);
    if blobs.any(|blob| !inner.delivered.contains_key(&blob.ciphertext_sha256)) {
        return problem(409, code::INCOMPLETE);
    }
    let status = BundleStatus {
        schema: STATUS_SCHEMA.to_owned(),
        bundle: announcement.bundle,
        state: BundleState::Verifying,
        errors: Vec::new(),
        receipt: None,
    };
    (StatusCode::ACCEPTED, Json(status)).into_response()
}

async fn status(
    State(shared): State<Shared>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Json<BundleStatus> {
    let mut inner = shared.lock().unwrap();
    Json(bundle_status(&mut inner, from_size(&query)))
}

async fn journal(State(shared): State<Shared>, Json(upload): Json<JournalUpload>) -> Response {
    let mut inner = shared.lock().unwrap();
    let first: serde_json::Value = serde_json::from_str(&upload.lines[0]).unwrap();
    let has = inner.journal.len() as u64;
    if first["seq"].as_u64().unwrap() != has + 1 {
        let mut gap = Problem::new(409, code::JOURNAL_GAP, "题", "详情");
        gap.last_seq = Some(has);
        let body = serde_json::to_vec(&gap).unwrap();
        return (StatusCode::CONFLICT, [(CONTENT_TYPE, PROBLEM_JSON)], body).into_response();
    }
    inner.journal.extend(upload.lines);
    Json(JournalAccepted { last_seq: inner.journal.len() as u64 }).into_response()
}
