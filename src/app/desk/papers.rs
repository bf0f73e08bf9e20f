//! Documents, signatures and prints as they are shown.

use serde::{Deserialize, Serialize};
use spotcheck_domain::vocabulary::{Capacity, SigningMethod};
use spotcheck_domain::{CaseId, TroubleResult};

/// A document in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentCard {
    /// `D1` …
    pub id: String,
    /// `W03`, `W04`, `W25`.
    pub form: String,
    /// 现场检查笔录 …
    pub title: String,
    /// Where it stands.
    pub state: DocumentState,
    /// Frozen version, 0 while it is a draft.
    pub version: u32,
    /// The interviewee, on forms that have one.
    pub party: Option<String>,
}

/// Life of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentState {
    /// May be edited.
    Draft,
    /// Shown to the party; changes are visible corrections.
    Frozen,
    /// Signed by hand by everybody the form asks for.
    Signed,
    /// The party refused to sign.
    Refused,
}

/// A document with its fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentView {
    /// Head data.
    pub card: DocumentCard,
    /// Fields in the order of the form.
    pub fields: Vec<FieldView>,
    /// Questions and answers (W04 only).
    pub answers: Vec<AnswerView>,
    /// Pages of the rendered version, 0 while it is a draft.
    pub pages: u32,
    /// SHA-256 of the elements file, once frozen.
    pub content_sha256: Option<String>,
    /// Signatures so far.
    pub signatures: Vec<SignatureView>,
    /// Copies printed so far.
    pub prints: u32,
    /// Why it cannot be frozen yet, by field or duty (may be empty).
    pub missing: Vec<String>,
    /// Who refused to sign.
    #[serde(default)]
    pub refused: Vec<RefusedView>,
    /// Copies that were handed over.
    #[serde(default)]
    pub given: Vec<GivenView>,
}

/// Somebody who refused to sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedView {
    /// `party-1` …
    pub party: String,
    /// Name.
    pub name: String,
    /// The reason that was given.
    pub reason: String,
    /// RFC 3339.
    pub at: String,
}

/// Copies handed to a party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenView {
    /// `party-1` …
    pub party: String,
    /// Copies on paper.
    pub copies: u32,
    /// RFC 3339.
    pub at: String,
}

/// What is done with a paper beyond writing, signing and printing it.
pub trait PaperActs {
    /// A party refuses to sign a frozen document; why, in its own words. Officers and witnesses may sign then.
    fn refuse_document(
        &mut self,
        case: &CaseId,
        document: &str,
        party: &str,
        reason: &str,
    ) -> TroubleResult<DocumentView>;
    /// So many copies on paper were handed to a party.
    fn give_copy(
        &mut self,
        case: &CaseId,
        document: &str,
        party: &str,
        copies: u32,
    ) -> TroubleResult<DocumentView>;
}

/// One field of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldView {
    /// Stable key, e.g. `place`.
    pub key: String,
    /// Label on screen and paper.
    pub label: String,
    /// Text so far.
    pub value: String,
    /// Must not be empty.
    pub required: bool,
    /// Several lines.
    pub multiline: bool,
    /// Filled by the program (times, officers); shown, not edited.
    pub fixed: bool,
}

/// One question with its answer, tied to the running audio.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerView {
    /// 1, 2 …
    pub n: u32,
    /// Question.
    pub question: String,
    /// Answer in the interviewee's words.
    pub answer: String,
    /// Milliseconds into the audio, if one was running.
    pub at_ms: Option<u64>,
    /// The audio's evidence id.
    pub audio: Option<String>,
}

/// One handwritten signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignatureView {
    /// Party or officer id.
    pub signer: String,
    /// Name.
    pub name: String,
    /// Capacity.
    pub capacity: Capacity,
    /// Method.
    pub method: SigningMethod,
    /// RFC 3339.
    pub at: String,
}

/// One stroke of a signature pad.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stroke {
    /// `(x, y, milliseconds from the first touch, pressure 0–1023)`; the pad is 800 × 300.
    pub points: Vec<(u16, u16, u32, u16)>,
}

/// A printer that was found or configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrinterView {
    /// `ipp://…`.
    pub uri: String,
    /// Name on screen.
    pub name: String,
    /// Idle, printing, stopped … with reasons, in words.
    pub state: String,
}

/// Result of a print.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrintReport {
    /// Printer's job number.
    pub job: i64,
    /// Pages per copy.
    pub pages: u32,
    /// Copies.
    pub copies: u32,
    /// First 16 hex digits of the journal head that stands on the paper.
    pub journal_head: String,
}
