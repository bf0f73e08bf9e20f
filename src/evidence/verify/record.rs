//! record.json against manifests, journal and statement.json.

use std::collections::BTreeMap;

use super::Judged;
use super::journal::Journal;
use super::report::{FileReport, Findings};
use super::structure::Structure;
use crate::FileHashes;
use crate::record::{JOURNAL_PATH, RECORD_PATH, Record};
use crate::statement::{STATEMENT_PATH, is_role};

impl Judged<'_> {
    /// Bundle id and people, wherever they are named.
    pub(super) fn judge_names(&mut self, top: &str) {
        let Some(statement) = &self.statement else { return };
        if top != statement.bundle.as_str() {
            self.findings.warn("BAG-FOLDER-NAME", Some(top));
        }
        let Some(record) = &self.record else { return };
        if record.bundle != statement.bundle {
            self.findings.error("BUNDLE-ID", Some(RECORD_PATH));
        }
        let signing = record.officers.iter().filter_map(|o| o.role.as_ref().map(|r| (r, o)));
        let mut matched = 0_usize;
        for (role, officer) in signing {
            let same = statement
                .signers
                .iter()
                .any(|s| s.role == *role && s.id == officer.id.as_str() && s.name == officer.name);
            if same {
                matched = matched.saturating_add(1);
            } else {
                self.findings.error("STATEMENT-OFFICERS", Some(role));
            }
        }
        let inspectors = statement
            .signers
            .iter()
            .filter(|s| is_role(&s.role) && s.role.starts_with("inspector-"));
        if inspectors.count() != matched {
            self.findings.error("STATEMENT-OFFICERS", Some(STATEMENT_PATH));
        }
    }
}

/// Every payload file in exactly one place, with its hashes and size.
pub(super) fn judge_record(
    record: &Record,
    structure: &Structure,
    found: &BTreeMap<String, FileHashes>,
    files: &mut BTreeMap<String, FileReport>,
    findings: &mut Findings,
) {
    let mut named: BTreeMap<&str, u32> = BTreeMap::new();
    for claim in record.files() {
        let times = named.entry(claim.path).or_default();
        *times = times.saturating_add(1);
        let Some(listed) = structure.listed.get(claim.path) else {
            findings.error("RECORD-FILE-MISSING", Some(claim.path));
            continue;
        };
        let sm3_listed = structure.sm3.as_ref().and_then(|l| l.get(claim.path));
        let hashes = found.get(claim.path);
        let agrees = claim.sha256 == *listed
            && hashes.is_none_or(|h| h.size == claim.size)
            && claim.sm3.is_none_or(|sm3| {
                sm3_listed.is_none_or(|l| *l == sm3) && hashes.is_none_or(|h| h.sm3 == sm3)
            });
        if !agrees {
            findings.error("RECORD-FILE", Some(claim.path));
        }
        if let Some(file) = files.get_mut(claim.path) {
            file.recorded = Some(agrees);
        }
    }
    for (path, times) in &named {
        if *times > 1 || *path == RECORD_PATH || *path == JOURNAL_PATH {
            findings.error("RECORD-FILE-TWICE", Some(path));
        }
    }
    for path in structure.listed.keys() {
        if path != RECORD_PATH && path != JOURNAL_PATH && !named.contains_key(path.as_str()) {
            findings.error("RECORD-FILE-UNNAMED", Some(path));
        }
    }
}

pub(super) fn judge_record_journal(record: &Record, journal: &Journal, findings: &mut Findings) {
    if journal.task.as_deref().is_some_and(|t| t != record.task.id.as_str()) {
        findings.error("JOURNAL-OTHER-TASK", Some(JOURNAL_PATH));
    }
    if !record.completeness.complete {
        findings.warn("RECORD-INCOMPLETE", Some(RECORD_PATH));
    }
    for item in &record.evidence {
        let captured = &item.captured;
        if captured.first_seq > captured.last_seq || captured.last_seq > journal.entries {
            findings.error("RECORD-CAPTURED", Some(&item.path));
        }
    }
    for version in record.documents.iter().flat_map(|d| &d.versions) {
        if journal.frozen.get(&version.elements.path) != Some(&Some(version.content_sha256)) {
            findings.error("DOCUMENT-NOT-FROZEN", Some(&version.elements.path));
        }
        for print in &version.prints {
            if !journal.heads.contains(&print.journal_head) {
                findings.error("DOCUMENT-PRINT-HEAD", Some(&version.pdf.path));
            }
        }
    }
}
