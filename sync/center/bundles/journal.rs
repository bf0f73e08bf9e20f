//! The device journal at the centre: each upload must continue what is there.
//!
//! Lines that the centre has already may come again; they must be the same bytes. A handheld that rewrote
//! its journal contradicts itself here.

use spotcheck_evidence::Hash32;
use spotcheck_evidence::journal::JournalEntry;
use spotcheck_wire::bundles::{JOURNAL_SCHEMA, JournalUpload};

use crate::Result;
use crate::centre::Centre;
use crate::guarded;

/// What became of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JournalOutcome {
    /// Kept; last sequence number.
    Accepted(u64),
    /// Does not continue what is there, which ends at this number.
    Gap(u64),
    /// Lines that are no entries of this device's journal.
    Malformed,
}

/// Checks continuity and keeps the new lines.
///
/// # Errors
/// Those of the database.
pub fn take_journal(
    centre: &Centre,
    device: &str,
    upload: &JournalUpload,
) -> Result<JournalOutcome> {
    if upload.schema != JOURNAL_SCHEMA {
        return Ok(JournalOutcome::Malformed);
    }
    let (last_seq, mut head) = match centre.repo().journal_head(device)? {
        Some((seq, line)) => (seq, Hash32::sha256(&line)),
        None => (0, Hash32([0; 32])),
    };
    let mut seq = last_seq;
    let (mut new, mut views) = (Vec::new(), Vec::new());
    for line in &upload.lines {
        let line = line.as_bytes();
        let Ok(entry) = JournalEntry::parse(line) else { return Ok(JournalOutcome::Malformed) };
        if entry.device.as_str() != device {
            return Ok(JournalOutcome::Malformed);
        }
        if entry.seq <= last_seq && new.is_empty() {
            if centre.repo().journal_line(device, entry.seq)?.as_deref() != Some(line) {
                tracing::error!(device, seq = entry.seq, "A device journal contradicts itself.");
                return Ok(JournalOutcome::Gap(last_seq));
            }
            continue;
        }
        if entry.seq != seq.saturating_add(1) || entry.prev != head {
            tracing::warn!(device, seq = entry.seq, last_seq, "A device journal has a gap.");
            return Ok(JournalOutcome::Gap(last_seq));
        }
        seq = entry.seq;
        head = Hash32::sha256(line);
        new.push(line.to_vec());
        views.extend(guarded::view_of(&entry));
    }
    if new.is_empty() {
        return Ok(JournalOutcome::Accepted(seq));
    }
    if centre.repo().append_journal(device, last_seq, &new, &views)? {
        guarded::tell(centre, device, &views)?;
        return Ok(JournalOutcome::Accepted(seq));
    }
    // Another upload of the same journal was faster: what it kept counts.
    let now = centre.repo().journal_head(device)?.map_or(0, |(seq, _)| seq);
    Ok(JournalOutcome::Gap(now))
}
