//! A slip of the thumb is taken back, and the journal keeps both (ui.md: a wrong tap never loses words).

use spotcheck_domain::vocabulary::PartyKind;

use super::*;
use crate::desk::{Marks as _, OnSite as _};

/// What the journal says, as `kind what`.
fn journal(day: &mut Day) -> Vec<String> {
    let entries = day.h.journal_entries(Some(&day.case)).unwrap();
    let text = |e: &serde_json::Value, at: &str| {
        e.pointer(at).and_then(|v| v.as_str()).unwrap_or_default().to_owned()
    };
    entries.iter().map(|e| format!("{} {}", text(e, "/kind"), text(e, "/facts/what"))).collect()
}

#[test]
fn every_mark_of_a_visit_is_taken_back_and_stays_in_the_journal() {
    let mut day = morning();
    let case = day.case.clone();
    let before = day.h.case(&case).unwrap();

    day.h.show_certificate(&case, &officer("O-0001")).unwrap();
    let mark = day.h.just_marked().unwrap();
    assert_eq!(day.h.just_marked(), None, "told once");
    let after = day.h.take_back(&mark).unwrap();
    assert_eq!(after.officers, before.officers);

    let step = day.h.begin_step(&case, "arrive", "到场").unwrap();
    let mark = day.h.just_marked().unwrap();
    assert_eq!(day.h.take_back(&mark).unwrap().steps, vec![]);
    let again = day.h.begin_step(&case, "arrive", "到场").unwrap();
    assert_ne!(step, again, "an id is never given twice");
    day.h.end_step(&case, &again).unwrap();
    let mark = day.h.just_marked().unwrap();
    let view = day.h.take_back(&mark).unwrap();
    assert_eq!((view.steps.len(), view.steps[0].ended.clone()), (1, None));

    day.h.add_party(&case, "李四", PartyKind::Person.as_str(), None).unwrap();
    let mark = day.h.just_marked().unwrap();
    assert_eq!(day.h.take_back(&mark).unwrap().parties, before.parties);

    let photo = day.h.capture_photo(Some(&case)).unwrap();
    day.h.describe_evidence(&case, &photo.id, &Filing::new("空床", "内二科")).unwrap();
    let mark = day.h.just_marked().unwrap();
    assert_eq!(day.h.take_back(&mark).unwrap().evidence, vec![photo]);

    day.h.silence_rule(&case, "A14", Some("已退费")).unwrap();
    let mark = day.h.just_marked().unwrap();
    assert_eq!(day.h.take_back(&mark).unwrap().silenced, vec![]);

    let words = day.h.opening(&case).unwrap().paragraphs;
    day.h.opening_read(&case, &words).unwrap();
    let mark = day.h.just_marked().unwrap();
    assert_eq!(day.h.take_back(&mark).unwrap().opening_read, None);

    let told = journal(&mut day);
    assert_eq!(told.iter().filter(|l| *l == "note taken_back").count(), 7, "{told:?}");
    for kept in ["certificate_shown ", "step_begun ", "step_ended ", "note party_added"] {
        assert!(told.iter().any(|l| l == kept), "{kept} was erased: {told:?}");
    }
    assert!(day.h.verify_journal(Some(&case)).is_ok());
    let told = day.h.timeline(&case).unwrap();
    let gone = told.moments.iter().filter(|m| m.note == "后来撤销了").count();
    assert_eq!(gone, 7, "{:?}", told.moments);
    assert!(told.moments.iter().any(|m| m.title == "撤销 结束 到场"), "{:?}", told.moments);
}

/// A mark in a recording that was stopped right after it: the recording keeps its file.
#[test]
fn a_stopped_recording_loses_the_mark_and_nothing_else() {
    let mut day = morning();
    let case = day.case.clone();
    let sound = day.h.start_recording(Some(&case), RecordingKind::Audio).unwrap();
    day.h.mark_recording(&sound.evidence, "标记").unwrap();
    let mark = day.h.just_marked().unwrap();
    let stopped = day.h.stop_recording(&sound.evidence).unwrap();
    assert_eq!(stopped.marks.len(), 1);
    let view = day.h.take_back(&mark).unwrap();
    let kept = view.evidence.iter().find(|e| e.id == sound.evidence).unwrap();
    assert!(kept.marks.is_empty());
    assert_eq!((kept.size, &kept.sha256), (stopped.size, &stopped.sha256));
}

/// An answer goes, words of the answers before it stay; the next one takes its number.
#[test]
fn an_answer_is_taken_back_alone() {
    let mut day = morning();
    let case = day.case.clone();
    let party = day.h.add_party(&case, "李四", PartyKind::Person.as_str(), None).unwrap();
    let id = day.h.new_document(&case, "W04", Some(&party)).unwrap().card.id;
    day.h.answer(&case, &id, None, "您住几床？", "六床").unwrap();
    day.h.answer(&case, &id, None, "住了几天？", "三天").unwrap();
    let mark = day.h.just_marked().unwrap();
    day.h.take_back(&mark).unwrap();
    let answers = day.h.document(&case, &id).unwrap().answers;
    assert_eq!(answers.iter().map(|a| a.answer.as_str()).collect::<Vec<_>>(), ["六床"]);
    assert_eq!(day.h.answer(&case, &id, None, "住了几天？", "四天").unwrap().n, 2);
}

/// What something was built on and what a lock lies behind stays; an older mark goes alone.
#[test]
fn what_was_built_upon_is_not_taken_back() {
    let mut day = morning();
    let case = day.case.clone();
    let party = day.h.add_party(&case, "李四", PartyKind::Person.as_str(), None).unwrap();
    let mark = day.h.just_marked().unwrap();
    day.h.new_document(&case, "W04", Some(&party)).unwrap();
    assert_eq!(day.h.take_back(&mark).unwrap_err().code, "MARK-OVER");
    assert!(day.h.case(&case).unwrap().parties.iter().any(|p| p.id == party));

    day.h.begin_step(&case, "arrive", "到场").unwrap();
    let older = day.h.just_marked().unwrap();
    day.h.begin_step(&case, "inform", "告知").unwrap();
    let newer = day.h.just_marked().unwrap();
    day.h.take_back(&older).unwrap();
    assert_eq!(day.h.take_back(&older).unwrap_err().code, "MARK-OVER", "once");
    day.h.lock().unwrap();
    unlock(&mut day.h, "O-0001");
    assert_eq!(day.h.take_back(&newer).unwrap_err().code, "MARK-OVER");
    let steps = day.h.case(&case).unwrap().steps;
    let kinds: Vec<&str> = steps.iter().map(|s| s.kind.as_str()).collect();
    assert_eq!(kinds, ["inform"], "the older one is gone, the newer one stays");
}
