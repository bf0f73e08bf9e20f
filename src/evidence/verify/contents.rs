//! The payload: every file against manifests, record.json and journal.
//!
//! Each payload file must be in exactly one place of record.json and its final hash in the journal's last
//! entry about it; the manifest alone would let record, journal and files tell three stories.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Judged;
use super::journal::{Journal, JournalJudge, LineJudge, fault_code};
use super::record::{judge_record, judge_record_journal};
use super::report::{FileReport, FileState};
use super::source::{BagSource, SourceFault};
use crate::bag::{BAG_INFO, parse_bag_info};
use crate::draft::{DRAFT_SCHEMA, RuleDraft};
use crate::findings::{FINDINGS_SCHEMA, Findings};
use crate::form::parse_exact;
use crate::hashes::DualHash;
use crate::interview::{INTERVIEW_SCHEMA, Interview};
use crate::journal::kinds;
use crate::record::{JOURNAL_PATH, RECORD_PATH, Record, TemplateRef, Version};
use crate::statement::{STATEMENT_PATH, Statement};
use crate::{EvidenceError, FileHashes, Hash32};

/// Largest record.json, annex or elements file that is read.
const MAX_JSON_BYTES: u64 = 16 << 20;

/// The elements file, RFC 8785 `{"elements":…,"template":{"id","sha256"}}`.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Elements {
    elements: Value,
    template: TemplateRef,
}

/// Code for a document that does not fit its schema.
fn schema_code(error: &EvidenceError) -> &'static str {
    match error {
        EvidenceError::OtherSchema { .. } => "SCHEMA-UNKNOWN",
        EvidenceError::Schema { .. } => "SCHEMA-MISMATCH",
        _ => "SCHEMA-FORM",
    }
}

impl Judged<'_> {
    pub(super) fn read_statement(&mut self) {
        let Some(bytes) = self.structure.tag(STATEMENT_PATH) else { return };
        match Statement::parse(bytes) {
            Ok(statement) => self.statement = Some(statement),
            Err(error) => self.findings.error(schema_code(&error), Some(STATEMENT_PATH)),
        }
    }

    /// Reads the whole payload once and compares everything about it.
    pub(super) fn judge_contents(
        &mut self,
        source: &mut dyn BagSource,
    ) -> io::Result<BTreeMap<String, FileReport>> {
        let mut found: BTreeMap<String, FileHashes> = BTreeMap::new();
        if self.structure.present.contains_key(RECORD_PATH) {
            let (hashes, bytes) = self.read_json(source, RECORD_PATH)?;
            found.insert(RECORD_PATH.to_owned(), hashes);
            match Record::parse(&bytes) {
                Ok(record) => self.record = Some(record),
                Err(error) => self.findings.error(schema_code(&error), Some(RECORD_PATH)),
            }
        }
        let journal = self.read_journal(source, &mut found)?;
        let paths: Vec<String> = self.structure.present.keys().cloned().collect();
        for path in paths {
            if let Entry::Vacant(place) = found.entry(path) {
                let path = place.key().clone();
                place.insert(self.read_payload(source, &path, journal.as_ref())?);
            }
        }
        if self.record.is_none() && !self.structure.present.contains_key(RECORD_PATH) {
            self.findings.not_judged("PARTIAL-NO-RECORD", Some(RECORD_PATH));
        }
        if journal.is_none() && !self.structure.present.contains_key(JOURNAL_PATH) {
            self.findings.not_judged("PARTIAL-NO-JOURNAL", Some(JOURNAL_PATH));
        }
        let mut files = self.judge_hashes(&found);
        if let Some(record) = &self.record {
            judge_record(record, &self.structure, &found, &mut files, &mut self.findings);
        }
        if let Some(journal) = &journal {
            self.judge_journal(journal, &mut files);
        }
        self.judge_bag_info();
        Ok(files)
    }

    fn stream(
        &mut self,
        source: &mut dyn BagSource,
        path: &str,
        take: &mut dyn FnMut(&[u8]),
    ) -> io::Result<FileHashes> {
        let mut hash = DualHash::new();
        let result = source.read(path, &mut |block| {
            hash.update(block);
            take(block);
        });
        match result {
            Ok(()) => {}
            Err(SourceFault::Io(error)) => return Err(error),
            Err(SourceFault::Bundle(code)) => self.findings.error(code, Some(path)),
        }
        Ok(hash.finish())
    }

    fn read_json(
        &mut self,
        source: &mut dyn BagSource,
        path: &str,
    ) -> io::Result<(FileHashes, Vec<u8>)> {
        let mut bytes = Vec::new();
        let most = usize::try_from(MAX_JSON_BYTES).unwrap_or(usize::MAX);
        let mut over = false;
        let hashes = self.stream(source, path, &mut |block| {
            over = over || bytes.len().saturating_add(block.len()) > most;
            if !over {
                bytes.extend_from_slice(block);
            }
        })?;
        if over {
            self.findings.error("PAYLOAD-JSON-TOO-BIG", Some(path));
        }
        Ok((hashes, bytes))
    }

    fn read_journal(
        &mut self,
        source: &mut dyn BagSource,
        found: &mut BTreeMap<String, FileHashes>,
    ) -> io::Result<Option<Journal>> {
        if !self.structure.present.contains_key(JOURNAL_PATH) {
            return Ok(None);
        }
        let device = self.statement.as_ref().map(|s| s.device.id.clone());
        let mut judge = JournalJudge::new(device.as_ref());
        let hashes = self.stream(source, JOURNAL_PATH, &mut |block| judge.take(block))?;
        found.insert(JOURNAL_PATH.to_owned(), hashes);
        let record = found.get(RECORD_PATH).map(|h| h.sha256);
        Ok(judge.finish(record, &mut self.findings))
    }

    /// Reads one file and, where record.json says what it is, judges its inside too.
    fn read_payload(
        &mut self,
        source: &mut dyn BagSource,
        path: &str,
        journal: Option<&Journal>,
    ) -> io::Result<FileHashes> {
        let record = self.record.take();
        let result = match record.as_ref().map(|r| inside_of(r, path)) {
            Some(Inside::Log(media)) => self.read_log(source, path, media, journal),
            Some(Inside::Elements(template, version)) => {
                self.read_elements(source, path, template, version)
            }
            Some(Inside::Annex(schema)) => self.read_annex(source, path, schema),
            Some(Inside::Opaque) | None => self.stream(source, path, &mut |_| {}),
        };
        self.record = record;
        result
    }

    fn read_elements(
        &mut self,
        source: &mut dyn BagSource,
        path: &str,
        template: &TemplateRef,
        version: &Version,
    ) -> io::Result<FileHashes> {
        let (hashes, bytes) = self.read_json(source, path)?;
        match parse_exact::<Elements>(&bytes) {
            Ok(elements) if elements.template == *template => {}
            Ok(_) => self.findings.error("DOCUMENT-TEMPLATE", Some(path)),
            Err(_) => self.findings.error("SCHEMA-FORM", Some(path)),
        }
        if version.content_sha256 != hashes.sha256 {
            self.findings.error("DOCUMENT-CONTENT-HASH", Some(path));
        }
        Ok(hashes)
    }

    fn read_annex(
        &mut self,
        source: &mut dyn BagSource,
        path: &str,
        schema: &str,
    ) -> io::Result<FileHashes> {
        if schema == FINDINGS_SCHEMA {
            let (hashes, bytes) = self.read_json(source, path)?;
            if let Err(error) = Findings::parse(&bytes) {
                self.findings.error(schema_code(&error), Some(path));
            }
            return Ok(hashes);
        }
        if schema == DRAFT_SCHEMA {
            let (hashes, bytes) = self.read_json(source, path)?;
            if let Err(error) = RuleDraft::parse(&bytes) {
                self.findings.error(schema_code(&error), Some(path));
            }
            return Ok(hashes);
        }
        if schema != INTERVIEW_SCHEMA {
            self.findings.not_judged("ANNEX-UNKNOWN", Some(path));
            return self.stream(source, path, &mut |_| {});
        }
        let (hashes, bytes) = self.read_json(source, path)?;
        match Interview::parse(&bytes) {
            Ok(interview) => {
                let listed = |p: &String| self.structure.listed.contains_key(p);
                if !interview.audio.as_ref().is_none_or(listed) {
                    self.findings.error("ANNEX-AUDIO", Some(path));
                }
            }
            Err(error) => self.findings.error(schema_code(&error), Some(path)),
        }
        Ok(hashes)
    }

    /// A recording log hangs on the case journal at both ends.
    fn read_log(
        &mut self,
        source: &mut dyn BagSource,
        path: &str,
        media: &str,
        journal: Option<&Journal>,
    ) -> io::Result<FileHashes> {
        // Of a rescued case the handheld before it may have recorded as well.
        let mut devices: Vec<_> =
            journal.iter().flat_map(|j| j.devices.iter().chain(&j.before)).cloned().collect();
        devices.extend(self.statement.as_ref().map(|s| s.device.id.clone()));
        let mut faults: Vec<&'static str> = Vec::new();
        let mut first: Option<(Hash32, Hash32)> = None;
        let mut lines: Option<LineJudge> = None;
        let mut head = Vec::new();
        let hashes = self.stream(source, path, &mut |block| {
            // The first line's own `prev` starts the chain; whether that is right is judged below.
            if lines.is_none() {
                head.extend_from_slice(block);
                if head.len() < 4096 && !head.contains(&b'\n') {
                    return;
                }
            }
            let start = std::mem::take(&mut head);
            let block = if lines.is_none() { start.as_slice() } else { block };
            let judge = lines.get_or_insert_with(|| LineJudge::new(first_prev(block)));
            judge.take(block, &mut |entry, state| {
                if entry.seq == 1 {
                    first = Some((entry.prev, state.head.hash));
                }
                if entry.kind != kinds::FRAGMENT
                    || entry.fact_number("fragment") != Some(entry.seq)
                    || entry.subject.as_deref() != Some(media)
                    || entry.officer.is_some()
                    || entry.fact_hash("ciphertext_sha256").is_none()
                {
                    faults.push("LOG-ENTRY");
                }
                if !devices.is_empty() && !devices.contains(&entry.device) {
                    faults.push("JOURNAL-OTHER-DEVICE");
                }
            });
        })?;
        faults.dedup();
        for code in faults {
            self.findings.error(code, Some(path));
        }
        let state = match lines.map(LineJudge::finish) {
            Some(Ok(state)) if state.head.seq > 0 => state,
            Some(Err(fault)) => {
                self.findings.error(fault_code(fault), Some(path));
                return Ok(hashes);
            }
            _ => {
                self.findings.error("JOURNAL-CUT-OFF", Some(path));
                return Ok(hashes);
            }
        };
        let (Some((prev, first_line)), Some(journal)) = (first, journal) else { return Ok(hashes) };
        let hangs = journal.started.get(media).into_iter().flatten().any(|s| match s.log_first {
            Some(log_first) => prev == Hash32::ZERO && log_first == first_line,
            None => prev == s.line,
        });
        if !hangs {
            self.findings.error("LOG-START", Some(path));
        }
        let ends = journal.stopped.get(media).is_some_and(|s| {
            s.log_head == Some(state.head.hash)
                && s.log.as_deref().is_none_or(|l| l == path)
                && s.fragments.is_none_or(|n| n == state.head.seq)
        });
        if !ends {
            self.findings.error("LOG-HEAD", Some(path));
        }
        if !journal.logs_closed.contains(path) {
            self.findings.error("LOG-NOT-CLOSED", Some(path));
        }
        Ok(hashes)
    }

    /// Every file against both lists.
    fn judge_hashes(
        &mut self,
        found: &BTreeMap<String, FileHashes>,
    ) -> BTreeMap<String, FileReport> {
        let mut files = BTreeMap::new();
        for (path, listed) in &self.structure.listed {
            let hashes = found.get(path);
            let sm3 = self.structure.sm3.as_ref().zip(hashes);
            let sm3 = sm3.map(|(list, found)| list.get(path) == Some(&found.sm3));
            let state = match hashes {
                None => FileState::Missing,
                Some(h) if h.sha256 == *listed => FileState::Intact,
                Some(_) => FileState::Changed,
            };
            if state == FileState::Changed {
                self.findings.error("PAYLOAD-CHANGED", Some(path));
            }
            if sm3 == Some(false) {
                self.findings.error("SM3-DISAGREES", Some(path));
            }
            let size = hashes.map(|h| h.size);
            let report = FileReport { state, size, sha256: Some(*listed), sm3, recorded: None };
            files.insert(path.clone(), report);
        }
        for (path, hashes) in found {
            files.entry(path.clone()).or_insert(FileReport {
                state: FileState::Unlisted,
                size: Some(hashes.size),
                sha256: None,
                sm3: None,
                recorded: None,
            });
        }
        files
    }

    fn judge_journal(&mut self, journal: &Journal, files: &mut BTreeMap<String, FileReport>) {
        for (path, listed) in &self.structure.listed {
            if path == JOURNAL_PATH {
                continue;
            }
            let agrees = journal.last_hash.get(path) == Some(&Some(*listed));
            if !agrees {
                self.findings.error("JOURNAL-FILE", Some(path));
            }
            if let Some(file) = files.get_mut(path) {
                file.recorded = Some(file.recorded.unwrap_or(true) && agrees);
            }
        }
        if let (Some(named), Some(statement)) = (&journal.bundle, &self.statement)
            && named != statement.bundle.as_str()
        {
            self.findings.error("BUNDLE-ID", Some(JOURNAL_PATH));
        }
        if let Some(record) = &self.record {
            judge_record_journal(record, journal, &mut self.findings);
        }
        if let Some(statement) = &self.statement {
            if statement.time.clock_steps != journal.marked_steps || journal.unmarked_steps != 0 {
                self.findings.warn("TIME-CLOCK-STEPS-DIFFER", Some(JOURNAL_PATH));
            }
            if statement.time.clock_steps != 0 || journal.marked_steps != 0 {
                self.findings.warn("TIME-CLOCK-STEPPED", Some(JOURNAL_PATH));
            }
        }
    }

    fn judge_bag_info(&mut self) {
        let Some(bytes) = self.structure.tag(BAG_INFO) else { return };
        let Some(info) = parse_bag_info(bytes) else {
            self.findings.error("BAG-INFO", Some(BAG_INFO));
            return;
        };
        let all_present = self.structure.listed.len() == self.structure.present.len();
        if all_present {
            let octets = self.structure.present.values().fold(0_u64, |n, s| n.saturating_add(*s));
            let oxum = format!("{octets}.{}", self.structure.present.len());
            if info.get("Payload-Oxum") != Some(&oxum) {
                self.findings.error("BAG-OXUM", Some(BAG_INFO));
            }
        }
        let bundle = self.statement.as_ref().map(|s| s.bundle.to_string());
        if bundle.is_some() && info.get("External-Identifier") != bundle.as_ref() {
            self.findings.error("BUNDLE-ID", Some(BAG_INFO));
        }
        let task = self.record.as_ref().map(|r| r.task.id.to_string());
        if task.is_some() && info.get("Bag-Group-Identifier") != task.as_ref() {
            self.findings.error("BAG-GROUP", Some(BAG_INFO));
        }
    }
}

/// What record.json says a payload file is.
enum Inside<'a> {
    Log(&'a str),
    Elements(&'a TemplateRef, &'a Version),
    Annex(&'a str),
    Opaque,
}

fn inside_of<'a>(record: &'a Record, path: &str) -> Inside<'a> {
    for item in &record.evidence {
        if item.log.as_ref().is_some_and(|l| l.path == path) {
            return Inside::Log(&item.path);
        }
    }
    for document in &record.documents {
        if let Some(version) = document.versions.iter().find(|v| v.elements.path == path) {
            return Inside::Elements(&document.template, version);
        }
    }
    match record.annexes.iter().find(|a| a.path == path) {
        Some(annex) => Inside::Annex(&annex.schema),
        None => Inside::Opaque,
    }
}

/// `prev` of the first line, or zeros where it cannot be read (then the line is refused anyway).
fn first_prev(block: &[u8]) -> Hash32 {
    let line = block.split(|b| *b == b'\n').next().unwrap_or_default();
    let value: Option<Value> = serde_json::from_slice(line).ok();
    let prev = value.as_ref().and_then(|v| v.get("prev")).and_then(Value::as_str);
    prev.and_then(Hash32::parse).unwrap_or(Hash32::ZERO)
}
