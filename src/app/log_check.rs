//! The recording logs against the case journal: each hangs on its `capture_started`, is one chain, and ends with the
//! line that `capture_stopped` names. The centre and `spotcheck-verify` ask the same of a sealed bundle.

use std::collections::BTreeMap;

use spotcheck_domain::{CaseId, TroubleResult};
use spotcheck_evidence::Hash32;
use spotcheck_evidence::journal::{JournalEntry, kinds, verify_chain};

use crate::handheld::Handheld;
use crate::model::{Evidence, kind};
use crate::troubles;

/// What the journal says of a recording.
#[derive(Default)]
struct Said {
    /// Hash of `capture_started`, and of the log's first line where it was begun while locked.
    started: Vec<(Hash32, Option<Hash32>)>,
    head: Option<Hash32>,
    fragments: Option<u64>,
}

impl Handheld {
    /// Checks the log of every recording of a case that has ended; returns how many there are. Needs an unlocked
    /// officer of the case.
    ///
    /// # Errors
    /// `JOURNAL-LOG` (a verdict) where a log is not what the journal says; a log that cannot be read.
    pub fn verify_recording_logs(&mut self, case: &CaseId) -> TroubleResult<u64> {
        let mut said: BTreeMap<String, Said> = BTreeMap::new();
        for line in self.case_chain(case)?.lines()? {
            let entry = JournalEntry::parse(&line.line).map_err(troubles::broken_chain)?;
            let Some(path) = entry.subject.clone() else { continue };
            match entry.kind.as_str() {
                kinds::CAPTURE_STARTED => {
                    let begun = (Hash32::sha256(&line.line), entry.fact_hash("log_first"));
                    said.entry(path).or_default().started.push(begun);
                }
                kinds::CAPTURE_STOPPED => {
                    let of = said.entry(path).or_default();
                    of.head = entry.fact_hash("log_head");
                    of.fragments = entry.fact_number("fragments");
                }
                _ => {}
            }
        }
        let items: Vec<(String, Evidence)> = self.case_chain(case)?.values(kind::EVIDENCE)?;
        let mut checked = 0_u64;
        for (id, item) in items {
            let Some(file) = &item.log else { continue };
            let log = self.ports.blobs.recording_log(case, &item.path, Some(file))?;
            let of = said.remove(&item.path).unwrap_or_default();
            fits(&log, &of).map_err(|cause| troubles::broken_log(&id, cause))?;
            checked = checked.saturating_add(1);
        }
        Ok(checked)
    }
}

/// What does not fit, if anything.
fn fits(log: &[u8], said: &Said) -> Result<(), &'static str> {
    let whole = log.strip_suffix(b"\n").ok_or("cut off")?;
    let lines: Vec<&[u8]> = whole.split(|byte| *byte == b'\n').collect();
    let first = lines.first().ok_or("empty")?;
    let prev = JournalEntry::parse(first).map_err(|_| "form")?.prev;
    let hash = Hash32::sha256(first);
    let hangs = said.started.iter().any(|(line, log_first)| match log_first {
        Some(log_first) => prev == Hash32::ZERO && *log_first == hash,
        None => prev == *line,
    });
    if !hangs {
        return Err("begins elsewhere");
    }
    let state = verify_chain(lines.iter().copied(), prev).map_err(|_| "chain")?;
    if said.head != Some(state.head.hash) {
        return Err("ends elsewhere");
    }
    if said.fragments.is_some_and(|n| n != state.head.seq) {
        return Err("number of fragments");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests may panic")]
    use spotcheck_domain::{Clock, DeviceId, ManualClock};
    use spotcheck_evidence::journal::{ChainHead, EntryDraft, next_line};

    use super::*;

    const PATH: &str = "data/media/0002.ogg";

    /// A log that hangs on `prev`, of so many fragments: bytes, hash of the first line, of the last.
    fn log(prev: Hash32, fragments: u64) -> (Vec<u8>, Hash32, Hash32) {
        let clock = ManualClock::at_ms(1_795_000_000_000);
        let device = DeviceId::parse("D-0001").unwrap();
        let (mut head, mut bytes, mut first) = (ChainHead::recording(prev), Vec::new(), None);
        for n in 1..=fragments {
            let draft = EntryDraft::fragment(device.clone(), PATH, n, Hash32::sha256(b"age"));
            let (line, next) = next_line(&head, draft, &clock.read()).unwrap();
            head = next;
            bytes.extend_from_slice(&line);
            bytes.push(b'\n');
            first.get_or_insert(head.hash);
        }
        (bytes, first.unwrap(), head.hash)
    }

    /// R10, R30: a log that is whole in itself and is not the one that the journal speaks of is found, as one that was
    /// cut, continued, or changed inside.
    #[test]
    fn r10_a_log_must_be_the_one_that_the_journal_speaks_of() {
        let begun = Hash32::sha256(b"capture_started");
        let (bytes, first, last) = log(begun, 3);
        let said = |started, head, fragments| Said {
            started: vec![started],
            head: Some(head),
            fragments: Some(fragments),
        };
        let good = said((begun, None), last, 3);
        assert_eq!(fits(&bytes, &good), Ok(()));
        let cut =
            bytes.split_inclusive(|b| *b == b'\n').take(2).flatten().copied().collect::<Vec<_>>();
        assert_eq!(fits(&cut, &good), Err("ends elsewhere"));
        let (_, last) = cut.split_last().unwrap();
        assert_eq!(fits(last, &good), Err("cut off"));
        assert_eq!(fits(&log(begun, 4).0, &good), Err("ends elsewhere"));
        assert_eq!(fits(&log(Hash32::sha256(b"another"), 3).0, &good), Err("begins elsewhere"));
        let changed = String::from_utf8(bytes.clone()).unwrap().replacen(
            "\"fragment\":2",
            "\"fragment\":9",
            1,
        );
        assert_eq!(fits(changed.as_bytes(), &good), Err("chain"));
        assert_eq!(fits(b"", &good), Err("cut off"));
        let miscounted = said((begun, None), log(begun, 3).2, 4);
        assert_eq!(fits(&bytes, &miscounted), Err("number of fragments"));

        // Begun while locked: it hangs on zeros, and the journal names its first line.
        let (early, early_first, early_last) = log(Hash32::ZERO, 2);
        assert_eq!(fits(&early, &said((begun, Some(early_first)), early_last, 2)), Ok(()));
        assert_eq!(
            fits(&early, &said((begun, Some(first)), early_last, 2)),
            Err("begins elsewhere")
        );
    }
}
