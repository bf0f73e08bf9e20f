//! What a case keeps in its store, as JSON values beside the journal.
//!
//! Private to the use cases: the bundle has its own formats (record.json `/1`), built from these at
//! sealing. Unknown members are refused, so that an older program never drops what a newer one wrote.

use serde::{Deserialize, Serialize};
use spotcheck_domain::task::Task;
use spotcheck_domain::{BundleId, CaseId, DeviceId, OfficerId, TaskId};

use crate::desk::{AnswerView, CaseState, Filing, RecordingKind, Stroke};
use crate::pages::PageOf;
use crate::ports::{Receipt, StoredFile};

/// Kinds of values.
pub(crate) mod kind {
    pub(crate) const META: &str = crate::ports::HEAD;
    pub(crate) const PARTY: &str = "party";
    pub(crate) const STEP: &str = "step";
    pub(crate) const EVIDENCE: &str = "evidence";
    pub(crate) const DOCUMENT: &str = "document";
    pub(crate) const REFUSAL: &str = "refusal";
    pub(crate) const SHOWN: &str = "certificate_shown";
    pub(crate) const FINDING: &str = "finding";
    pub(crate) const SILENCED: &str = "silenced";
    pub(crate) const ANNEX: &str = "annex";
    pub(crate) const OWN_RULE: &str = "own_rule";
    pub(crate) const COMPARED: &str = "compared";
    pub(crate) const LEARNED: &str = "learned";
    pub(crate) const PLACES: &str = "places";
    pub(crate) const OWN_RULES: &str = "own_rules";
    pub(crate) const SETTINGS: &str = "settings";
    pub(crate) const DRAFTS: &str = "drafts";
    pub(crate) const CASE: &str = "case";
    pub(crate) const TASK: &str = "task";
    pub(crate) const PROOF: &str = "proof";
    pub(crate) const CHECKED: &str = "package_checked";
    pub(crate) const OUTBOX: &str = "outbox";
    pub(crate) const SENT: &str = "sent";
}

/// Key of the single value of a kind.
pub(crate) const ONLY: &str = "only";

/// Head data of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Meta {
    pub(crate) case: CaseId,
    pub(crate) bundle: BundleId,
    pub(crate) task: Task,
    /// (package id, SHA-256 of package.json)
    pub(crate) package: Option<(String, String)>,
    pub(crate) opened_ms: i64,
    pub(crate) sealing: Option<Sealing>,
    pub(crate) done: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rescued: Option<Rescued>,
}

/// The case went on here from another handheld's second copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rescued {
    /// The handheld before.
    pub(crate) from: DeviceId,
    /// When its copy was kept, unix milliseconds by its clock.
    pub(crate) kept_ms: i64,
    /// Recordings in the copy that its journal did not name yet.
    pub(crate) unnamed: u32,
}

/// The journal has its last line; tag files and signatures are being made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sealing {
    pub(crate) sealed_ms: i64,
    pub(crate) record: StoredFile,
    pub(crate) missing: Vec<String>,
    pub(crate) clock_steps: u64,
}

/// A party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Party {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) post: Option<String>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    pub(crate) kind: String,
    pub(crate) title: String,
    pub(crate) begun_ms: i64,
    pub(crate) ended_ms: Option<i64>,
    pub(crate) officers: Vec<OfficerId>,
}

/// An evidence item, running or closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Evidence {
    pub(crate) path: String,
    pub(crate) log_path: Option<String>,
    pub(crate) media_type: String,
    pub(crate) recording: Option<RecordingKind>,
    pub(crate) maker: OfficerId,
    pub(crate) begun_ms: i64,
    pub(crate) ended_ms: Option<i64>,
    pub(crate) first_seq: u64,
    pub(crate) last_seq: u64,
    pub(crate) file: Option<StoredFile>,
    pub(crate) log: Option<StoredFile>,
    pub(crate) proves: String,
    pub(crate) source: String,
    pub(crate) marks: Vec<(u64, String)>,
    pub(crate) recovered: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) page: Option<PageOf>,
    /// What was said beyond `proves` and `source`, which are empty in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) filed: Option<Filing>,
}

impl Evidence {
    /// A photo of a page that was taken again.
    pub(crate) fn is_superseded(&self) -> bool {
        self.page.as_ref().is_some_and(|page| page.superseded_by.is_some())
    }
}

/// A document of the case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    pub(crate) form: String,
    pub(crate) title: String,
    pub(crate) template_sha256: String,
    /// Number in file names, from 1.
    pub(crate) number: u32,
    /// Interviewee of W04.
    pub(crate) party: Option<String>,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) answers: Vec<Answer>,
    pub(crate) frozen: Option<Frozen>,
    pub(crate) signatures: Vec<Signature>,
    pub(crate) signed_pdf: Option<StoredFile>,
    pub(crate) prints: Vec<Print>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) refused: Vec<Refused>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) given: Vec<Given>,
}

/// Somebody of the other side refused to sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refused {
    pub(crate) party: String,
    pub(crate) name: String,
    pub(crate) reason: String,
    pub(crate) at_ms: i64,
}

/// Copies that were handed to a party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Given {
    pub(crate) party: String,
    pub(crate) at_ms: i64,
    pub(crate) copies: u32,
}

/// A refusal of a party: of the inspection, or of a signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refusal {
    /// What was refused, in words.
    pub(crate) of: String,
    /// `party-1` …
    pub(crate) by: String,
    pub(crate) reason: Option<String>,
    /// Name of who saw it.
    pub(crate) witness: Option<String>,
    pub(crate) at_ms: i64,
    pub(crate) document: String,
    pub(crate) evidence: Vec<String>,
}

/// A question with its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    pub(crate) view: AnswerView,
    pub(crate) at_ms: i64,
}

/// A frozen version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Frozen {
    pub(crate) version: u32,
    pub(crate) at_ms: i64,
    pub(crate) elements: StoredFile,
    pub(crate) pdf: StoredFile,
    pub(crate) pages: u32,
}

/// A handwritten signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Signature {
    pub(crate) id: String,
    pub(crate) signer: String,
    pub(crate) name: String,
    pub(crate) capacity: spotcheck_domain::vocabulary::Capacity,
    pub(crate) at_ms: i64,
    pub(crate) strokes: Vec<Stroke>,
    pub(crate) svg: StoredFile,
}

/// A print.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Print {
    pub(crate) at_ms: i64,
    pub(crate) copies: u32,
    pub(crate) printer: String,
    pub(crate) journal_head: String,
}

/// An annex made at sealing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Annex {
    pub(crate) schema: String,
    pub(crate) file: StoredFile,
}

/// A case as the device store lists it: readable while locked, no names in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CaseIndex {
    pub(crate) task: TaskId,
    pub(crate) bundle: BundleId,
    pub(crate) officers: Vec<OfficerId>,
    pub(crate) state: CaseState,
    pub(crate) opened_ms: i64,
    /// Of a practice task: never sent, never copied, wiped at will.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) practice: bool,
}

/// The record of the last full check of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Checked {
    pub(crate) fingerprint: String,
    pub(crate) sha256: String,
    pub(crate) at_ms: i64,
}

/// How far a bundle got.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sent {
    pub(crate) sent_bytes: u64,
    pub(crate) delivered: bool,
    /// Newest first, 20 at most.
    pub(crate) errors: Vec<String>,
    pub(crate) receipt: Option<Receipt>,
}
