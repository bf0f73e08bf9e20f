//! Refusals and copies: acts of the other side, and what is handed to it.

use spotcheck_evidence::record::{CopyForm, Record};

use super::*;
use crate::desk::{Marks as _, PaperActs as _};

fn kinds(day: &mut Day) -> Vec<String> {
    let entries = day.h.journal_entries(Some(&day.case.clone())).unwrap();
    entries.iter().map(|e| e["kind"].as_str().unwrap().to_owned()).collect()
}

fn sealed(day: &mut Day) -> Record {
    day.h.seal(&day.case, &pins(&["O-0001", "O-0002"]), Some("撤离")).unwrap();
    Record::parse(&day.disk.sealed_file(&day.case, "data/record.json")).unwrap()
}

fn both_shown(day: &mut Day) {
    for id in ["O-0001", "O-0002"] {
        day.h.show_certificate(&day.case, &officer(id)).unwrap();
    }
}

/// evidence.md §2: a record of refusal is a refusal in the journal and in record.json, with what shows it.
#[test]
fn a_frozen_record_of_refusal_is_a_refusal() {
    let mut day = morning();
    let sound = day.h.start_recording(Some(&day.case), RecordingKind::Audio).unwrap();
    day.h.mark_recording(&sound.evidence, "有人阻挠").unwrap();
    day.h.stop_recording(&sound.evidence).unwrap();
    both_shown(&mut day);
    let id = day.h.new_document(&day.case, "W25", None).unwrap().card.id;
    if day.h.fill(&day.case, &id, "code", "阻止进入").is_err() {
        day.h.fill(&day.case, &id, "content", "阻止进入").unwrap();
    }
    day.h.freeze(&day.case, &id).unwrap();
    assert_eq!(kinds(&mut day).iter().filter(|k| *k == "refusal").count(), 1);
    let record = sealed(&mut day);
    let refusal = &record.refusals[0];
    assert_eq!((refusal.id.as_str(), refusal.by.as_str()), ("R1", "party-1"));
    assert_eq!(refusal.document.as_deref(), Some(id.as_str()));
    assert_eq!(refusal.evidence, [sound.evidence]);
    assert!(refusal.of.starts_with("检查"), "{}", refusal.of);
}

/// A refused signature: a reason is asked for, the officers sign then, the bundle says both, undo takes it back.
#[test]
fn who_refuses_to_sign_stands_in_the_record_with_the_reason() {
    let mut day = morning();
    both_shown(&mut day);
    let id = filled_record(&mut day);
    let early = day.h.refuse_document(&day.case, &id, "party-1", "不同意").unwrap_err();
    assert_eq!(early.code, "DOC-STATE", "a draft was shown to nobody");
    day.h.freeze(&day.case, &id).unwrap();
    assert!(day.h.refuse_document(&day.case, &id, "party-1", " ").is_err(), "without a reason");
    assert!(day.h.refuse_document(&day.case, &id, "O-0001", "无").is_err(), "an officer");
    let view = day.h.refuse_document(&day.case, &id, "party-1", "不同意").unwrap();
    assert_eq!(view.card.state, DocumentState::Refused);
    let mark = day.h.just_marked().unwrap();
    day.h.take_back(&mark).unwrap();
    assert_eq!(day.h.document(&day.case, &id).unwrap().card.state, DocumentState::Frozen);
    assert!(day.h.sign_document(&day.case, &id, "O-0001", &strokes()).is_err(), "the party first");

    day.h.refuse_document(&day.case, &id, "party-1", "不同意").unwrap();
    assert!(day.h.refuse_document(&day.case, &id, "party-1", "还是不同意").is_err(), "twice");
    for signer in ["O-0001", "O-0002"] {
        day.h.sign_document(&day.case, &id, signer, &strokes()).unwrap();
    }
    assert_eq!(day.h.document(&day.case, &id).unwrap().card.state, DocumentState::Refused);
    let told = day.h.timeline(&day.case).unwrap();
    assert!(told.moments.iter().any(|m| m.title.starts_with("拒绝签字")), "{:?}", told.moments);
    let record = sealed(&mut day);
    assert_eq!(record.refusals.len(), 1, "the one that was taken back is none");
    let refusal = &record.refusals[0];
    assert_eq!(refusal.reason.as_deref(), Some("不同意"));
    assert!(refusal.of.contains("签字"), "{}", refusal.of);
    let words = day.h.journal_entries(Some(&day.case)).unwrap();
    let words = serde_json::to_string(&words).unwrap();
    assert!(!words.contains("不同意"), "the journal has no words of anybody");
}

/// A copy handed over is a line and stands in the version it is a copy of; a print tells the device journal that
/// personal data left on paper.
#[test]
fn copies_handed_over_stand_in_the_record() {
    let mut day = morning();
    both_shown(&mut day);
    let id = filled_record(&mut day);
    assert!(day.h.give_copy(&day.case, &id, "party-1", 1).is_err(), "a draft");
    day.h.freeze(&day.case, &id).unwrap();
    day.h.print(&day.case, &id, "ipp://printer.example/ipp/print", 2).unwrap();
    assert!(day.h.give_copy(&day.case, &id, "party-9", 1).is_err(), "nobody");
    assert!(day.h.give_copy(&day.case, &id, "party-1", 0).is_err(), "none");
    let view = day.h.give_copy(&day.case, &id, "party-1", 1).unwrap();
    assert_eq!(view.given.len(), 1);
    assert!(kinds(&mut day).iter().any(|k| k == "copy_given"));
    day.h.page_copy(&day.case, &id, 1, 600).unwrap();
    let device = day.h.journal_entries(None).unwrap();
    assert!(device.iter().any(|e| e["kind"] == "data_printed"), "{device:?}");
    let page = device.iter().find(|e| e["kind"] == "data_copied").unwrap();
    assert_eq!(
        (page["facts"]["what"].as_str(), &page["subject"]),
        (Some("page_image"), &id.into())
    );
    let record = sealed(&mut day);
    let given = &record.documents[0].versions[0].copies_given;
    assert_eq!((given.len(), given[0].copies, given[0].form), (1, 1, CopyForm::Paper));
    assert_eq!(given[0].party, "party-1");
}
