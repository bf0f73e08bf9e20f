//! Bundles that are signed correctly by people who are trusted, but whose content does not fit together.
//!
//! No tool that we did not write sees any of these (referee/README.md).

use serde_json::{Value, json};
use spotcheck_domain::to_canonical;

use super::{all_rejected, codes, judge, set};
use crate::Hash32;
use crate::bag::MANIFEST_SM3;
use crate::testkit::{Bag, Parts, SEALED_MS, TestLog, Workshop};
use crate::verify::Report;

const PHOTO: &str = "data/media/0001.jpg";
const LOG: &str = "data/media/0002.log.jsonl";
const ANNEX: &str = "data/annex/interview.json";
const ELEMENTS: &str = "data/documents/0001-v1.json";

/// The story with one change, closed and signed by the right people.
fn changed(w: &Workshop, change: impl FnOnce(&mut Parts)) -> Report {
    let mut parts = w.story();
    change(&mut parts);
    judge(w, &parts.close(&w.people))
}

/// The closed story with one change to its files, tag manifest and signatures made anew.
fn resigned(w: &Workshop, change: impl FnOnce(&mut Bag)) -> Report {
    let mut bag = w.story().close(&w.people);
    change(&mut bag);
    bag.recompute_tagmanifest();
    bag.sign(&w.people);
    judge(w, &bag)
}

#[test]
fn journals_that_do_not_hold_are_refused() {
    let w = &Workshop::new();
    let raw = |edit: fn(&mut Vec<Value>)| {
        changed(w, |p| {
            p.chain_journal();
            let record = Hash32::sha256(&to_canonical(&p.record).unwrap());
            p.journal.last_mut().unwrap()["hash"] = json!(record);
            edit(&mut p.journal);
            p.chained = true;
        })
    };
    let bytes = |edit: fn(Vec<u8>) -> Vec<u8>| {
        let mut bag = w.story().close(&w.people);
        let journal = bag.files.remove("data/journal.jsonl").unwrap();
        bag.files.insert("data/journal.jsonl".to_owned(), edit(journal));
        bag.recompute();
        bag.sign(&w.people);
        judge(w, &bag)
    };
    all_rejected(vec![
        ("seq jumps", raw(|j| j[5]["seq"] = json!(7)), &["JOURNAL-SEQ"]),
        ("middle line gone", raw(|j| drop(j.remove(6))), &["JOURNAL-SEQ"]),
        ("prev wrong", raw(|j| j[4]["prev"] = json!(Hash32::ZERO)), &["JOURNAL-PREV"]),
        ("line changed", raw(|j| j[1]["facts"]["to"] = json!("party-2")), &["JOURNAL-PREV"]),
        (
            "number with a fraction of a point",
            bytes(|j| replace(&j, b"\"copies\":2", b"\"copies\":2.0")),
            &["JOURNAL-FORM"],
        ),
        ("white space", bytes(|j| replace(&j, b"\"seq\":3", b"\"seq\": 3")), &["JOURNAL-FORM"]),
        (
            "member twice",
            bytes(|j| replace(&j, b"\"seq\":3", b"\"seq\":3,\"seq\":3")),
            &["JOURNAL-FORM"],
        ),
        (
            "last line cut",
            bytes(|mut j| {
                j.pop();
                j
            }),
            &["JOURNAL-CUT-OFF"],
        ),
        (
            "empty",
            bytes(|_| Vec::new()),
            &[
                "JOURNAL-NOT-SEALED",
                "JOURNAL-FILE",
                "DOCUMENT-NOT-FROZEN",
                "DOCUMENT-PRINT-HEAD",
                "RECORD-CAPTURED",
                "LOG-START",
                "LOG-HEAD",
                "LOG-NOT-CLOSED",
            ],
        ),
        ("CR before LF", bytes(|j| replace(&j, b"}\n{", b"}\r\n{")), &["JOURNAL-FORM"]),
        ("unknown member", changed(w, |p| p.journal[2]["extra"] = json!(1)), &["JOURNAL-FORM"]),
        (
            "boottime backwards",
            changed(w, |p| p.journal[6]["boottime"] = json!(5)),
            &["JOURNAL-BOOTTIME"],
        ),
        (
            "not sealed",
            changed(w, |p| drop(p.journal.pop())),
            &["JOURNAL-NOT-SEALED", "JOURNAL-FILE"],
        ),
        (
            "sealed counts wrong",
            changed(w, |p| {
                p.fix_sealed = false;
                p.line("sealed")["facts"]["entries"] = json!(3);
            }),
            &["JOURNAL-ENTRIES"],
        ),
        (
            "sealed another record",
            changed(w, |p| {
                p.fix_sealed = false;
                p.line("sealed")["hash"] = json!(Hash32::ZERO);
            }),
            &["JOURNAL-SEALED-OTHER-RECORD", "JOURNAL-FILE"],
        ),
        (
            "line after sealed",
            changed(w, |p| {
                let mut note = p.journal.last().unwrap().clone();
                note["kind"] = json!("note");
                note["hash"] = Value::Null;
                note["subject"] = json!("late");
                let record = Hash32::sha256(&to_canonical(&p.record).unwrap());
                p.fix_sealed = false;
                p.line("sealed")["hash"] = json!(record);
                p.journal.push(note);
            }),
            &["JOURNAL-AFTER-SEALED", "JOURNAL-NOT-SEALED"],
        ),
        (
            "not opened",
            changed(w, |p| p.journal[0]["kind"] = json!("note")),
            &["JOURNAL-NOT-OPENED", "LOG-START", "JOURNAL-PRINTED-HEAD", "DOCUMENT-PRINT-HEAD"],
        ),
        (
            "opened twice",
            changed(w, |p| {
                let again = p.journal[0].clone();
                p.journal.insert(1, again);
            }),
            &["JOURNAL-OPENED-TWICE", "LOG-START", "JOURNAL-PRINTED-HEAD", "DOCUMENT-PRINT-HEAD"],
        ),
        (
            "journal of a later version",
            changed(w, |p| p.line("case_opened")["facts"]["schema"] = json!("spotcheck-journal/2")),
            &["JOURNAL-SCHEMA", "LOG-START", "JOURNAL-PRINTED-HEAD", "DOCUMENT-PRINT-HEAD"],
        ),
        (
            "no device journal",
            changed(w, |p| {
                drop(
                    p.line("case_opened")["facts"]
                        .as_object_mut()
                        .unwrap()
                        .remove("device_journal"),
                )
            }),
            &["JOURNAL-FORM"],
        ),
        (
            "another handheld's line",
            changed(w, |p| p.line("sealed")["device"] = json!("D-0001")),
            &["JOURNAL-OTHER-DEVICE"],
        ),
        (
            "another task",
            changed(w, |p| p.line("case_opened")["facts"]["task"] = json!("T-1")),
            &["JOURNAL-OTHER-TASK", "LOG-START", "JOURNAL-PRINTED-HEAD", "DOCUMENT-PRINT-HEAD"],
        ),
        (
            "another bundle",
            changed(w, |p| {
                p.line("case_opened")["subject"] = json!("EVID-01M7VBK5C0TESTK1T000000002")
            }),
            &["BUNDLE-ID", "LOG-START", "JOURNAL-PRINTED-HEAD", "DOCUMENT-PRINT-HEAD"],
        ),
        (
            "a head on paper that never was",
            changed(w, |p| {
                p.line("document_printed")["facts"]["journal_head"] = json!("0123456789abcdef")
            }),
            &["JOURNAL-PRINTED-HEAD"],
        ),
        (
            "a file nobody entered",
            changed(w, |p| p.journal.retain(|l| l["subject"] != PHOTO)),
            &["JOURNAL-FILE", "LOG-START", "JOURNAL-PRINTED-HEAD", "DOCUMENT-PRINT-HEAD"],
        ),
        (
            "a last entry without hash",
            changed(w, |p| {
                let line = p.journal.iter_mut().find(|l| l["subject"] == ANNEX).unwrap();
                line["hash"] = Value::Null;
            }),
            &["JOURNAL-FILE", "JOURNAL-PRINTED-HEAD", "DOCUMENT-PRINT-HEAD"],
        ),
        (
            "frozen with another hash",
            changed(w, |p| {
                p.line("document_frozen")["facts"]["content_sha256"] = json!(Hash32::ZERO)
            }),
            &["DOCUMENT-NOT-FROZEN", "JOURNAL-PRINTED-HEAD", "DOCUMENT-PRINT-HEAD"],
        ),
    ]);
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|w| w == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

#[test]
fn records_that_tell_another_story_are_refused() {
    let w = &Workshop::new();
    let record = |edit: fn(&mut Value)| changed(w, |p| edit(&mut p.record));
    all_rejected(vec![
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

/// Keeps the journal in step where a test changes only the recording log.
fn with_log(w: &Workshop, edit: fn(&mut Vec<Value>), rechain: bool, follow: bool) -> Report {
    changed(w, |p| {
        let bytes = p.payload[LOG].clone();
        let mut lines: Vec<Value> = bytes
            .split(|b| *b == b'\n')
            .filter(|l| !l.is_empty())
            .map(|l| serde_json::from_slice(l).unwrap())
            .collect();
        let first_prev = lines[0]["prev"].clone();
        edit(&mut lines);
        let mut prev = first_prev;
        let mut out = Vec::new();
        for (n, line) in lines.iter_mut().enumerate() {
            if rechain {
                line["seq"] = json!(n + 1);
                if n > 0 {
                    line["prev"] = prev.clone();
                }
            }
            let text = to_canonical(line).unwrap();
            prev = json!(Hash32::sha256(&text));
            out.extend(text);
            out.push(b'\n');
        }
        p.replace_payload(LOG, out);
        if follow {
            let stopped = p.journal.iter_mut().find(|l| !l["facts"]["log_head"].is_null()).unwrap();
            stopped["facts"]["log_head"] = prev;
            stopped["facts"]["fragments"] = json!(lines.len());
        }
        // The heads on paper move with the journal; that is not what these cases are about.
        let at = p.journal.iter().position(|l| l["kind"] == "document_printed").unwrap();
        let head = p.line_hashes()[at - 1].head16();
        p.journal[at]["facts"]["journal_head"] = json!(head);
        p.record["documents"][0]["versions"][0]["prints"][0]["journal_head"] = json!(head);
    })
}

#[test]
fn recording_logs_hang_on_the_journal_at_both_ends() {
    let w = &Workshop::new();
    let good = with_log(w, |_| {}, true, true);
    assert_eq!(codes(&good.errors), set(&[]), "the cases below differ from a good log");
    all_rejected(vec![
        ("last fragment gone", with_log(w, |l| drop(l.pop()), true, false), &["LOG-HEAD"]),
        ("middle fragment gone", with_log(w, |l| drop(l.remove(1)), false, true), &["JOURNAL-SEQ"]),
        (
            "middle fragment gone, counted anew",
            with_log(w, |l| drop(l.remove(1)), true, true),
            &["LOG-ENTRY"],
        ),
        (
            "hangs on nothing",
            with_log(w, |l| l[0]["prev"] = json!(Hash32::ZERO), true, true),
            &["LOG-START"],
        ),
        (
            "fragment of another recording",
            with_log(w, |l| l[1]["subject"] = json!(PHOTO), true, true),
            &["LOG-ENTRY"],
        ),
        (
            "by somebody",
            with_log(w, |l| l[1]["officer"] = json!("O-0091"), true, true),
            &["LOG-ENTRY"],
        ),
        (
            "by another handheld",
            with_log(w, |l| l[2]["device"] = json!("D-0001"), true, true),
            &["JOURNAL-OTHER-DEVICE"],
        ),
        ("another kind", with_log(w, |l| l[1]["kind"] = json!("note"), true, true), &["LOG-ENTRY"]),
        ("no lines", with_log(w, |l| l.clear(), true, true), &["JOURNAL-CUT-OFF"]),
    ]);
    // Begun while locked: the log starts at zeros and capture_started names its first line.
    let locked = changed(w, |p| {
        let bytes = p.payload[LOG].clone();
        let mut prev = Hash32::ZERO;
        let mut first = None;
        let mut out = Vec::new();
        for line in bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
            let mut line: Value = serde_json::from_slice(line).unwrap();
            line["prev"] = json!(prev);
            let text = to_canonical(&line).unwrap();
            prev = Hash32::sha256(&text);
            first.get_or_insert(prev);
            out.extend(text);
            out.push(b'\n');
        }
        p.replace_payload(LOG, out);
        let started = p.line("capture_started");
        started["facts"]["log_first"] = json!(first);
        started["boottime"] = json!(17);
        let stopped = p.journal.iter_mut().find(|l| !l["facts"]["log_head"].is_null()).unwrap();
        stopped["facts"]["log_head"] = json!(prev);
        let at = p.journal.iter().position(|l| l["kind"] == "document_printed").unwrap();
        let head = p.line_hashes()[at - 1].head16();
        p.journal[at]["facts"]["journal_head"] = json!(head);
        p.record["documents"][0]["versions"][0]["prints"][0]["journal_head"] = json!(head);
    });
    assert_eq!(codes(&locked.errors), set(&[]));
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
    all_rejected(vec![
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
    assert!(SEALED_MS > 0);
}

#[test]
fn bags_that_are_not_what_their_lists_say_are_refused() {
    let w = &Workshop::new();
    let file = |path: &'static str, bytes: &'static [u8]| {
        resigned(w, |b| drop(b.files.insert(path.to_owned(), bytes.to_vec())))
    };
    // Added behind the signatures' back: no list knows it.
    let added = |path: &'static str| {
        let mut bag = w.bundle();
        bag.files.insert(path.to_owned(), b"x".to_vec());
        judge(w, &bag)
    };
    let text = |path: &'static str, edit: fn(String) -> String| {
        resigned(w, |b| {
            let old = String::from_utf8(b.files[path].clone()).unwrap();
            b.files.insert(path.to_owned(), edit(old).into_bytes());
        })
    };
    let tagmanifest = |edit: fn(String) -> String| {
        let mut bag = w.story().close(&w.people);
        let old = String::from_utf8(bag.files["tagmanifest-sha256.txt"].clone()).unwrap();
        bag.files.insert("tagmanifest-sha256.txt".to_owned(), edit(old).into_bytes());
        bag.sign(&w.people);
        judge(w, &bag)
    };
    let manifest = "manifest-sha256.txt";
    all_rejected(vec![
        (
            "fetch.txt, listed",
            file("fetch.txt", b"http://files.example.invalid/x 1 data/x\n"),
            &["BAG-FETCH"],
        ),
        ("fetch.txt, unlisted", added("fetch.txt"), &["BAG-FETCH"]),
        ("manifest of another kind", file("manifest-md5.txt", b""), &["BAG-OTHER-MANIFEST"]),
        (
            "tag manifest of another kind",
            file("tagmanifest-sha512.txt", b""),
            &["BAG-OTHER-MANIFEST"],
        ),
        ("unlisted tag file", added("metadata/more.txt"), &["BAG-UNLISTED-FILE"]),
        ("unlisted tag file at the top", added("readme.txt"), &["BAG-UNLISTED-FILE"]),
        (
            "unlisted certificate",
            added("certificates/more.pem"),
            &["BAG-UNLISTED-FILE", "CERT-FILE"],
        ),
        ("unlisted payload", added("data/media/0009.jpg"), &["BAG-UNLISTED-FILE"]),
        (
            "payload listed and gone",
            {
                let mut bag = w.bundle();
                bag.files.remove(PHOTO);
                judge(w, &bag)
            },
            &["BAG-PAYLOAD-MISSING"],
        ),
        (
            "payload changed",
            {
                let mut bag = w.bundle();
                bag.files.get_mut(PHOTO).unwrap()[0] ^= 1;
                judge(w, &bag)
            },
            &["PAYLOAD-CHANGED", "RECORD-FILE", "SM3-DISAGREES"],
        ),
        (
            "tag file changed",
            {
                let mut bag = w.bundle();
                bag.files.get_mut("bag-info.txt").unwrap().extend(b"Extra: x\n");
                judge(w, &bag)
            },
            &["BAG-TAG-CHANGED"],
        ),
        (
            "another BagIt version",
            text("bagit.txt", |t| t.replace("1.0", "0.97")),
            &["BAG-DECLARATION"],
        ),
        (
            "another encoding",
            text("bagit.txt", |t| t.replace("UTF-8", "UTF-16")),
            &["BAG-DECLARATION"],
        ),
        ("bag-info folds", text("bag-info.txt", |t| t + " more\n"), &["BAG-INFO"]),
        (
            "bag-info label twice",
            text("bag-info.txt", |t| t.clone() + t.lines().next().unwrap() + "\n"),
            &["BAG-INFO"],
        ),
        ("oxum wrong", text("bag-info.txt", |t| t.replace(".10\n", ".11\n")), &["BAG-OXUM"]),
        (
            "another bundle",
            text("bag-info.txt", |t| t.replace("000001\n", "000002\n")),
            &["BUNDLE-ID"],
        ),
        (
            "another group",
            text("bag-info.txt", |t| t.replace("T-2026-0009", "T-2026-0010")),
            &["BAG-GROUP"],
        ),
        (
            "one space",
            text(manifest, |t| t.replacen("  ", " ", 1)),
            &["BAG-MANIFEST-FORM", "RECORD-FILE-MISSING", "SM3-OTHER-FILES", "ANNEX-AUDIO"],
        ),
        ("upper case", tagmanifest(|t| t.to_uppercase()), &["BAG-MANIFEST-FORM"]),
        (
            "not sorted",
            tagmanifest(|t| {
                let mut l: Vec<_> = t.lines().collect();
                l.reverse();
                l.join("\n") + "\n"
            }),
            &["BAG-MANIFEST-FORM"],
        ),
        (
            "line twice",
            tagmanifest(|t| {
                let first = t.lines().next().unwrap().to_owned() + "\n";
                first + &t
            }),
            &["BAG-MANIFEST-FORM"],
        ),
        (
            "tag manifest lists itself",
            tagmanifest(|t| t + &format!("{}  tagmanifest-sha256.txt\n", Hash32::ZERO)),
            &["BAG-TAGMANIFEST-SCOPE", "BAG-TAG-CHANGED"],
        ),
        (
            "tag manifest lists a signature",
            tagmanifest(|t| t + &format!("{}  signatures/device.p7s\n", Hash32::ZERO)),
            &["BAG-TAGMANIFEST-SCOPE", "BAG-TAG-CHANGED"],
        ),
        (
            "tag manifest without statement",
            tagmanifest(|t| {
                t.lines()
                    .filter(|l| !l.contains("statement"))
                    .fold(String::new(), |a, l| a + l + "\n")
            }),
            &["BAG-TAGMANIFEST-SCOPE", "BAG-UNLISTED-FILE"],
        ),
        (
            "SM3 list disagrees",
            text(MANIFEST_SM3, |t| {
                let zero = Hash32::ZERO.to_string();
                t.lines()
                    .enumerate()
                    .map(
                        |(n, l)| {
                            if n == 5 {
                                zero.clone() + &l[64..] + "\n"
                            } else {
                                l.to_owned() + "\n"
                            }
                        },
                    )
                    .collect()
            }),
            &["SM3-DISAGREES"],
        ),
        (
            "SM3 list one short",
            text(MANIFEST_SM3, |t| t.lines().skip(1).fold(String::new(), |a, l| a + l + "\n")),
            &["SM3-OTHER-FILES", "SM3-DISAGREES"],
        ),
    ]);
    let no_list = resigned(w, |b| drop(b.files.remove(MANIFEST_SM3)));
    assert_eq!(
        (codes(&no_list.errors), codes(&no_list.warnings).contains("SM3-MISSING")),
        (set(&[]), true)
    );
    let more = resigned(w, |b| drop(b.files.insert("metadata/case.jsonld".into(), b"{}".to_vec())));
    assert_eq!(
        (codes(&more.errors), codes(&more.not_judged)),
        (set(&[]), set(&["BAG-UNKNOWN-TAG"]))
    );
}
