//! A pause is an entry and never a cut.

use serde_json::Value;

use super::*;
use crate::desk::OnSite as _;

fn notes(day: &mut Day, what: &str) -> Vec<Value> {
    let entries = day.h.journal_entries(Some(&day.case.clone())).unwrap();
    entries.into_iter().filter(|e| e["facts"]["what"] == what).collect()
}

/// issue 5, 1: the sound between the two lines is in the file; player and time line show where it was.
#[test]
fn sound_goes_on_between_two_lines_of_the_journal() {
    let mut day = morning();
    let sound = day.h.start_recording(Some(&day.case), RecordingKind::Audio).unwrap();
    assert!(day.h.pause_recording(&sound.evidence, true).unwrap().paused);
    assert!(day.h.pause_recording(&sound.evidence, true).unwrap().paused, "tapped twice");
    day.clock.advance_ms(60_000);
    assert!(!day.h.pause_recording(&sound.evidence, false).unwrap().paused);
    let kept = day.h.stop_recording(&sound.evidence).unwrap();
    let words: Vec<&str> = kept.marks.iter().map(|(_, words)| words.as_str()).collect();
    assert_eq!(words, ["暂停", "继续"]);
    let (from, until) = (notes(&mut day, "paused"), notes(&mut day, "resumed"));
    assert_eq!((from.len(), until.len()), (1, 1));
    let told = day.h.timeline(&day.case).unwrap();
    let span = &told.spans[0];
    assert_eq!(span.pauses.len(), 1, "{span:?}");
    assert!(span.pauses[0].0 >= span.from_ms && span.pauses[0].1 <= span.until_ms(), "{span:?}");
    let rows: Vec<&str> = told.moments.iter().map(|m| m.title.as_str()).collect();
    assert!(rows.contains(&"暂停 E1") && rows.contains(&"继续 E1"), "{rows:?}");
    day.h.verify_journal(Some(&day.case)).unwrap();
}

/// The picture of a video is blank for as long, and letting go of the blank key does not end it.
#[test]
fn a_paused_video_is_blank_and_its_sound_goes_on() {
    let mut day = morning();
    let video = day.h.start_recording(Some(&day.case), RecordingKind::Video).unwrap();
    let paused = day.h.pause_recording(&video.evidence, true).unwrap();
    assert!(paused.paused && paused.covered);
    let let_go = day.h.cover_picture(&video.evidence, false).unwrap();
    assert!(let_go.paused && let_go.covered, "still paused");
    let on = day.h.pause_recording(&video.evidence, false).unwrap();
    assert!(!on.paused && !on.covered);
    assert_eq!(notes(&mut day, "picture_blanked").len(), 1);
}

/// A kill of this program under a pause: the next one shows it, and a stop ends both.
#[test]
fn a_pause_outlives_a_kill_and_ends_with_the_recording() {
    let mut day = morning();
    let sound = day.h.start_recording(Some(&day.case), RecordingKind::Audio).unwrap();
    day.h.pause_recording(&sound.evidence, true).unwrap();
    let mut again = handheld(&day.disk, &day.clock, 5);
    unlock(&mut again, "O-0001");
    let running = again.status().unwrap().recordings;
    assert!(running[0].paused, "still paused: {running:?}");
    again.stop_recording(&running[0].evidence).unwrap();
    day.h = again;
    let ended = notes(&mut day, "resumed");
    assert_eq!((ended.len(), &ended[0]["facts"]["by"]), (1, &"stop".into()));
    let told = day.h.timeline(&day.case).unwrap();
    assert!(told.moments.iter().any(|m| m.note == "录制结束时仍在暂停"), "{:?}", told.moments);
}

/// At the door, before any case and while locked: the device journal has it now, the case as soon as it can.
#[test]
fn a_pause_before_any_case_is_entered_with_the_recording() {
    let (disk, clock) = (Disk::default(), Arc::new(ManualClock::at_ms(BEGIN_MS)));
    let mut h = handheld(&disk, &clock, 1);
    h.pull(None).unwrap();
    unlock(&mut h, "O-0001");
    h.lock().unwrap();
    let early = h.start_recording(None, RecordingKind::Audio).unwrap();
    assert!(h.pause_recording(&early.evidence, true).unwrap().paused);
    unlock(&mut h, "O-0001");
    let case = h.open_case(&TaskId::parse("T-2026-0001").unwrap()).unwrap().id;
    assert!(h.status().unwrap().recordings[0].paused);
    let mut day = Day { disk, clock, h, case };
    assert_eq!(notes(&mut day, "paused").len(), 1);
    let device = day.h.journal_entries(None).unwrap();
    assert!(device.iter().any(|e| e["facts"]["what"] == "paused"));
}

/// While locked, into a case that is open: entered at the unlock with the time it had.
#[test]
fn a_pause_while_locked_is_entered_at_the_unlock() {
    let mut day = morning();
    let sound = day.h.start_recording(Some(&day.case), RecordingKind::Audio).unwrap();
    day.h.lock().unwrap();
    assert!(day.h.pause_recording(&sound.evidence, true).unwrap().paused);
    unlock(&mut day.h, "O-0001");
    let found = notes(&mut day, "paused");
    assert_eq!((found.len(), &found[0]["facts"]["by"]), (1, &"unlock".into()));
}
