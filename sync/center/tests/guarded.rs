//! Against 统方: who opens how many guarded breakdowns is known when the journal comes in.

use spotcheck_domain::{Clock as _, DeviceId, OfficerId};
use spotcheck_evidence::Hash32;
use spotcheck_evidence::journal::{ChainHead, EntryDraft, next_line};
use spotcheck_wire::bundles::{JOURNAL_SCHEMA, JournalUpload};

use super::handheld::centre;
use crate::bundles::{JournalOutcome, take_journal};
use crate::guarded;
use crate::testing::DEVICE;

#[test]
fn guarded_views_are_counted_by_officer_and_day_and_many_are_told() {
    let (centre, clock) = centre();
    let centre = centre.centre();
    let mut head = ChainHead { seq: 0, hash: Hash32([0; 32]) };
    let device = DeviceId::parse(DEVICE).unwrap();
    let mut line = |who: &str, kind: &str, reason: &str| {
        let officer = OfficerId::parse(who).unwrap();
        let draft = EntryDraft::new(Some(officer), device.clone(), kind)
            .about("T-2026-0009")
            .fact("schema", "spotcheck-journal/1")
            .fact("indicators", "I010")
            .fact("by", "doctor")
            .fact("reason", reason);
        let (line, next) = next_line(&head, draft, &clock.read()).unwrap();
        head = next;
        String::from_utf8(line).unwrap()
    };
    let mut lines = vec![line("O-0091", "unlocked", "")];
    lines.extend(
        ["核对重复收费", "核对重复收费", "核对超量用药"]
            .map(|r| line("O-0091", "guarded_viewed", r)),
    );
    lines.push(line("O-0092", "guarded_viewed", "核对重复收费"));
    clock.advance_ms(24 * 3_600_000);
    let mut line = |who: &str| {
        let officer = OfficerId::parse(who).unwrap();
        let draft = EntryDraft::new(Some(officer), device.clone(), "guarded_viewed")
            .about("T-2026-0010")
            .fact("reason", "复查一名医师");
        let (line, next) = next_line(&head, draft, &clock.read()).unwrap();
        head = next;
        String::from_utf8(line).unwrap()
    };
    lines.push(line("O-0091"));
    assert_eq!(guarded::per_day(centre).unwrap(), 20);
    guarded::put_per_day(centre, 2).unwrap();
    assert_eq!(guarded::per_day(centre).unwrap(), 2);
    // The same lines twice, and in two parts, count once.
    for part in [&lines[..3], &lines[..], &lines[2..]] {
        let upload = JournalUpload { schema: JOURNAL_SCHEMA.to_owned(), lines: part.to_vec() };
        let taken = take_journal(centre, DEVICE, &upload).unwrap();
        assert!(matches!(taken, JournalOutcome::Accepted(_)), "{taken:?}");
    }
    let counts = centre.repo().guarded_counts(None).unwrap();
    let seen: Vec<(&str, u64, usize)> =
        counts.iter().map(|c| (c.officer.as_str(), c.views, c.reasons.len())).collect();
    assert_eq!(seen, [("O-0091", 3, 2), ("O-0092", 1, 1), ("O-0091", 1, 1)]);
    assert_eq!(counts[0].tasks, ["T-2026-0009"]);
    assert_ne!(counts[0].day, counts[2].day);
    // Above the number one officer was told of; the others not.
    let acts = centre.repo().acts("guarded-many").unwrap();
    assert_eq!(acts.len(), 1, "{acts:?}");
    assert!(acts[0].starts_with("O-0091 ") && acts[0].ends_with(" 3"), "{acts:?}");
}
