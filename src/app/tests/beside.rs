//! Marks, pauses and stops of a recording of an open case, on the locked screen.

use serde_json::Value;

use super::*;
use crate::desk::OnSite as _;

fn notes(day: &mut Day, what: &str) -> Vec<Value> {
    let entries = day.h.journal_entries(Some(&day.case.clone())).unwrap();
    entries.into_iter().filter(|e| e["facts"]["what"] == what).collect()
}

/// issue 5, 1 (one press from any state): the idle lock came during the visit, the officer marks three refusals on the
/// locked screen, the program is killed, another one marks once more and stops. The next unlock finds all of it.
#[test]
fn what_is_marked_on_the_locked_screen_survives_a_kill_and_is_in_the_case() {
    let mut day = morning();
    let sound = day.h.start_recording(Some(&day.case), RecordingKind::Audio).unwrap();
    day.h.lock().unwrap();
    for words in ["拒绝一", "拒绝二", "拒绝三"] {
        day.h.mark_recording(&sound.evidence, words).unwrap();
    }
    let mut again = handheld(&day.disk, &day.clock, 2);
    let running = again.status().unwrap().recordings;
    assert_eq!(running.len(), 1, "the locked screen of the next program knows it");
    assert_eq!(running[0].evidence, sound.evidence);
    again.mark_recording(&sound.evidence, "第四次").unwrap();
    let kept = again.stop_recording(&sound.evidence).unwrap();
    assert_eq!(kept.marks.len(), 4, "{kept:?}");
    assert!(again.status().unwrap().recordings.is_empty());
    unlock(&mut again, "O-0001");
    day.h = again;
    let view = day.h.case(&day.case.clone()).unwrap();
    let item = view.evidence.iter().find(|e| e.id == sound.evidence).unwrap();
    let words: Vec<&str> = item.marks.iter().map(|(_, words)| words.as_str()).collect();
    assert_eq!(words, ["拒绝一", "拒绝二", "拒绝三", "第四次"]);
    assert_eq!((item.sha256.as_str(), item.recovered), (kept.sha256.as_str(), false));
    let marks = notes(&mut day, "mark");
    assert_eq!(marks.len(), 4);
    assert!(marks.iter().all(|m| m["facts"]["by"] == "unlock"), "{marks:?}");
    day.h.verify_journal(Some(&day.case.clone())).unwrap();
    day.h.lock().unwrap();
    unlock(&mut day.h, "O-0001");
    assert_eq!(notes(&mut day, "mark").len(), 4, "entered once");
}

/// The next officer ends on the locked screen what was begun before it, and the pause that lasted.
#[test]
fn a_pause_on_the_locked_screen_survives_a_kill() {
    let mut day = morning();
    let sound = day.h.start_recording(Some(&day.case), RecordingKind::Audio).unwrap();
    day.h.lock().unwrap();
    assert!(day.h.pause_recording(&sound.evidence, true).unwrap().paused);
    let mut again = handheld(&day.disk, &day.clock, 2);
    assert!(again.status().unwrap().recordings[0].paused, "still paused");
    again.stop_recording(&sound.evidence).unwrap();
    unlock(&mut again, "O-0001");
    day.h = again;
    let (from, until) = (notes(&mut day, "paused"), notes(&mut day, "resumed"));
    assert_eq!((from.len(), until.len()), (1, 1));
    assert_eq!(until[0]["facts"]["by"], "stop");
}
