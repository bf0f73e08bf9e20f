//! The visit of the story: photo, recording with its log, interview, document, handwriting.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use spotcheck_domain::{Clock as _, DeviceId, ManualClock, OfficerId, rfc3339, to_canonical};

use super::{BUNDLE, DEVICE, Parts, SEALED_MS, TASK, Workshop};
use crate::journal::{ChainHead, EntryDraft, next_line};
use crate::record::BagFile;
use crate::statement::NotBefore;
use crate::{FileHashes, Hash32};

const PHOTO: &str = "data/media/0001.jpg";
const SOUND: &str = "data/media/0002.ogg";
const LOG: &str = "data/media/0002.log.jsonl";
const ANNEX: &str = "data/annex/interview.json";
const ELEMENTS: &str = "data/documents/0001-v1.json";
const SHOWN: &str = "data/documents/0001-v1.pdf";
const SIGNED: &str = "data/documents/0001-v1-signed.pdf";
const STROKES: &str = "data/handwriting/party-1.svg";

struct Teller {
    clock: ManualClock,
    head: ChainHead,
    lines: Vec<Value>,
    payload: BTreeMap<String, Vec<u8>>,
}

impl Teller {
    fn at(&self) -> String {
        rfc3339(self.clock.read().wall_ms)
    }

    fn device() -> DeviceId {
        DeviceId::parse(DEVICE).unwrap()
    }

    fn put(&mut self, path: &str, bytes: Vec<u8>) {
        self.payload.insert(path.to_owned(), bytes);
    }

    /// One entry by officer `who`; a payload file as subject gives its hash.
    fn tell(&mut self, who: &str, kind: &str, subject: &str, facts: Value) -> u64 {
        let mut draft = EntryDraft::new(Some(OfficerId::parse(who).unwrap()), Self::device(), kind)
            .about(subject);
        draft.facts = facts.as_object().cloned().unwrap_or_else(Map::new);
        draft.hash = self.payload.get(subject).map(|b| Hash32::sha256(b));
        self.write(draft);
        self.head.seq
    }

    fn write(&mut self, draft: EntryDraft) {
        let (line, head) = next_line(&self.head, draft, &self.clock.read()).unwrap();
        self.lines.push(serde_json::from_slice(&line).unwrap());
        self.head = head;
        self.clock.advance_ms(10_000);
    }

    fn file(&self, path: &str, media_type: &str) -> Value {
        json!(BagFile::new(path, media_type, FileHashes::of(&self.payload[path])))
    }
}

pub(super) fn parts(workshop: &Workshop) -> Parts {
    let early = SEALED_MS - 3 * 3_600_000;
    let time_entry = json!({"type": "time/1", "at": rfc3339(early)});
    let time_entry = to_canonical(&time_entry).unwrap();
    let index = workshop.log.append(&time_entry);
    let size = workshop.log.size();
    let mut tags = BTreeMap::new();
    let mut tag = |path: &str, bytes: Vec<u8>| tags.insert(path.to_owned(), bytes);
    tag("metadata/checkpoint.txt", workshop.log.signed_checkpoint(size).into_bytes());
    tag("metadata/time.entry.json", time_entry);
    tag("metadata/time.tlog-proof", workshop.log.prove(index, size).to_text().into_bytes());
    tag("metadata/crl/root.crl", workshop.root.crl(&[], 2046).into_bytes());
    tag("metadata/crl/agency.crl", workshop.agency.crl(&[], 2046).into_bytes());

    let (one, two) = ("O-0091", "O-0092");
    let mut t = Teller {
        clock: ManualClock::at_ms(SEALED_MS - 3_600_000),
        head: ChainHead::START,
        lines: Vec::new(),
        payload: BTreeMap::new(),
    };
    let opened = t.at();
    t.tell(
        one,
        "case_opened",
        BUNDLE,
        json!({"schema": "spotcheck-journal/1", "task": TASK,
        "package": null, "device_journal": {"seq": 12, "head": Hash32::sha256(b"device journal")}}),
    );
    t.tell(one, "certificate_shown", one, json!({"to": "party-1"}));
    t.tell(two, "certificate_shown", two, json!({"to": "party-1"}));
    let step_begun = t.at();
    t.tell(one, "step_begun", "S1", json!({}));

    t.put(PHOTO, [&[0xff, 0xd8, 0xff, 0xe0][..], &[7; 3000], &[0xff, 0xd9]].concat());
    let photo_at = t.at();
    let photo = t.tell(two, "capture_stopped", PHOTO, json!({"evidence": "E1"}));

    let sound_begun = t.at();
    let by = || Some(OfficerId::parse(two).unwrap());
    t.write(EntryDraft::capture_started(by(), Teller::device(), SOUND, "E2", None));
    let started = t.head.seq;
    let log = record_log(&mut t);
    let sound_ended = t.at();
    t.put(SOUND, [&b"OggS"[..], &[3; 5000]].concat());
    let sound = Hash32::sha256(&t.payload[SOUND]);
    let ends = Some((LOG, log));
    t.write(EntryDraft::capture_stopped(by(), Teller::device(), SOUND, "E2", sound, ends));
    let stopped = t.head.seq;
    let closed = Hash32::sha256(&t.payload[LOG]);
    let closed = EntryDraft::log_closed(by(), Teller::device(), LOG, closed);
    t.write(closed.fact("evidence", "E2"));

    let answered = t.at();
    t.put(ANNEX, to_canonical(&json!({"schema": "spotcheck-interview/1", "document": "D1",
        "interviewee": "party-1", "officers": [one, two], "audio": SOUND,
        "questions": [{"n": 1, "at_ms": 400, "question": "这张床位今天有人住吗?", "answer": "没有。", "at": answered},
                      {"n": 2, "at_ms": null, "question": "以上是否属实?", "answer": "属实。", "at": answered}]})).unwrap());
    t.tell(one, "annex_added", ANNEX, json!({"schema": "spotcheck-interview/1"}));
    let step_ended = t.at();
    t.tell(one, "step_ended", "S1", json!({}));

    let template = json!({"id": "W03", "sha256": Hash32::sha256(b"template W03")});
    t.put(
        ELEMENTS,
        to_canonical(
            &json!({"elements": {"title": "现场笔录", "text": ["示例"]}, "template": template}),
        )
        .unwrap(),
    );
    t.put(SHOWN, b"%PDF-1.7 shown".to_vec());
    t.put(SIGNED, b"%PDF-1.7 signed".to_vec());
    t.put(STROKES, b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_vec());
    let content = Hash32::sha256(&t.payload[ELEMENTS]);
    let frozen = t.at();
    let facts = json!({"document": "D1", "version": 1, "content_sha256": content});
    let officer = OfficerId::parse(one).unwrap();
    t.write(EntryDraft::document_frozen(officer, Teller::device(), "D1", 1, ELEMENTS, content));
    t.tell(one, "document_rendered", SHOWN, facts);
    let head = t.head.hash.head16();
    let printed = t.at();
    t.tell(
        one,
        "document_printed",
        SHOWN,
        json!({"document": "D1", "version": 1, "copies": 2, "journal_head": head}),
    );
    let signed_at = t.at();
    let by = json!({"document": "D1", "version": 1, "signer": "party-1"});
    t.tell(one, "document_signed", STROKES, by.clone());
    t.tell(one, "document_signed", SIGNED, by);
    t.clock.step_wall_to_ms(SEALED_MS);

    let opinion = json!({"party": "party-1", "text": "属实", "at": signed_at});
    let item = |id: &str,
                path: &str,
                kind: &str,
                log: Value,
                begun: &str,
                ended: &str,
                first: u64,
                last: u64| {
        let mut item = t.file(path, kind);
        let more = json!({"id": id, "log": log, "legal_kind": "audiovisual", "power": 4,
            "original": "original", "source": "三病区 12 床", "keeper": null, "original_place": null,
            "method": "拍摄", "maker": two, "proves": "床位无人", "direction": "against",
            "opinion": opinion, "review": null,
            "captured": {"begun": begun, "ended": ended, "first_seq": first, "last_seq": last}});
        item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        item
    };
    let evidence = json!([
        item("E1", PHOTO, "image/jpeg", Value::Null, &photo_at, &photo_at, photo, photo),
        item(
            "E2",
            SOUND,
            "audio/ogg",
            t.file(LOG, "application/jsonl"),
            &sound_begun,
            &sound_ended,
            started,
            stopped
        )
    ]);
    let officer_of = |id: &str, role: &str, name: &str| {
        json!({"id": id, "role": role, "name": name, "agency": "示例医疗保障局(虚构)",
            "credential": {"kind": "enforcement", "number": id, "valid_until": "2030-12-31"},
            "present": [{"begun": opened, "ended": null}]})
    };
    let record = json!({
        "schema": "spotcheck-record/1", "bundle": BUNDLE,
        "task": {"id": TASK, "title": "示例任务(虚构)", "mode": "enforcement", "basis": ["条例第二十七条"],
                 "document_number": null, "day_no": 1, "package": null},
        "facility": {"fixmedins_code": "H00000000009", "fixmedins_name": "示例医院(虚构)", "uscc": null, "place": "三层"},
        "officers": [officer_of(one, "inspector-1", "张三(虚构)"), officer_of(two, "inspector-2", "李四(虚构)")],
        "helpers": [],
        "parties": [{"id": "party-1", "name": "王五(虚构)", "kind": "facility", "post": "主任", "relation": null, "authority": null}],
        "steps": [{"id": "S1", "kind": "bed_check", "title": "查看在院人数", "begun": step_begun, "ended": step_ended,
                   "officers": [one, two], "helpers": [], "alone": false, "place": "三病区"}],
        "findings": [{"id": "F1", "step": "S1", "rule": null, "subject": "mdtrt_id:M9", "text": "床位无人", "state": "confirmed",
                      "reason": null, "amount": "1234.56", "fund_amount": null, "evidence": ["E1", "E2"], "loss_method": "N", "people": [], "opinion": null}],
        "evidence": evidence,
        "documents": [{"id": "D1", "form": "W03", "number": null, "title": "现场笔录", "template": template,
            "versions": [{"version": 1, "content_sha256": content, "frozen": frozen, "pages": 1,
                "elements": t.file(ELEMENTS, "application/json"), "pdf": t.file(SHOWN, "application/pdf"), "signed_pdf": t.file(SIGNED, "application/pdf"),
                "prints": [{"at": printed, "copies": 2, "printer": null, "journal_head": head}],
                "copies_given": [{"party": "party-1", "at": signed_at, "copies": 1, "form": "paper"}]}]}],
        "signatures": [{"id": "H1", "document": "D1", "version": 1, "signer": "party-1", "capacity": "party", "name": "王五(虚构)",
                        "method": "pad", "at": signed_at, "file": t.file(STROKES, "image/svg+xml"), "evidence": null}],
        "approvals": [], "refusals": [], "measures": [], "deadlines": [], "handovers": [], "relations": [],
        "annexes": [{"path": ANNEX, "schema": "spotcheck-interview/1", "sha256": Hash32::sha256(&t.payload[ANNEX]), "size": t.payload[ANNEX].len()}],
        "completeness": {"complete": true, "reason": null, "missing": []}
    });
    let record_hash = Hash32::sha256(&to_canonical(&record).unwrap());
    let officers = [OfficerId::parse(one).unwrap(), OfficerId::parse(two).unwrap()];
    let sealed =
        EntryDraft::sealed(officers[0].clone(), Teller::device(), record_hash, t.head, &officers);
    // The clock stands at sealing now, an hour after the first line, on all its hands.
    let mut reading = t.clock.read();
    reading.boottime_ms = 7_200_000;
    let (line, _) = next_line(&t.head, sealed, &reading).unwrap();
    t.lines.push(serde_json::from_slice(&line).unwrap());

    let statement = json!({"schema": "spotcheck-statement/1", "bundle": BUNDLE, "suite": "ECDSA-P256-SHA256",
        "signers": null, "software": {"name": "spotcheck testkit", "version": "1"},
        "device": {"id": DEVICE, "model": null}, "key_protection": "file",
        "time": {"not_before": NotBefore::of(&workshop.log.checkpoint(size)), "sealed": rfc3339(SEALED_MS),
                 "clock_steps": 0, "clock_set": true}});
    Parts {
        bundle: BUNDLE.to_owned(),
        payload: t.payload,
        record,
        journal: t.lines,
        chained: false,
        statement,
        tags,
        fix_sealed: true,
    }
}

/// Three fragments, chained from the `capture_started` line.
fn record_log(t: &mut Teller) -> ChainHead {
    let mut head = ChainHead::recording(t.head.hash);
    let mut bytes = Vec::new();
    for n in 1..=3 {
        let cipher = Hash32::sha256(format!("fragment {n}").as_bytes());
        let draft = EntryDraft::fragment(Teller::device(), SOUND, n, cipher);
        let (line, next) = next_line(&head, draft, &t.clock.read()).unwrap();
        bytes.extend(line);
        bytes.push(b'\n');
        head = next;
        t.clock.advance_ms(1500);
    }
    t.put(LOG, bytes);
    head
}
