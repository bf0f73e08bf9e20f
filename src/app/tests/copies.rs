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
    let copy_of = |files: &[&str]| {
        let files = files.iter().map(|file| (*file).to_owned()).collect();
        *copied.lock().unwrap() = Some(Copied { at_ms: 1, place: "stick".to_owned(), files });
    };
    // The encrypted file alone: nobody could say what it is.
    copy_of(&[&name]);
    assert!(missing(&mut day));
    assert!(!day.h.copy_views().unwrap().remove(0).state);
    copy_of(&[&name, crate::copies::STATE_FILE]);
    assert!(!missing(&mut day));
    assert!(day.h.copy_views().unwrap().remove(0).state);
}

/// What waits at the door has a state of its own, locked or not, and the case has its own as soon as it is open.
#[test]
fn what_waits_at_the_door_is_kept_with_a_state_and_the_case_at_its_opening() {
    let (mut disk, clock) = (Disk::default(), Arc::new(ManualClock::at_ms(BEGIN_MS)));
    disk.copies.wanted = true;
    let mut h = handheld(&disk, &clock, 4);
    h.pull(None).unwrap();
    unlock(&mut h, "O-0001");
    h.lock().unwrap();
    h.capture_photo(None).unwrap();
    clock.advance_ms(60_000);
    h.status().unwrap();
    let door = h.arrival().unwrap().unwrap();
    let kept =
        |name: &str| String::from_utf8_lossy(&disk.copies.kept(&door, name).unwrap()).into_owned();
    let state = || kept(crate::copies::STATE_FILE);
    assert!(state().contains(crate::copies::DOOR_SCHEMA), "{}", state());
    assert!(kept(crate::copies::EARLY_FILE).contains("data/media/a0001.jpg"));

    unlock(&mut h, "O-0001");
    assert_eq!(h.open_case(&TaskId::parse("T-2026-0001").unwrap()).unwrap().id, door);
    assert!(state().contains("case_opened"), "nobody has to wait a minute or lock for it");
    // Still there: the state that a copy has may be from before.
    assert!(kept(crate::copies::EARLY_FILE).contains("data/media/a0001.jpg"));
}

/// evidence.md §2: personal data that lie in one more place are an entry of the device journal; the schedule that
/// goes there every few minutes is none.
#[test]
fn a_place_that_a_case_is_copied_to_is_entered_once() {
    let mut day = morning();
    let copied = day.disk.copies.copied.clone();
    let copy_at = |place: &str| {
        let files = [crate::copies::STATE_FILE.to_owned()].into();
        *copied.lock().unwrap() = Some(Copied { at_ms: 1, place: place.to_owned(), files });
    };
    let places = |day: &mut Day| -> Vec<String> {
        let entries = day.h.journal_entries(None).unwrap();
        let of_case = |e: &&serde_json::Value| {
            e["kind"] == "data_copied" && e["subject"] == day.case.as_str()
        };
        let to = |e: &serde_json::Value| e["facts"]["to"].as_str().unwrap().to_owned();
        entries.iter().filter(of_case).map(to).collect()
    };
    day.h.keep_copies().unwrap();
    assert!(places(&mut day).is_empty(), "nothing was copied");
    copy_at("D-0002 (192.0.2.7:4711)");
    day.h.keep_copies().unwrap();
    day.h.keep_copies().unwrap();
    day.h.lock().unwrap();
    copy_at("D-0002 (192.0.2.8:4711)");
    day.h.keep_copies().unwrap();
    copy_at("/media/stick");
    day.h.copies_were_made().unwrap();
    unlock(&mut day.h, "O-0001");
    assert_eq!(places(&mut day), ["D-0002", "/media/stick"]);
}

/// A copy of the minute after a stop has the segments, and its state names them: found by destroying a handheld in
/// that minute, after which an hour of sound lay in the copy and nothing said of what.
#[test]
fn a_stop_is_kept_before_the_fragments_go() {
    let mut day = morning();
    day.disk.copies.wanted = true;
    day.h = handheld(&day.disk, &day.clock, 5);
    unlock(&mut day.h, "O-0001");
    let sound = day.h.start_recording(Some(&day.case), RecordingKind::Audio).unwrap();
    day.h.status().unwrap();
    let stopped = day.h.stop_recording(&sound.evidence).unwrap();
    let kept = day.disk.copies.kept(&day.case, crate::copies::STATE_FILE).unwrap();
    assert!(
        String::from_utf8_lossy(&kept).contains(&stopped.sha256),
        "no minute and no lock between"
    );
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
