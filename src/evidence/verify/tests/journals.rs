//! Journals and recording logs that are signed correctly and still do not hold: no tool that we did not
//! write sees any of these (referee/README.md).

use serde_json::{Value, json};
use spotcheck_domain::to_canonical;

use super::{all_rejected, changed, codes, judge, replace, set};
use crate::Hash32;
use crate::testkit::Workshop;
use crate::verify::Report;

const PHOTO: &str = "data/media/0001.jpg";
const LOG: &str = "data/media/0002.log.jsonl";
const ANNEX: &str = "data/annex/interview.json";

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
    all_rejected(&[
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
    all_rejected(&[
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

/// A case that went on from another handheld's second copy: the device changes where the journal says so,
/// and nowhere else.
#[test]
fn a_rescued_journal_names_the_handheld_before_it() {
    let w = &Workshop::new();
    // The first half is another handheld's; a line between says who took over from whom.
    let rescued = |from: &'static str, kind: &'static str| {
        changed(w, move |p| {
            let at = p.journal.iter().position(|l| l["kind"] == "sealed").unwrap();
            let mut line = p.journal[at].clone();
            line["kind"] = json!(kind);
            line["subject"] = Value::Null;
            line["hash"] = Value::Null;
            line["facts"] = json!({ "from_device": from, "entries": at });
            for earlier in &mut p.journal[..at] {
                earlier["device"] = json!("D-0001");
            }
            p.journal.insert(at, line);
        })
    };
    let other = |report: &Report| codes(&report.errors).contains("JOURNAL-OTHER-DEVICE");
    let good = rescued("D-0001", "rescued");
    assert!(!other(&good), "{:?}", good.errors);
    assert!(codes(&good.warnings).contains("JOURNAL-RESCUED"), "{:?}", good.warnings);
    assert!(other(&rescued("D-0007", "rescued")));
    assert!(other(&rescued("D-0001", "note")));
}
