//! What the handheld checks of the centre's transparency log: signature, growth and time entries.
//!
//! The checks themselves are `evidence::tlog`; this module holds the questions a sync asks. Growth is
//! checked against the newest checkpoint the handheld has seen, at every sync: a centre that rewrote its
//! log would have to show every handheld its own version for ever.

use spotcheck_domain::time::parse_rfc3339;
use spotcheck_evidence::Hash32;
use spotcheck_evidence::entry::LogEntry;
use spotcheck_evidence::tlog::{Checkpoint, LogKey, LogProof, parse_hash, verify_consistency};

use crate::error::{Error, Result};

fn fault(error: impl std::fmt::Display) -> Error {
    Error::Log(error.to_string())
}

/// The log of the centre this handheld is enrolled with.
pub(crate) struct Log {
    key: LogKey,
}

impl Log {
    /// By the C2SP vkey of the enrolment.
    pub(crate) fn new(vkey: &str) -> Result<Self> {
        Ok(Self { key: LogKey::parse(vkey).map_err(fault)? })
    }

    /// The checkpoint of a signed note.
    pub(crate) fn checkpoint(&self, note: &str) -> Result<Checkpoint> {
        Checkpoint::open(note, &self.key).map_err(fault)
    }

    /// Number of leaves of the newest checkpoint seen, 0 if there is none: `?from_size=`.
    pub(crate) fn seen_size(&self, last: Option<&str>) -> Result<u64> {
        last.map_or(Ok(0), |note| Ok(self.checkpoint(note)?.size))
    }

    /// `new` contains everything `last` contained. `proof`: base64 hashes from the smaller to the larger.
    ///
    /// A receipt's checkpoint may be older than the newest one seen (pull between seal and receipt); then
    /// the proof is the other way round and says the same.
    pub(crate) fn continues(
        &self,
        last: Option<&str>,
        new: &Checkpoint,
        proof: &[String],
    ) -> Result<()> {
        let Some(last) = last else { return Ok(()) };
        let last = self.checkpoint(last)?;
        let hashes: Option<Vec<Hash32>> = proof.iter().map(|h| parse_hash(h)).collect();
        let hashes = hashes.ok_or_else(|| fault("consistency proof is not base64 of hashes"))?;
        let (old, new) = if last.size <= new.size { (&last, new) } else { (new, &last) };
        verify_consistency(old, new, &hashes).map_err(fault)
    }

    /// The moment of a time entry (milliseconds since 1970) that `proof` shows to be in the log, and the
    /// checkpoint it was shown under.
    pub(crate) fn time_entry(&self, entry: &str, proof: &str) -> Result<(i64, Checkpoint)> {
        let wrong = |cause: String| Error::TimeEntry(cause);
        let LogEntry::Time(time) =
            LogEntry::parse(entry.as_bytes()).map_err(|error| wrong(error.to_string()))?
        else {
            return Err(wrong("an entry of another type".to_owned()));
        };
        let proof = LogProof::parse(proof).map_err(|error| wrong(error.to_string()))?;
        let checkpoint =
            proof.verify(entry.as_bytes(), &self.key).map_err(|error| wrong(error.to_string()))?;
        let at = parse_rfc3339(&time.at).ok_or_else(|| wrong("not a time".to_owned()))?;
        Ok((at, checkpoint))
    }

    /// The key, for the proof of a receipt.
    pub(crate) fn key(&self) -> &LogKey {
        &self.key
    }
}
