//! 演练: everything works as on a real visit, nothing of it leaves the handheld, and it goes when it is told to.

use spotcheck_domain::{CaseId, TaskId};

use super::{Day, morning, pins, unlock};
use crate::desk::{CaseState, Desk, RecordingKind};

fn practice(day: &mut Day) -> CaseId {
    day.h.open_case(&TaskId::parse("T-2026-0002").unwrap()).unwrap().id
}

/// What was learned on is sealed as a real case is, and stays: no outbox, no count of what waits, no second copy.
#[test]
fn a_practice_case_is_sealed_and_goes_nowhere() {
    let mut day = morning();
    let case = practice(&mut day);
    day.h.capture_photo(Some(&case)).unwrap();
    let document = day.h.new_document(&case, "W03", None).unwrap();
    let number = document.fields.iter().find(|f| f.key == "number").map(|f| f.value.clone());
    assert!(number.is_none_or(|n| n.starts_with("演练")), "papers carry the series of practice");
    day.h.seal(&case, &pins(&["O-0001", "O-0002"]), Some("演练")).unwrap();
    assert_eq!(day.h.case(&case).unwrap().state, CaseState::Sealed);
    assert!(day.h.outbox().unwrap().is_empty());
    assert!(day.h.push().unwrap().is_empty());
    assert!(day.h.copy_views().unwrap().iter().all(|view| view.case != case));
    let safe = day.h.status().unwrap().safe;
    assert!(safe.contains("在办案卷 1 件、待回传证据包 0 个"), "{safe}");
}

/// Wiping stops what runs, destroys the keys and leaves the real case alone; the task can be begun anew.
#[test]
fn a_practice_case_is_wiped_at_will_and_only_that() {
    let mut day = morning();
    let case = practice(&mut day);
    day.h.capture_photo(Some(&case)).unwrap();
    day.h.start_recording(Some(&case), RecordingKind::Audio).unwrap();
    assert_eq!(day.h.wipe_practice(&day.case.clone()).unwrap_err().code, "CASE-KEPT");
    day.h.wipe_practice(&case).unwrap();
    assert!(day.h.status().unwrap().recordings.is_empty());
    let cards = day.h.tasks().unwrap();
    let of = |id: &str| cards.iter().find(|c| c.task.id.as_str() == id).unwrap();
    assert!(of("T-2026-0002").case.is_none(), "as if it had never begun");
    assert!(of("T-2026-0001").case.is_some());
    assert_ne!(practice(&mut day), case, "the next one is another case");
    let journal = day.h.journal_entries(None).unwrap();
    let shredded = journal.iter().find(|e| e["kind"] == "shredded").unwrap();
    assert_eq!(shredded["facts"]["practice"], true, "the device's journal keeps the act");
    day.h.verify_journal(None).unwrap();
}

/// One press at the door is a real recording, also where the only open case is practice: a wipe must not take it.
#[test]
fn what_is_recorded_at_the_door_never_goes_into_practice() {
    let mut day = morning();
    day.h.seal(&day.case.clone(), &pins(&["O-0001", "O-0002"]), Some("撤离")).unwrap();
    let case = practice(&mut day);
    day.h.lock().unwrap();
    let early = day.h.start_recording(None, RecordingKind::Audio).unwrap().evidence;
    assert!(early.starts_with('A'), "{early} waits for a real case");
    day.h.stop_recording(&early).unwrap();
    unlock(&mut day.h, "O-0001");
    day.h.wipe_practice(&case).unwrap();
    practice(&mut day);
    let real = day.h.open_case(&TaskId::parse("T-2026-0001").unwrap()).unwrap();
    assert_eq!(real.evidence.len(), 1, "{:?}", real.evidence);
}
