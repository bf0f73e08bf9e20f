//! What is kept for the second copy, and what the completeness check says without one.

use super::*;
use crate::desk::SecondCopies as _;
use crate::ports::{Copied, CopyPlan, Released};

/// evidence.md §1: only where a copy is wanted, only what is older than five minutes.
#[test]
fn evidence_without_a_second_copy_is_counted_where_one_is_wanted() {
    let mut day = morning();
    let photo = day.h.capture_photo(Some(&day.case)).unwrap();
    day.h.describe_evidence(&day.case, &photo.id, &Filing::new("床上无人", "一病区")).unwrap();
    let missing = |day: &mut Day| {
        day.h.missing_in_visit(&day.case).unwrap().iter().any(|m| m.contains("第二副本"))
    };
    day.clock.advance_ms(301_000);
    assert!(!missing(&mut day), "nobody wants a copy here");

    day.disk.copies.wanted = true;
    let copied = day.disk.copies.copied.clone();
    day.h = handheld(&day.disk, &day.clock, 2);
    unlock(&mut day.h, "O-0001");
    assert!(missing(&mut day));
    let name = format!("{}.age", photo.sha256);
    *copied.lock().unwrap() =
        Some(Copied { at_ms: 1, place: "stick".to_owned(), files: [name].into() });
    assert!(!missing(&mut day));
}

/// The state is kept at the lock and once a minute, and only if something changed.
#[test]
fn the_state_is_kept_at_every_lock_and_once_a_minute() {
    let mut day = morning();
    day.disk.copies.wanted = true;
    day.h = handheld(&day.disk, &day.clock, 3);
    unlock(&mut day.h, "O-0001");
    let state = |day: &Day| day.disk.copies.kept(&day.case, crate::copies::STATE_FILE);
    day.h.note(&day.case, "第一句").unwrap();
    day.h.status().unwrap();
    let first = state(&day).unwrap();
    assert!(String::from_utf8_lossy(&first).contains("第一句"));
    day.h.note(&day.case, "第二句").unwrap();
    day.clock.advance_ms(59_000);
    day.h.status().unwrap();
    assert_eq!(state(&day).unwrap(), first, "not a minute yet");
    day.clock.advance_ms(1_000);
    day.h.status().unwrap();
    let second = state(&day).unwrap();
    assert!(String::from_utf8_lossy(&second).contains("第二句"));
    day.clock.advance_ms(120_000);
    day.h.status().unwrap();
    assert_eq!(state(&day).unwrap(), second, "nothing changed");
    day.h.note(&day.case, "第三句").unwrap();
    day.h.lock().unwrap();
    assert!(String::from_utf8_lossy(&state(&day).unwrap()).contains("第三句"));
}

/// What has its receipt is released with the receipt's proof, and says so again once its keys are destroyed;
/// before, nobody is told to let go of anything.
#[test]
fn a_case_is_released_after_its_receipt_and_never_before() {
    let mut day = morning();
    let released = |day: &Day| day.disk.copies.released.lock().unwrap().clone();
    day.h.capture_photo(Some(&day.case)).unwrap();
    day.h.keep_copies().unwrap();
    let sealed = day.h.seal(&day.case, &pins(&["O-0001", "O-0002"]), Some("撤离")).unwrap();
    day.h.keep_copies().unwrap();
    assert_eq!(released(&day), []);
    day.h.push().unwrap();
    day.h.keep_copies().unwrap();
    let receipt = day.h.receipt(&sealed.bundle).unwrap().unwrap();
    let one = Released {
        case: day.case.clone(),
        bundle: sealed.bundle,
        entry: receipt.entry,
        proof: receipt.proof,
        shredded: false,
    };
    assert_eq!(released(&day), std::slice::from_ref(&one));
    day.clock.advance_ms(40 * 86_400_000);
    day.h.shred(&day.case).unwrap();
    day.h.keep_copies().unwrap();
    assert_eq!(released(&day), [Released { shredded: true, ..one }]);
}

/// Where copies go is chosen by an unlocked officer, checked, and written down once (evidence.md §2).
#[test]
fn where_copies_go_is_chosen_unlocked_and_journaled() {
    let mut day = morning();
    let planned = |day: &mut Day| {
        let entries = day.h.journal_entries(None).unwrap();
        entries.iter().filter(|e| e["kind"] == "copies_planned").count()
    };
    let plan = |peer: &str| CopyPlan { peer: Some(peer.to_owned()), ..CopyPlan::default() };
    for wrong in ["", "192.168.43.9", ":7690", "192.168.43.9:0", "192.168.43.9:seven"] {
        assert_eq!(day.h.plan_copies(&plan(wrong)).unwrap_err().code, "COPY-ADDRESS", "{wrong}");
    }
    assert_eq!(planned(&mut day), 0, "nothing was chosen yet");
    day.h.plan_copies(&plan("192.168.43.9:7690")).unwrap();
    day.h.plan_copies(&plan("192.168.43.9:7690")).unwrap();
    assert_eq!(planned(&mut day), 1, "the same once more is no act");
    let view = day.h.second_copies().unwrap();
    assert_eq!(view.plan, plan("192.168.43.9:7690"));
    assert_eq!(view.cases.len(), 1);
    assert!(view.cases[0].0.is_some(), "the officer's own case is named");
    day.h.lock().unwrap();
    assert!(day.h.second_copies().is_err() && day.h.plan_copies(&CopyPlan::default()).is_err());
    assert!(day.h.rescue_to("/media/gone").is_err());
    unlock(&mut day.h, "O-0002");
    assert_eq!(day.h.rescue_to("/media/gone").unwrap_err().code, "COPY-STICK-GONE");
}
