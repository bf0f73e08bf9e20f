//! Records and statements that are signed correctly by people who are trusted, and tell another story than
//! the files.

use serde_json::{Value, json};
use spotcheck_domain::to_canonical;

use super::{all_rejected, changed, codes, judge, replace, set};
use crate::Hash32;
use crate::testkit::{TestLog, Workshop};

const PHOTO: &str = "data/media/0001.jpg";
const ANNEX: &str = "data/annex/interview.json";
const ELEMENTS: &str = "data/documents/0001-v1.json";

#[test]
fn records_that_tell_another_story_are_refused() {
    let w = &Workshop::new();
    let record = |edit: fn(&mut Value)| changed(w, |p| edit(&mut p.record));
    all_rejected(&[
        ("unknown member", record(|r| r["extra"] = json!(1)), &["SCHEMA-FORM"]),
        (
            "member missing",
            record(|r| drop(r.as_object_mut().unwrap().remove("handovers"))),
            &["SCHEMA-FORM"],
        ),
        (
            "nullable member missing",
            record(|r| drop(r["facility"].as_object_mut().unwrap().remove("uscc"))),
            &["SCHEMA-FORM"],
        ),
        ("unknown word", record(|r| r["task"]["mode"] = json!("raid")), &["SCHEMA-FORM"]),
        ("empty text", record(|r| r["facility"]["place"] = json!("")), &["SCHEMA-MISMATCH"]),
        (
            "one officer",
            record(|r| drop(r["officers"].as_array_mut().unwrap().pop())),
            &["SCHEMA-MISMATCH"],
        ),
        (
            "later version",
            record(|r| r["schema"] = json!("spotcheck-record/2")),
            &["SCHEMA-UNKNOWN"],
        ),
        (
            "another bundle",
            record(|r| r["bundle"] = json!("EVID-01M7VBK5C0TESTK1T000000002")),
            &["BUNDLE-ID"],
        ),
        (
            "another task",
            changed(w, |p| {
                p.record["task"]["id"] = json!("T-2");
            }),
            &["JOURNAL-OTHER-TASK"],
        ),
        ("annex not named", record(|r| r["annexes"] = json!([])), &["RECORD-FILE-UNNAMED"]),
        (
            "file named twice",
            record(|r| {
                let again = r["annexes"][0].clone();
                r["annexes"].as_array_mut().unwrap().push(again);
            }),
            &["RECORD-FILE-TWICE"],
        ),
        (
            "file that is not there",
            record(|r| {
                let mut more = r["annexes"][0].clone();
                more["path"] = json!("data/annex/more.json");
                r["annexes"].as_array_mut().unwrap().push(more);
            }),
            &["RECORD-FILE-MISSING"],
        ),
        (
            "hash of evidence wrong",
            record(|r| r["evidence"][0]["sha256"] = json!(Hash32::ZERO)),
            &["RECORD-FILE"],
        ),
        (
            "SM3 of evidence wrong",
            record(|r| r["evidence"][0]["sm3"] = json!(Hash32::ZERO)),
            &["RECORD-FILE"],
        ),
        ("size of annex wrong", record(|r| r["annexes"][0]["size"] = json!(1)), &["RECORD-FILE"]),
        (
            "officer of another name",
            record(|r| r["officers"][1]["name"] = json!("赵六(虚构)")),
            &["STATEMENT-OFFICERS"],
        ),
        (
            "officer with another id",
            record(|r| r["officers"][1]["id"] = json!("O-0099")),
            &["STATEMENT-OFFICERS"],
        ),
        (
            "signer who only took part",
            record(|r| r["officers"][1]["role"] = Value::Null),
            &["STATEMENT-OFFICERS"],
        ),
        (
            "role nobody signed for",
            record(|r| {
                let mut third = r["officers"][1].clone();
                third["id"] = json!("O-0093");
                third["role"] = json!("inspector-3");
                r["officers"].as_array_mut().unwrap().push(third);
            }),
            &["STATEMENT-OFFICERS"],
        ),
        (
            "captured after the end",
            record(|r| r["evidence"][0]["captured"]["last_seq"] = json!(900)),
            &["RECORD-CAPTURED"],
        ),
        (
            "captured backwards",
            record(|r| r["evidence"][1]["captured"]["first_seq"] = json!(19)),
            &["RECORD-CAPTURED"],
        ),
        (
            "content hash wrong",
            record(|r| r["documents"][0]["versions"][0]["content_sha256"] = json!(Hash32::ZERO)),
            &["DOCUMENT-CONTENT-HASH", "DOCUMENT-NOT-FROZEN"],
        ),
        (
            "another template",
            record(|r| r["documents"][0]["template"]["id"] = json!("W04")),
            &["DOCUMENT-TEMPLATE"],
        ),
        (
            "printed head wrong",
            record(|r| {
                r["documents"][0]["versions"][0]["prints"][0]["journal_head"] =
                    json!("0123456789abcdef")
            }),
            &["DOCUMENT-PRINT-HEAD"],
        ),
        (
            "record written with white space",
            {
                let mut bag = w.story().close(&w.people);
                bag.files.get_mut("data/record.json").unwrap().push(b'\n');
                bag.recompute();
                bag.sign(&w.people);
                judge(w, &bag)
            },
            &["SCHEMA-FORM", "JOURNAL-SEALED-OTHER-RECORD", "JOURNAL-FILE"],
        ),
        (
            "elements with more members",
            changed(w, |p| {
                let mut elements: Value = serde_json::from_slice(&p.payload[ELEMENTS]).unwrap();
                elements["more"] = json!(1);
                let bytes = to_canonical(&elements).unwrap();
                let hash = json!(Hash32::sha256(&bytes));
                p.replace_payload(ELEMENTS, bytes);
                p.record["documents"][0]["versions"][0]["content_sha256"] = hash.clone();
                p.line("document_frozen")["facts"]["content_sha256"] = hash;
            }),
            &["SCHEMA-FORM", "JOURNAL-PRINTED-HEAD", "DOCUMENT-PRINT-HEAD"],
        ),
        (
            "annex that breaks its own schema",
            changed(w, |p| {
                let bytes = replace(&p.payload[ANNEX], b"\"n\":1", b"\"n\":7");
                p.replace_payload(ANNEX, bytes);
            }),
            &["SCHEMA-MISMATCH", "JOURNAL-PRINTED-HEAD", "DOCUMENT-PRINT-HEAD"],
        ),
        (
            "annex of another schema than named",
            changed(w, |p| {
                let bytes = replace(&p.payload[ANNEX], b"interview/1", b"interview/2");
                p.replace_payload(ANNEX, bytes);
            }),
            &["SCHEMA-UNKNOWN", "JOURNAL-PRINTED-HEAD", "DOCUMENT-PRINT-HEAD"],
        ),
        (
            "annex about a sound that is not there",
            changed(w, |p| {
                let bytes = replace(&p.payload[ANNEX], b"0002.ogg", b"0003.ogg");
                p.replace_payload(ANNEX, bytes);
            }),
            &["ANNEX-AUDIO", "JOURNAL-PRINTED-HEAD", "DOCUMENT-PRINT-HEAD"],
        ),
        (
            "payload changed, only manifests honest",
            {
                let mut bag = w.story().close(&w.people);
                bag.files.get_mut(PHOTO).unwrap().push(0);
                bag.recompute();
                bag.sign(&w.people);
                judge(w, &bag)
            },
            &["RECORD-FILE", "JOURNAL-FILE"],
        ),
    ]);
}
#[test]
fn statements_and_proofs_that_do_not_hold_are_refused() {
    let w = &Workshop::new();
    let statement = |edit: fn(&mut Value)| changed(w, |p| edit(&mut p.statement));
    let tag = |path: &str, bytes: Vec<u8>| {
        changed(w, |p| {
            p.tags.insert(path.to_owned(), bytes);
        })
    };
    let other = TestLog::new("log.example.invalid/testkit");
    other.append(b"x");
    let time =
        to_canonical(&json!({"type": "time/1", "at": "2026-11-20T07:12:00.000+08:00"})).unwrap();
    other.append(&time);
    let bundle_entry = to_canonical(&json!({"type": "bundle/1", "bundle": "EVID-01M7VBK5C0TESTK1T000000001",
        "device": "D-0009", "received": "2026-11-20T07:12:00+08:00", "tagmanifest_sha256": Hash32::ZERO})).unwrap();
    let late = w.story().statement["time"]["sealed"].as_str().unwrap().to_owned();
    all_rejected(&[
        (
            "later version",
            statement(|s| s["schema"] = json!("spotcheck-statement/2")),
            &["SCHEMA-UNKNOWN"],
        ),
        ("unknown member", statement(|s| s["extra"] = json!(1)), &["SCHEMA-FORM"]),
        ("unknown suite", statement(|s| s["suite"] = json!("RSA")), &["SCHEMA-FORM"]),
        (
            "one inspector",
            {
                let parts = w.story();
                judge(w, &parts.close(&w.people[..2]))
            },
            &["SCHEMA-MISMATCH"],
        ),
        (
            "another device",
            statement(|s| s["device"]["id"] = json!("D-0001")),
            &["STATEMENT-DEVICE", "JOURNAL-OTHER-DEVICE"],
        ),
        (
            "another bundle",
            statement(|s| s["bundle"] = json!("EVID-01M7VBK5C0TESTK1T000000002")),
            &["BUNDLE-ID"],
        ),
        (
            "another checkpoint size",
            statement(|s| s["time"]["not_before"]["size"] = json!(40)),
            &["CHECKPOINT-STATEMENT"],
        ),
        (
            "sealed before what it cannot be older than",
            statement(|s| s["time"]["sealed"] = json!("2026-11-20T03:00:00+08:00")),
            &["TIME-SEALED-TOO-EARLY"],
        ),
        (
            "checkpoint by another key",
            changed(w, |p| {
                drop(p.tags.insert(
                    "metadata/checkpoint.txt".into(),
                    other.sign(&w.log.checkpoint(w.log.size())).into_bytes(),
                ))
            }),
            &["CHECKPOINT-SIGNATURE"],
        ),
        (
            "checkpoint is no note",
            tag("metadata/checkpoint.txt", b"checkpoint\n".to_vec()),
            &["CHECKPOINT-FORM"],
        ),
        (
            "time entry changed",
            tag(
                "metadata/time.entry.json",
                to_canonical(&json!({"type": "time/1", "at": late})).unwrap(),
            ),
            &["TIME-PROOF"],
        ),
        (
            "time proof by another log",
            tag("metadata/time.tlog-proof", other.prove(1, 2).to_text().into_bytes()),
            &["TIME-PROOF"],
        ),
        ("time entry is no time", tag("metadata/time.entry.json", bundle_entry), &["TIME-ENTRY"]),
        (
            "time proof is no proof",
            tag("metadata/time.tlog-proof", b"proof\n".to_vec()),
            &["TIME-ENTRY"],
        ),
        (
            "time entry without proof",
            changed(w, |p| drop(p.tags.remove("metadata/time.tlog-proof"))),
            &["TIME-ENTRY"],
        ),
        (
            "no checkpoint",
            changed(w, |p| drop(p.tags.remove("metadata/checkpoint.txt"))),
            &["BAG-FILE-MISSING", "BAG-TAGMANIFEST-SCOPE"],
        ),
        (
            "damaged CRL",
            tag(
                "metadata/crl/root.crl",
                b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n".to_vec(),
            ),
            &["CRL-UNREADABLE"],
        ),
        (
            "certificate file without certificate",
            tag("certificates/other.pem", b"nothing".to_vec()),
            &["CERT-FILE"],
        ),
    ]);
    let steps = changed(w, |p| p.statement["time"]["clock_steps"] = json!(2));
    assert!(
        codes(&steps.warnings)
            .is_superset(&set(&["TIME-CLOCK-STEPPED", "TIME-CLOCK-STEPS-DIFFER"]))
    );
    let unset = changed(w, |p| {
        p.statement["time"]["clock_set"] = json!(false);
        p.statement["time"]["sealed"] = json!("2026-11-20T03:00:00+08:00");
    });
    assert_eq!(
        codes(&unset.errors),
        set(&[]),
        "a clock that was never set proves nothing either way"
    );
    assert!(codes(&unset.warnings).contains("TIME-CLOCK-NOT-SET"));
}
