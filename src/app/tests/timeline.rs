//! The visit as its journal tells it.

use serde_json::json;
use spotcheck_domain::vocabulary::PartyKind;

use super::{filled_record, morning, officer, strokes};
use crate::desk::{Desk, RecordingKind};
use crate::timeline::MomentKind;

/// evidence.md §2: whoever looks back reads every act in its order, and none that was not journaled.
#[test]
fn a_visit_is_told_by_its_journal_in_order() {
    let mut day = morning();
    for id in ["O-0001", "O-0002"] {
        day.h.show_certificate(&day.case, &officer(id)).unwrap();
    }
    let kind = PartyKind::Person;
    day.h.add_party(&day.case, "李四", kind.as_str(), Some("护士长")).unwrap();
    let sound = day.h.start_recording(Some(&day.case), RecordingKind::Audio).unwrap();
    day.clock.advance_ms(60_000);
    let photo = day.h.capture_photo(Some(&day.case)).unwrap();
    day.h.stop_recording(&sound.evidence).unwrap();
    let id = filled_record(&mut day);
    day.h.freeze(&day.case, &id).unwrap();
    for signer in ["party-1", "O-0001"] {
        day.h.sign_document(&day.case, &id, signer, &strokes()).unwrap();
    }

    let told = day.h.timeline(&day.case).unwrap();
    let titles: Vec<&str> = told.moments.iter().map(|m| m.title.as_str()).collect();
    let order = [
        "开始检查",
        "检查员甲 出示证件",
        "检查员乙 出示证件",
        "登记 李四",
        &format!("开始录音 {}", sound.evidence),
        &format!("照片 {}", photo.id),
        &format!("停止录音 {}", sound.evidence),
        "定稿 文书W03",
        "检查员甲 签字",
    ];
    let mut from = 0;
    for title in order {
        let place = titles.iter().skip(from).position(|t| *t == title);
        from += place.unwrap_or_else(|| panic!("{title} after {from}: {titles:?}")) + 1;
    }
    assert_eq!(titles.iter().filter(|t| t.ends_with(" 签字")).count(), 2, "one line per signature");
    assert!(told.moments.iter().all(|m| m.note != "本版本不认得这种记录"), "{:?}", told.moments);
    assert!(told.moments.windows(2).all(|two| two[0].seq < two[1].seq));
    let of = |kind| told.moments.iter().filter(|m| m.kind == kind).count();
    assert_eq!(of(MomentKind::Photo), 1);
    let shown = told.moments.iter().find(|m| m.kind == MomentKind::Photo).unwrap();
    assert_eq!(shown.evidence.as_deref(), Some(photo.id.as_str()), "a tap leads to the photo");
    assert_eq!(told.spans.len(), 1);
    let span = &told.spans[0];
    assert!(!span.video && !span.live && span.length_ms == 3_000, "{span:?}");
    let at = |title: &str| told.moments.iter().find(|m| m.title == title).unwrap().at_ms;
    let begun = at(&format!("开始录音 {}", sound.evidence));
    assert!(span.from_ms <= begun && begun - span.from_ms <= 1_000, "{span:?} {begun}");
    assert!(told.head.is_some(), "the chain was verified");
    assert!(told.entries >= told.moments.len() as u64);
}

/// Every kind of line that this version writes has words of its own.
#[test]
fn no_line_of_our_own_is_unknown() {
    let mut day = morning();
    let view = day.h.case(&day.case.clone()).unwrap();
    let ours = ["clock_not_set", "salvaged", "keys_recovered"];
    for kind in spotcheck_evidence::journal::kinds::CASE.iter().chain(&ours) {
        let entry = json!({"kind": kind, "subject": "E1", "facts": {"what": "mark"}});
        let unknown = crate::timeline::words(&entry, &view)
            .is_some_and(|(_, title, note)| title == *kind || note == "本版本不认得这种记录");
        assert!(!unknown, "{kind}");
    }
    let notes = [
        "paused",
        "resumed",
        "picture_blanked",
        "picture_shown",
        "mark",
        "played_with_headphones",
        "evidence_described",
        "opening_read",
        "page_checked",
        "page_retaken",
        "encoder_changed",
        "damaged_and_taken_out",
        "compared",
        "taken_back",
        "document_begun",
        "party_added",
    ];
    for what in notes {
        let entry = json!({"kind": "note", "subject": "E1", "facts": {"what": what}});
        let (_, title, _) = crate::timeline::words(&entry, &view).unwrap();
        assert!(!title.starts_with("备注"), "{what}: {title}");
    }
}
