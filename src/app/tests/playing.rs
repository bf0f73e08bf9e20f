//! Listening during a visit: what may be heard when, and where a moment lies.

use super::{Day, morning, unlock};
use crate::desk::{Desk, RecordingKind};
use crate::playing::{PlayAct, PlayDesk, PlayView};
use crate::timeline::MomentKind;

/// One ended recording of the case.
fn recorded(day: &mut Day) -> String {
    let running = day.h.start_recording(Some(&day.case), RecordingKind::Audio).unwrap();
    day.clock.advance_ms(5_000);
    day.h.stop_recording(&running.evidence).unwrap().id
}

fn open(day: &mut Day, evidence: &str, at_ms: u64) -> PlayView {
    let act = PlayAct::Open { case: day.case.clone(), evidence: evidence.to_owned(), at_ms };
    day.h.play(&act).unwrap().unwrap()
}

/// Whether the player of the twins gives sound, told by its picture.
fn is_heard(day: &mut Day) -> bool {
    day.h.play_picture(0).unwrap().unwrap().rgb[0] > 0
}

#[test]
fn a_recording_is_played_from_a_place_and_rests_there() {
    let mut day = morning();
    let id = recorded(&mut day);
    assert!(day.h.playing().unwrap().is_none());
    let view = open(&mut day, &id, 1_500);
    assert!(!view.now.playing && view.now.position_ms == 1_500 && !view.hushed && !view.video);
    day.h.play(&PlayAct::Play).unwrap();
    day.clock.advance_ms(2_000);
    assert_eq!(day.h.playing().unwrap().unwrap().now.position_ms, 3_500);
    day.h.play(&PlayAct::Pause).unwrap();
    day.clock.advance_ms(9_000);
    assert_eq!(day.h.playing().unwrap().unwrap().now.position_ms, 3_500);
    let sought = day.h.play(&PlayAct::Seek(700)).unwrap().unwrap();
    assert_eq!(sought.now.position_ms, 700);
    assert!(day.h.play(&PlayAct::Close).unwrap().is_none());
    let photo = day.h.capture_photo(Some(&day.case)).unwrap();
    assert!(day.h.photo(&day.case, &photo.id).unwrap().is_some());
    assert!(day.h.photo(&day.case, &id).is_err(), "a recording is no photo");
    let act = PlayAct::Open { case: day.case.clone(), evidence: photo.id, at_ms: 0 };
    assert!(day.h.play(&act).is_err(), "a photo is no recording");
}

/// What comes out of the loudspeaker would be on the recording as if it had been said in the room: a recording
/// that begins makes playing rest, and while it runs there is no sound, unless the officer wears headphones; the
/// journal says that he does. It does not stop what he looks at.
#[test]
fn no_recording_ever_hears_the_loudspeaker() {
    let mut day = morning();
    let id = recorded(&mut day);
    open(&mut day, &id, 0);
    day.h.play(&PlayAct::Play).unwrap();
    assert!(is_heard(&mut day));
    let running = day.h.start_recording(Some(&day.case), RecordingKind::Audio).unwrap();
    let view = day.h.playing().unwrap().unwrap();
    assert!(!view.now.playing && view.hushed);
    assert!(!is_heard(&mut day));
    day.h.play(&PlayAct::Play).unwrap();
    assert!(!is_heard(&mut day), "pictures and words only");
    let view = day.h.play(&PlayAct::Headphones).unwrap().unwrap();
    assert!(!view.hushed && is_heard(&mut day));
    let told = day.h.timeline(&day.case).unwrap();
    let note = told.moments.iter().find(|m| m.title == format!("用耳机听 {id}")).unwrap();
    assert_eq!(note.evidence.as_deref(), Some(running.evidence.as_str()), "on what was recorded");
    // The running one itself: up to what is stored; when it ends it is taken up where it was.
    let view = open(&mut day, &running.evidence, 1_000);
    assert!(view.hushed, "another recording: asked again");
    day.h.stop_recording(&running.evidence).unwrap();
    let view = day.h.play(&PlayAct::Play).unwrap().unwrap();
    assert!(view.evidence == running.evidence && !view.hushed && is_heard(&mut day));
}

/// R35: the lock ends it, and so does another visit; nothing of it can be asked for afterwards.
#[test]
fn r35_playing_ends_with_the_lock() {
    let mut day = morning();
    let id = recorded(&mut day);
    open(&mut day, &id, 0);
    day.h.play(&PlayAct::Play).unwrap();
    day.h.lock().unwrap();
    assert!(day.h.playing().unwrap().is_none() && day.h.play_picture(0).unwrap().is_none());
    let act = PlayAct::Open { case: day.case.clone(), evidence: id.clone(), at_ms: 0 };
    assert!(day.h.play(&act).is_err());
    unlock(&mut day.h, "O-0001");
    assert!(day.h.play(&act).unwrap().is_some());
}

/// R58: whoever sets the clock by an hour in the middle of a recording moves no mark, no answer, no photo on it,
/// and no bar of the visit.
#[test]
fn r58_a_stepped_clock_moves_nothing_on_the_time_line() {
    let mut day = morning();
    let party = day.h.add_party(&day.case, "李四", "person", None).unwrap();
    let sound = day.h.start_recording(Some(&day.case), RecordingKind::Audio).unwrap();
    let paper = day.h.new_document(&day.case, "W04", Some(&party)).unwrap().card.id;
    day.clock.advance_ms(500);
    day.clock.step_wall_to_ms(crate::memory::BEGIN_MS - 3_600_000);
    day.h.capture_photo(Some(&day.case)).unwrap();
    day.h.mark_recording(&sound.evidence, "要点").unwrap();
    day.h.answer(&day.case, &paper, None, "几时？", "八点").unwrap();
    day.clock.advance_ms(500);
    let told = day.h.timeline(&day.case).unwrap();
    assert!(told.spans[0].live);
    let of = |kind| told.moments.iter().find(|m| m.kind == kind).unwrap();
    let photo = of(MomentKind::Photo);
    assert_eq!(photo.heard, [(sound.evidence.clone(), 1_000)], "half a second after the first one");
    let mark = told.moments.iter().find(|m| m.mark).unwrap();
    assert_eq!(mark.heard, [(sound.evidence.clone(), 2_000)], "where the mark says");
    let talk = of(MomentKind::Talk);
    assert_eq!(talk.heard, [(sound.evidence.clone(), 2_000)]);
    assert_eq!(talk.said, Some(("几时？".to_owned(), "八点".to_owned())));
    assert!(told.moments.windows(2).all(|two| two[0].at_ms <= two[1].at_ms), "{told:#?}");
}
