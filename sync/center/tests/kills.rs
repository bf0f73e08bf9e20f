//! `kill -9` of the server right after an answer: whatever was confirmed is there after the restart.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs,
    reason = "tests may panic"
)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use reqwest::Client;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::Value;
use spotcheck_center::clock::{SystemClock, SystemEntropy};
use spotcheck_center::objects::sha256_hex;
use spotcheck_center::tickets::new_ticket;
use spotcheck_center::{Centre, OpenCentre};
use spotcheck_wire::CarriedFile;
use spotcheck_wire::bundles::{ANNOUNCEMENT_SCHEMA, Announcement, BundleState, BundleStatus};
use spotcheck_wire::enrol::{ENROL_SCHEMA, EnrolRequest, EnrolResponse, TicketKind};

struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_spotcheck-center"))
            .arg("--data")
            .arg(data)
            .args(["--json", "serve", "--listen", "127.0.0.1:0"])
            .env_remove("CREDENTIALS_DIRECTORY")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let hello: Value = serde_json::from_str(&line).unwrap();
        Self { child, url: hello["url"].as_str().unwrap().to_owned() }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn client(root: &CertificateDer<'static>, identity: Option<(&str, &[u8])>) -> Client {
    let mut store = rustls::RootCertStore::empty();
    store.add(root.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(store);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).map(Result::unwrap);
            let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.to_vec()));
            builder.with_client_auth_cert(chain.collect(), key).unwrap()
        }
    };
    Client::builder().tls_backend_preconfigured(config).no_proxy().build().unwrap()
}

fn csr(key: &KeyPair) -> Vec<u8> {
    CertificateParams::default().serialize_request(key).unwrap().der().to_vec()
}

fn announcement() -> Announcement {
    let tagmanifest = b"not a bag\n".to_vec();
    Announcement {
        schema: ANNOUNCEMENT_SCHEMA.to_owned(),
        bundle: "EVID-01M7VBK5C0TESTK1T000000001".to_owned(),
        task: "T-1".to_owned(),
        tagmanifest_sha256: sha256_hex(&tagmanifest),
        tag_files: vec![CarriedFile {
            path: "tagmanifest-sha256.txt".to_owned(),
            bytes: tagmanifest,
        }],
        files: Vec::new(),
        case_keys: Vec::new(),
    }
}

#[test]
fn what_was_confirmed_survives_kill_nine() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("centre");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = Server::start(&data);
    // A second process on the same folder: an administrator's command beside the server.
    let desk = Centre::open(OpenCentre {
        data: &data,
        key_file: None,
        credentials: None,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy::new()),
    })
    .unwrap();
    let ticket = new_ticket(&desk, TicketKind::Device, "D-0001", None, None).unwrap();
    let root = desk.ca().tls.der().clone();
    let (tls, signing) = (
        KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap(),
        KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap(),
    );
    let mut ask = EnrolRequest {
        schema: ENROL_SCHEMA.to_owned(),
        ticket: ticket.locator(),
        tls_csr: csr(&tls),
        signing_csr: csr(&signing),
        device: None,
        package_recipient: None,
        proof: Vec::new(),
    };
    ask.proof = ticket.proof(&ask.proof_parts());

    // Enrolment confirmed, then the power goes.
    let url = format!("{}/v1/enroll", server.url);
    let answer: EnrolResponse = runtime.block_on(async {
        client(&root, None).post(url).json(&ask).send().await.unwrap().json().await.unwrap()
    });
    server.kill();
    let http = client(&root, Some((&answer.tls_chain, &tls.serialize_der())));
    let mut server = Server::start(&data);
    let tus = |method: &str, url: String| {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        http.request(method, url).header("tus-resumable", "1.0.0")
    };

    // Each part confirmed, then the power goes.
    let location = runtime.block_on(async {
        let ask = tus("POST", format!("{}/v1/blobs", server.url)).header("upload-length", 60_000);
        let made = ask.send().await.unwrap();
        assert_eq!(made.status(), 201);
        made.headers()["location"].to_str().unwrap().to_owned()
    });
    let blob: Vec<u8> = (0..60_000_u32).map(|n| u8::try_from(n % 253).unwrap()).collect();
    for (round, part) in blob.chunks(12_000).enumerate() {
        let offset = round * 12_000;
        let status = runtime.block_on(async {
            let ask = tus("PATCH", format!("{}{location}", server.url))
                .header("content-type", "application/offset+octet-stream")
                .header("upload-offset", offset)
                .body(part.to_vec());
            ask.send().await.unwrap().status()
        });
        assert_eq!(status, 204);
        server.kill();
        server = Server::start(&data);
        let durable = runtime.block_on(async {
            let head = tus("HEAD", format!("{}{location}", server.url)).send().await.unwrap();
            head.headers()["upload-offset"].to_str().unwrap().to_owned()
        });
        assert_eq!(durable, (offset + part.len()).to_string());
    }
    assert!(desk.repo().has_blob("D-0001", &sha256_hex(&blob)).unwrap());

    // Commit confirmed, then the power goes: the job is taken up again and decided.
    let announcement = announcement();
    let bundle = format!("/v1/bundles/{}", announcement.bundle);
    runtime.block_on(async {
        let url = format!("{}/v1/bundles", server.url);
        assert_eq!(http.post(url).json(&announcement).send().await.unwrap().status(), 200);
        let url = format!("{}{bundle}/commit", server.url);
        assert_eq!(http.post(url).send().await.unwrap().status(), 202);
    });
    server.kill();
    let server = Server::start(&data);
    let begun = Instant::now();
    loop {
        let status: BundleStatus = runtime.block_on(async {
            let url = format!("{}{bundle}", server.url);
            http.get(url).send().await.unwrap().json().await.unwrap()
        });
        match status.state {
            BundleState::Verifying => {
                assert!(begun.elapsed() < Duration::from_secs(60), "the job was lost");
                std::thread::yield_now();
            }
            state => {
                assert_eq!(state, BundleState::Rejected);
                assert!(!status.errors.is_empty());
                break;
            }
        }
    }
    server.kill();
}

/// Issue 4, item 6: an audit of a whole city that is killed goes on where it was, and ends with what an
/// undisturbed one gives.
#[test]
fn an_audit_that_was_killed_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let city = dir.path().join("city");
    let command = |data: &str, args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spotcheck-center"));
        command.arg("--data").arg(dir.path().join(data)).args(args);
        command.env_remove("CREDENTIALS_DIRECTORY");
        command
    };
    let done = |mut command: Command| {
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{stderr}");
        (String::from_utf8(output.stdout).unwrap(), stderr)
    };
    let out = city.to_string_lossy().into_owned();
    done(command("one", &["demo-data", "--truth", "--lines", "6000", "--out", &out]));
    for data in ["one", "other"] {
        done(command(data, &["import", "--from", &out]));
    }
    let (undisturbed, told) = done(command("other", &["audit", "--json-lines"]));
    let facilities = told.lines().filter(|line| line.contains("已存")).count();
    assert!(facilities > 1, "{told}");

    let mut audit = command("one", &["audit", "--json-lines"]);
    let mut audit = audit.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(audit.stderr.take().unwrap()).lines();
    while let Some(Ok(line)) = lines.next() {
        if line.contains("已存") {
            break;
        }
    }
    audit.kill().unwrap();
    audit.wait().unwrap();
    let (after, told) = done(command("one", &["audit", "--json-lines"]));
    assert!(told.contains("[1/") && told.contains("数据和规则未变"), "{told}");
    assert_eq!(after, undisturbed);
    let (again, told) = done(command("one", &["audit", "--json-lines"]));
    assert_eq!(told.lines().filter(|l| l.contains("数据和规则未变")).count(), facilities, "{told}");
    assert_eq!(again, undisturbed);

    // The files of findings: for us with everything, for the party without names, clauses and scores.
    let (us, party) = (dir.path().join("us.csv"), dir.path().join("party.json"));
    let export = |to: &Path, more: &[&str]| {
        let to = to.to_string_lossy().into_owned();
        let mut args = vec!["audit", "--export", to.as_str()];
        args.extend(more);
        done(command("one", &args));
        std::fs::read_to_string(to.as_str()).unwrap()
    };
    let (us, party) = (export(&us, &[]), export(&party, &["--party"]));
    assert!(us.starts_with('\u{feff}') && us.contains("规则名称"));
    let party: Value = serde_json::from_str(&party).unwrap();
    let list = party["findings"].as_array().unwrap();
    // Nobody has been on site: nothing is confirmed, so the party is told nothing.
    assert!(list.is_empty() && party["schema"].is_string(), "{party}");
    for word in ["违规", "违法", "骗保", "\"rule\"", "\"weight\"", "\"clause\"", "T38"] {
        assert!(!party.to_string().contains(word), "{word}");
    }
    let ranked = done(command("one", &["--json", "facilities", "list", "--by", "findings"])).0;
    let ranked: Value = serde_json::from_str(&ranked).unwrap();
    assert_eq!(ranked["facilities"].as_array().unwrap().len(), facilities);
}
