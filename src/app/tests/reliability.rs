//! Failures of elsewhere (tests/RELIABILITY.md) that the use cases alone can hold, one test each.

use super::*;
use crate::desk::EvidenceView;
use crate::model::kind;

fn restarted(day: &Day, seed: u64, who: &str) -> Handheld {
    let mut h = handheld(&day.disk, &day.clock, seed);
    unlock(&mut h, who);
    h
}

fn field(h: &mut Handheld, case: &CaseId, document: &str) -> String {
    let view = h.document(case, document).unwrap();
    view.fields.into_iter().find(|f| f.key == "content").unwrap().value
}

/// R12: the program ends while the camera's picture is on its way into the case. That photo is not there and was never
/// said to be; the form, the photos before and the next photo are.
#[test]
fn r12_a_photo_that_was_cut_off_costs_that_photo_and_nothing_of_the_form() {
    let mut day = morning();
    let id = filled_record(&mut day);
    day.h.capture_photo(Some(&day.case)).unwrap();
    day.disk.fail_case_after(&day.case, 0);
    assert!(day.h.capture_photo(Some(&day.case)).is_err());
    day.disk.heal(&day.case);
    day.h = restarted(&day, 2, "O-0001");
    assert_eq!(day.h.case(&day.case).unwrap().evidence.len(), 1);
    assert_eq!(field(&mut day.h, &day.case, &id), "床上无人");
    day.h.capture_photo(Some(&day.case)).unwrap();
    let case = day.h.case(&day.case).unwrap();
    let mut ids: Vec<&String> = case.evidence.iter().map(|e| &e.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 2, "{ids:?}");
    day.h.verify_journal(Some(&day.case)).unwrap();
}

/// R16: three sign while the clock does not move at all, each in a program of its own. No signature takes another's
/// place, and each is a line of the journal.
#[test]
fn r16_signatures_of_one_moment_are_all_kept() {
    let mut day = morning();
    for id in ["O-0001", "O-0002"] {
        day.h.show_certificate(&day.case, &officer(id)).unwrap();
    }
    let id = filled_record(&mut day);
    day.h.freeze(&day.case, &id).unwrap();
    let signers = ["party-1", "O-0001", "O-0002"];
    for (seed, signer) in (10..).zip(signers) {
        day.h.sign_document(&day.case, &id, signer, &strokes()).unwrap();
        day.h = restarted(&day, seed, "O-0001");
    }
    let view = day.h.document(&day.case, &id).unwrap();
    let kept: Vec<&str> = view.signatures.iter().map(|s| s.signer.as_str()).collect();
    assert_eq!(kept, signers);
    let lines = day.h.journal_entries(Some(&day.case)).unwrap();
    // One for the strokes and one for the paper, each.
    assert_eq!(lines.iter().filter(|e| e["kind"] == "document_signed").count(), 6);
}

/// R17: the screen goes dark and locks in the middle of the round of signatures. What was signed stays signed, the
/// frozen words stay the same, and the round goes on where it stood.
#[test]
fn r17_a_lock_between_two_signatures_costs_none_of_them() {
    let mut day = morning();
    for id in ["O-0001", "O-0002"] {
        day.h.show_certificate(&day.case, &officer(id)).unwrap();
    }
    let id = filled_record(&mut day);
    let frozen = day.h.freeze(&day.case, &id).unwrap().content_sha256;
    assert!(frozen.is_some());
    day.h.sign_document(&day.case, &id, "party-1", &strokes()).unwrap();
    day.h.lock().unwrap();
    let locked = day.h.sign_document(&day.case, &id, "O-0001", &strokes()).unwrap_err();
    assert_eq!(locked.code, "APP-LOCKED");
    unlock(&mut day.h, "O-0002");
    let again = day.h.sign_document(&day.case, &id, "party-1", &strokes());
    assert!(again.is_err(), "the party has signed already");
    for signer in ["O-0001", "O-0002"] {
        day.h.sign_document(&day.case, &id, signer, &strokes()).unwrap();
        day.h.lock().unwrap();
        unlock(&mut day.h, "O-0001");
    }
    let view = day.h.document(&day.case, &id).unwrap();
    assert_eq!((view.signatures.len(), view.content_sha256), (3, frozen));
}

/// R18: hash and clocks of a photo are those of the shutter. A description an hour later, with the wall clock set in
/// between, is a line of its own and changes nothing of them.
#[test]
fn r18_a_photos_proof_is_made_at_the_shutter_and_never_again() {
    let mut day = morning();
    let shutter = spotcheck_domain::Clock::read(day.clock.as_ref());
    let photo = day.h.capture_photo(Some(&day.case)).unwrap();
    let captured = |day: &mut Day| {
        let lines = day.h.journal_entries(Some(&day.case)).unwrap();
        lines.into_iter().find(|e| e["hash"] == photo.sha256.as_str()).unwrap()
    };
    let at_once = captured(&mut day);
    assert_eq!(at_once["boottime"], shutter.boottime_ms);
    assert_eq!(at_once["wall"], spotcheck_domain::rfc3339(shutter.wall_ms));
    day.clock.advance_ms(3_600_000);
    day.clock.step_wall_to_ms(BEGIN_MS + 9 * 3_600_000);
    day.h.describe_evidence(&day.case, &photo.id, &Filing::new("床上无人", "一病区")).unwrap();
    assert_eq!(captured(&mut day), at_once);
    let still: EvidenceView = day.h.case(&day.case).unwrap().evidence.remove(0);
    assert_eq!((still.sha256, still.begun), (photo.sha256, photo.begun));
}

/// R22: what was typed belongs to the document's own id. Two documents of one form, and one of the same id in another
/// case, never see each other's words, whoever unlocks after a restart.
#[test]
fn r22_a_draft_is_found_by_its_own_document_and_case_only() {
    let mut day = morning();
    let (one, two) = (filled_record(&mut day), filled_record(&mut day));
    assert_ne!(one, two);
    day.h.fill(&day.case, &two, "content", "走廊加床三张").unwrap();
    day.h.seal(&day.case, &pins(&["O-0001", "O-0002"]), Some("撤离")).unwrap();
    let next = day.h.open_case(&TaskId::parse("T-2026-0001").unwrap()).unwrap().id;
    let other = day.h.new_document(&next, "W03", None).unwrap().card.id;
    assert_eq!(other, one, "ids are counted per case");
    day.h = restarted(&day, 5, "O-0002");
    assert_eq!(field(&mut day.h, &day.case, &one), "床上无人");
    assert_eq!(field(&mut day.h, &day.case, &two), "走廊加床三张");
    assert_eq!(field(&mut day.h, &next, &other), "");
    assert!(day.h.document(&next, &two).is_err(), "not a document of this case");
}

/// R23, R24: after a kill the sentence of the start says what was recovered, the item and its line say so too, what had
/// been saved before does not; and nothing is a dead end: note, photo, sound and seal all go on.
#[test]
fn r23_r24_what_was_recovered_is_told_apart_and_the_visit_goes_on() {
    let mut day = morning();
    let first = day.h.start_recording(Some(&day.case), RecordingKind::Audio).unwrap().evidence;
    day.h.stop_recording(&first).unwrap();
    let cut = day.h.start_recording(Some(&day.case), RecordingKind::Audio).unwrap().evidence;
    day.clock.advance_ms(20_000);
    day.h = handheld(&day.disk, &day.clock, 6);
    day.h.ports.recorder = Box::new(day.disk.recorder_gone(&day.clock));
    unlock(&mut day.h, "O-0001");
    let evidence = day.h.case(&day.case).unwrap().evidence;
    let recovered = |id: &str| evidence.iter().find(|e| e.id == id).unwrap().recovered;
    assert_eq!((recovered(&first), recovered(&cut)), (false, true));
    let safe = day.h.status().unwrap().safe;
    assert!(safe.contains("中断"), "{safe}");
    let lines = day.h.journal_entries(Some(&day.case)).unwrap();
    let stopped: Vec<_> = lines.iter().filter(|e| e["kind"] == "capture_stopped").collect();
    assert_eq!(stopped.len(), 2);
    assert_eq!(stopped[1]["facts"]["recovered"], true);
    day.h.note(&day.case, "重新开机后继续").unwrap();
    day.h.capture_photo(Some(&day.case)).unwrap();
    let third = day.h.start_recording(Some(&day.case), RecordingKind::Audio).unwrap().evidence;
    day.h.stop_recording(&third).unwrap();
    day.h.seal(&day.case, &pins(&["O-0001", "O-0002"]), Some("撤离")).unwrap();
    day.h.verify_journal(Some(&day.case)).unwrap();
}

/// R33: whatever destroys asks for the receipt first. A case that is open, sealed, or received yesterday cannot be
/// shredded, and nothing but a practice case can be wiped.
#[test]
fn r33_nothing_that_is_not_at_the_centre_can_be_destroyed() {
    let mut day = morning();
    day.h.capture_photo(Some(&day.case)).unwrap();
    let kept = |day: &mut Day| {
        assert_eq!(day.h.shred(&day.case).unwrap_err().code, "CASE-KEPT");
        assert_eq!(day.h.wipe_practice(&day.case).unwrap_err().code, "CASE-KEPT");
    };
    kept(&mut day);
    day.h.seal(&day.case, &pins(&["O-0001", "O-0002"]), Some("撤离")).unwrap();
    kept(&mut day);
    day.clock.advance_ms(400 * 86_400_000);
    kept(&mut day);
    assert_eq!(day.h.outbox().unwrap().len(), 1);
}

/// R46: another officer carries the queue home. Journal, signatures and statement stay those of the officers who made
/// them; the one who sends is in no file of the bundle.
#[test]
fn r46_who_sends_is_not_who_made_it() {
    let mut day = morning();
    day.h.capture_photo(Some(&day.case)).unwrap();
    day.h.seal(&day.case, &pins(&["O-0001", "O-0002"]), Some("撤离")).unwrap();
    let sealed = |h: &mut Handheld| -> Vec<(String, SealedBundle)> {
        h.device_log().unwrap().values(kind::OUTBOX).unwrap()
    };
    let before = sealed(&mut day.h);
    let makers = |h: &mut Handheld, case: &CaseId| -> Vec<String> {
        let lines = h.journal_entries(Some(case)).unwrap();
        lines.iter().filter_map(|e| e["officer"].as_str()).map(str::to_owned).collect()
    };
    let made = makers(&mut day.h, &day.case);
    assert!(made.iter().all(|who| who == "O-0001"), "{made:?}");
    day.h = restarted(&day, 8, "O-0002");
    day.h.push().unwrap();
    assert_eq!(day.h.case(&day.case).unwrap().state, CaseState::Received);
    assert_eq!(sealed(&mut day.h), before);
    assert_eq!(makers(&mut day.h, &day.case), made);
    let sent = day.h.journal_entries(None).unwrap();
    let sent = sent.iter().find(|e| e["kind"] == "sent").unwrap();
    assert_eq!(sent["officer"], "O-0002", "the device journal says who sent it");
}

/// R52: a clock past the 32-bit end and one in 2099. Everything of a visit works; each time is written with four digits
/// of its year and its zone, lines stay in order, and no duration comes from the wall clock.
#[test]
fn r52_a_visit_in_2038_and_in_2099_is_whole() {
    for (wall_ms, year) in [(2_147_483_646_000, "2038-01-19"), (4_102_358_399_000, "2099-12-31")] {
        let (disk, clock) = (Disk::default(), Arc::new(ManualClock::at_ms(wall_ms)));
        let mut h = handheld(&disk, &clock, 1);
        h.pull(None).unwrap();
        unlock(&mut h, "O-0001");
        let case = h.open_case(&TaskId::parse("T-2026-0001").unwrap()).unwrap().id;
        let sound = h.start_recording(Some(&case), RecordingKind::Audio).unwrap();
        clock.advance_ms(5_000);
        h.stop_recording(&sound.evidence).unwrap();
        h.capture_photo(Some(&case)).unwrap();
        h.seal(&case, &pins(&["O-0001", "O-0002"]), Some("撤离")).unwrap();
        let lines = h.journal_entries(Some(&case)).unwrap();
        let walls: Vec<&str> = lines.iter().filter_map(|e| e["wall"].as_str()).collect();
        assert!(walls.iter().all(|w| w.starts_with(year) && w.ends_with("+08:00")), "{walls:?}");
        assert!(walls.is_sorted());
        h.verify_journal(Some(&case)).unwrap();
        h.push().unwrap();
        assert_eq!(h.case(&case).unwrap().state, CaseState::Received);
    }
}

/// R03: a case that was sealed and sent is looked at from every side. Nothing begins to record for it, and what asks
/// for a recording into it is refused.
#[test]
fn r03_looking_at_a_sent_case_starts_no_recording() {
    let mut day = morning();
    let photo = day.h.capture_photo(Some(&day.case)).unwrap();
    let sound = day.h.start_recording(Some(&day.case), RecordingKind::Audio).unwrap();
    day.h.seal(&day.case, &pins(&["O-0001", "O-0002"]), Some("撤离")).unwrap();
    day.h.push().unwrap();
    let lines = day.h.journal_entries(Some(&day.case)).unwrap().len();
    for seed in 2..4 {
        assert_eq!(day.h.case(&day.case).unwrap().evidence.len(), 2);
        day.h.timeline(&day.case).unwrap();
        day.h.outbox().unwrap();
        assert!(day.h.status().unwrap().recordings.is_empty());
        for kind in [RecordingKind::Audio, RecordingKind::Video] {
            assert!(day.h.start_recording(Some(&day.case), kind).is_err());
        }
        assert!(day.h.mark_recording(&sound.evidence, "标记").is_err());
        assert!(day.h.status().unwrap().recordings.is_empty(), "{} is only looked at", photo.id);
        assert_eq!(day.h.journal_entries(Some(&day.case)).unwrap().len(), lines);
        day.h = restarted(&day, seed, "O-0001");
    }
}

/// R51: both certificates ran out in the field. Everything is captured as before, and the seal names who has to renew
/// and sign anew; nobody is kept from sealing.
#[test]
fn r51_a_certificate_that_ran_out_is_a_gap_of_the_visit_and_stops_nothing() {
    let mut day = morning();
    let named = |h: &mut Handheld, case: &CaseId| {
        let missing = h.case(case).unwrap().missing;
        missing.into_iter().filter(|gap| gap.contains("证书已于")).collect::<Vec<_>>()
    };
    assert!(named(&mut day.h, &day.case).is_empty());
    day.clock.step_wall_to_ms(
        spotcheck_domain::time::parse_rfc3339("2031-01-01T08:00:00+08:00").unwrap(),
    );
    day.h.capture_photo(Some(&day.case)).unwrap();
    let gaps = named(&mut day.h, &day.case);
    assert_eq!(gaps.len(), 2, "{gaps:?}");
    assert!(gaps[0].contains("2030-12-31") && gaps[0].contains("须续期后补签"), "{gaps:?}");
    let sealed = day.h.seal(&day.case, &pins(&["O-0001", "O-0002"]), Some("证书到期")).unwrap();
    assert!(gaps.iter().all(|gap| sealed.missing.contains(gap)), "{:?}", sealed.missing);
}
