//! Chains, written and read back.

use proptest::prelude::{Strategy, any, prop, proptest};
use serde_json::{Value, json};
use spotcheck_domain::{Clock as _, DeviceId, ManualClock, OfficerId};

use super::{ChainFault, ChainHead, EntryDraft, JournalEntry, kinds, next_line, verify_chain};
use crate::{EvidenceError, Hash32};

fn device() -> DeviceId {
    DeviceId::parse("D-0001").unwrap()
}

fn draft(kind: &str) -> EntryDraft {
    EntryDraft::new(Some(OfficerId::parse("O-0001").unwrap()), device(), kind)
}

fn chain(kinds: &[&str], step: impl Fn(&ManualClock, usize)) -> Vec<Vec<u8>> {
    let clock = ManualClock::at_ms(1_795_000_000_000);
    let mut head = ChainHead::START;
    let mut lines = Vec::new();
    for (n, kind) in kinds.iter().enumerate() {
        step(&clock, n);
        let (line, next) = next_line(&head, draft(kind), &clock.read()).unwrap();
        assert_eq!((next.seq, next.hash), (n as u64 + 1, Hash32::sha256(&line)));
        lines.push(line);
        head = next;
    }
    lines
}

fn fault(lines: &[Vec<u8>]) -> Option<ChainFault> {
    match verify_chain(lines.iter().map(Vec::as_slice), Hash32::ZERO) {
        Ok(_) => None,
        Err(EvidenceError::Chain { fault, .. }) => Some(fault),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn what_is_written_holds_and_every_change_shows() {
    let good = chain(&["unlocked", "note", "locked"], |c, _| c.advance_ms(10));
    let state = verify_chain(good.iter().map(Vec::as_slice), Hash32::ZERO).unwrap();
    assert_eq!((state.head.seq, state.unmarked_steps), (3, 0));
    assert_eq!(fault(&good[1..]), Some(ChainFault::Seq));
    assert_eq!(fault(&[good[0].clone(), good[2].clone()]), Some(ChainFault::Seq));
    assert_eq!(fault(&[vec![]]), Some(ChainFault::Form));
    assert_eq!(fault(&[vec![b' '; 2 << 20]]), Some(ChainFault::TooLong));
    let other = verify_chain([good[0].as_slice()], Hash32::sha256(b"other"));
    assert!(matches!(other, Err(EvidenceError::Chain { line: 1, fault: ChainFault::Prev })));
}

#[test]
fn clock_steps_are_counted_and_boot_time_never_runs_back() {
    // Somebody sets the clock between two lines of one boot.
    let stepped = |kind| {
        chain(&["note", kind, "note"], |c, n| {
            c.advance_ms(10);
            if n == 1 {
                c.step_wall_to_ms(1_795_000_900_000);
            }
        })
    };
    let state =
        |lines: &[Vec<u8>]| verify_chain(lines.iter().map(Vec::as_slice), Hash32::ZERO).unwrap();
    let unmarked = state(&stepped("note"));
    assert_eq!((unmarked.unmarked_steps, unmarked.marked_steps), (1, 0));
    let marked = state(&stepped(kinds::CLOCK_STEPPED));
    assert_eq!((marked.unmarked_steps, marked.marked_steps), (0, 1));
    assert_eq!(
        fault(&chain(&["note", "note"], |c, n| c.advance_ms(if n == 1 { -5 } else { 10 }))),
        Some(ChainFault::Boottime)
    );
}

#[test]
fn drafts_that_do_not_fit_the_schema_are_not_written() {
    let reading = ManualClock::at_ms(1_795_000_000_000).read();
    let write = |d: EntryDraft| next_line(&ChainHead::START, d, &reading);
    assert!(write(draft("note").fact("ratio", 0.5)).is_err(), "no fractions in anything hashed");
    assert!(write(draft("Note")).is_err());
    assert!(write(draft("note").about("")).is_err());
    assert!(write(draft(kinds::SEALED)).is_err());
    assert!(write(draft(kinds::CASE_OPENED)).is_err());
    assert!(write(draft(kinds::FRAGMENT)).is_err());
    assert!(write(draft(kinds::DOCUMENT_PRINTED).fact("journal_head", "xyz")).is_err());
    assert!(write(draft("note").fact("text", "x".repeat(2 << 20))).is_err());
    let mut early = reading.clone();
    early.boottime_ms = -1;
    assert!(next_line(&ChainHead::START, draft("note"), &early).is_err());
    assert!(
        next_line(&ChainHead { seq: u64::MAX, hash: Hash32::ZERO }, draft("note"), &reading)
            .is_err()
    );
}

#[test]
fn members_are_closed_and_none_may_be_missing() {
    let line = chain(&["note"], |_, _| {}).remove(0);
    let value: Value = serde_json::from_slice(&line).unwrap();
    for member in value.as_object().unwrap().keys() {
        let mut less = value.clone();
        less.as_object_mut().unwrap().remove(member);
        assert!(
            JournalEntry::parse(&spotcheck_domain::to_canonical(&less).unwrap()).is_err(),
            "{member}"
        );
    }
    let mut more = value;
    more["more"] = json!(1);
    assert!(JournalEntry::parse(&spotcheck_domain::to_canonical(&more).unwrap()).is_err());
}

proptest! {
    /// One changed byte anywhere in a chain is seen.
    #[test]
    fn any_changed_byte_is_seen(
        (line, at, bit) in (0_usize..3, any::<prop::sample::Index>(), 0_u8..8).prop_map(|(l, a, b)| (l, a, b))
    ) {
        let mut lines = chain(&["unlocked", "note", "locked"], |c, _| c.advance_ms(10));
        // The last line's own bytes are covered by whoever keeps the head.
        let before = verify_chain(lines.iter().map(Vec::as_slice), Hash32::ZERO).unwrap().head;
        let at = at.index(lines[line].len());
        lines[line][at] ^= 1 << bit;
        let after = verify_chain(lines.iter().map(Vec::as_slice), Hash32::ZERO);
        assert!(after.is_err() || after.unwrap().head != before);
    }
}
