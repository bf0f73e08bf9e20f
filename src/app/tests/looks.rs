//! Evidence that is looked at again.

use super::*;
use crate::desk::Looks as _;

/// evidence.md §1: what is seen is what was taken, for whoever holds the keys, and looking writes nothing.
#[test]
fn a_photo_can_be_looked_at_and_looking_leaves_no_trace_in_the_journal() {
    let mut day = morning();
    let photo = day.h.capture_photo(Some(&day.case)).unwrap();
    let head = day.h.case(&day.case).unwrap().journal_head;
    let bytes = day.h.evidence_image(&day.case, &photo.id).unwrap().unwrap();
    assert_eq!(spotcheck_evidence::Hash32::sha256(&bytes).to_string(), photo.sha256);
    assert_eq!(day.h.case(&day.case).unwrap().journal_head, head);
    day.h.start_recording(Some(&day.case), RecordingKind::Audio).unwrap();
    assert!(day.h.evidence_image(&day.case, "E2").unwrap().is_none(), "sound has no picture");
    assert!(day.h.evidence_image(&day.case, "E9").is_err());
    day.h.lock().unwrap();
    assert!(day.h.evidence_image(&day.case, &photo.id).is_err(), "no keys, no picture");
}
