//! The case journal and the recording logs, read once as a stream of lines.
//!
//! The lines themselves are not kept. What is kept per payload file is the hash in the last entry about
//! it, and of every line the 16 digits that may be printed on paper.

use std::collections::{BTreeMap, BTreeSet};

use spotcheck_domain::DeviceId;

use super::report::Findings;
use crate::journal::{
    ChainFault, ChainReader, ChainState, JOURNAL_SCHEMA, JournalEntry, MAX_LINE_BYTES, kinds,
};
use crate::record::{JOURNAL_PATH, RECORD_PATH};
use crate::{EvidenceError, Hash32};

/// `capture_started` of a recording.
pub(super) struct Started {
    /// Hash of the line: `prev` of the log's first line, if the vault was open.
    pub(super) line: Hash32,
    /// Hash of the log's first line, if the vault was locked.
    pub(super) log_first: Option<Hash32>,
}

/// `capture_stopped` of a recording.
pub(super) struct Stopped {
    pub(super) log: Option<String>,
    pub(super) log_head: Option<Hash32>,
    pub(super) fragments: Option<u64>,
}

/// What the journal says.
#[derive(Default)]
pub(super) struct Journal {
    /// Number of lines.
    pub(super) entries: u64,
    /// Hash in the last entry about each payload file.
    pub(super) last_hash: BTreeMap<String, Option<Hash32>>,
    /// Recordings by the path of the media file.
    pub(super) started: BTreeMap<String, Vec<Started>>,
    pub(super) stopped: BTreeMap<String, Stopped>,
    /// `log_closed` by the path of the log.
    pub(super) logs_closed: BTreeSet<String>,
    /// `content_sha256` of `document_frozen` by the path of the elements file.
    pub(super) frozen: BTreeMap<String, Option<Hash32>>,
    /// First 16 digits of every line's hash.
    pub(super) heads: BTreeSet<String>,
    /// Task named by the first line.
    pub(super) task: Option<String>,
    /// Bundle named by the first line, if it names one.
    pub(super) bundle: Option<String>,
    pub(super) marked_steps: u64,
    pub(super) unmarked_steps: u64,
    /// Who wrote it, in order: one handheld, or several where the case was rescued from a second copy.
    pub(super) devices: Vec<DeviceId>,
    /// Handhelds that a line names as those before it. What was captured at the door of one that is gone has no
    /// journal by it, but recording logs.
    pub(super) before: Vec<DeviceId>,
}

/// Splits a stream of blocks into lines and feeds a chain.
pub(super) struct LineJudge {
    reader: ChainReader,
    buffer: Vec<u8>,
    fault: Option<ChainFault>,
}

impl LineJudge {
    pub(super) fn new(first_prev: Hash32) -> Self {
        Self { reader: ChainReader::new(first_prev), buffer: Vec::new(), fault: None }
    }

    /// Takes a block; `each` sees every good entry with the chain after it.
    pub(super) fn take(&mut self, block: &[u8], each: &mut dyn FnMut(JournalEntry, &ChainState)) {
        if self.fault.is_some() {
            return;
        }
        for piece in block.split_inclusive(|b| *b == b'\n') {
            self.buffer.extend_from_slice(piece);
            if self.buffer.len() > MAX_LINE_BYTES.saturating_add(1) {
                self.fault = Some(ChainFault::TooLong);
                return;
            }
            if self.buffer.last() != Some(&b'\n') {
                continue;
            }
            self.buffer.pop();
            match self.reader.push(&self.buffer) {
                Ok(entry) => each(entry, self.reader.state()),
                Err(EvidenceError::Chain { fault, .. }) => self.fault = Some(fault),
                Err(_) => self.fault = Some(ChainFault::Form),
            }
            if self.fault.is_some() {
                return;
            }
            self.buffer.clear();
        }
    }

    /// Ends the stream.
    pub(super) fn finish(mut self) -> Result<ChainState, ChainFault> {
        if !self.buffer.is_empty() && self.fault.is_none() {
            self.fault = Some(ChainFault::CutOff);
        }
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(self.reader.state().clone()),
        }
    }
}

/// Code of a chain's fault.
pub(super) fn fault_code(fault: ChainFault) -> &'static str {
    match fault {
        ChainFault::Form => "JOURNAL-FORM",
        ChainFault::Seq => "JOURNAL-SEQ",
        ChainFault::Prev => "JOURNAL-PREV",
        ChainFault::Boottime => "JOURNAL-BOOTTIME",
        ChainFault::TooLong => "JOURNAL-LINE-TOO-LONG",
        ChainFault::CutOff => "JOURNAL-CUT-OFF",
    }
}

/// Reads the case journal.
pub(super) struct JournalJudge<'a> {
    lines: LineJudge,
    journal: Journal,
    device: Option<&'a DeviceId>,
    last: Option<LastLine>,
    findings: Vec<(&'static str, Option<String>)>,
    unknown: BTreeSet<String>,
}

struct LastLine {
    kind: String,
    subject: Option<String>,
    hash: Option<Hash32>,
    entries: Option<u64>,
}

impl<'a> JournalJudge<'a> {
    pub(super) fn new(device: Option<&'a DeviceId>) -> Self {
        Self {
            lines: LineJudge::new(Hash32::ZERO),
            journal: Journal::default(),
            device,
            last: None,
            findings: Vec::new(),
            unknown: BTreeSet::new(),
        }
    }

    pub(super) fn take(&mut self, block: &[u8]) {
        let Self { lines, journal, last, findings, unknown, .. } = self;
        lines.take(block, &mut |entry, state| {
            journal.add(&entry, state, findings, unknown);
            *last = Some(LastLine {
                entries: entry.fact_number("entries"),
                kind: entry.kind,
                subject: entry.subject,
                hash: entry.hash,
            });
        });
    }

    /// Ends the journal; `record` is the hash of the record.json that is there.
    pub(super) fn finish(self, record: Option<Hash32>, out: &mut Findings) -> Option<Journal> {
        for (code, path) in self.findings {
            out.error(code, path.as_deref().or(Some(JOURNAL_PATH)));
        }
        for kind in self.unknown {
            out.not_judged("JOURNAL-UNKNOWN-KIND", Some(&kind));
        }
        let mut journal = self.journal;
        // Whoever wrote the last line sealed it.
        let sealer = journal.devices.last();
        if sealer.is_some() && self.device.is_some() && sealer != self.device {
            out.error("JOURNAL-OTHER-DEVICE", Some(JOURNAL_PATH));
        }
        if journal.devices.len() > 1 || !journal.before.is_empty() {
            out.warn("JOURNAL-RESCUED", Some(JOURNAL_PATH));
        }
        match self.lines.finish() {
            Ok(state) => {
                journal.entries = state.head.seq;
                journal.marked_steps = state.marked_steps;
                journal.unmarked_steps = state.unmarked_steps;
            }
            Err(fault) => {
                out.error(fault_code(fault), Some(JOURNAL_PATH));
                return None;
            }
        }
        let sealed = self.last.filter(|l| l.kind == kinds::SEALED);
        let Some(sealed) = sealed else {
            out.error("JOURNAL-NOT-SEALED", Some(JOURNAL_PATH));
            return Some(journal);
        };
        let of_record = sealed.subject.as_deref() == Some(RECORD_PATH)
            && record.is_none_or(|r| sealed.hash == Some(r));
        if !of_record {
            out.error("JOURNAL-SEALED-OTHER-RECORD", Some(JOURNAL_PATH));
        }
        if sealed.entries != Some(journal.entries) {
            out.error("JOURNAL-ENTRIES", Some(JOURNAL_PATH));
        }
        Some(journal)
    }
}

impl Journal {
    fn add(
        &mut self,
        entry: &JournalEntry,
        state: &ChainState,
        findings: &mut Vec<(&'static str, Option<String>)>,
        unknown: &mut BTreeSet<String>,
    ) {
        let mut error = |code| findings.push((code, None));
        if entry.seq == 1 {
            self.first(entry, &mut error);
        } else if entry.kind == kinds::CASE_OPENED {
            error("JOURNAL-OPENED-TWICE");
        }
        if self.last_hash.contains_key(RECORD_PATH) {
            error("JOURNAL-AFTER-SEALED");
        }
        if self.devices.last() != Some(&entry.device) {
            // It changes only by an entry that says from which one it took over.
            let from = self.devices.last().map(DeviceId::as_str);
            if from.is_some()
                && (entry.kind != kinds::RESCUED || entry.fact_text("from_device") != from)
            {
                error("JOURNAL-OTHER-DEVICE");
            }
            if self.devices.len() < 100 {
                self.devices.push(entry.device.clone());
            }
        }
        if entry.kind == kinds::RESCUED
            && self.before.len() < 100
            && let Some(from) = entry.fact_text("from_device")
            && let Ok(from) = DeviceId::parse(from)
        {
            self.before.push(from);
        }
        if !kinds::CASE.contains(&entry.kind.as_str()) && unknown.len() < 100 {
            unknown.insert(entry.kind.clone());
        }
        if entry.kind == kinds::DOCUMENT_PRINTED
            && entry.fact_text("journal_head").is_none_or(|h| !self.heads.contains(h))
        {
            error("JOURNAL-PRINTED-HEAD");
        }
        self.heads.insert(state.head.hash.head16());
        let Some(subject) = entry.subject.as_deref() else { return };
        if subject.starts_with("data/") {
            self.last_hash.insert(subject.to_owned(), entry.hash);
        }
        match entry.kind.as_str() {
            kinds::CAPTURE_STARTED => self
                .started
                .entry(subject.to_owned())
                .or_default()
                .push(Started { line: state.head.hash, log_first: entry.fact_hash("log_first") }),
            kinds::CAPTURE_STOPPED => {
                let stopped = Stopped {
                    log: entry.fact_text("log").map(str::to_owned),
                    log_head: entry.fact_hash("log_head"),
                    fragments: entry.fact_number("fragments"),
                };
                self.stopped.insert(subject.to_owned(), stopped);
            }
            kinds::LOG_CLOSED => {
                self.logs_closed.insert(subject.to_owned());
            }
            kinds::DOCUMENT_FROZEN => {
                self.frozen.insert(subject.to_owned(), entry.fact_hash("content_sha256"));
            }
            _ => {}
        }
    }

    fn first(&mut self, entry: &JournalEntry, error: &mut dyn FnMut(&'static str)) {
        if entry.kind != kinds::CASE_OPENED {
            error("JOURNAL-NOT-OPENED");
            return;
        }
        if entry.fact_text("schema") != Some(JOURNAL_SCHEMA) {
            error("JOURNAL-SCHEMA");
        }
        self.task = entry.fact_text("task").map(str::to_owned);
        self.bundle = entry.subject.clone().filter(|s| s.starts_with("EVID-"));
    }
}
