//! What comes after sealing: signatures, time stamps, receipts, and foreign files beside them.

use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerInfo, SignerInfos};
use der::asn1::{Any, OctetString, SetOfVec};
use der::{Decode as _, Encode as _};
use serde_json::json;
use spotcheck_domain::{rfc3339, to_canonical};

use super::{all_rejected, codes, judge, judge_plain, set};
use crate::Hash32;
use crate::testkit::{Authority, Bag, SYNCED_MS, StampPlan, TestLog, TestTsa, Workshop};
use crate::verify::{JudgedBy, Report, Verdict};

const P7S: &str = "signatures/inspector-2.p7s";
const TSR: &str = "timestamps/inspector-2.tsr";

fn changed(w: &Workshop, change: impl FnOnce(&mut Bag)) -> Report {
    let mut bag = w.bundle();
    change(&mut bag);
    judge(w, &bag)
}

fn infos(list: Vec<SignerInfo>) -> SignerInfos {
    SignerInfos(SetOfVec::try_from(list).unwrap())
}

/// The signature of inspector 2 taken apart and put together again, without its time stamp.
fn recut(w: &Workshop, change: impl FnOnce(&mut SignedData)) -> Report {
    changed(w, |bag| {
        let outer = ContentInfo::from_der(&bag.files[P7S]).unwrap();
        let mut data: SignedData = outer.content.decode_as().unwrap();
        change(&mut data);
        let content = Any::encode_from(&data).unwrap();
        let again = ContentInfo { content_type: outer.content_type, content };
        bag.files.insert(P7S.into(), again.to_der().unwrap());
        bag.files.remove(TSR);
    })
}

#[test]
fn signature_files_that_openssl_would_take_are_refused() {
    let w = &Workshop::new();
    let bytes = |edit: &dyn Fn(&mut Vec<u8>)| {
        changed(w, |bag| {
            edit(bag.files.get_mut(P7S).unwrap());
            bag.files.remove(TSR);
        })
    };
    all_rejected(&[
        (
            "missing",
            changed(w, |b| {
                b.files.remove(P7S);
                b.files.remove(TSR);
            }),
            &["SIG-MISSING"],
        ),
        ("empty", bytes(&|p| p.clear()), &["SIG-NOT-DER"]),
        ("bytes after the end", bytes(&|p| p.push(0)), &["SIG-NOT-DER"]),
        ("cut off", bytes(&|p| p.truncate(p.len() - 1)), &["SIG-NOT-DER"]),
        ("PEM", bytes(&|p| *p = b"-----BEGIN CMS-----\n".to_vec()), &["SIG-NOT-DER"]),
        ("last byte of the signature", bytes(&|p| *p.last_mut().unwrap() ^= 1), &["SIG-INVALID"]),
        (
            "swapped with the other inspector's",
            changed(w, |b| {
                let one = b.files.remove("signatures/inspector-1.p7s").unwrap();
                let two = b.files.insert(P7S.into(), one).unwrap();
                b.files.insert("signatures/inspector-1.p7s".into(), two);
                b.files.retain(|path, _| !path.starts_with("timestamps/"));
            }),
            &["SIG-OTHER-SIGNER"],
        ),
        (
            "content inside",
            recut(w, |d| {
                let content = OctetString::new(b"other content".as_slice()).unwrap();
                d.encap_content_info.econtent = Some(Any::encode_from(&content).unwrap());
            }),
            &["SIG-EMBEDDED-CONTENT"],
        ),
        (
            "two signers",
            recut(w, |d| {
                let mut second = d.signer_infos.0.as_slice()[0].clone();
                second.signature = OctetString::new(b"second".as_slice()).unwrap();
                d.signer_infos.0.insert(second).unwrap();
            }),
            &["SIG-NOT-ONE-SIGNER"],
        ),
        ("no signer", recut(w, |d| d.signer_infos = infos(Vec::new())), &["SIG-NOT-ONE-SIGNER"]),
        (
            "no signed attributes",
            recut(w, |d| {
                let mut info = d.signer_infos.0.as_slice()[0].clone();
                info.signed_attrs = None;
                d.signer_infos = infos(vec![info]);
            }),
            &["SIG-ATTRIBUTES"],
        ),
        (
            "another digest named",
            recut(w, |d| {
                let mut info = d.signer_infos.0.as_slice()[0].clone();
                info.digest_alg.oid =
                    der::asn1::ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
                d.signer_infos = infos(vec![info]);
            }),
            &["SIG-ALGORITHM"],
        ),
        (
            "over another tag manifest",
            {
                let mut bag = w.bundle();
                let mut other = bag.clone();
                other.files.insert("metadata/x.txt".into(), b"x".to_vec());
                other.recompute_tagmanifest();
                other.sign(&w.people[2..]);
                bag.files.insert(P7S.into(), other.files[P7S].clone());
                bag.files.remove(TSR);
                judge(w, &bag)
            },
            &["SIG-OTHER-CONTENT"],
        ),
        ("attributes not sorted, signed that way", unsorted(w), &["SIG-NOT-DER"]),
        (
            "BER length",
            bytes(&|p| {
                // 30 82 xx xx -> 30 83 00 xx xx
                p.splice(1..2, [0x83, 0x00]);
            }),
            &["SIG-NOT-DER"],
        ),
        (
            "a signer whom nobody named",
            changed(w, |b| {
                let p7s = b.files[P7S].clone();
                b.files.insert("signatures/inspector-3.p7s".into(), p7s);
            }),
            &["SIG-UNKNOWN-SIGNER"],
        ),
    ]);
}

/// A signature over the attributes in the order written, which is not DER: openssl accepts it.
fn unsorted(w: &Workshop) -> Report {
    use crate::cms::P256Signer as _;
    let mut bag = w.bundle();
    let outer = ContentInfo::from_der(&bag.files[P7S]).unwrap();
    let data: SignedData = outer.content.decode_as().unwrap();
    let info = data.signer_infos.0.as_slice()[0].clone();
    let sorted: Vec<Vec<u8>> =
        info.signed_attrs.as_ref().unwrap().iter().map(|a| a.to_der().unwrap()).collect();
    let (forward, mut backward) = (sorted.concat(), sorted.clone());
    backward.reverse();
    let backward = backward.concat();
    let mut message = vec![0x31, u8::try_from(backward.len()).unwrap()];
    message.extend_from_slice(&backward);
    let signature = w.people[2].key().sign_sha256_message(&message).unwrap();
    let mut changed = data;
    let mut new_info = info;
    new_info.signature = OctetString::new(signature).unwrap();
    changed.signer_infos = infos(vec![new_info]);
    let content = Any::encode_from(&changed).unwrap();
    let bytes = ContentInfo { content_type: outer.content_type, content }.to_der().unwrap();
    let at = bytes.windows(forward.len()).position(|w| w == forward).unwrap();
    let mut bytes = bytes;
    bytes[at..at + forward.len()].copy_from_slice(&backward);
    bag.files.insert(P7S.into(), bytes);
    bag.files.remove(TSR);
    judge(w, &bag)
}

#[test]
fn time_stamps_that_do_not_hold_are_refused() {
    let w = &Workshop::new();
    let stamped = |tsa: &TestTsa, plan: StampPlan| {
        changed(w, |b| {
            let stamp = tsa.stamp(&b.files[P7S], &plan);
            b.files.insert(TSR.into(), stamp);
        })
    };
    let good = StampPlan::at(SYNCED_MS);
    let tsa = |critical: bool, change: fn(&mut crate::testkit::CertPlan)| {
        let tsa = TestTsa::with(critical, change);
        let mut other = Workshop::new();
        other.tsa = tsa;
        let bag = other.bundle();
        judge(&other, &bag)
    };
    all_rejected(&[
        (
            "over another signature",
            changed(w, |b| {
                let other = b.files["timestamps/device.tsr"].clone();
                b.files.insert(TSR.into(), other);
            }),
            &["TSA-OTHER-DATA"],
        ),
        ("by an authority nobody trusts", stamped(&TestTsa::new(), good), &["TSA-UNTRUSTED"]),
        ("refused", stamped(&w.tsa, StampPlan { status: 2, ..good }), &["TSA-NOT-GRANTED"]),
        (
            "without certificate",
            stamped(&w.tsa, StampPlan { with_certificate: false, ..good }),
            &["TSA-CERTIFICATE"],
        ),
        (
            "names another certificate",
            stamped(&w.tsa, StampPlan { named_certificate: Some(Hash32::ZERO), ..good }),
            &["TSA-CERTIFICATE"],
        ),
        (
            "before the authority's certificate",
            stamped(&w.tsa, StampPlan::at(1_600_000_000_000)),
            &["TSA-UNTRUSTED"],
        ),
        (
            "no response",
            changed(w, |b| drop(b.files.insert(TSR.into(), b"stamp".to_vec()))),
            &["TSA-NOT-A-RESPONSE"],
        ),
        (
            "flipped bit of the signature",
            changed(w, |b| *b.files.get_mut(TSR).unwrap().last_mut().unwrap() ^= 1),
            &["TSA-SIGNATURE"],
        ),
        (
            "bytes after the end",
            changed(w, |b| b.files.get_mut(TSR).unwrap().push(0)),
            &["TSA-NOT-A-RESPONSE"],
        ),
        ("purpose not critical", tsa(false, |_| {}), &["TSA-PURPOSE"]),
        ("no purpose", tsa(true, |plan| plan.custom_extensions.clear()), &["TSA-PURPOSE"]),
        (
            "stamp without signature",
            changed(w, |b| {
                let stamp = b.files[TSR].clone();
                b.files.insert("timestamps/inspector-3.tsr".into(), stamp);
            }),
            &["BAG-FOREIGN-LATE-FILE"],
        ),
    ]);
    let nonce = 0x80ff_0000_0000_0001;
    let answered = w.tsa.stamp(b"data", &StampPlan { nonce: Some(nonce), ..good });
    let roots = crate::chain::TrustRoots::from_pem(w.tsa.roots_pem().as_bytes()).unwrap();
    assert_eq!(
        crate::tsa::verify(&answered, b"data", Some(nonce), &roots).unwrap().at_ms,
        SYNCED_MS
    );
    let other = crate::tsa::verify(&answered, b"data", Some(1), &roots);
    assert_eq!(other.unwrap_err(), crate::tsa::TsaFault::Nonce);
}

#[test]
fn receipts_that_do_not_hold_are_refused_with_the_key_and_a_warning_without() {
    let w = &Workshop::new();
    let entry_path = "receipts/center.entry.json";
    let proof_path = "receipts/center.tlog-proof";
    let file = |path: &str, bytes: Vec<u8>| {
        let mut bag = w.bundle();
        bag.files.insert(path.to_owned(), bytes);
        bag
    };
    let entry = |device: &str, hash: Hash32| {
        to_canonical(
            &json!({"type": "bundle/1", "bundle": crate::testkit::BUNDLE, "device": device,
            "received": rfc3339(SYNCED_MS), "tagmanifest_sha256": hash}),
        )
        .unwrap()
    };
    let other = TestLog::new("log.example.invalid/testkit");
    other.append(b"a");
    let flipped = {
        let mut bag = w.bundle();
        let proof = bag.files.get_mut(proof_path).unwrap();
        let at = proof.windows(6).position(|x| x == b"index ").unwrap() + 10;
        proof[at] = if proof[at] == b'A' { b'B' } else { b'A' };
        bag
    };
    let without = |path: &str| {
        let mut bag = w.bundle();
        bag.files.remove(path);
        bag
    };
    let cases: Vec<(&str, Bag, &[&str])> = vec![
        (
            "another device",
            file(entry_path, entry("D-0001", w.bundle().tagmanifest())),
            &["RECEIPT-OTHER-BUNDLE"],
        ),
        (
            "another tag manifest",
            file(entry_path, entry("D-0009", Hash32::ZERO)),
            &["RECEIPT-OTHER-BUNDLE"],
        ),
        ("entry with white space", file(entry_path, b"{ }".to_vec()), &["RECEIPT-ENTRY"]),
        (
            "a time entry",
            file(entry_path, br#"{"at":"2026-11-20T10:00:00+08:00","type":"time/1"}"#.to_vec()),
            &["RECEIPT-ENTRY"],
        ),
        ("proof is no proof", file(proof_path, b"proof".to_vec()), &["RECEIPT-PROOF"]),
        ("no proof", without(proof_path), &["RECEIPT-INCOMPLETE"]),
        ("no entry", without(entry_path), &["RECEIPT-INCOMPLETE"]),
        ("CRL is no CRL", file("receipts/center.crl", b"crl".to_vec()), &["CRL-UNREADABLE"]),
        (
            "CRL by somebody else",
            file("receipts/center.crl", {
                let stranger = Authority::root("Testkit root CA");
                stranger
                    .crl(&[(w.people[1].certificate_serial.clone(), (2026, 1, 2))], 2046)
                    .into_bytes()
            }),
            &["CRL-SIGNATURE"],
        ),
    ];
    let mut rejected = Vec::new();
    for (name, bag, expected) in cases {
        let plain = judge_plain(w, &bag, false);
        assert_eq!(codes(&plain.errors), set(&[]), "{name}");
        assert!(
            codes(&plain.warnings).is_superset(&set(expected)),
            "{name}: {:?}",
            codes(&plain.warnings)
        );
        rejected.push((name, judge(w, &bag), expected));
    }
    // A proof can only be judged with the key.
    rejected.push(("tampered proof", judge(w, &flipped), &["RECEIPT-PROOF"]));
    let foreign = file(proof_path, other.prove(0, 1).to_text().into_bytes());
    rejected.push(("proof by another log", judge(w, &foreign), &["RECEIPT-PROOF"]));
    all_rejected(&rejected);
    assert_eq!(judge_plain(w, &flipped, false).verdict, Verdict::Accepted);
}

#[test]
fn nothing_foreign_lies_beside_what_comes_late() {
    let w = &Workshop::new();
    let added = |path: &str, size: usize| {
        changed(w, |b| drop(b.files.insert(path.to_owned(), vec![b'x'; size])))
    };
    all_rejected(&[
        ("in signatures", added("signatures/readme.txt", 1), &["BAG-FOREIGN-LATE-FILE"]),
        (
            "in a folder of signatures",
            added("signatures/old/device.p7s", 1),
            &["SIG-UNKNOWN-SIGNER"],
        ),
        ("in timestamps", added("timestamps/log.txt", 1), &["BAG-FOREIGN-LATE-FILE"]),
        ("in receipts", added("receipts/second.entry.json", 1), &["BAG-FOREIGN-LATE-FILE"]),
        ("SM2 of nobody", added("signatures/inspector-7.sm2.sig", 64), &["BAG-FOREIGN-LATE-FILE"]),
        ("too big", added("signatures/inspector-2.sm2.sig", (1 << 20) + 1), &["BAG-LATE-TOO-BIG"]),
    ]);
    let beside =
        changed(w, |b| drop(b.files.insert("signatures/inspector-2.sm2.sig".into(), vec![1; 64])));
    assert_eq!(
        (codes(&beside.errors), codes(&beside.not_judged)),
        (set(&[]), set(&["SM2-NOT-JUDGED"]))
    );
}

#[test]
fn r50_without_stamps_the_centre_alone_attests_the_time() {
    let w = &Workshop::new();
    let report = changed(w, |b| b.files.retain(|path, _| !path.starts_with("timestamps/")));
    assert_eq!(codes(&report.errors), set(&[]));
    assert!(codes(&report.warnings).contains("SIG-JUDGED-BY-CENTRE"));
    assert!(report.signers.iter().all(|s| s.judged_by == JudgedBy::Log));
    assert_eq!(report.time.not_after.as_deref(), Some(rfc3339(SYNCED_MS).as_str()));
}
