//! The report: `spotcheck-verify/1`.

use std::collections::BTreeMap;

use serde::Serialize;
use spotcheck_domain::rfc3339;
use spotcheck_domain::vocabulary::KeyProtection;

use super::words::explain;
use crate::Hash32;
use crate::statement::Statement;

/// Schema of the report.
pub(super) const REPORT_SCHEMA: &str = "spotcheck-verify/1";
/// Findings of one kind beyond this are counted, not listed: a broken bundle may hold many thousands.
const MAX_FINDINGS: usize = 1000;

/// Accepted or rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Everything that must hold holds.
    Accepted,
    /// Something does not hold.
    Rejected,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// Stable code, see [`super::CODES`].
    pub code: String,
    /// The file it is about, if it is about one.
    pub path: Option<String>,
    /// What it means, in Chinese.
    pub what: String,
}

/// Whether a signer's signature is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SignerState {
    /// Signature, certificate, role and time hold.
    Proven,
    /// Something does not hold; the errors say what.
    Refused,
}

/// Why a signature is judged at the time it is judged at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum JudgedBy {
    /// An RFC 3161 time stamp that holds.
    Timestamp,
    /// The centre's log entry that holds: attested by the centre only.
    Log,
    /// Nothing better than the present time.
    Now,
}

/// One signer of statement.json.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignerReport {
    /// Role.
    pub role: String,
    /// Name as in statement.json.
    pub name: String,
    /// `serialNumber` of the certificate.
    pub id: String,
    /// SHA-256 of the certificate.
    pub certificate_sha256: Hash32,
    /// Whether the signature is proven.
    pub state: SignerState,
    /// RFC 3339.
    pub judged_at: String,
    /// Why then.
    pub judged_by: JudgedBy,
    /// What the signer's own clock said, RFC 3339; proves nothing.
    pub signing_time: Option<String>,
    /// `good`, `stale`, `missing`, `later` or `revoked`; null where there is no path.
    pub revocation: Option<String>,
}

/// State of a payload file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FileState {
    /// Unchanged, and covered by every signature.
    Proven,
    /// Unchanged against the manifest, but the bundle as a whole is rejected.
    Intact,
    /// Changed.
    Changed,
    /// Listed and not there.
    Missing,
    /// There and not listed.
    Unlisted,
}

/// One payload file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileReport {
    /// State.
    pub state: FileState,
    /// Bytes, where present.
    pub size: Option<u64>,
    /// SHA-256 of the manifest, where listed.
    pub sha256: Option<Hash32>,
    /// Whether the SM3 list agrees; null where there is none or the file is missing.
    pub sm3: Option<bool>,
    /// Whether record.json and the journal agree; null where they are not there.
    pub recorded: Option<bool>,
}

/// The time bracket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct TimeReport {
    /// Proven: sealed not before, RFC 3339.
    pub not_before: Option<String>,
    /// Claimed time of sealing, RFC 3339.
    pub sealed: Option<String>,
    /// Proven: sealed not after, RFC 3339.
    pub not_after: Option<String>,
    /// What proves `not_after`.
    pub not_after_by: Option<JudgedBy>,
    /// The centre's receipt time, where proven, RFC 3339.
    pub received: Option<String>,
}

/// The whole report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Always `spotcheck-verify/1`.
    pub schema: String,
    /// The bundle, as far as statement.json could be read.
    pub bundle: Option<String>,
    /// The handheld.
    pub device: Option<String>,
    /// How the handheld says its keys are protected.
    pub key_protection: Option<KeyProtection>,
    /// Verdict.
    pub verdict: Verdict,
    /// Judged as a party copy.
    pub partial: bool,
    /// Payload files present.
    pub files_present: u64,
    /// Payload files listed.
    pub files_listed: u64,
    /// Signers in the order of statement.json.
    pub signers: Vec<SignerReport>,
    /// Payload files by path.
    pub files: BTreeMap<String, FileReport>,
    /// Time bracket.
    pub time: TimeReport,
    /// Why it is rejected.
    pub errors: Vec<Finding>,
    /// What is weaker than it could be.
    pub warnings: Vec<Finding>,
    /// What was not judged.
    pub not_judged: Vec<Finding>,
}

impl Report {
    pub(super) fn new(
        sealed: Option<SealedBy>,
        partial: bool,
        signers: Vec<SignerReport>,
        mut files: BTreeMap<String, FileReport>,
        time: TimeReport,
        findings: Findings,
    ) -> Self {
        let accepted = findings.errors.is_empty() && findings.more_errors == 0;
        let present = |f: &&FileReport| f.size.is_some() && f.state != FileState::Unlisted;
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let files_present = count(files.values().filter(present).count());
        let files_listed = count(files.values().filter(|f| f.state != FileState::Unlisted).count());
        if accepted {
            for file in files.values_mut().filter(|f| f.state == FileState::Intact) {
                file.state = FileState::Proven;
            }
        }
        Self {
            schema: REPORT_SCHEMA.to_owned(),
            bundle: sealed.as_ref().map(|s| s.bundle.clone()),
            device: sealed.as_ref().map(|s| s.device.clone()),
            key_protection: sealed.map(|s| s.key_protection),
            verdict: if accepted { Verdict::Accepted } else { Verdict::Rejected },
            partial,
            files_present,
            files_listed,
            signers,
            files,
            time,
            errors: findings.errors,
            warnings: findings.warnings,
            not_judged: findings.not_judged,
        }
    }

    /// A bundle that could not even be opened.
    pub(super) fn refused(findings: Findings, partial: bool) -> Self {
        let time = TimeReport::default();
        Self::new(None, partial, Vec::new(), BTreeMap::new(), time, findings)
    }
}

/// What statement.json says about bundle and handheld.
pub(super) struct SealedBy {
    bundle: String,
    device: String,
    key_protection: KeyProtection,
}

impl SealedBy {
    pub(super) fn of(statement: &Statement) -> Self {
        Self {
            bundle: statement.bundle.to_string(),
            device: statement.device.id.to_string(),
            key_protection: statement.key_protection,
        }
    }
}

/// Collects findings; each (code, path) once.
#[derive(Debug, Default)]
pub(super) struct Findings {
    errors: Vec<Finding>,
    more_errors: u64,
    warnings: Vec<Finding>,
    not_judged: Vec<Finding>,
}

impl Findings {
    pub(super) fn error(&mut self, code: &str, path: Option<&str>) {
        if self.errors.len() >= MAX_FINDINGS {
            self.more_errors = self.more_errors.saturating_add(1);
        }
        put(&mut self.errors, code, path);
    }

    pub(super) fn warn(&mut self, code: &str, path: Option<&str>) {
        put(&mut self.warnings, code, path);
    }

    /// An error if `strict`, else a warning.
    pub(super) fn error_if(&mut self, strict: bool, code: &str, path: Option<&str>) {
        if strict { self.error(code, path) } else { self.warn(code, path) }
    }

    pub(super) fn not_judged(&mut self, code: &str, path: Option<&str>) {
        put(&mut self.not_judged, code, path);
    }

    pub(super) fn count_errors(&self) -> usize {
        self.errors.len()
    }
}

fn put(list: &mut Vec<Finding>, code: &str, path: Option<&str>) {
    let known = list.iter().any(|f| f.code == code && f.path.as_deref() == path);
    if known || list.len() >= MAX_FINDINGS {
        return;
    }
    // A name out of a hostile ZIP goes to a terminal: control characters must not.
    let path = path.map(|p| {
        p.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(300).collect()
    });
    list.push(Finding { code: code.to_owned(), path, what: explain(code).to_owned() });
}

/// A time of the report.
pub(super) fn shown(ms: i64) -> String {
    rfc3339(ms)
}
