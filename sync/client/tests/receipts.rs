//! Receipts that are off in one thing each: none of them may count.

use rstest::rstest;
use spotcheck_app::errand::Watch;
use spotcheck_app::ports::Centre;
use spotcheck_domain::to_canonical;
use spotcheck_wire::CarriedFile;
use spotcheck_wire::bundles::WireReceipt;

use super::authority::Ca;
use super::centre::Inner;
use super::log::TestLog;
use super::sending::World;

/// Puts another entry into the receipt, properly logged.
fn relog(wire: &mut WireReceipt, inner: &mut Inner, from: &str, to: &str) {
    wire.entry = String::from_utf8(wire.entry.clone()).unwrap().replace(from, to).into_bytes();
    let index = inner.log.append(&wire.entry);
    wire.proof = inner.log.proof(index, inner.log.size());
}

fn stamp(path: &str, bytes: &[u8]) -> CarriedFile {
    CarriedFile { path: path.to_owned(), bytes: bytes.to_vec() }
}

type Change = fn(&mut WireReceipt, &mut Inner);

#[rstest]
#[case::other_bundle(|w: &mut _, i: &mut _| relog(w, i, "0000000001", "0000000002"), "SYNC-RECEIPT-ENTRY")]
#[case::other_device(|w: &mut _, i: &mut _| relog(w, i, "D-0001", "D-0002"), "SYNC-RECEIPT-ENTRY")]
#[case::other_tags(|w: &mut _, i: &mut _| relog(w, i, "abab", "abac"), "SYNC-RECEIPT-ENTRY")]
#[case::other_form(|w: &mut _, i: &mut _| relog(w, i, "{\"bundle", "{ \"bundle"), "SYNC-RECEIPT-ENTRY")]
#[case::time_entry(|w: &mut WireReceipt, _: &mut _| w.entry = to_canonical(&serde_json::json!({"type": "time/1", "at": "2026-11-21T00:00:00.000+08:00"})).unwrap(), "SYNC-RECEIPT-ENTRY")]
#[case::not_logged(|w: &mut WireReceipt, i: &mut Inner| w.proof = i.log.proof(0, i.log.size()), "SYNC-RECEIPT-PROOF")]
#[case::other_log(|w: &mut WireReceipt, _: &mut Inner| {
    let mut other = TestLog::new("centre.example/log", 8);
    let index = other.append(&w.entry);
    w.proof = other.proof(index, 1);
}, "SYNC-RECEIPT-PROOF")]
#[case::crl_of_others(|w: &mut WireReceipt, _: &mut Inner| w.crl = Ca::new("示例证据根").crl(), "SYNC-RECEIPT-CRL")]
#[case::no_crl(|w: &mut WireReceipt, _: &mut Inner| w.crl.clear(), "SYNC-RECEIPT-CRL")]
#[case::stamp_of_nothing(|w: &mut WireReceipt, _: &mut Inner| w.timestamps.push(stamp("timestamps/inspector-1.tsr", b"x")), "SYNC-RECEIPT-TSR")]
#[case::stamp_path(|w: &mut WireReceipt, _: &mut Inner| w.timestamps.push(stamp("timestamps/../x.tsr", b"x")), "SYNC-RECEIPT-TSR")]
#[case::stamp_of_other_data(|w: &mut WireReceipt, _: &mut Inner| w.timestamps.push(stamp("timestamps/device.tsr", b"x")), "SYNC-RECEIPT-TSR")]
fn a_receipt_that_is_off_does_not_count(#[case] change: Change, #[case] code: &str) {
    let mut world = World::new(&[1_000]);
    world.centre.inner().mischief.receipt = Some(change);
    let trouble = world.send().unwrap_err();
    assert_eq!((trouble.code.as_str(), trouble.verdict), (code, true), "{}", trouble.cause);
    // The bundle is there; once the centre answers rightly the receipt counts.
    world.centre.inner().mischief.receipt = None;
    assert!(world.send().unwrap().is_some());
}

#[test]
fn a_receipt_must_stand_in_the_log_that_was_seen_before() {
    let mut world = World::new(&[1_000]);
    for n in 0..6_u8 {
        world.centre.inner().log.append(&[n]);
    }
    let seen = world.centre.inner().log.checkpoint();
    let send = |world: &mut World, seen: &str| {
        world.client.send(
            &mut world.keys,
            &mut world.vault,
            &world.bundle,
            Some(seen),
            &mut Watch::unheard(),
        )
    };
    assert!(send(&mut world, &seen).unwrap().is_some());
    // Newer than the receipt's own checkpoint: the proof runs the other way, and says the same.
    world.centre.inner().log.append(b"later");
    let newest = world.centre.inner().log.checkpoint();
    world.centre.inner().mischief.receipt = Some(|wire, inner| {
        let index = 7;
        wire.proof = inner.log.proof(index, 8);
        wire.consistency = inner.log.consistency(8, inner.log.size());
    });
    assert!(send(&mut world, &newest).unwrap().is_some());
    // A forked log, signed by the right key.
    world.centre.inner().mischief.receipt = Some(|wire, _| {
        let mut fork = TestLog::new("centre.example/log", 7);
        for n in 0..9_u8 {
            fork.append(&[n, n]);
        }
        let index = fork.append(&wire.entry);
        wire.proof = fork.proof(index, fork.size());
        wire.consistency = fork.consistency(7, fork.size());
    });
    let trouble = send(&mut world, &seen).unwrap_err();
    assert_eq!((trouble.code.as_str(), trouble.verdict), ("SYNC-RECEIPT-LOG", true));
}

#[test]
fn stamps_that_name_the_signature_come_along() {
    let mut world = World::new(&[1_000]);
    // Without roots only the imprint can be looked at; with roots the whole stamp is judged.
    world.centre.inner().mischief.receipt = Some(|wire, _| {
        let imprint = ring::digest::digest(&ring::digest::SHA256, b"a signature");
        wire.timestamps.push(stamp("timestamps/device.tsr", imprint.as_ref()));
    });
    assert_eq!(world.send().unwrap().unwrap().timestamps.len(), 1);
    world.keys.device.as_mut().unwrap().tsa_roots = Ca::new("时间戳根").pem();
    assert_eq!(world.send().unwrap_err().code, "SYNC-RECEIPT-TSR");
}
