//! The visit as the law wants it, on the twins: what blocks, what never blocks, what survives.

mod beside;
mod camera;
mod composed;
mod copies;
mod filing;
mod findings;
mod looks;
mod marks;
mod pause;
mod playing;
mod practice;
mod reliability;
mod served;
mod timeline;

use std::sync::Arc;

use secrecy::SecretString;
use spotcheck_domain::{CaseId, ManualClock, OfficerId, TaskId};

use crate::Handheld;
use crate::desk::{CaseState, Desk, DocumentState, Filing, RecordingKind, Stroke};
use crate::memory::{BEGIN_MS, Disk, handheld};
use crate::ports::SealedBundle;

fn officer(id: &str) -> OfficerId {
    OfficerId::parse(id).unwrap()
}

fn pins(ids: &[&str]) -> Vec<(OfficerId, SecretString)> {
    ids.iter().map(|id| (officer(id), SecretString::from((*id).to_owned()))).collect()
}

fn unlock(h: &mut Handheld, id: &str) {
    h.unlock(&officer(id), &SecretString::from(id.to_owned())).unwrap();
}

fn strokes() -> Vec<Stroke> {
    vec![Stroke { points: vec![(1, 1, 0, 512), (9, 9, 40, 512)] }]
}

struct Day {
    disk: Disk,
    clock: Arc<ManualClock>,
    h: Handheld,
    case: CaseId,
}

/// 检查员甲 has unlocked and opened the case of the task.
fn morning() -> Day {
    let (disk, clock) = (Disk::default(), Arc::new(ManualClock::at_ms(BEGIN_MS)));
    let mut h = handheld(&disk, &clock, 1);
    h.pull(None).unwrap();
    unlock(&mut h, "O-0001");
    let case = h.open_case(&TaskId::parse("T-2026-0001").unwrap()).unwrap().id;
    Day { disk, clock, h, case }
}

fn filled_record(day: &mut Day) -> String {
    let id = day.h.new_document(&day.case, "W03", None).unwrap().card.id;
    day.h.fill(&day.case, &id, "content", "床上无人").unwrap();
    id
}

/// 行政处罚法 art. 42, 条例 art. 27: no document closes before two officers have shown their credentials;
/// capturing is never blocked by it.
#[test]
fn a_record_closes_only_after_two_credentials_were_shown() {
    let mut day = morning();
    day.h.capture_photo(Some(&day.case)).unwrap();
    let id = filled_record(&mut day);
    let trouble = day.h.freeze(&day.case, &id).unwrap_err();
    assert_eq!(trouble.code, "DOC-TWO-OFFICERS");
    assert!(trouble.verdict && trouble.message.contains("检查员甲未出示证件"));
    day.h.show_certificate(&day.case, &officer("O-0001")).unwrap();
    assert!(day.h.freeze(&day.case, &id).is_err());
    day.h.show_certificate(&day.case, &officer("O-0002")).unwrap();
    assert_eq!(day.h.freeze(&day.case, &id).unwrap().card.state, DocumentState::Frozen);
}

/// inspection.md: frozen when first shown to the party; order of signatures P → O1, O2.
#[test]
fn a_frozen_record_is_not_edited_and_is_signed_in_order() {
    let mut day = morning();
    for id in ["O-0001", "O-0002"] {
        day.h.show_certificate(&day.case, &officer(id)).unwrap();
    }
    let id = filled_record(&mut day);
    day.h.freeze(&day.case, &id).unwrap();
    assert_eq!(day.h.fill(&day.case, &id, "content", "改").unwrap_err().code, "DOC-STATE");
    let early = day.h.sign_document(&day.case, &id, "O-0001", &strokes()).unwrap_err();
    assert!(early.message.contains("签字顺序"));
    for signer in ["party-1", "O-0001", "O-0002"] {
        day.h.sign_document(&day.case, &id, signer, &strokes()).unwrap();
    }
    assert_eq!(day.h.document(&day.case, &id).unwrap().card.state, DocumentState::Signed);
    assert!(day.h.sign_document(&day.case, &id, "party-1", &strokes()).is_err(), "twice");
    assert!(day.h.sign_document(&day.case, &id, "party-1", &[]).is_err(), "without strokes");
}

/// Substantive answers are the interviewee's words, stamped into the sound that runs.
#[test]
fn answers_are_stamped_into_the_running_sound_and_keep_their_mark() {
    let mut day = morning();
    let party = day.h.add_party(&day.case, "李四", "person", Some("护士长")).unwrap();
    let sound = day.h.start_recording(Some(&day.case), RecordingKind::Audio).unwrap();
    let id = day.h.new_document(&day.case, "W04", Some(&party)).unwrap().card.id;
    let first = day.h.answer(&day.case, &id, None, "姓名？", "李四").unwrap();
    assert_eq!((first.audio.as_deref(), first.at_ms), (Some(sound.evidence.as_str()), Some(2_000)));
    day.clock.advance_ms(60_000);
    let changed = day.h.answer(&day.case, &id, Some(1), "姓名？", "李四。").unwrap();
    assert_eq!(changed.at_ms, Some(2_000), "the mark stays where it was first said");
    assert!(day.h.answer(&day.case, &id, None, " ", "无").is_err(), "no question");
    let item = day.h.stop_recording(&sound.evidence).unwrap();
    assert!(!item.recovered && item.size > 0);
}

/// Gates never block leaving: an unfinished visit is sealed with what is missing, by name.
#[test]
fn leaving_early_seals_what_there_is_and_says_what_is_missing() {
    let mut day = morning();
    day.h.capture_photo(Some(&day.case)).unwrap();
    filled_record(&mut day);
    let two = pins(&["O-0001", "O-0002"]);
    assert_eq!(day.h.seal(&day.case, &two, None).unwrap_err().code, "SEAL-INCOMPLETE");
    let sealed = day.h.seal(&day.case, &two, Some("当事人阻挠，人员撤离")).unwrap();
    assert!(sealed.missing.iter().any(|m| m.contains("尚未定稿")), "{:?}", sealed.missing);
    // The journal ends with it: nothing more goes in.
    assert_eq!(day.h.capture_photo(Some(&day.case)).unwrap_err().code, "CASE-SEALED");
    assert_eq!(day.h.note(&day.case, "补记").unwrap_err().code, "CASE-SEALED");
    day.h.verify_journal(Some(&day.case)).unwrap();
}

/// Two persons sign, each with their own PIN; a wrong PIN is found before the last line is written.
#[test]
fn sealing_wants_two_different_officers_and_their_own_pins() {
    let mut day = morning();
    let reason = Some("试");
    for wrong in [&["O-0001"][..], &["O-0001", "O-0001"], &["O-0001", "O-0003"]] {
        assert_eq!(day.h.seal(&day.case, &pins(wrong), reason).unwrap_err().code, "DOC-STATE");
    }
    let mut bad = pins(&["O-0001", "O-0002"]);
    bad[1].1 = SecretString::from("O-0001".to_owned());
    assert_eq!(day.h.seal(&day.case, &bad, reason).unwrap_err().code, "VAULT-PIN-WRONG");
    day.h.note(&day.case, "还没有封存").unwrap();
}

/// R31: a kill between the last line and the signatures loses nothing and is taken up again.
#[test]
fn r31_a_seal_that_was_cut_off_is_finished_by_sealing_again() {
    let mut day = morning();
    let two = pins(&["O-0001", "O-0002"]);
    // Exactly one commit more: the last line. Everything after it fails.
    day.disk.fail_case_after(&day.case, 1);
    assert!(day.h.seal(&day.case, &two, Some("撤离")).is_err());
    day.disk.heal(&day.case);
    let mut again = handheld(&day.disk, &day.clock, 2);
    unlock(&mut again, "O-0002");
    let sealed = again.seal(&day.case, &two, None).unwrap();
    assert_eq!(again.case(&day.case).unwrap().state, CaseState::Sealed);
    assert_eq!(again.outbox().unwrap()[0].bundle, sealed.bundle);
    again.push().unwrap();
    assert_eq!(again.case(&day.case).unwrap().state, CaseState::Received);
}

/// evidence.md §2: a clock step is an entry and old times are never rewritten.
#[test]
fn a_clock_step_is_an_entry_of_its_own() {
    let mut day = morning();
    day.h.note(&day.case, "一").unwrap();
    day.clock.step_wall_to_ms(BEGIN_MS - 86_400_000);
    day.h.note(&day.case, "二").unwrap();
    let entries = day.h.journal_entries(Some(&day.case)).unwrap();
    let kinds: Vec<_> = entries.iter().map(|e| e["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds.iter().filter(|k| *k == "clock_stepped").count(), 1, "{kinds:?}");
    day.h.verify_journal(Some(&day.case)).unwrap();
}

#[test]
fn a_wrong_pin_is_journaled_and_opens_nothing() {
    let mut day = morning();
    day.h.lock().unwrap();
    let wrong = SecretString::from("guess".to_owned());
    let trouble = day.h.unlock(&officer("O-0001"), &wrong).unwrap_err();
    assert!(trouble.verdict);
    assert_eq!(day.h.case(&day.case).unwrap_err().code, "APP-LOCKED");
    let entries = day.h.journal_entries(None).unwrap();
    assert!(entries.iter().any(|e| e["kind"] == "wrong_pin"));
    assert!(!entries.iter().any(|e| e.to_string().contains("guess")));
}

/// R41: wherever a PIN is tried, a wrong one is a line of the device's journal: whoever guesses at the seal guesses in
/// writing.
#[test]
fn r41_a_wrong_pin_at_the_seal_is_journaled() {
    let mut day = morning();
    let mut two = pins(&["O-0001", "O-0002"]);
    two[1].1 = SecretString::from("guess".to_owned());
    let trouble = day.h.seal(&day.case, &two, Some("撤离")).unwrap_err();
    assert!(trouble.verdict, "{trouble:?}");
    let entries = day.h.journal_entries(None).unwrap();
    let wrong = entries.iter().find(|e| e["kind"] == "wrong_pin").unwrap();
    assert_eq!(
        (&wrong["subject"], &wrong["officer"]),
        (&serde_json::json!("O-0002"), &serde_json::json!("O-0001"))
    );
}

#[test]
fn a_second_pull_or_push_changes_nothing() {
    let mut day = morning();
    let two = pins(&["O-0001", "O-0002"]);
    day.h.seal(&day.case, &two, Some("撤离")).unwrap();
    let first = day.h.push().unwrap();
    let second = day.h.push().unwrap();
    assert_eq!(first, second);
    assert_eq!(day.h.pull(None).unwrap().tasks, 2);
    // The next case of the task points back to this bundle.
    let task = TaskId::parse("T-2026-0001").unwrap();
    let next = day.h.open_case(&task).unwrap();
    assert_ne!(next.id, day.case);
}

/// evidence.md §2: a start before the build time captures on, marked; signatures wait for a time source or
/// an entry by both officers.
#[test]
fn r52_r53_a_clock_at_1970_captures_on_and_signatures_wait_for_both_officers() {
    let (disk, clock) = (Disk::default(), Arc::new(ManualClock::at_ms(60_000)));
    let mut h = handheld(&disk, &clock, 1);
    h.pull(None).unwrap();
    unlock(&mut h, "O-0001");
    assert!(!h.status().unwrap().clock_set);
    let case = h.open_case(&TaskId::parse("T-2026-0001").unwrap()).unwrap().id;
    h.capture_photo(Some(&case)).unwrap();
    let sound = h.start_recording(Some(&case), RecordingKind::Audio).unwrap();
    h.stop_recording(&sound.evidence).unwrap();
    for id in ["O-0001", "O-0002"] {
        h.show_certificate(&case, &officer(id)).unwrap();
    }
    let id = h.new_document(&case, "W03", None).unwrap().card.id;
    h.fill(&case, &id, "content", "床上无人").unwrap();
    h.freeze(&case, &id).unwrap();
    let trouble = h.sign_document(&case, &id, "party-1", &strokes()).unwrap_err();
    assert_eq!((trouble.code.as_str(), trouble.verdict), ("CLOCK-NOT-SET", true));

    let says = "护士站挂钟：2026-11-20 09:30";
    let one = pins(&["O-0001"]);
    assert_eq!(h.confirm_clock(&case, &one, says).unwrap_err().code, "DOC-STATE");
    let mut wrong = pins(&["O-0001", "O-0002"]);
    wrong[1].1 = SecretString::from("O-0001".to_owned());
    assert_eq!(h.confirm_clock(&case, &wrong, says).unwrap_err().code, "VAULT-PIN-WRONG");
    let two = pins(&["O-0001", "O-0002"]);
    assert_eq!(h.confirm_clock(&case, &two, " ").unwrap_err().code, "DOC-STATE");
    h.confirm_clock(&case, &two, says).unwrap();
    h.sign_document(&case, &id, "party-1", &strokes()).unwrap();
    let entries = h.journal_entries(Some(&case)).unwrap();
    let spoken: Vec<_> = entries.iter().filter(|e| e["kind"] == "clock_not_set").collect();
    assert_eq!(spoken.len(), 1);
    assert_eq!(spoken[0]["facts"]["officers"], serde_json::json!(["O-0001", "O-0002"]));
    assert_eq!(spoken[0]["facts"]["says"], says);
}

/// Leaving is never blocked: the sealing carries both PINs, so it speaks for the time by itself and says in
/// the signed statement that the clock was not set.
#[test]
fn r52_a_clock_at_1970_seals_with_an_entry_by_both_and_says_so_in_the_statement() {
    let (disk, clock) = (Disk::default(), Arc::new(ManualClock::at_ms(60_000)));
    let mut h = handheld(&disk, &clock, 1);
    h.pull(None).unwrap();
    unlock(&mut h, "O-0002");
    let case = h.open_case(&TaskId::parse("T-2026-0001").unwrap()).unwrap().id;
    h.capture_photo(Some(&case)).unwrap();
    h.seal(&case, &pins(&["O-0001", "O-0002"]), Some("撤离")).unwrap();
    let entries = h.journal_entries(Some(&case)).unwrap();
    let kinds: Vec<_> = entries.iter().filter_map(|e| e["kind"].as_str()).collect();
    assert_eq!(kinds[kinds.len() - 2..], ["clock_not_set", "sealed"]);
    let sealed: Vec<(String, SealedBundle)> =
        h.device_log().unwrap().values(crate::model::kind::OUTBOX).unwrap();
    let statement =
        sealed[0].1.tag_files.iter().find(|(path, _)| path == "metadata/statement.json").unwrap();
    let statement: serde_json::Value = serde_json::from_slice(&statement.1).unwrap();
    assert_eq!(statement["time"]["clock_set"], false);
    h.verify_journal(Some(&case)).unwrap();
}

/// A clock that was set back below what the centre has signed for is as good as not set: signatures wait,
/// and the statement says so, else the centre would refuse the bundle as sealed before its own bracket.
#[test]
fn a_clock_set_back_below_the_signed_time_counts_as_not_set() {
    let (disk, clock) = (Disk::default(), Arc::new(ManualClock::at_ms(BEGIN_MS)));
    let mut h = handheld(&disk, &clock, 1);
    h.pull(None).unwrap();
    unlock(&mut h, "O-0001");
    let mut proof = h.time_proof().unwrap().unwrap();
    let at = spotcheck_domain::rfc3339(BEGIN_MS);
    proof.time_entry = format!("{{\"at\":\"{at}\",\"type\":\"time/1\"}}");
    let value = crate::chain::set(crate::model::kind::PROOF, crate::model::ONLY, &proof).unwrap();
    h.device_log().unwrap().commit(vec![], vec![value]).unwrap();
    assert!(h.status().unwrap().clock_set);
    clock.step_wall_to_ms(BEGIN_MS - 86_400_000);
    assert!(!h.status().unwrap().clock_set);
    clock.step_wall_to_ms(BEGIN_MS + 1_000);
    assert!(h.status().unwrap().clock_set);
}

/// evidence.md §1: one press from any state. What is captured at the door, before anybody has opened a
/// case, belongs to the case that is opened next, with its marks, and its log hangs on what the journal says.
#[test]
fn r04_what_is_captured_at_the_door_goes_into_the_next_case() {
    let (disk, clock) = (Disk::default(), Arc::new(ManualClock::at_ms(BEGIN_MS)));
    let mut h = handheld(&disk, &clock, 3);
    let trouble = h.start_recording(None, RecordingKind::Audio).unwrap_err();
    assert!(
        trouble.advice.contains("解锁"),
        "before the very first unlock there is no key: {trouble:?}"
    );
    h.pull(None).unwrap();
    unlock(&mut h, "O-0001");
    h.lock().unwrap();
    let early = h.start_recording(None, RecordingKind::Audio).unwrap().evidence;
    for _ in 0..3 {
        h.mark_recording(&early, "拒绝").unwrap();
    }
    h.capture_photo(None).unwrap();
    // Killed while it records; the next start shows it before anybody unlocks.
    drop(h);
    let mut h = handheld(&disk, &clock, 4);
    assert_eq!(h.status().unwrap().recordings.len(), 1);
    assert!(h.status().unwrap().safe.contains("到场采集 2 件"));
    h.stop_recording(&early).unwrap();
    unlock(&mut h, "O-0001");
    let case = h.open_case(&TaskId::parse("T-2026-0001").unwrap()).unwrap();
    assert_eq!(case.evidence.len(), 2, "{:?}", case.evidence);
    let sound = case.evidence.iter().find(|e| e.media_type == "audio/ogg").unwrap();
    assert_eq!(sound.marks.len(), 3);
    assert!(!h.status().unwrap().safe.contains("到场采集"));
    h.verify_journal(Some(&case.id)).unwrap();
    let entries = h.journal_entries(Some(&case.id)).unwrap();
    let started = entries.iter().find(|e| e["kind"] == "capture_started").unwrap();
    assert!(started["facts"]["log_first"].is_string(), "{started}");
    // The next arrival is another case.
    h.lock().unwrap();
    h.capture_photo(Some(&case.id)).unwrap();
    unlock(&mut h, "O-0001");
    assert_eq!(
        h.case(&case.id).unwrap().evidence.len(),
        3,
        "locked, but into the case that is open"
    );
    h.seal(&case.id, &pins(&["O-0001", "O-0002"]), Some("撤离")).unwrap();
    h.capture_photo(None).unwrap();
    let next = h.open_case(&TaskId::parse("T-2026-0001").unwrap()).unwrap();
    assert_ne!(next.id, case.id);
    assert_eq!(next.evidence.len(), 1);
}

/// A recording that begins under the lock and is still running at the unlock goes on in the case.
#[test]
fn a_recording_from_the_locked_state_goes_on_after_the_unlock() {
    let mut day = morning();
    day.h.lock().unwrap();
    let early = day.h.start_recording(None, RecordingKind::Video).unwrap().evidence;
    assert!(early.starts_with('A'));
    unlock(&mut day.h, "O-0001");
    let running = day.h.status().unwrap().recordings;
    assert_eq!(running.len(), 1);
    assert!(running[0].evidence.starts_with('E'), "the case has it now: {running:?}");
    let kept = day.h.stop_recording(&running[0].evidence).unwrap();
    assert_eq!(kept.media_type, "video/x-matroska");
    day.h.verify_journal(Some(&day.case)).unwrap();
}

/// R54, R55: one zone, no parts of a time kept apart. Around every midnight the day is that of Beijing in each form,
/// and a time that is written and read a hundred times is the same.
#[test]
fn r54_r55_a_time_keeps_its_day_and_does_not_drift() {
    use spotcheck_domain::time::{beijing_date, on_paper, parse_rfc3339, rfc3339};
    const DAY_MS: i64 = 86_400_000;
    // 2026-01-01 00:00 in Beijing, which is the last evening of the year before in UTC.
    let first = parse_rfc3339("2026-01-01T00:00:00.000+08:00").unwrap();
    for day in 0..400 {
        for off in [-1, 0, 1, 8 * 3_600_000 - 1, 8 * 3_600_000] {
            let at = first + day * DAY_MS + off;
            let mut again = at;
            for _ in 0..100 {
                again = parse_rfc3339(&rfc3339(again)).unwrap();
            }
            assert_eq!(again, at);
            let date = beijing_date(at);
            assert!(rfc3339(at).starts_with(&date), "{date}");
            let paper: String = on_paper(at).chars().take(11).collect();
            assert_eq!(paper, date.replacen('-', "年", 1).replacen('-', "月", 1) + "日");
        }
    }
}
