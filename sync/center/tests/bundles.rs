//! The whole way of a bundle: announced, uploaded, committed, verified, logged, receipted, exported.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::json;
use spotcheck_domain::ManualClock;
use spotcheck_evidence::bag::{TAGMANIFEST, is_payload_path};
use spotcheck_evidence::entry::LogEntry;
use spotcheck_evidence::statement::NotBefore;
use spotcheck_evidence::testkit::{Bag, Parts, Person, Workshop};
use spotcheck_evidence::tlog::{Checkpoint, LogKey, LogProof};
use spotcheck_wire::CarriedFile;
use spotcheck_wire::bundles::{
    ANNOUNCEMENT_SCHEMA, Announced, AnnouncedBlob, AnnouncedFile, Announcement, BundleState,
    BundleStatus, JOURNAL_SCHEMA, JournalUpload,
};
use spotcheck_wire::enrol::EnrolResponse;

use super::handheld::{
    Handheld, Key, anonymous, block_on, centre, no_token_in_clear, problem, request,
};
use crate::objects::sha256_hex;
use crate::repository::Directory;
use crate::testing::{DEVICE, OFFICER_NAMES, OFFICERS, TestCentre};

/// Two officers and a handheld, enrolled.
pub(super) struct Team {
    pub(super) handheld: Handheld,
    pub(super) people: Vec<Person>,
}

fn person(role: &str, id: &str, name: &str, key: &Key, chain: &str, root: &str) -> Person {
    let pem = format!("{chain}{root}");
    let chain = CertificateDer::pem_slice_iter(pem.as_bytes()).map(Result::unwrap).collect();
    Person {
        role: role.to_owned(),
        id: id.to_owned(),
        name: name.to_owned(),
        pkcs8: key.0.serialize_der(),
        chain,
        certificate_serial: Vec::new(),
    }
}

impl Team {
    pub(super) async fn enrol(centre: &TestCentre, clock: &Arc<ManualClock>) -> Self {
        let handheld = Handheld::enrol(centre, clock).await;
        let root = centre.centre().ca().evidence.pem().to_owned();
        let mut people = vec![person(
            "device",
            DEVICE,
            "手持机 D-0009",
            &handheld.signing,
            &handheld.answer.signing_chain,
            &root,
        )];
        for (index, ticket) in centre.officer_tickets().iter().enumerate() {
            let key = Key::new();
            let ask = request(ticket, None, &key, Some(DEVICE), None);
            let url = format!("{}/v1/enroll", centre.url());
            let response = anonymous(centre, clock).post(url).json(&ask).send().await.unwrap();
            let answer: EnrolResponse = response.json().await.unwrap();
            let role = format!("inspector-{}", index + 1);
            let (id, name) = (OFFICERS[index], OFFICER_NAMES[index]);
            people.push(person(&role, id, name, &key, &answer.signing_chain, &root));
        }
        Self { handheld, people }
    }
}

/// The testkit's visit, moved under this centre's roots and log.
pub(super) fn parts(centre: &TestCentre) -> Parts {
    let mut parts = Workshop::new().story();
    let (centre, log) = (centre.centre(), centre.centre().log());
    parts.tags.clear();
    // The newest time entry before sealing, as a handheld got it at its last pull.
    let entry = LogEntry::Time(spotcheck_evidence::entry::TimeEntry {
        at: spotcheck_domain::rfc3339(spotcheck_evidence::testkit::SEALED_MS - 3_600_000),
    });
    let leaf = log.append("time/1", None, &entry.to_bytes().unwrap()).unwrap();
    let head = log.head().unwrap();
    let proof = log.proof(leaf.index, &head).unwrap();
    let mut tag = |path: &str, text: String| parts.tags.insert(path.to_owned(), text.into_bytes());
    tag("metadata/checkpoint.txt", head.note.clone());
    tag("metadata/time.entry.json", String::from_utf8(leaf.entry).unwrap());
    tag("metadata/time.tlog-proof", proof);
    let crl = centre.ca().evidence.crl_pem(centre.repo(), centre.clock().as_ref()).unwrap();
    tag("metadata/crl/evidence.crl", crl);
    let key = LogKey::parse(log.vkey()).unwrap();
    let checkpoint = Checkpoint::open(&head.note, &key).unwrap();
    parts.statement["time"]["not_before"] = json!(NotBefore::of(&checkpoint));
    parts
}

/// The same visit as another bundle.
fn rename(story: &mut Parts, id: &str) {
    let swap = |value: &mut serde_json::Value| {
        let text = value.to_string().replace(spotcheck_evidence::testkit::BUNDLE, id);
        *value = serde_json::from_str(&text).unwrap();
    };
    swap(&mut story.statement);
    swap(&mut story.record);
    story.journal.iter_mut().for_each(swap);
    story.bundle = id.to_owned();
}

/// A bag as announcement and age files, media in two segments.
pub(super) fn seal(centre: &TestCentre, bag: &Bag) -> (Announcement, Vec<Vec<u8>>) {
    let recipients = centre.centre().recipients().unwrap();
    let intake: age::x25519::Recipient = recipients.intake.parse().unwrap();
    let escrow: age::x25519::Recipient = recipients.escrow.parse().unwrap();
    let mut blobs = Vec::new();
    let mut files = Vec::new();
    let mut tag_files = Vec::new();
    for (path, bytes) in &bag.files {
        if !is_payload_path(path) {
            tag_files.push(CarriedFile { path: path.clone(), bytes: bytes.clone() });
            continue;
        }
        let half = if bytes.len() > 20 { bytes.len() / 2 } else { bytes.len() };
        let segments = [&bytes[..half], &bytes[half..]];
        let mut announced = Vec::new();
        for (index, plain) in (0_u32..).zip(segments.into_iter().filter(|s| !s.is_empty())) {
            let to: [&dyn age::Recipient; 2] = [&intake, &escrow];
            let encryptor = age::Encryptor::with_recipients(to.into_iter()).unwrap();
            let mut cipher = Vec::new();
            let mut writer = encryptor.wrap_output(&mut cipher).unwrap();
            writer.write_all(plain).unwrap();
            writer.finish().unwrap();
            announced.push(AnnouncedBlob {
                index,
                ciphertext_sha256: sha256_hex(&cipher),
                ciphertext_size: cipher.len() as u64,
                plaintext_sha256: sha256_hex(plain),
                size: plain.len() as u64,
                intake_id: recipients.intake_id.clone(),
            });
            blobs.push(cipher);
        }
        files.push(AnnouncedFile {
            path: path.clone(),
            sha256: sha256_hex(bytes),
            size: bytes.len() as u64,
            blobs: announced,
        });
    }
    let announcement = Announcement {
        schema: ANNOUNCEMENT_SCHEMA.to_owned(),
        bundle: bag.top.clone(),
        task: "T-2026-0009".to_owned(),
        tagmanifest_sha256: sha256_hex(&bag.files[TAGMANIFEST]),
        tag_files,
        files,
        case_keys: b"age-encryption.org/v1".to_vec(),
    };
    (announcement, blobs)
}

async fn announce(handheld: &Handheld, announcement: &Announcement) -> Announced {
    let response = handheld
        .post("/v1/bundles")
        .header("idempotency-key", &announcement.tagmanifest_sha256)
        .json(announcement)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

async fn commit(handheld: &Handheld, bundle: &str) -> reqwest::Response {
    handheld.post(&format!("/v1/bundles/{bundle}/commit")).send().await.unwrap()
}

/// Asks until the centre has decided; the worker is woken by the commit.
pub(super) async fn decided(handheld: &Handheld, bundle: &str, from_size: u64) -> BundleStatus {
    let begun = Instant::now();
    loop {
        let path = format!("/v1/bundles/{bundle}?from_size={from_size}");
        let status: BundleStatus = handheld.get(&path).send().await.unwrap().json().await.unwrap();
        if status.state != BundleState::Verifying {
            return status;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "the centre never decided");
        tokio::task::yield_now().await;
    }
}

pub(super) async fn deliver(
    handheld: &Handheld,
    announcement: &Announcement,
    blobs: &[Vec<u8>],
) -> BundleStatus {
    announce(handheld, announcement).await;
    for blob in blobs {
        handheld.upload(blob, 50_000).await;
    }
    assert_eq!(commit(handheld, &announcement.bundle).await.status(), 202);
    decided(handheld, &announcement.bundle, 0).await
}

/// Copies for players lie beside a sheet that names the evidence of each and says that they are none.
fn copies_are_told_as_copies(centre: &TestCentre, bundle: &str) {
    let folder = centre.folder().join("copies");
    let copies = crate::bundles::export_media(centre.centre(), bundle, &folder).unwrap();
    let [copy] = copies.as_slice() else { panic!("{copies:?}") };
    assert_eq!((copy.original.as_str(), copy.copy.as_str()), ("data/media/0002.ogg", "0002.ogg"));
    let bytes = std::fs::read(folder.join(&copy.copy)).unwrap();
    assert_eq!(sha256_hex(&bytes), copy.copy_sha256);
    assert_eq!(copy.copy_sha256, copy.original_sha256, "Ogg is copied as it is");
    let sheet = std::fs::read(folder.join(crate::bundles::SHEET)).unwrap();
    let sheet: serde_json::Value = serde_json::from_slice(&sheet).unwrap();
    assert_eq!(sheet["schema"], "spotcheck-media-copies/1");
    assert_eq!(sheet["files"][0]["original_sha256"], copy.original_sha256.as_str());
    assert!(sheet["notice"].as_str().unwrap().contains("不是证据"));
    assert!(
        crate::bundles::export_media(centre.centre(), bundle, &folder).is_err(),
        "there already"
    );
}

#[test]
fn a_bundle_goes_the_whole_way_whatever_is_repeated_and_its_export_verifies_for_anybody() {
    let (mut centre, clock) = centre();
    let (bundle, export) = block_on(async {
        let team = Team::enrol(&centre, &clock).await;
        let bag = parts(&centre).close(&team.people);
        let (announcement, blobs) = seal(&centre, &bag);
        let handheld = &team.handheld;
        let bundle = announcement.bundle.clone();

        let early = commit(handheld, &bundle).await;
        assert_eq!(problem(early).await, (404, "NOT-FOUND".to_owned()));
        let missing = announce(handheld, &announcement).await.missing;
        assert_eq!(missing.len(), blobs.len());
        let incomplete = commit(handheld, &bundle).await;
        assert_eq!(problem(incomplete).await, (409, "BUNDLE-INCOMPLETE".to_owned()));
        handheld.upload(&blobs[0], 9_000).await;
        assert_eq!(announce(handheld, &announcement).await.missing, missing[1..]);
        for blob in &blobs {
            handheld.upload(blob, 50_000).await;
        }
        assert!(announce(handheld, &announcement).await.missing.is_empty());
        let old = centre.centre().log().head().unwrap();
        let taken = commit(handheld, &bundle).await;
        assert_eq!(taken.status(), 202);
        assert_eq!(taken.headers()["location"], format!("/v1/bundles/{bundle}").as_str());
        assert_eq!(commit(handheld, &bundle).await.status(), 202);
        let status = decided(handheld, &bundle, old.size).await;
        assert_eq!(status.errors, Vec::<String>::new());
        assert_eq!(status.state, BundleState::Received);

        // The receipt, checked as a handheld does.
        let receipt = status.receipt.unwrap();
        let key = LogKey::parse(centre.centre().log().vkey()).unwrap();
        let checkpoint =
            LogProof::parse(&receipt.proof).unwrap().verify(&receipt.entry, &key).unwrap();
        let LogEntry::Bundle(entry) = LogEntry::parse(&receipt.entry).unwrap() else {
            unreachable!()
        };
        assert_eq!(entry.device.as_str(), DEVICE);
        assert_eq!(entry.tagmanifest_sha256.to_string(), announcement.tagmanifest_sha256);
        let before = Checkpoint::open(&old.note, &key).unwrap();
        let path: Vec<_> = receipt
            .consistency
            .iter()
            .map(|h| spotcheck_evidence::tlog::parse_hash(h).unwrap())
            .collect();
        spotcheck_evidence::tlog::verify_consistency(&before, &checkpoint, &path).unwrap();

        // Announced and committed once more after all: the same receipt entry, no second leaf.
        assert!(announce(handheld, &announcement).await.missing.is_empty());
        assert_eq!(commit(handheld, &bundle).await.status(), 202);
        let again = decided(handheld, &bundle, 0).await;
        assert_eq!(again.receipt.unwrap().entry, receipt.entry);

        // Same number, other content: nobody can overwrite.
        let mut other = announcement.clone();
        let tag = other.tag_files.iter_mut().find(|f| f.path == TAGMANIFEST).unwrap();
        tag.bytes.push(b'\n');
        other.tagmanifest_sha256 = sha256_hex(&tag.bytes);
        let response = handheld.post("/v1/bundles").json(&other).send().await.unwrap();
        assert_eq!(problem(response).await, (409, "BUNDLE-CONFLICT".to_owned()));

        let out = centre.folder().join("export.zip");
        crate::bundles::export(centre.centre(), &bundle, &crate::bundles::Extent::Whole, &out)
            .unwrap();
        assert!(
            crate::bundles::export(centre.centre(), &bundle, &crate::bundles::Extent::Whole, &out)
                .is_err()
        );
        copies_are_told_as_copies(&centre, &bundle);
        (bundle, out)
    });

    // What was exported is judged from the file, by the roots and the log key alone.
    let centre_ref = centre.centre();
    let roots =
        spotcheck_evidence::chain::TrustRoots::from_pem(centre_ref.ca().evidence.pem().as_bytes())
            .unwrap();
    let key = LogKey::parse(centre_ref.log().vkey()).unwrap();
    let options = spotcheck_evidence::verify::Options {
        roots: &roots,
        tsa: None,
        log_key: Some(&key),
        partial: false,
        now_ms: centre_ref.now_ms(),
    };
    let file = std::fs::File::open(&export).unwrap();
    let report = spotcheck_evidence::verify::verify_zip(file, &options).unwrap();
    assert_eq!(report.errors, []);
    assert_eq!(report.bundle, Some(bundle.clone()));
    assert!(report.time.received.is_some());

    // Brought to another centre of the same roots it would be the same; here it is there already.
    let added = crate::bundles::add_zip(centre_ref, &export).unwrap();
    assert_eq!((added.bundle, added.state), (bundle, BundleState::Received));

    // No plaintext at rest (issue item 3): a photo's bytes and a name are nowhere in the data folder.
    centre.stop();
    let tokens: [&[u8]; 3] = ["张三(虚构)".as_bytes(), b"inspector-1", b"case_opened"];
    let seen = no_token_in_clear(centre.centre().folder().root(), &tokens);
    assert!(seen > 5);
    let control = std::fs::read(&export).unwrap();
    assert!(control.windows(11).any(|w| w == b"case_opened"));
}

#[test]
fn what_is_wrong_with_a_bundle_is_said_and_nothing_is_receipted() {
    let (centre, clock) = centre();
    block_on(async {
        let team = Team::enrol(&centre, &clock).await;
        let handheld = &team.handheld;
        // A blob that does not hold what was announced.
        let story = parts(&centre);
        let (mut announcement, mut blobs) = seal(&centre, &story.close(&team.people));
        let strange =
            age::encrypt(&age::x25519::Identity::generate().to_public(), b"strange").unwrap();
        announcement.files[0].blobs[0].ciphertext_sha256 = sha256_hex(&strange);
        announcement.files[0].blobs[0].ciphertext_size = strange.len() as u64;
        blobs.push(strange);
        let status = deliver(handheld, &announcement, &blobs).await;
        assert_eq!(status.state, BundleState::Rejected);
        assert_eq!(status.errors, [format!("BLOB-NOT-OURS {}", announcement.files[0].path)]);
        assert!(status.receipt.is_none());
        assert!(centre.centre().repo().leaf_of(&announcement.bundle).unwrap().is_none());
        // The same again stays rejected; with the right blob announced it gets its chance.
        let again = deliver(handheld, &announcement, &blobs).await;
        assert_eq!(again.state, BundleState::Rejected);
        let first = blobs.first().unwrap();
        announcement.files[0].blobs[0].ciphertext_sha256 = sha256_hex(first);
        announcement.files[0].blobs[0].ciphertext_size = first.len() as u64;
        let mended = deliver(handheld, &announcement, &blobs).await;
        assert_eq!(mended.state, BundleState::Received, "{:?}", mended.errors);

        // One inspector's signature is missing.
        let mut story = parts(&centre);
        rename(&mut story, "EVID-01M7VBK5C0TESTK1T000000003");
        let mut bag = story.close(&team.people);
        bag.files.remove("signatures/inspector-2.p7s");
        let (announcement, blobs) = seal(&centre, &bag);
        let status = deliver(handheld, &announcement, &blobs).await;
        assert_eq!(status.state, BundleState::Rejected);
        assert!(status.errors.iter().any(|e| e.contains("inspector-2")), "{:?}", status.errors);

        // Announcements that are none.
        let mut bad = announcement.clone();
        bad.files[0].path = "data/../../etc/passwd".to_owned();
        let response = handheld.post("/v1/bundles").json(&bad).send().await.unwrap();
        assert_eq!(problem(response).await, (400, "BAD-REQUEST".to_owned()));
        let mut bad = announcement;
        bad.tag_files
            .push(CarriedFile { path: "receipts/center.entry.json".to_owned(), bytes: vec![] });
        let response = handheld.post("/v1/bundles").json(&bad).send().await.unwrap();
        assert_eq!(problem(response).await, (400, "BAD-REQUEST".to_owned()));
    });
}

#[test]
fn a_revoked_device_delivers_into_quarantine_until_a_clerk_accepts() {
    let (centre, clock) = centre();
    block_on(async {
        let team = Team::enrol(&centre, &clock).await;
        let bag = parts(&centre).close(&team.people);
        let (announcement, blobs) = seal(&centre, &bag);
        let now = centre.centre().now_ms();
        centre.centre().store().revoke_device(DEVICE, now).unwrap();
        let status = deliver(&team.handheld, &announcement, &blobs).await;
        assert_eq!(status.state, BundleState::Quarantined);
        assert!(status.receipt.is_none());
        crate::bundles::quarantined_accept(centre.centre(), &announcement.bundle).unwrap();
        crate::bundles::verify_bundle(centre.centre(), &announcement.bundle).unwrap();
        // It is received, and it stays said that the device's certificate is revoked.
        let status = decided(&team.handheld, &announcement.bundle, 0).await;
        assert_eq!(status.state, BundleState::Received, "{:?}", status.errors);
        assert_eq!(status.errors, ["CERT-REVOKED signatures/device.p7s"]);
        assert!(status.receipt.is_some());
        assert!(crate::bundles::quarantined_accept(centre.centre(), &announcement.bundle).is_err());
    });
}

#[test]
fn the_log_is_public_by_checkpoint_and_tiles() {
    let (centre, clock) = centre();
    let log = centre.centre().log();
    for n in 0..3 {
        log.append("test/1", None, format!("{{\"n\":{n}}}").as_bytes()).unwrap();
    }
    block_on(async {
        let http = anonymous(&centre, &clock);
        let get = async |path: &str| {
            http.get(format!("{}/v1/log/{path}", centre.url())).send().await.unwrap()
        };
        let note = get("checkpoint").await.text().await.unwrap();
        let key = LogKey::parse(log.vkey()).unwrap();
        let size = Checkpoint::open(&note, &key).unwrap().size;
        let tile = get(&format!("tile/0/000.p/{size}")).await;
        assert_eq!(tile.bytes().await.unwrap().len() as u64, size * 32);
        assert_eq!(get(&format!("tile/entries/000.p/{size}")).await.status(), 200);
        for none in ["tile/0/000", "tile/0/000.p/200", "tile/0/../../x", "tile/x"] {
            assert_eq!(get(none).await.status(), 404, "{none}");
        }
    });
}

#[test]
fn a_device_journal_grows_only_at_its_end() {
    use spotcheck_domain::{Clock, DeviceId};
    use spotcheck_evidence::Hash32;
    use spotcheck_evidence::journal::{ChainHead, EntryDraft, next_line};
    let (centre, clock) = centre();
    let mut head = ChainHead { seq: 0, hash: Hash32([0; 32]) };
    let device = DeviceId::parse(DEVICE).unwrap();
    let mut line = |kind: &str| {
        let draft =
            EntryDraft::new(None, device.clone(), kind).fact("schema", "spotcheck-journal/1");
        let (line, next) = next_line(&head, draft, &clock.read()).unwrap();
        head = next;
        clock.advance_ms(1000);
        String::from_utf8(line).unwrap()
    };
    let lines: Vec<String> =
        ["started", "unlocked", "locked", "unlocked", "locked"].map(&mut line).into();
    block_on(async {
        let handheld = Handheld::enrol(&centre, &clock).await;
        let send = async |lines: &[String]| {
            let upload = JournalUpload { schema: JOURNAL_SCHEMA.to_owned(), lines: lines.to_vec() };
            handheld.post("/v1/device-journal").json(&upload).send().await.unwrap()
        };
        let last = async |response: reqwest::Response| {
            let body: serde_json::Value = response.json().await.unwrap();
            body["last_seq"].as_u64().unwrap()
        };
        assert_eq!(last(send(&lines[..2]).await).await, 2);
        assert_eq!(last(send(&lines[..3]).await).await, 3);
        let gap = send(&lines[4..]).await;
        assert_eq!(gap.status(), 409);
        assert_eq!(last(gap).await, 3);
        let forged = lines[1].replace("unlocked", "unlocker");
        assert_eq!(send(&[forged]).await.status(), 409);
        assert_eq!(problem(send(&["{}".to_owned()]).await).await, (400, "BAD-REQUEST".to_owned()));
        assert_eq!(last(send(&lines[3..]).await).await, 5);
        assert_eq!(centre.centre().repo().journal_head(DEVICE).unwrap().unwrap().0, 5);
        // Sent once more, nothing counts twice.
        assert_eq!(last(send(&lines).await).await, 5);
    });
}
