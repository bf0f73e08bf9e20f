//! What is done with the camera on the spot, what a receiver adds, what is left, and the sound before the press.

use std::sync::Arc;

use serde_json::{Value, json};
use spotcheck_domain::{ManualClock, TaskId};

use super::{Day, morning, pins, unlock};
use crate::desk::{Desk, Filing, OnSite, RecordingKind};
use crate::memory::{BEGIN_MS, handheld};
use crate::page_check::{Grey, PageFault};
use crate::ports::{Fix, PlaceState};

fn notes(day: &mut Day, what: &str) -> Vec<Value> {
    let entries = day.h.journal_entries(Some(&day.case.clone())).unwrap();
    entries.into_iter().filter(|e| e["facts"]["what"] == what).collect()
}

/// inspection.md, the patient: blanked and shown again are a line each, with boot time, and marks of the recording.
#[test]
fn a_blanked_picture_is_journaled_at_both_ends_and_marked() {
    let mut day = morning();
    let video = day.h.start_recording(Some(&day.case.clone()), RecordingKind::Video).unwrap();
    assert!(!video.covered);
    assert!(day.h.cover_picture(&video.evidence, true).unwrap().covered);
    assert!(day.h.cover_picture(&video.evidence, true).unwrap().covered, "a key that repeats");
    day.clock.advance_ms(7_000);
    assert!(!day.h.cover_picture(&video.evidence, false).unwrap().covered);
    let (begun, ended) = (notes(&mut day, "picture_blanked"), notes(&mut day, "picture_shown"));
    assert_eq!((begun.len(), ended.len()), (1, 1));
    let boottime = |e: &Value| e["boottime"].as_i64().unwrap();
    assert_eq!(boottime(&ended[0]) - boottime(&begun[0]), 7_000);
    assert_eq!(begun[0]["facts"]["at_ms"], 1_900);
    let kept = day.h.stop_recording(&video.evidence).unwrap();
    let words: Vec<&str> = kept.marks.iter().map(|(_, words)| words.as_str()).collect();
    assert_eq!(words, ["画面开始遮挡", "画面恢复"]);
    day.h.verify_journal(Some(&day.case.clone())).unwrap();

    let sound = day.h.start_recording(Some(&day.case.clone()), RecordingKind::Audio).unwrap();
    assert_eq!(day.h.cover_picture(&sound.evidence, true).unwrap_err().code, "REC-STATE");
}

/// The protective way: a program that is killed under the held key leaves the picture blank; the next one sees
/// it, and a stop ends both with an entry of its own.
#[test]
fn a_picture_left_blank_by_a_killed_program_is_found_blank_and_ends_with_the_recording() {
    let mut day = morning();
    let video = day.h.start_recording(Some(&day.case.clone()), RecordingKind::Video).unwrap();
    day.h.cover_picture(&video.evidence, true).unwrap();
    let mut again = handheld(&day.disk, &day.clock, 5);
    unlock(&mut again, "O-0001");
    let running = again.status().unwrap().recordings;
    assert!(running[0].covered, "still blank: {running:?}");
    again.stop_recording(&running[0].evidence).unwrap();
    day.h = again;
    let ended = notes(&mut day, "picture_shown");
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0]["facts"]["by"], "stop");
}

/// What happened to the picture while nobody could write it is entered at the next unlock.
#[test]
fn what_was_blanked_while_locked_is_entered_at_the_unlock() {
    let mut day = morning();
    let video = day.h.start_recording(Some(&day.case.clone()), RecordingKind::Video).unwrap();
    day.h.lock().unwrap();
    assert!(day.h.cover_picture(&video.evidence, true).unwrap().covered);
    assert!(notes_of_device(&mut day).iter().any(|e| e["facts"]["what"] == "picture_blanked"));
    unlock(&mut day.h, "O-0001");
    let found = notes(&mut day, "picture_blanked");
    assert_eq!((found.len(), &found[0]["facts"]["by"]), (1, &json!("unlock")));
}

fn notes_of_device(day: &mut Day) -> Vec<Value> {
    day.h.journal_entries(None).unwrap().into_iter().filter(|e| e["kind"] == "note").collect()
}

/// evidence.md: the encoder that a trial chose stands in `capture_started`.
#[test]
fn a_video_says_which_encoder_it_got() {
    let mut day = morning();
    day.h.start_recording(Some(&day.case.clone()), RecordingKind::Video).unwrap();
    let entries = day.h.journal_entries(Some(&day.case.clone())).unwrap();
    let started = entries.iter().find(|e| e["kind"] == "capture_started").unwrap();
    assert_eq!(started["facts"]["encoder"], "openh264enc");
}

/// An encoder that breaks at its start is not the one that records: the entry of before names the one that was chosen,
/// the line after it the one that records.
#[test]
fn a_video_says_which_encoder_took_over() {
    let mut day = morning();
    day.disk.break_encoder();
    let video = day.h.start_recording(Some(&day.case.clone()), RecordingKind::Video).unwrap();
    let changed = notes(&mut day, "encoder_changed");
    assert_eq!(changed.len(), 1);
    let facts = &changed[0]["facts"];
    assert_eq!((&facts["encoder"], &facts["failed"]), (&json!("vp8enc"), &json!("openh264enc")));
    assert_eq!(facts["evidence"], video.evidence.as_str());
}

/// R09: sound that the sound card lost is told while the recording goes on, and counted in its last line.
#[test]
fn r09_lost_sound_is_told_at_once_and_counted_in_the_journal() {
    let mut day = morning();
    let case = day.case.clone();
    day.disk.lose_sound(340);
    let sound = day.h.start_recording(Some(&case), RecordingKind::Audio).unwrap();
    assert_eq!(day.h.status().unwrap().recordings[0].lost_ms, 340);
    day.h.stop_recording(&sound.evidence).unwrap();
    let entries = day.h.journal_entries(Some(&case)).unwrap();
    let stopped = entries.iter().find(|e| e["kind"] == "capture_stopped").unwrap();
    assert_eq!((&stopped["facts"]["gaps"], &stopped["facts"]["lost_ms"]), (&json!(1), &json!(340)));
}

/// R09: a recording that ended by itself is said to be over, and the next press begins a new one, in the open case and
/// while locked; what the first one stored is an item of its own.
#[test]
fn r09_after_a_recording_ended_by_itself_the_next_press_records() {
    for locked in [false, true] {
        let mut day = morning();
        let case = day.case.clone();
        let first = day.h.start_recording(Some(&case), RecordingKind::Audio).unwrap();
        assert!(!first.ended);
        if locked {
            day.h.lock().unwrap();
        }
        day.disk.end_recordings();
        let over = day.h.status().unwrap().recordings;
        assert!(over.len() == 1 && over[0].ended && over[0].stalled_s().is_none(), "{over:?}");
        let target = (!locked).then_some(&case);
        let next = day.h.start_recording(target, RecordingKind::Audio).unwrap();
        assert!(next.evidence != first.evidence && !next.ended, "{next:?}");
        assert!(day.h.status().unwrap().recordings.iter().any(|r| r.evidence == next.evidence));
        unlock(&mut day.h, "O-0001");
        let running = day.h.status().unwrap().recordings;
        for one in running {
            day.h.stop_recording(&one.evidence).unwrap();
        }
        let entries = day.h.journal_entries(Some(&case)).unwrap();
        let ended = entries.iter().filter(|e| e["kind"] == "capture_stopped").count();
        assert_eq!(ended, 2, "locked: {locked}");
    }
}

#[test]
fn the_opening_words_are_entered_with_their_hash_and_marked_in_what_runs() {
    let mut day = morning();
    let case = day.case.clone();
    let words = day.h.opening(&case).unwrap();
    assert!(words.read.is_none() && words.paragraphs[0].contains("示例医院"));
    let sound = day.h.start_recording(Some(&case), RecordingKind::Audio).unwrap();
    day.h.opening_read(&case, &words.paragraphs).unwrap();
    let entered = notes(&mut day, "opening_read");
    let hash = spotcheck_evidence::Hash32::sha256(words.paragraphs.join("\n").as_bytes());
    assert_eq!(entered[0]["facts"]["text_sha256"], hash.to_string());
    assert_eq!(entered[0]["facts"]["recordings"][0]["evidence"], sound.evidence);
    let kept = day.h.stop_recording(&sound.evidence).unwrap();
    assert_eq!(kept.marks.len(), 1, "{:?}", kept.marks);
    assert!(day.h.opening(&case).unwrap().read.is_some());
    assert!(day.h.case(&case).unwrap().opening_read.is_some());
    assert_eq!(day.h.opening_read(&case, &[]).unwrap_err().code, "DOC-STATE");
}

/// Paper on a desk with lines of print, or the same as the camera sees it out of focus.
fn page(sharp: bool) -> Grey {
    let (width, height) = (600, 800);
    let pixels = (0..width * height).map(|n| {
        let (x, y) = (n % width, n / width);
        let paper = (60..540).contains(&x) && (60..740).contains(&y);
        let text = (100..500).contains(&x) && (100..700).contains(&y);
        let print = if sharp { text && y % 24 < 12 } else { paper };
        match (paper, print) {
            (false, _) => 60,
            (true, true) if sharp => {
                if x % 7 < 3 {
                    40
                } else {
                    210
                }
            }
            // Lines that run into each other.
            (true, true) => 130 + 3 * (24_usize.abs_diff(y % 48) as u8),
            (true, false) => 210,
        }
    });
    Grey::new(width, pixels.collect()).unwrap()
}

/// Pages are a group with numbers; one that is taken again supersedes the first, and both stay.
#[test]
fn a_paper_becomes_a_group_and_a_page_taken_again_keeps_the_first() {
    let mut day = morning();
    let case = day.case.clone();
    day.disk.show_camera(page(true));
    let first = day.h.capture_page(&case, None, None).unwrap();
    let group = first.page.as_ref().unwrap().group.clone();
    let looked = day.h.check_page(&case, &first.id).unwrap().page.unwrap();
    assert_eq!((looked.n, looked.verdict.unwrap().faults), (1, Vec::new()));

    day.disk.show_camera(page(false));
    let second = day.h.capture_page(&case, Some(&group), None).unwrap();
    let looked = day.h.check_page(&case, &second.id).unwrap().page.unwrap();
    assert_eq!((looked.n, looked.verdict.unwrap().faults), (2, vec![PageFault::Blurred]));
    let again = day.h.capture_page(&case, Some(&group), Some(&second.id)).unwrap();
    assert_eq!(again.page.as_ref().map(|p| (p.n, p.group.as_str())), Some((2, group.as_str())));
    let twice = day.h.capture_page(&case, Some(&group), Some(&second.id)).unwrap_err();
    assert_eq!(twice.code, "APP-UNKNOWN", "only the newest photo of a page is taken again");

    let view = day.h.case(&case).unwrap();
    assert_eq!(view.evidence.len(), 3, "nothing is ever deleted");
    let old = view.evidence.iter().find(|e| e.id == second.id).unwrap();
    assert_eq!(old.page.as_ref().unwrap().superseded_by.as_deref(), Some(again.id.as_str()));
    assert_eq!(notes(&mut day, "page_checked")[1]["facts"]["faults"], json!(["blurred"]));
    // One description is for all pages; the superseded one asks for none.
    day.h.describe_evidence(&case, &first.id, &Filing::new("收费清单", "财务科")).unwrap();
    let view = day.h.case(&case).unwrap();
    assert!(view.evidence.iter().all(|e| e.proves == "收费清单"), "{:?}", view.evidence);
    // Another paper is another group.
    let other = day.h.capture_page(&case, None, None).unwrap();
    assert_eq!(other.page.as_ref().map(|p| (p.n, p.group.as_str())), Some((1, "G2")));
    day.h.seal(&case, &pins(&["O-0001", "O-0002"]), Some("撤离")).unwrap();
    let record = day.disk.sealed_record(&case);
    let method = |n: usize| record["evidence"][n]["method"].as_str().unwrap().to_owned();
    assert_eq!(method(0), "现场翻拍文件(G1 第 1 页)");
    assert!(method(1).contains("已由 E3 重拍代替"), "{}", method(1));
}

/// evidence.md §2: a position is a fact of the line, with its age; without a receiver nothing is said.
#[test]
fn r18_a_fix_stands_in_the_line_of_the_capture_and_an_old_one_does_not() {
    let mut day = morning();
    let case = day.case.clone();
    day.h.capture_photo(Some(&case)).unwrap();
    let heard = spotcheck_domain::Clock::read(day.clock.as_ref()).boottime_ms;
    let fix = Fix {
        lat_e7: 399_042_004,
        lon_e7: 1_164_074_126,
        accuracy_m: Some(8),
        three_d: true,
        heard_boottime_ms: heard,
        time_ms: Some(BEGIN_MS),
    };
    *day.disk.locator.says.lock().unwrap() = PlaceState::Fixed(fix);
    day.clock.advance_ms(1_200);
    day.h.capture_photo(Some(&case)).unwrap();
    day.clock.advance_ms(600_000);
    day.h.start_recording(Some(&case), RecordingKind::Audio).unwrap();
    let entries = day.h.journal_entries(Some(&case)).unwrap();
    let captures: Vec<&Value> =
        entries.iter().filter(|e| e["kind"].as_str().unwrap().starts_with("capture_")).collect();
    assert!(captures[0]["facts"]["place"].is_null());
    assert_eq!(captures[1]["facts"]["place"]["lat"], "39.904200");
    assert_eq!(captures[1]["facts"]["place"]["age_ms"], 1_200);
    assert!(captures[2]["facts"]["place"].is_null(), "ten minutes old says nothing");
    day.h.verify_journal(Some(&case)).unwrap();
}

/// R08: each warning is told once in the device journal, and the status says the minutes.
#[test]
fn r08_the_warnings_at_ten_five_and_two_minutes_are_journaled_once() {
    let mut day = morning();
    day.h.start_recording(Some(&day.case.clone()), RecordingKind::Video).unwrap();
    assert_eq!(day.h.status().unwrap().budget.low, None);
    let minute = crate::budget::Rates::default().video_minute;
    for minutes in [12, 10, 9, 6, 5, 4, 2, 1, 0] {
        *day.disk.free.lock().unwrap() = Some(240_000_000 + minutes * minute);
        assert_eq!(day.h.status().unwrap().budget.minutes, minutes);
        day.h.status().unwrap();
    }
    let told: Vec<u64> = notes_of_device(&mut day)
        .iter()
        .filter(|e| e["facts"]["what"] == "budget_low")
        .map(|e| e["facts"]["minutes"].as_u64().unwrap())
        .collect();
    assert_eq!(told, [10, 5, 2]);
}

/// The sound before the press belongs to the real visit: wiping practice beside it must not take it away.
#[test]
fn a_practice_that_is_wiped_leaves_the_sound_before_the_press_to_the_real_visit() {
    let clock = Arc::new(ManualClock::at_ms(BEGIN_MS));
    let disk = crate::memory::Disk::default();
    let mut h = handheld(&disk, &clock, 1).listening_ahead();
    h.pull(None).unwrap();
    unlock(&mut h, "O-0001");
    assert!(!disk.listens_ahead(), "no visit is open");
    let practice = h.open_case(&TaskId::parse("T-2026-0002").unwrap()).unwrap().id;
    let real = h.open_case(&TaskId::parse("T-2026-0001").unwrap()).unwrap().id;
    assert!(disk.listens_ahead());
    h.wipe_practice(&practice).unwrap();
    assert!(disk.listens_ahead(), "the real visit goes on");
    h.seal(&real, &pins(&["O-0001", "O-0002"]), Some("撤离")).unwrap();
    assert!(!disk.listens_ahead(), "the last visit has ended");
    // Practice alone ends it with the wipe.
    let practice = h.open_case(&TaskId::parse("T-2026-0002").unwrap()).unwrap().id;
    assert!(disk.listens_ahead());
    h.wipe_practice(&practice).unwrap();
    assert!(!disk.listens_ahead());
}

/// What was held from before the press is counted: the beginning of the sound is half a minute earlier, so that a
/// mark ten seconds after the press has the time of the wall, unlocked and on the locked screen.
#[test]
fn a_mark_has_the_time_of_the_wall_whatever_was_held_before_the_press() {
    let (disk, clock) = (crate::memory::Disk::default(), Arc::new(ManualClock::at_ms(BEGIN_MS)));
    let mut h = handheld(&disk, &clock, 1).listening_ahead();
    h.pull(None).unwrap();
    unlock(&mut h, "O-0001");
    let case = h.open_case(&TaskId::parse("T-2026-0001").unwrap()).unwrap().id;
    h.status().unwrap();
    for locked in [false, true] {
        if locked {
            h.lock().unwrap();
        }
        let sound = h.start_recording(None, RecordingKind::Audio).unwrap();
        let pressed = spotcheck_domain::Clock::read(clock.as_ref()).wall_ms;
        clock.advance_ms(10_000);
        h.stop_recording(&sound.evidence).unwrap();
        if locked {
            unlock(&mut h, "O-0001");
        }
        let view = h.case(&case).unwrap();
        let begun = &view.evidence.last().unwrap().begun;
        assert_eq!(*begun, spotcheck_domain::time::rfc3339(pressed - 30_000), "locked: {locked}");
    }
}
