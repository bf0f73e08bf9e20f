//! `data/record.json`, schema `spotcheck-record/1`: the case record that is sealed.
//!
//! The schema is closed: no member may be added or left out, nullable members are written as `null`.
//! Ids, times and decimals are plain texts here and are checked by [`Record::check`], so that the store
//! can build a record from its rows without a newtype for each column; what is written is always checked.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use spotcheck_domain::vocabulary::{
    Capacity, CredentialKind, Direction, LegalKind, Mode, Originality, PartyKind, SigningMethod,
};
use spotcheck_domain::{BundleId, CanonicalError, OfficerId, TaskId, to_canonical};

use crate::form::{parse_exact, required};
use crate::{EvidenceError, FileHashes, Hash32};

mod acts;
mod check;
mod words;

pub use acts::{
    Annex, Approval, ApprovedBy, Completeness, Deadline, Handover, Measure, MeasureItem, Refusal,
    Relation,
};
pub use words::{
    AnswerableAs, Channel, CopyForm, DeadlineUnit, FindingState, HelperKind, LossMethod,
    MeasureKind, RelationKind,
};

/// Schema named in the document.
pub const RECORD_SCHEMA: &str = "spotcheck-record/1";
/// Where the document lies in the bag.
pub const RECORD_PATH: &str = "data/record.json";
/// Where the case journal lies in the bag.
pub const JOURNAL_PATH: &str = "data/journal.jsonl";

/// The whole record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Always [`RECORD_SCHEMA`].
    pub schema: String,
    /// The bundle.
    pub bundle: BundleId,
    /// The task and its mandate.
    pub task: TaskPart,
    /// Whom the visit was to.
    pub facility: Facility,
    /// Officers, at least two.
    pub officers: Vec<Officer>,
    /// Who helped without powers.
    pub helpers: Vec<Helper>,
    /// Who was there for the other side, and witnesses.
    pub parties: Vec<Party>,
    /// Steps of the visit.
    pub steps: Vec<Step>,
    /// Findings and their states.
    pub findings: Vec<Finding>,
    /// Items of evidence.
    pub evidence: Vec<EvidenceItem>,
    /// Documents with their versions.
    pub documents: Vec<Document>,
    /// Handwritten acts.
    pub signatures: Vec<HandSignature>,
    /// Approvals of a superior.
    pub approvals: Vec<Approval>,
    /// Refusals of a party.
    pub refusals: Vec<Refusal>,
    /// Measures taken.
    pub measures: Vec<Measure>,
    /// Deadlines that began.
    pub deadlines: Vec<Deadline>,
    /// Handovers between officers.
    pub handovers: Vec<Handover>,
    /// Other bundles this one points back to.
    pub relations: Vec<Relation>,
    /// What parts of the product add.
    pub annexes: Vec<Annex>,
    /// Whether the visit is complete.
    pub completeness: Completeness,
}

/// The task and its mandate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskPart {
    /// The task.
    pub id: TaskId,
    /// Title.
    pub title: String,
    /// Mode of the visit.
    pub mode: Mode,
    /// Legal basis, one text each.
    pub basis: Vec<String>,
    /// Number of the inspection notice.
    #[serde(deserialize_with = "required")]
    pub document_number: Option<String>,
    /// Day of the visit, from 1; each day is a bundle of its own.
    pub day_no: u64,
    /// The data package used.
    #[serde(deserialize_with = "required")]
    pub package: Option<PackageRef>,
}

/// A data package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageRef {
    /// Its id.
    pub id: String,
    /// SHA-256 of its package.json.
    pub sha256: Hash32,
}

/// Whom the visit was to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facility {
    /// Code of the institution.
    pub fixmedins_code: String,
    /// Name of the institution.
    pub fixmedins_name: String,
    /// Unified social credit code.
    #[serde(deserialize_with = "required")]
    pub uscc: Option<String>,
    /// Where.
    #[serde(deserialize_with = "required")]
    pub place: Option<String>,
}

/// An officer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Officer {
    /// `serialNumber` of the certificate.
    pub id: OfficerId,
    /// `inspector-N` of statement.json, or null: took part and does not sign this bundle.
    #[serde(deserialize_with = "required")]
    pub role: Option<String>,
    /// Name.
    pub name: String,
    /// Agency.
    #[serde(deserialize_with = "required")]
    pub agency: Option<String>,
    /// What was shown.
    #[serde(deserialize_with = "required")]
    pub credential: Option<Credential>,
    /// When present.
    pub present: Vec<Presence>,
}

/// A credential of an officer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// Kind.
    pub kind: CredentialKind,
    /// Number.
    pub number: String,
    /// Last day, as printed on it.
    #[serde(deserialize_with = "required")]
    pub valid_until: Option<String>,
}

/// A time of presence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Presence {
    /// RFC 3339.
    pub begun: String,
    /// RFC 3339.
    #[serde(deserialize_with = "required")]
    pub ended: Option<String>,
}

/// Somebody who helped without powers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Helper {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Organisation.
    #[serde(deserialize_with = "required")]
    pub organisation: Option<String>,
    /// Kind.
    pub kind: HelperKind,
    /// What for.
    pub scope: String,
}

/// A party or witness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// `party-N`.
    pub id: String,
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: PartyKind,
    /// Post.
    #[serde(deserialize_with = "required")]
    pub post: Option<String>,
    /// Relation to the case.
    #[serde(deserialize_with = "required")]
    pub relation: Option<String>,
    /// Id of the document or evidence that gives authority.
    #[serde(deserialize_with = "required")]
    pub authority: Option<String>,
}

/// A step of the visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Id.
    pub id: String,
    /// Kind, an id.
    pub kind: String,
    /// Title.
    pub title: String,
    /// RFC 3339.
    pub begun: String,
    /// RFC 3339.
    #[serde(deserialize_with = "required")]
    pub ended: Option<String>,
    /// Ids.
    pub officers: Vec<String>,
    /// Ids.
    pub helpers: Vec<String>,
    /// True if one officer acted alone.
    pub alone: bool,
    /// Where.
    #[serde(deserialize_with = "required")]
    pub place: Option<String>,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Id.
    pub id: String,
    /// Step it came up in.
    #[serde(deserialize_with = "required")]
    pub step: Option<String>,
    /// Rule that pointed at it.
    #[serde(deserialize_with = "required")]
    pub rule: Option<RuleRef>,
    /// What it is about, e.g. `mdtrt_id:…`.
    pub subject: String,
    /// What was found.
    pub text: String,
    /// State.
    pub state: FindingState,
    /// Reason of the state.
    #[serde(deserialize_with = "required")]
    pub reason: Option<String>,
    /// Amount, decimal yuan.
    #[serde(deserialize_with = "required")]
    pub amount: Option<String>,
    /// Amount borne by the fund, decimal yuan.
    #[serde(deserialize_with = "required")]
    pub fund_amount: Option<String>,
    /// Ids of evidence.
    pub evidence: Vec<String>,
    /// How the loss was computed.
    #[serde(deserialize_with = "required")]
    pub loss_method: Option<LossMethod>,
    /// Who is answerable.
    pub people: Vec<Answerable>,
    /// What the party said.
    #[serde(deserialize_with = "required")]
    pub opinion: Option<Opinion>,
}

/// A rule of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleRef {
    /// Pack.
    pub pack: String,
    /// Version of the pack.
    pub version: String,
    /// Rule.
    pub id: String,
}

/// Somebody answerable for a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answerable {
    /// In which capacity.
    pub capacity: AnswerableAs,
    /// National code.
    #[serde(deserialize_with = "required")]
    pub code: Option<String>,
    /// Name.
    pub name: String,
}

/// What a party said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opinion {
    /// `party-N`.
    pub party: String,
    /// The words.
    pub text: String,
    /// RFC 3339.
    pub at: String,
}

/// What a reviewer concluded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// Id.
    pub reviewer: String,
    /// Conclusion.
    pub conclusion: String,
    /// RFC 3339.
    pub at: String,
}

/// A payload file of the bag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BagFile {
    /// Path in the bag, `data/…`.
    pub path: String,
    /// SHA-256.
    pub sha256: Hash32,
    /// SM3.
    pub sm3: Hash32,
    /// Bytes.
    pub size: u64,
    /// Media type, e.g. `application/pdf`.
    pub media_type: String,
}

/// An item of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceItem {
    /// Id.
    pub id: String,
    /// Path in the bag, `data/…`.
    pub path: String,
    /// SHA-256.
    pub sha256: Hash32,
    /// SM3.
    pub sm3: Hash32,
    /// Bytes.
    pub size: u64,
    /// Media type.
    pub media_type: String,
    /// Recording log of a recording.
    #[serde(deserialize_with = "required")]
    pub log: Option<BagFile>,
    /// Kind, 行政处罚法 art. 46.
    pub legal_kind: LegalKind,
    /// Item of 条例 art. 27, 1 to 7; null where the mode has none.
    #[serde(deserialize_with = "required")]
    pub power: Option<u64>,
    /// Original or copy.
    pub original: Originality,
    /// Where it comes from.
    pub source: String,
    /// Who keeps the original.
    #[serde(deserialize_with = "required")]
    pub keeper: Option<String>,
    /// Where the original is.
    #[serde(deserialize_with = "required")]
    pub original_place: Option<String>,
    /// How it was obtained.
    pub method: String,
    /// Id of who obtained it.
    pub maker: String,
    /// What it proves.
    pub proves: String,
    /// For or against the party.
    pub direction: Direction,
    /// What the party said.
    #[serde(deserialize_with = "required")]
    pub opinion: Option<Opinion>,
    /// What a reviewer concluded.
    #[serde(deserialize_with = "required")]
    pub review: Option<Review>,
    /// Claimed times, and the journal entries between which it lies.
    pub captured: Captured,
}

/// When an item was captured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Captured {
    /// RFC 3339, claimed.
    pub begun: String,
    /// RFC 3339, claimed.
    pub ended: String,
    /// First journal entry about it.
    pub first_seq: u64,
    /// Last journal entry about it.
    pub last_seq: u64,
}

/// A document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Id.
    pub id: String,
    /// Form, an id such as `W03`.
    pub form: String,
    /// Document number.
    #[serde(deserialize_with = "required")]
    pub number: Option<String>,
    /// Title.
    pub title: String,
    /// Template.
    pub template: TemplateRef,
    /// Versions, at least one.
    pub versions: Vec<Version>,
}

/// A template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateRef {
    /// Id.
    pub id: String,
    /// SHA-256 of the template.
    pub sha256: Hash32,
}

/// A frozen version of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// From 1.
    pub version: u64,
    /// SHA-256 of the elements file.
    pub content_sha256: Hash32,
    /// RFC 3339.
    pub frozen: String,
    /// Pages.
    pub pages: u64,
    /// As shown.
    pub pdf: BagFile,
    /// As signed.
    #[serde(deserialize_with = "required")]
    pub signed_pdf: Option<BagFile>,
    /// Prints.
    pub prints: Vec<Print>,
    /// Copies given.
    pub copies_given: Vec<CopyGiven>,
    /// The elements file.
    pub elements: BagFile,
}

/// A print of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Print {
    /// RFC 3339.
    pub at: String,
    /// Copies.
    pub copies: u64,
    /// Printer.
    #[serde(deserialize_with = "required")]
    pub printer: Option<String>,
    /// First 16 hex digits of the case journal's head.
    pub journal_head: String,
}

/// A copy given to a party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopyGiven {
    /// `party-N`.
    pub party: String,
    /// RFC 3339.
    pub at: String,
    /// Copies.
    pub copies: u64,
    /// Form.
    pub form: CopyForm,
}

/// A handwritten act, not the cryptographic signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandSignature {
    /// Id.
    pub id: String,
    /// Document.
    pub document: String,
    /// Version.
    pub version: u64,
    /// Id of who signed.
    pub signer: String,
    /// In which capacity.
    pub capacity: Capacity,
    /// Name.
    pub name: String,
    /// How.
    pub method: SigningMethod,
    /// RFC 3339.
    pub at: String,
    /// Strokes.
    #[serde(deserialize_with = "required")]
    pub file: Option<BagFile>,
    /// Photograph of the signed page.
    #[serde(deserialize_with = "required")]
    pub evidence: Option<String>,
}

impl BagFile {
    /// A payload file with the hashes that capture has made.
    #[must_use]
    pub fn new(path: impl Into<String>, media_type: &str, hashes: FileHashes) -> Self {
        Self {
            path: path.into(),
            sha256: hashes.sha256,
            sm3: hashes.sm3,
            size: hashes.size,
            media_type: media_type.to_owned(),
        }
    }
}

/// What record.json says about one payload file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileClaim<'a> {
    /// Path in the bag.
    pub path: &'a str,
    /// SHA-256.
    pub sha256: Hash32,
    /// SM3; annexes name none.
    pub sm3: Option<Hash32>,
    /// Bytes.
    pub size: u64,
}

impl Record {
    /// The bytes of `data/record.json`.
    ///
    /// # Errors
    /// A value that does not fit the schema.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EvidenceError> {
        self.check()?;
        Ok(to_canonical(self)?)
    }

    /// Reads and checks `data/record.json`.
    ///
    /// # Errors
    /// [`EvidenceError::OtherSchema`] for a later version, else what does not fit.
    pub fn parse(bytes: &[u8]) -> Result<Self, EvidenceError> {
        expect_schema(bytes, RECORD_SCHEMA)?;
        let record: Self = parse_exact(bytes)?;
        record.check()?;
        Ok(record)
    }

    /// Every place that names a payload file, in the order of the record. Every payload file but
    /// record.json and journal.jsonl must be named by exactly one of them.
    #[must_use]
    pub fn files(&self) -> Vec<FileClaim<'_>> {
        fn claim(file: &BagFile) -> FileClaim<'_> {
            FileClaim {
                path: &file.path,
                sha256: file.sha256,
                sm3: Some(file.sm3),
                size: file.size,
            }
        }
        let mut files = Vec::new();
        for item in &self.evidence {
            let EvidenceItem { path, sha256, sm3, size, log, .. } = item;
            files.push(FileClaim { path, sha256: *sha256, sm3: Some(*sm3), size: *size });
            files.extend(log.iter().map(claim));
        }
        for version in self.documents.iter().flat_map(|d| &d.versions) {
            files.push(claim(&version.elements));
            files.push(claim(&version.pdf));
            files.extend(version.signed_pdf.iter().map(claim));
        }
        files.extend(self.signatures.iter().filter_map(|s| s.file.as_ref()).map(claim));
        files.extend(self.annexes.iter().map(|a| FileClaim {
            path: &a.path,
            sha256: a.sha256,
            sm3: None,
            size: a.size,
        }));
        files
    }
}

/// Refuses a document of another schema by name, before its members are looked at.
pub(crate) fn expect_schema(bytes: &[u8], expected: &'static str) -> Result<(), EvidenceError> {
    let value: Value = serde_json::from_slice(bytes).map_err(CanonicalError::from)?;
    if value.get("schema").and_then(Value::as_str) == Some(expected) {
        Ok(())
    } else {
        Err(EvidenceError::OtherSchema { expected })
    }
}
