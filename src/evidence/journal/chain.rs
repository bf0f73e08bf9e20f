//! Reading a chain back, line by line.
//!
//! The reader keeps one head, never the lines, so that a journal of any length is checked in constant
//! memory; whoever needs the entries looks at each as it passes.

use spotcheck_domain::time::parse_rfc3339;

use super::{ChainHead, JournalEntry, MAX_LINE_BYTES, kinds};
use crate::{EvidenceError, Hash32};

/// A wall clock that moves against the boot clock by more than this was set (evidence.md §2).
pub const CLOCK_STEP_MS: i64 = 2000;

/// Why a line does not follow from the line before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainFault {
    /// Not RFC 8785, or not an entry of the schema.
    #[error("not an entry of the schema")]
    Form,
    /// The numbers do not count up by one.
    #[error("seq does not follow")]
    Seq,
    /// `prev` is not the hash of the line before.
    #[error("prev is not the hash of the line before")]
    Prev,
    /// The boot clock runs backwards within one boot.
    #[error("boottime runs backwards within one boot")]
    Boottime,
    /// The line is longer than any journal line may be.
    #[error("line too long")]
    TooLong,
    /// The last line has no LF.
    #[error("the last line is cut off")]
    CutOff,
}

/// What the reader knows after the lines it was given.
#[derive(Debug, Clone)]
pub struct ChainState {
    /// Head of the last line.
    pub head: ChainHead,
    /// Clock steps found by comparing wall and boot clock, beyond those entered as `clock_stepped`.
    pub unmarked_steps: u64,
    /// Entries `clock_stepped`.
    pub marked_steps: u64,
}

/// Checks a chain line by line.
#[derive(Debug, Clone)]
pub struct ChainReader {
    state: ChainState,
    boot: Option<(String, u64, i64)>,
}

impl ChainReader {
    /// A chain whose first line must carry `first_prev`.
    #[must_use]
    pub const fn new(first_prev: Hash32) -> Self {
        Self {
            state: ChainState {
                head: ChainHead { seq: 0, hash: first_prev },
                unmarked_steps: 0,
                marked_steps: 0,
            },
            boot: None,
        }
    }

    /// The state so far.
    #[must_use]
    pub const fn state(&self) -> &ChainState {
        &self.state
    }

    /// Takes the next line (without LF).
    ///
    /// # Errors
    /// The line's number and its fault; the reader then still stands at the line before.
    pub fn push(&mut self, line: &[u8]) -> Result<JournalEntry, EvidenceError> {
        let number = self.state.head.seq.saturating_add(1);
        let fault = |fault| EvidenceError::Chain { line: number, fault };
        if line.len() > MAX_LINE_BYTES {
            return Err(fault(ChainFault::TooLong));
        }
        let entry = JournalEntry::parse(line).map_err(|_| fault(ChainFault::Form))?;
        if entry.seq != number {
            return Err(fault(ChainFault::Seq));
        }
        if entry.prev != self.state.head.hash {
            return Err(fault(ChainFault::Prev));
        }
        self.clocks(&entry).map_err(fault)?;
        self.state.head = ChainHead { seq: number, hash: Hash32::sha256(line) };
        Ok(entry)
    }

    /// A recording begun while the vault was locked is entered at the next unlock with the boottime of
    /// the act, so that entry alone may lie before the line above it.
    fn clocks(&mut self, entry: &JournalEntry) -> Result<(), ChainFault> {
        if entry.kind == kinds::CAPTURE_STARTED && entry.facts.contains_key("log_first") {
            return Ok(());
        }
        let boottime = i64::try_from(entry.boottime).unwrap_or(i64::MAX);
        let offset = parse_rfc3339(&entry.wall).unwrap_or(0).saturating_sub(boottime);
        if let Some((boot_id, last, last_offset)) = &self.boot
            && *boot_id == entry.boot_id
        {
            if entry.boottime < *last {
                return Err(ChainFault::Boottime);
            }
            let stepped = offset.saturating_sub(*last_offset).saturating_abs() > CLOCK_STEP_MS;
            if stepped && entry.kind != kinds::CLOCK_STEPPED {
                self.state.unmarked_steps = self.state.unmarked_steps.saturating_add(1);
            }
        }
        if entry.kind == kinds::CLOCK_STEPPED {
            self.state.marked_steps = self.state.marked_steps.saturating_add(1);
        }
        self.boot = Some((entry.boot_id.clone(), entry.boottime, offset));
        Ok(())
    }
}

/// Checks a whole chain; `lines` come without their LF.
///
/// # Errors
/// [`EvidenceError::Chain`] with number and fault of the first bad line.
pub fn verify_chain<'a>(
    lines: impl IntoIterator<Item = &'a [u8]>,
    first_prev: Hash32,
) -> Result<ChainState, EvidenceError> {
    let mut reader = ChainReader::new(first_prev);
    for line in lines {
        reader.push(line)?;
    }
    Ok(reader.state.clone())
}
