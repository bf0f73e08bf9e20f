//! R44: another intake key at the centre, and the end of the old one.

use std::io::Write;

use age::secrecy::ExposeSecret;
use spotcheck_domain::to_canonical;
use spotcheck_evidence::zip::ZipArchive;
use spotcheck_wire::bundles::{Announcement, BundleState};
use spotcheck_wire::enrol::TrustStatement;
use spotcheck_wire::tasks::TaskList;

use super::bundles::{Team, deliver, parts, seal};
use super::handheld::{Handheld, block_on, centre, problem};
use crate::bundles::{Extent, add_zip, export};
use crate::centre::Centre;
use crate::escrow;
use crate::intake::{IntakeState, intake_identity, intake_keys, retire, rotate};
use crate::testing::{DEVICE, TestCentre};
use crate::{Error, Result};

fn handed_out(centre: &TestCentre) -> &Centre {
    escrow::export(centre.centre(), &centre.folder().join("shares"), 2).unwrap();
    centre.centre()
}

fn code<T: std::fmt::Debug>(result: Result<T>) -> (&'static str, String) {
    match result {
        Err(Error::Refused { code, message, .. }) => (code, message),
        other => panic!("{other:?}"),
    }
}

async fn pull(handheld: &Handheld, keys: &str) -> TaskList {
    let path = format!("/v1/tasks?from_size=0&intake={keys}");
    handheld.get(&path).send().await.unwrap().json().await.unwrap()
}

/// Blobs anew, to the case as well, and the case's keys, as a handheld writes both.
fn with_case(
    centre: &TestCentre,
    announcement: &mut Announcement,
    blobs: &mut [Vec<u8>],
    plain: &[Vec<u8>],
) {
    let recipients = centre.centre().recipients().unwrap();
    let case = age::x25519::Identity::generate();
    let sealed = |to: &[age::x25519::Recipient], bytes: &[u8]| {
        let to = to.iter().map(|r| r as &dyn age::Recipient);
        let mut out = Vec::new();
        let mut writer =
            age::Encryptor::with_recipients(to).unwrap().wrap_output(&mut out).unwrap();
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap();
        out
    };
    let own = |text: &str| -> age::x25519::Recipient { text.parse().unwrap() };
    let centre_only = [own(&recipients.intake), own(&recipients.escrow)];
    let all = [case.to_public(), own(&recipients.intake), own(&recipients.escrow)];
    let announced = announcement.files.iter_mut().flat_map(|file| &mut file.blobs);
    for ((blob, bytes), plain) in announced.zip(blobs).zip(plain) {
        *bytes = sealed(&all, plain);
        blob.ciphertext_sha256 = crate::objects::sha256_hex(bytes);
        blob.ciphertext_size = bytes.len() as u64;
    }
    let keys = serde_json::json!({
        "schema": "spotcheck-case-keys/1", "case": "CASE-1", "db_key": "00".repeat(32),
        "identity": case.to_string().expose_secret(),
    });
    announcement.case_keys = sealed(&centre_only, &to_canonical(&keys).unwrap());
}

/// Path, size and SHA-256 of all that an export holds but its receipt.
fn contents(zip: &std::path::Path) -> Vec<(String, u64, String)> {
    let mut archive =
        ZipArchive::open(std::fs::File::open(zip).unwrap()).map_err(|(e, _)| e).unwrap();
    let entries = archive.entries().to_vec();
    let kept = entries.iter().filter(|entry| !entry.path.starts_with("receipts/"));
    kept.map(|entry| {
        let mut bytes = Vec::new();
        archive.read(entry, &mut |block| bytes.extend_from_slice(block)).unwrap();
        (entry.path.clone(), entry.size, crate::objects::sha256_hex(&bytes))
    })
    .collect()
}

/// What the intake key opens, blob by blob.
fn opened(own: &Centre, blobs: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let identity = intake_identity(own.repo(), &own.recipients().unwrap().intake_id).unwrap();
    blobs.iter().map(|blob| age::decrypt(&identity, blob).unwrap()).collect()
}

/// A lost database must not take the only key with it: no new intake key before the custodians have the escrow key. Each
/// key is there once, the newest is in force in every process, and the act is written down.
#[test]
fn r44_a_new_key_needs_custodians_and_the_old_one_stays() {
    let (centre, clock) = centre();
    let own = centre.centre();
    let first = own.recipients().unwrap();
    assert_eq!(code(rotate(own)).0, "INTAKE-ESCROW");
    assert_eq!(own.recipients().unwrap(), first);
    let own = handed_out(&centre);
    let second = rotate(own).unwrap();
    clock.advance_ms(1_000);
    let third = rotate(own).unwrap();
    let now = own.recipients().unwrap();
    assert_eq!((&now.intake_id, &now.escrow), (&third, &first.escrow));
    let states: Vec<_> = intake_keys(own).unwrap().into_iter().map(|k| (k.id, k.state)).collect();
    let kept = |id: &str| (id.to_owned(), IntakeState::Kept);
    assert_eq!(
        states,
        [kept(&first.intake_id), kept(&second), (third.clone(), IntakeState::Current)]
    );
    for id in [&first.intake_id, &second, &third] {
        intake_identity(own.repo(), id).unwrap();
    }
    assert_eq!(own.repo().acts("intake-key-rotated").unwrap(), [second, third]);
}

/// The handheld hears of the new key with its tasks, signed by the CA it enrolled with; a handheld that does not name its
/// keys (an older program) gets what it always got, and nonsense is refused.
#[test]
fn r44_handhelds_hear_of_the_new_key_with_their_tasks() {
    let (centre, clock) = centre();
    let own = handed_out(&centre);
    let old = own.recipients().unwrap().intake_id;
    block_on(async {
        let team = Team::enrol(&centre, &clock).await;
        let handheld = &team.handheld;
        assert_eq!(pull(handheld, &old).await.trust, None);
        let new = rotate(own).unwrap();
        let plain: TaskList = handheld.get("/v1/tasks").send().await.unwrap().json().await.unwrap();
        assert_eq!(plain.trust, None);
        let signed = pull(handheld, &old).await.trust.unwrap();
        let trust: TrustStatement = serde_json::from_slice(&signed.statement).unwrap();
        assert_eq!((trust.intake_id.as_str(), trust.id.as_str()), (new.as_str(), DEVICE));
        let expected = own.ca().tls.sign(&signed.statement).unwrap();
        assert!(!expected.is_empty() && !signed.signature.is_empty());
        assert_eq!(pull(handheld, &format!("{new},{old}")).await.trust, None);
        // What is sealed from now on is for the new key, and arrives like everything before.
        let (announcement, blobs) = seal(&centre, &parts(&centre).close(&team.people));
        let mut sealed = announcement.files.iter().flat_map(|file| &file.blobs);
        assert!(sealed.all(|blob| blob.intake_id == new));
        let status = deliver(handheld, &announcement, &blobs).await;
        assert_eq!((status.state, status.errors), (BundleState::Received, Vec::new()));
        for bad in ["", "a,,b", "../x", &"a".repeat(65), &vec!["a"; 65].join(",")] {
            let path = format!("/v1/tasks?intake={bad}");
            let refused = problem(handheld.get(&path).send().await.unwrap()).await;
            assert_eq!(refused.0, 400, "{bad}");
        }
    });
}

/// The old key ends when nobody needs it: not while a handheld may hold a case for it, not while a bundle for it is on
/// its way; and what was received before opens and is exported afterwards all the same.
#[test]
fn r44_an_old_key_ends_when_nobody_needs_it_and_what_was_received_still_opens() {
    let (centre, clock) = centre();
    let own = handed_out(&centre);
    let old = own.recipients().unwrap().intake_id;
    block_on(async {
        let team = Team::enrol(&centre, &clock).await;
        let (mut announcement, mut blobs) = seal(&centre, &parts(&centre).close(&team.people));
        let plain = opened(own, &blobs);
        with_case(&centre, &mut announcement, &mut blobs, &plain);
        assert_eq!(code(retire(own, &old, &[])).0, "INTAKE-CURRENT");
        let new = rotate(own).unwrap();
        // Silent, naming the old key, or with a case from elsewhere: it may hold something.
        for keys in
            [None, Some(old.clone()), Some(format!("{new},{old}")), Some(format!("{new},unknown"))]
        {
            if let Some(keys) = &keys {
                pull(&team.handheld, keys).await;
            }
            let (code, message) = code(retire(own, &old, &[]));
            assert_eq!(code, "INTAKE-IN-USE", "{keys:?}");
            assert!(message.contains(DEVICE), "{message}");
        }
        // The bundle of before comes after the rotation (R44), and while it is on its way nothing ends.
        let announced = team.handheld.post("/v1/bundles").json(&announcement).send().await.unwrap();
        assert_eq!(announced.status(), 200);
        pull(&team.handheld, &new).await;
        let (code, message) = code(retire(own, &old, &[]));
        assert!(code == "INTAKE-IN-USE" && message.contains(&announcement.bundle), "{message}");
        assert!(!message.contains(DEVICE), "{message}");
        let status = deliver(&team.handheld, &announcement, &blobs).await;
        assert_eq!((status.state, status.errors.len()), (BundleState::Received, 0));
        let before = centre.folder().join("before.zip");
        export(own, &announcement.bundle, &Extent::Whole, &before).unwrap();

        let done = retire(own, &old, &[]).unwrap();
        assert_eq!(done.bundles, [announcement.bundle.clone()]);
        assert!(intake_identity(own.repo(), &old).is_err());
        let after = centre.folder().join("after.zip");
        export(own, &announcement.bundle, &Extent::Whole, &after).unwrap();
        // All but the receipt, whose revocation list is signed anew each time.
        assert!(contents(&before).len() > 20 && contents(&before) == contents(&after));
        assert_eq!(own.repo().acts("intake-key-retired").unwrap(), std::slice::from_ref(&old));
        assert!(matches!(retire(own, &old, &[]), Err(Error::NotFound { .. })));
        let keys = intake_keys(own).unwrap();
        let retired = keys.iter().find(|key| key.id == old).unwrap();
        assert_eq!(retired.state, IntakeState::Retired);
    });
}

/// A handheld that never comes back is named aloud; a bundle that only the old key opens (it came as a ZIP, without a
/// case) keeps the key; a handheld that came after the key had ended never had it.
#[test]
fn r44_who_is_lost_is_named_and_a_bundle_without_case_keys_keeps_the_key() {
    let (centre, clock) = centre();
    let own = handed_out(&centre);
    let first = own.recipients().unwrap().intake_id;
    block_on(async {
        let team = Team::enrol(&centre, &clock).await;
        let second = rotate(own).unwrap();
        assert_eq!(code(retire(own, &first, &[])).0, "INTAKE-IN-USE");
        assert_eq!(code(retire(own, &first, &["D-0404".to_owned()])).0, "INTAKE-IN-USE");
        assert_eq!(
            retire(own, &first, &[DEVICE.to_owned()]).unwrap().bundles,
            Vec::<String>::new()
        );
        let acts = own.repo().acts("intake-key-retired").unwrap();
        assert_eq!(acts, [format!("{first} without {DEVICE}")]);
        // Under the second key: once from a handheld, then as a ZIP at a centre that did not have it.
        let bag = parts(&centre).close(&team.people);
        let zip = centre.folder().join("bundle.zip");
        std::fs::write(&zip, bag.zip()).unwrap();
        assert_eq!(add_zip(own, &zip).unwrap().state, BundleState::Received);
        pull(&team.handheld, "intake-other").await;
        rotate(own).unwrap();
        let (code, message) = code(retire(own, &second, &[DEVICE.to_owned()]));
        assert_eq!(code, "INTAKE-IN-USE");
        assert!(message.contains(&bag.top) && message.contains("只有它能打开"), "{message}");
    });
}
