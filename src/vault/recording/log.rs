//! log.jsonl read so that one wrong bit costs nothing, and more than that costs no bundle.
//!
//! Every line but the last is named by the one behind it, and the last by the writer while it lives; so a line that is
//! not what it was is noticed here, before the log becomes a file of the bag that everybody checks.

use std::collections::BTreeMap;
use std::sync::Arc;

use spotcheck_app::ports::RecordingOrder;
use spotcheck_domain::Clock;
use spotcheck_evidence::Hash32;
use spotcheck_evidence::journal::{ChainHead, EntryDraft, JournalEntry, next_line};

use super::mend::{one_bit, pieces};
use crate::error::VaultError;

/// A log as far as it can be read.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// Lines that are one chain from the beginning.
    pub(super) lines: Vec<Vec<u8>>,
    /// Lines from the first one that is damaged and does not mend; none of them hangs on `lines`.
    pub(super) rest: Vec<Vec<u8>>,
}

impl Log {
    /// Reads a log that hangs on `prev`; `head` is the hash of its last line where somebody knows it. A torn last line
    /// is left out: it was never told.
    pub(super) fn read(bytes: &[u8], prev: Hash32, head: Option<Hash32>) -> Self {
        let mut log = Self::chained(bytes, prev);
        if let (Some(head), true) = (head, log.rest.is_empty()) {
            log.must_end_with(head, prev);
        }
        log
    }

    /// The bytes of the lines that are one chain.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.lines.iter().flat_map(|line| line.iter().copied().chain([b'\n'])).collect()
    }

    /// Milliseconds of media that the lines of these fragments name.
    pub(super) fn media_ms(&self, of: impl Fn(u64) -> bool) -> u64 {
        let entries =
            self.lines.iter().chain(&self.rest).filter_map(|l| JournalEntry::parse(l).ok());
        let of = entries.filter(|entry| entry.fact_number("fragment").is_some_and(&of));
        of.fold(0, |sum, e| sum.saturating_add(e.fact_number("media_ms").unwrap_or(0)))
    }

    /// Writes the lines that are missing up to fragment `until`, with what a damaged line still says of its fragment, or
    /// else what the fragment itself says (hash of its file, milliseconds). They carry the clock of now, which is the
    /// truth about them. Returns how many of them stand for a line that was damaged, and takes `rest`.
    pub(super) fn complete(
        &mut self,
        order: &RecordingOrder,
        clock: &Arc<dyn Clock>,
        first_prev: Hash32,
        until: u64,
        fragment: impl Fn(u64) -> Option<(Hash32, u64)>,
    ) -> Result<u64, VaultError> {
        let rest = std::mem::take(&mut self.rest);
        let mut said = BTreeMap::new();
        for entry in rest.iter().filter_map(|line| JournalEntry::parse(line).ok()) {
            if let Some(number) = entry.fact_number("fragment") {
                said.insert(number, entry);
            }
        }
        let seq = u64::try_from(self.lines.len()).unwrap_or(u64::MAX);
        let mut head = match self.lines.last() {
            Some(line) => ChainHead { seq, hash: Hash32::sha256(line) },
            None => ChainHead::recording(first_prev),
        };
        let until = said.keys().next_back().map_or(until, |last| until.max(*last));
        let mut anew = 0_u64;
        while head.seq < until {
            let number = head.seq.saturating_add(1);
            let draft = |hash: Hash32, media_ms: u64| {
                EntryDraft::fragment(order.device.clone(), &order.path, number, hash)
                    .fact("media_ms", media_ms)
                    .fact("recovered", true)
            };
            let draft = match (said.get(&number), fragment(number)) {
                (Some(entry), _) => {
                    anew = anew.saturating_add(1);
                    let hash = entry.fact_hash("ciphertext_sha256").unwrap_or(Hash32::ZERO);
                    let mut draft = draft(hash, entry.fact_number("media_ms").unwrap_or(0))
                        .fact("first_written", entry.wall.as_str());
                    for fact in ["gaps", "lost_ms"] {
                        if let Some(value) = entry.fact_number(fact) {
                            draft = draft.fact(fact, value);
                        }
                    }
                    draft
                }
                (None, Some((hash, media_ms))) => draft(hash, media_ms),
                (None, None) => {
                    // The fragment is part of a segment, or gone, and its line with it.
                    anew = anew.saturating_add(1);
                    draft(Hash32::ZERO, 0).fact("line_lost", true)
                }
            };
            let (line, next) = next_line(&head, draft, &clock.read())?;
            self.lines.push(line);
            head = next;
        }
        Ok(anew)
    }

    fn chained(bytes: &[u8], first_prev: Hash32) -> Self {
        let all = pieces(bytes);
        let (mut log, mut at) = (Self::default(), 0_usize);
        let mut prev = first_prev;
        while let Some(piece) = all.get(at) {
            if hangs(piece, prev) && (at.saturating_add(1) < all.len() || reads(piece)) {
                prev = Hash32::sha256(piece);
                log.lines.push(piece.to_vec());
                at = at.saturating_add(1);
                continue;
            }
            // Which bit it was may show here or in the line before, which hangs well and is not what it was; and a bit
            // that became a line feed makes two of one.
            let back = usize::from(!log.lines.is_empty());
            let from = at.saturating_sub(back);
            let until = at.saturating_add(2).min(all.len());
            let before = log.lines.len().checked_sub(2).and_then(|index| log.lines.get(index));
            let before = before.map_or(first_prev, |line| Hash32::sha256(line));
            let region = all.get(from..until).unwrap_or_default().join(&b'\n');
            let next = all.get(until).copied();
            if let Some(mended) = one_bit(&region, |text| one_chain(text, before, next)) {
                log.lines.truncate(log.lines.len().saturating_sub(back));
                log.lines.extend(pieces(&mended).into_iter().map(<[u8]>::to_vec));
                prev = log.lines.last().map_or(first_prev, |line| Hash32::sha256(line));
                at = until;
                continue;
            }
            let last = at.saturating_add(1) == all.len();
            if last && !reads(piece) {
                return log;
            }
            // This line is what it was if it reads; then the one before is not.
            let keep = log.lines.len().saturating_sub(if reads(piece) { back } else { 0 });
            log.rest = log.lines.split_off(keep);
            log.rest.extend(all.iter().skip(at).map(|line| line.to_vec()));
            return log;
        }
        log
    }

    /// The writer knows how its log ends: a last line that is another one is mended, or damaged.
    fn must_end_with(&mut self, head: Hash32, first_prev: Hash32) {
        let Some(last) = self.lines.pop() else { return };
        if Hash32::sha256(&last) == head {
            self.lines.push(last);
            return;
        }
        let prev = self.lines.last().map_or(first_prev, |line| Hash32::sha256(line));
        match one_bit(&last, |line| Hash32::sha256(line) == head && hangs(line, prev)) {
            Some(line) => self.lines.push(line),
            None => self.rest.push(last),
        }
    }
}

/// Whether a line names `prev` as the one before it. What else it says, the line behind it holds.
fn hangs(line: &[u8], prev: Hash32) -> bool {
    let member = format!("\"prev\":\"{prev}\"");
    line.windows(member.len()).any(|part| part == member.as_bytes())
}

fn reads(line: &[u8]) -> bool {
    JournalEntry::parse(line).is_ok()
}

/// Whether a text is lines that hang on `prev`, read, and end with what `next` hangs on.
fn one_chain(text: &[u8], mut prev: Hash32, next: Option<&[u8]>) -> bool {
    for line in pieces(text) {
        if !hangs(line, prev) {
            return false;
        }
        prev = Hash32::sha256(line);
    }
    next.is_none_or(|next| hangs(next, prev)) && pieces(text).iter().all(|line| reads(line))
}
