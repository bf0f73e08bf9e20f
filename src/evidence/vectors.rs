//! Fixed bytes of every `/1` format: a changed format is a red test.
//!
//! The files under `vectors/` are golden. They are written anew only with `SPOTCHECK_WRITE_VECTORS=1`, by
//! hand, for a new major version. Where the shared schemas are present the same bytes, and thousands of
//! broken variants, are also put to an independent JSON Schema validator.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use spotcheck_domain::{BundleId, DeviceId, TaskId, parse_canonical, to_canonical};

use crate::bag::{BagInfo, PayloadFile, TagFile, parse_bag_info, parse_manifest, tag_files};
use crate::entry::{BundleEntry, LogEntry, TimeEntry};
use crate::interview::Interview;
use crate::journal::verify_chain;
use crate::peers::shared;
use crate::record::Record;
use crate::statement::Statement;
use crate::testkit::Workshop;
use crate::{FileHashes, Hash32};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(name)
}

fn golden(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap()
}

#[track_caller]
fn holds(name: &str, bytes: &[u8]) {
    if std::env::var_os("SPOTCHECK_WRITE_VECTORS").is_some() {
        std::fs::write(path(name), bytes).unwrap();
    }
    assert_eq!(String::from_utf8_lossy(&golden(name)), String::from_utf8_lossy(bytes), "{name}");
}

/// A record with something in every array and every nullable member once.
fn full_record() -> Value {
    let mut record = Workshop::new().story().record;
    let at = "2026-11-20T09:50:00.000+08:00";
    let opinion = json!({"party": "party-1", "text": "属实", "at": at});
    record["task"]["document_number"] = json!("示医保检〔2026〕1号");
    record["task"]["package"] =
        json!({"id": "PKG-01M7VBK5C0TESTK1T000000003", "sha256": Hash32::sha256(b"package")});
    record["facility"]["uscc"] = json!("91000000000000000X");
    record["helpers"] = json!([{"id": "X1", "name": "赵六(虚构)", "organisation": "示例会计师事务所(虚构)", "kind": "accountant", "scope": "核对账目"}]);
    record["parties"].as_array_mut().unwrap().push(json!({"id": "party-2", "name": "钱七(虚构)", "kind": "guardian", "post": null, "relation": "父亲", "authority": "E1"}));
    record["steps"][0]["helpers"] = json!(["X1"]);
    record["findings"][0]["rule"] = json!({"pack": "base", "version": "1.0", "id": "R-001"});
    record["findings"][0]["fund_amount"] = json!("-0.5");
    record["findings"][0]["reason"] = json!("核对床位");
    record["findings"][0]["people"] = json!([{"capacity": "billing", "code": "D000000000009", "name": "孙八(虚构)"}, {"capacity": "answerable", "code": null, "name": "周九(虚构)"}]);
    record["findings"][0]["opinion"] = opinion;
    record["evidence"][0]["keeper"] = json!("示例医院(虚构)");
    record["evidence"][0]["original_place"] = json!("病案室");
    record["evidence"][0]["review"] =
        json!({"reviewer": "O-0091", "conclusion": "予以采信", "at": at});
    record["documents"][0]["number"] = json!("1");
    record["documents"][0]["versions"][0]["prints"][0]["printer"] = json!("P1");
    record["approvals"] = json!([{"id": "A1", "kind": "register_preserve", "by": {"name": "吴十(虚构)", "post": "局长"}, "channel": "telephone", "at": at, "number": "1", "wording": "同意", "document": "D1", "evidence": ["E2"]}]);
    record["refusals"] = json!([{"id": "R1", "of": "签字", "by": "party-2", "reason": "不同意内容", "witness": "郑一(虚构)", "at": at, "document": "D1", "evidence": ["E1"]}]);
    record["measures"] = json!([{"id": "M1", "kind": "register_preserve", "items": [{"name": "病历", "spec": "纸质", "unit": "份", "quantity": "3", "amount": "0.01", "keeper": "示例医院(虚构)", "place": "病案室"}], "document": "D1", "approval": "A1", "begun": at, "ends": at, "lifted": at}]);
    record["deadlines"] = json!([{"id": "L1", "kind": "preserve", "basis": "行政处罚法 第五十六条", "begins": at, "count": 7, "unit": "natural_days", "due": at, "party": "party-1", "document": "D1"}]);
    record["handovers"] = json!([{"id": "V1", "at": at, "from": "O-0091", "to": "O-0092", "reason": "换班", "open_points": ["核对出院记录"]}]);
    record["relations"] = json!([{"kind": "supplements", "bundle": "EVID-01M7VBK5C0TESTK1T000000000", "tagmanifest_sha256": Hash32::sha256(b"earlier")}]);
    record["completeness"] =
        json!({"complete": false, "reason": "当事人离场", "missing": ["签字"]});
    record
}

fn statement() -> Value {
    let signer = |role: &str, id: &str, name: &str| json!({"role": role, "id": id, "name": name, "certificate_sha256": Hash32::sha256(id.as_bytes())});
    json!({"schema": "spotcheck-statement/1", "bundle": "EVID-01M7VBK5C0TESTK1T000000001", "suite": "ECDSA-P256-SHA256",
        "signers": [signer("device", "D-0009", "手持机 D-0009"), signer("inspector-1", "O-0091", "张三(虚构)"), signer("inspector-2", "O-0092", "李四(虚构)")],
        "software": {"name": "spotcheck", "version": "0.1.0"}, "device": {"id": "D-0009", "model": "示例机型"}, "key_protection": "tpm2",
        "time": {"not_before": {"what": "checkpoint", "path": "metadata/checkpoint.txt", "origin": "log.example.invalid/testkit", "size": 3,
                                "root": "krlewsK4AjT7rksNdowz/QbZDs7ue3Mt7p/PLXuF39c="},
                 "sealed": "2026-11-20T10:12:00.000+08:00", "clock_steps": 0, "clock_set": true}})
}

#[test]
fn records_and_statements_keep_their_bytes() {
    let record: Record = serde_json::from_value(full_record()).unwrap();
    holds("record.json", &record.to_bytes().unwrap());
    assert_eq!(Record::parse(&golden("record.json")).unwrap(), record);
    let statement: Statement = serde_json::from_value(statement()).unwrap();
    holds("statement.json", &statement.to_bytes().unwrap());
    assert_eq!(Statement::parse(&golden("statement.json")).unwrap(), statement);
}

#[test]
fn journals_keep_their_bytes() {
    let mut story = Workshop::new().story();
    holds("journal.jsonl", &story.chain_journal());
    holds("recording.log.jsonl", &story.payload["data/media/0002.log.jsonl"]);
    holds("interview.json", &story.payload["data/annex/interview.json"]);
    let bytes = golden("journal.jsonl");
    let lines = bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty());
    let state = verify_chain(lines, Hash32::ZERO).unwrap();
    assert_eq!(state.head.seq, 16);
    let annex = Interview::parse(&golden("interview.json")).unwrap();
    assert_eq!(annex.to_bytes().unwrap(), golden("interview.json"));
}

#[test]
fn log_entries_keep_their_bytes() {
    let bundle = LogEntry::Bundle(BundleEntry {
        bundle: BundleId::parse("EVID-01M7VBK5C0TESTK1T000000001").unwrap(),
        tagmanifest_sha256: Hash32::sha256(b"tag manifest"),
        device: DeviceId::parse("D-0009").unwrap(),
        received: "2026-11-20T12:12:00.000+08:00".to_owned(),
    });
    let time = LogEntry::Time(TimeEntry { at: "2026-11-20T07:12:00.000+08:00".to_owned() });
    holds("entry-bundle.json", &bundle.to_bytes().unwrap());
    holds("entry-time.json", &time.to_bytes().unwrap());
    assert_eq!(LogEntry::parse(&golden("entry-bundle.json")).unwrap(), bundle);
    assert_eq!(LogEntry::parse(&golden("entry-time.json")).unwrap(), time);
    for bad in [
        &br#"{"at":"2026-11-20T07:12:00+08:00","more":1,"type":"time/1"}"#[..],
        br#"{"at":"2026-11-20T07:12:00+08:00","type":"time/2"}"#,
        br#"{"type":"time/1"}"#,
        br#"{"at":"yesterday","type":"time/1"}"#,
        b"{\"at\":\"2026-11-20T07:12:00+08:00\",\"type\":\"time/1\"}\n",
    ] {
        assert!(LogEntry::parse(bad).is_err());
    }
}

#[test]
fn tag_files_keep_their_bytes() {
    let file = |path: &str, content: &str| PayloadFile {
        path: path.to_owned(),
        hashes: FileHashes::of(content.as_bytes()),
    };
    let payload = [
        file("data/record.json", "record"),
        file("data/journal.jsonl", "journal"),
        file("data/documents/0001-v1.pdf", "shown"),
        file("data/documents/0001-v1-signed.pdf", "signed"),
        file("data/media/0001.jpg", "photo"),
    ];
    let info = BagInfo {
        bundle: BundleId::parse("EVID-01M7VBK5C0TESTK1T000000001").unwrap(),
        task: TaskId::parse("T-2026-0009").unwrap(),
        date: "2026-11-20".to_owned(),
        software: "spotcheck 0.1.0".to_owned(),
        rescued_from: None,
    };
    let others = vec![
        TagFile::new("metadata/statement.json", golden("statement.json")),
        TagFile::new("certificates/device.pem", "certificate\n"),
    ];
    let files = tag_files(&info, &payload, others).unwrap();
    let mut paths: Vec<_> = files.iter().map(|f| f.path.as_str()).collect();
    assert_eq!(paths.pop(), Some("tagmanifest-sha256.txt"), "the signed bytes come last");
    assert!(paths.is_sorted());
    for name in [
        "bagit.txt",
        "bag-info.txt",
        "manifest-sha256.txt",
        "tagmanifest-sha256.txt",
        "metadata/manifest-sm3.txt",
    ] {
        let file = files.iter().find(|f| f.path == name).unwrap();
        holds(name.rsplit('/').next().unwrap(), &file.bytes);
        if name.contains("manifest") {
            assert!(parse_manifest(&file.bytes).is_some());
        }
    }
    assert!(parse_bag_info(&golden("bag-info.txt")).is_some());
    // What must not be in a bag is not written.
    assert!(tag_files(&info, &payload, vec![TagFile::new("signatures/device.p7s", "x")]).is_err());
    assert!(tag_files(&info, &payload, vec![TagFile::new("data/x", "x")]).is_err());
    assert!(
        tag_files(&info, &payload, vec![TagFile::new("Metadata/Manifest-sm3.txt", "x")]).is_err()
    );
    assert!(tag_files(&info, &[file("media/0001.jpg", "x")], Vec::new()).is_err());
    let broken = BagInfo { software: "a\nBag-Size: 1".to_owned(), ..info };
    assert!(tag_files(&broken, &payload, Vec::new()).is_err());
}

fn schema(name: &str) -> Option<jsonschema::Validator> {
    let file = shared(&format!("referee/schemas/{name}-1.schema.json"), "schemas")?;
    let schema: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    Some(jsonschema::validator_for(&schema).unwrap())
}

#[test]
fn vectors_fit_the_shared_schemas() {
    let Some(record) = schema("record") else { return };
    let value = |name: &str| serde_json::from_slice::<Value>(&golden(name)).unwrap();
    assert!(record.is_valid(&value("record.json")));
    assert!(schema("statement").unwrap().is_valid(&value("statement.json")));
    let entry = schema("log-entry").unwrap();
    assert!(
        entry.is_valid(&value("entry-bundle.json")) && entry.is_valid(&value("entry-time.json"))
    );
    let line = schema("journal-entry").unwrap();
    for name in ["journal.jsonl", "recording.log.jsonl"] {
        let bytes = golden(name);
        for text in bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
            assert!(line.is_valid(&serde_json::from_slice(text).unwrap()));
        }
    }
}

/// Every place of a value, as JSON pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(members) => {
            for (name, inner) in members {
                places(inner, &format!("{at}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (n, inner) in items.iter().enumerate() {
                places(inner, &format!("{at}/{n}"), found);
            }
        }
        _ => {}
    }
}

/// One change at every place: what the schema refuses we refuse, what it takes we take.
fn agrees(
    name: &str,
    value: &Value,
    schema: &jsonschema::Validator,
    parse: impl Fn(&[u8]) -> bool,
) {
    let mut all = Vec::new();
    places(value, "", &mut all);
    let mut wrong = Vec::new();
    let mut tried = 0;
    let mut compare = |changed: &Value, what: String| {
        tried += 1;
        let ours = to_canonical(changed).is_ok_and(|b| parse(&b));
        if what.starts_with("/facts") && what.ends_with("993") {
            return; // facts are free to the schema; numbers stay within 2^53 all the same
        }
        if schema.is_valid(changed) != ours {
            wrong.push(format!("{what}: schema {}, we {ours}", !ours));
        }
    };
    let replacements = [
        json!(null),
        json!(""),
        json!("a b"),
        json!("x"),
        json!("2026-11-20T09:50:00+08:00"),
        json!("party-1"),
        json!("1.50"),
        json!(0),
        json!(1),
        json!(-1),
        json!(9_007_199_254_740_993_u64),
        json!(true),
        json!([]),
        json!({}),
        json!(["x", "x"]),
        json!([""]),
    ];
    for (n, place) in all.iter().filter(|p| !p.is_empty()).enumerate() {
        // Five of them at each place, other ones at the next: all of them takes minutes.
        for new in (0..5).map(|k| &replacements[(n + 3 * k) % replacements.len()]) {
            let mut changed = value.clone();
            *changed.pointer_mut(place).unwrap() = new.clone();
            compare(&changed, format!("{place} = {new}"));
        }
        let (parent, member) = place.rsplit_once('/').unwrap();
        let mut changed = value.clone();
        match changed.pointer_mut(parent).unwrap() {
            Value::Object(members) => drop(members.remove(member)),
            Value::Array(items) => drop(items.remove(member.parse().unwrap())),
            _ => {}
        }
        compare(&changed, format!("{place} removed"));
    }
    for place in &all {
        let mut changed = value.clone();
        if let Value::Object(members) = changed.pointer_mut(place).unwrap() {
            members.insert("more".to_owned(), json!(1));
            compare(&changed, format!("{place} + more"));
        }
    }
    assert!(wrong.is_empty(), "{name}: {} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn our_types_and_the_schemas_agree_on_every_change() {
    let Some(schema_of_record) = schema("record") else { return };
    let value: Value = parse_canonical(&golden("record.json")).unwrap();
    agrees("record", &value, &schema_of_record, |b| Record::parse(b).is_ok());
    let value: Value = parse_canonical(&golden("statement.json")).unwrap();
    agrees("statement", &value, &schema("statement").unwrap(), |b| Statement::parse(b).is_ok());
    for name in ["entry-bundle.json", "entry-time.json"] {
        let value: Value = parse_canonical(&golden(name)).unwrap();
        agrees(name, &value, &schema("log-entry").unwrap(), |b| LogEntry::parse(b).is_ok());
    }
    let line = schema("journal-entry").unwrap();
    let bytes = golden("journal.jsonl");
    for text in bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
        let value: Value = parse_canonical(text).unwrap();
        agrees("journal line", &value, &line, |b| crate::journal::JournalEntry::parse(b).is_ok());
    }
}
