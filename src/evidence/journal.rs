//! The one entry form of the device journal, the case journal and the recording logs.
//!
//! A chain is sans-I/O: a head and a draft give a line and the next head. Whoever stores the line decides
//! about files, databases and fsync; nobody else computes a hash. Lines are RFC 8785 JSON, `prev` is the
//! SHA-256 of the line before without its LF (evidence.md §2, schema `spotcheck-journal-entry/1`).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use spotcheck_domain::{
    BundleId, ClockReading, ClockSource, DeviceId, OfficerId, PackageId, TaskId, rfc3339,
    to_canonical,
};

use crate::form::{Checker, is_head16, is_kind, is_uuid, parse_exact, required};
use crate::{EvidenceError, Hash32};

pub use self::chain::{CLOCK_STEP_MS, ChainFault, ChainReader, ChainState, verify_chain};

mod chain;
pub mod kinds;

/// Schema named by the first entry of a device or case journal.
pub const JOURNAL_SCHEMA: &str = "spotcheck-journal/1";
const ENTRY_SCHEMA: &str = "spotcheck-journal-entry/1";

/// Longest line that is written or read, in bytes without the LF.
pub const MAX_LINE_BYTES: usize = 1 << 20;

/// End of a chain: number and hash of its last line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainHead {
    /// Number of lines so far.
    pub seq: u64,
    /// SHA-256 of the last line; of an empty chain what its first line carries as `prev`.
    #[serde(rename = "head")]
    pub hash: Hash32,
}

impl ChainHead {
    /// An empty chain whose first line has 64 zeros as `prev`: device journal, case journal, and a
    /// recording begun while the vault was locked.
    pub const START: Self = Self { seq: 0, hash: Hash32::ZERO };

    /// An empty recording log that hangs on its `capture_started` line.
    #[must_use]
    pub const fn recording(capture_started: Hash32) -> Self {
        Self { seq: 0, hash: capture_started }
    }
}

/// How good the wall time of an entry is believed to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryQuality {
    /// The system says that its clock is synchronised.
    pub synced: bool,
    /// Estimated error in milliseconds, where known.
    #[serde(deserialize_with = "required")]
    pub error_ms: Option<u64>,
}

/// Where the wall time of an entry comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryClock {
    /// Source.
    pub source: ClockSource,
    /// Quality.
    pub quality: EntryQuality,
}

/// One line of a journal. Members are exactly those of the schema; serialise with [`next_line`] only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalEntry {
    /// Number of the line, from 1.
    pub seq: u64,
    /// SHA-256 of the line before.
    pub prev: Hash32,
    /// Wall time, RFC 3339 with offset.
    pub wall: String,
    /// `CLOCK_BOOTTIME` in milliseconds.
    pub boottime: u64,
    /// Boot id, a lower-case UUID.
    pub boot_id: String,
    /// Where the wall time comes from.
    pub clock: EntryClock,
    /// Who acted; `None` where nobody has unlocked.
    #[serde(deserialize_with = "required")]
    pub officer: Option<OfficerId>,
    /// The handheld.
    pub device: DeviceId,
    /// What happened, see [`kinds`]; unknown kinds are allowed and shown as not judged.
    pub kind: String,
    /// An id, or the path in the bag of a payload file.
    #[serde(deserialize_with = "required")]
    pub subject: Option<String>,
    /// Particulars of the kind; integers, texts, booleans only.
    pub facts: Map<String, Value>,
    /// SHA-256 of what the entry speaks of, if that is a finished file of the bundle.
    #[serde(deserialize_with = "required")]
    pub hash: Option<Hash32>,
}

/// What the caller knows about a new entry; chain and clock add the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryDraft {
    /// Who acted; `None` where nobody has unlocked.
    pub officer: Option<OfficerId>,
    /// The handheld.
    pub device: DeviceId,
    /// What happened, see [`kinds`].
    pub kind: String,
    /// An id, or the path in the bag of a payload file.
    pub subject: Option<String>,
    /// Particulars of the kind.
    pub facts: Map<String, Value>,
    /// SHA-256 of what the entry speaks of, if that is a finished file of the bundle.
    pub hash: Option<Hash32>,
}

impl EntryDraft {
    /// A draft without subject, facts and hash.
    #[must_use]
    pub fn new(officer: Option<OfficerId>, device: DeviceId, kind: &str) -> Self {
        Self {
            officer,
            device,
            kind: kind.to_owned(),
            subject: None,
            facts: Map::new(),
            hash: None,
        }
    }

    /// Sets the subject.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Adds one fact.
    #[must_use]
    pub fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    /// Sets the hash of the finished file that the entry is about.
    #[must_use]
    pub const fn hashed(mut self, hash: Hash32) -> Self {
        self.hash = Some(hash);
        self
    }

    /// First line of a case journal: the head of the device journal goes in, so that neither can be
    /// rewritten alone.
    #[must_use]
    pub fn case_opened(
        officer: OfficerId,
        device: DeviceId,
        bundle: &BundleId,
        task: &TaskId,
        package: Option<&PackageId>,
        device_journal: ChainHead,
    ) -> Self {
        Self::new(Some(officer), device, kinds::CASE_OPENED)
            .about(bundle.as_str())
            .fact("schema", JOURNAL_SCHEMA)
            .fact("task", task.as_str())
            .fact("package", package.map_or(Value::Null, |p| Value::from(p.as_str())))
            .fact(
                "device_journal",
                serde_json::json!({"seq": device_journal.seq, "head": device_journal.hash.to_string()}),
            )
    }

    /// Last line of a case journal. `before` is the head of the line before it; `entries` counts this
    /// line too.
    #[must_use]
    pub fn sealed(
        officer: OfficerId,
        device: DeviceId,
        record_sha256: Hash32,
        before: ChainHead,
        officers: &[OfficerId],
    ) -> Self {
        let officers: Vec<Value> = officers.iter().map(|o| Value::from(o.as_str())).collect();
        Self::new(Some(officer), device, kinds::SEALED)
            .about("data/record.json")
            .fact("entries", before.seq.saturating_add(1))
            .fact("officers", officers)
            .hashed(record_sha256)
    }

    /// A recording began; `path` is that of its media file. `log_first` is the hash of the log's first
    /// line where the recording began while the vault was locked (the caller then gives the boottime of
    /// the act in the clock reading).
    #[must_use]
    pub fn capture_started(
        officer: Option<OfficerId>,
        device: DeviceId,
        path: &str,
        evidence: &str,
        log_first: Option<Hash32>,
    ) -> Self {
        let draft = Self::new(officer, device, kinds::CAPTURE_STARTED)
            .about(path)
            .fact("evidence", evidence);
        match log_first {
            Some(hash) => draft.fact("log_first", hash.to_string()),
            None => draft,
        }
    }

    /// A capture is finished and its file has this hash. `log` is path and head of the recording log; the
    /// head's number is that of the fragments.
    #[must_use]
    pub fn capture_stopped(
        officer: Option<OfficerId>,
        device: DeviceId,
        path: &str,
        evidence: &str,
        sha256: Hash32,
        log: Option<(&str, ChainHead)>,
    ) -> Self {
        let draft = Self::new(officer, device, kinds::CAPTURE_STOPPED)
            .about(path)
            .fact("evidence", evidence)
            .hashed(sha256);
        match log {
            Some((log, head)) => draft
                .fact("fragments", head.seq)
                .fact("log", log)
                .fact("log_head", head.hash.to_string()),
            None => draft,
        }
    }

    /// The recording log is a payload file now, with this hash.
    #[must_use]
    pub fn log_closed(
        officer: Option<OfficerId>,
        device: DeviceId,
        log: &str,
        sha256: Hash32,
    ) -> Self {
        Self::new(officer, device, kinds::LOG_CLOSED).about(log).hashed(sha256)
    }

    /// A version of a document is frozen; `elements` is the path of its elements file, `content` that
    /// file's SHA-256, which is the content hash.
    #[must_use]
    pub fn document_frozen(
        officer: OfficerId,
        device: DeviceId,
        document: &str,
        version: u64,
        elements: &str,
        content: Hash32,
    ) -> Self {
        Self::new(Some(officer), device, kinds::DOCUMENT_FROZEN)
            .about(elements)
            .fact("document", document)
            .fact("version", version)
            .fact("content_sha256", content.to_string())
            .hashed(content)
    }

    /// A line of a recording log. `subject` is the path in the bag of the recording it belongs to,
    /// `fragment` counts from 1.
    #[must_use]
    pub fn fragment(
        device: DeviceId,
        subject: &str,
        fragment: u64,
        ciphertext_sha256: Hash32,
    ) -> Self {
        Self::new(None, device, kinds::FRAGMENT)
            .about(subject)
            .fact("fragment", fragment)
            .fact("ciphertext_sha256", ciphertext_sha256.to_string())
    }
}

impl JournalEntry {
    /// Reads one line (without LF) and checks it against the schema.
    ///
    /// # Errors
    /// Not RFC 8785, not the closed members, a text that does not fit its pattern, or a fact that the
    /// schema demands of its kind is missing.
    pub fn parse(line: &[u8]) -> Result<Self, EvidenceError> {
        let entry: Self = parse_exact(line)?;
        entry.check()?;
        Ok(entry)
    }

    /// Checks the patterns of the schema that the types do not hold by themselves.
    ///
    /// # Errors
    /// [`EvidenceError::Schema`] naming the member.
    pub fn check(&self) -> Result<(), EvidenceError> {
        let c = Checker::new(ENTRY_SCHEMA);
        c.int("seq", self.seq, 1)?;
        c.time("wall", &self.wall)?;
        c.int("boottime", self.boottime, 0)?;
        c.that("boot_id", is_uuid(&self.boot_id))?;
        c.int("clock.quality.error_ms", self.clock.quality.error_ms.unwrap_or(0), 0)?;
        c.that("kind", is_kind(&self.kind))?;
        c.opt_text("subject", self.subject.as_ref())?;
        match self.kind.as_str() {
            kinds::SEALED => {
                c.that("facts.entries", self.facts.contains_key("entries"))?;
                c.that("hash", self.hash.is_some())
            }
            kinds::FRAGMENT => {
                c.that("facts.fragment", self.facts.contains_key("fragment"))?;
                c.that("facts.ciphertext_sha256", self.facts.contains_key("ciphertext_sha256"))?;
                c.that("hash", self.hash.is_none())
            }
            kinds::CASE_OPENED => {
                c.that("facts.schema", self.facts.contains_key("schema"))?;
                c.that("facts.device_journal", self.device_journal().is_some_and(|h| h.seq >= 1))
            }
            kinds::DOCUMENT_PRINTED => {
                c.that("facts.journal_head", self.fact_text("journal_head").is_some_and(is_head16))
            }
            _ => Ok(()),
        }
    }

    /// A fact that is a text.
    #[must_use]
    pub fn fact_text(&self, name: &str) -> Option<&str> {
        self.facts.get(name).and_then(Value::as_str)
    }

    /// A fact that is a hash.
    #[must_use]
    pub fn fact_hash(&self, name: &str) -> Option<Hash32> {
        self.fact_text(name).and_then(Hash32::parse)
    }

    /// A fact that is a number.
    #[must_use]
    pub fn fact_number(&self, name: &str) -> Option<u64> {
        self.facts.get(name).and_then(Value::as_u64)
    }

    /// The device journal's head in a `case_opened` entry.
    #[must_use]
    pub fn device_journal(&self) -> Option<ChainHead> {
        self.facts.get("device_journal").and_then(|v| serde_json::from_value(v.clone()).ok())
    }
}

/// The next line of a chain, without its LF, and the head after it.
///
/// # Errors
/// A draft that does not fit the schema (a fractional number in `facts`, an empty subject, a missing
/// fact), a clock reading before 1970 or before boot, or a line above [`MAX_LINE_BYTES`].
pub fn next_line(
    head: &ChainHead,
    draft: EntryDraft,
    reading: &ClockReading,
) -> Result<(Vec<u8>, ChainHead), EvidenceError> {
    let schema = |at: &str| EvidenceError::Schema { schema: ENTRY_SCHEMA, at: at.to_owned() };
    let entry = JournalEntry {
        seq: head.seq.checked_add(1).ok_or_else(|| schema("seq"))?,
        prev: head.hash,
        wall: rfc3339(reading.wall_ms),
        boottime: u64::try_from(reading.boottime_ms).map_err(|_| schema("boottime"))?,
        boot_id: reading.boot_id.clone(),
        clock: EntryClock {
            source: reading.source,
            quality: EntryQuality {
                synced: reading.quality.synced,
                error_ms: reading.quality.error_ms.and_then(|ms| u64::try_from(ms).ok()),
            },
        },
        officer: draft.officer,
        device: draft.device,
        kind: draft.kind,
        subject: draft.subject,
        facts: draft.facts,
        hash: draft.hash,
    };
    entry.check()?;
    let line = to_canonical(&entry)?;
    if line.len() > MAX_LINE_BYTES {
        return Err(schema("facts"));
    }
    let hash = Hash32::sha256(&line);
    Ok((line, ChainHead { seq: entry.seq, hash }))
}

#[cfg(test)]
mod tests;
