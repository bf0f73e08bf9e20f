//! Annex `spotcheck-interview/1`: questions and answers of an interview with their place in the sound.
//!
//! The paper carries the words; this annex ties each answer to the moment of the recording in which it
//! was given, so that a dispute about a sentence is settled by listening to ten seconds.

use serde::{Deserialize, Serialize};
use spotcheck_domain::{OfficerId, to_canonical};

use crate::EvidenceError;
use crate::bag::is_payload_path;
use crate::form::{Checker, parse_exact, required};

/// Schema named in the annex and in record.json.
pub const INTERVIEW_SCHEMA: &str = "spotcheck-interview/1";

/// The annex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interview {
    /// Always [`INTERVIEW_SCHEMA`].
    pub schema: String,
    /// Id of the document that carries the words on paper.
    pub document: String,
    /// Who was asked: an id of record.json `parties`.
    pub interviewee: String,
    /// Who asked.
    pub officers: Vec<OfficerId>,
    /// Path in the bag of the sound, if there is any.
    #[serde(deserialize_with = "required")]
    pub audio: Option<String>,
    /// Questions in their order.
    pub questions: Vec<Question>,
}

/// One question with its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Number, from 1.
    pub n: u64,
    /// Where in the sound it begins, in milliseconds.
    #[serde(deserialize_with = "required")]
    pub at_ms: Option<u64>,
    /// The question.
    pub question: String,
    /// The answer; empty where none was given.
    pub answer: String,
    /// When the answer was entered, RFC 3339.
    pub at: String,
}

impl Interview {
    /// The annex's bytes.
    ///
    /// # Errors
    /// A value that does not fit.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EvidenceError> {
        self.check()?;
        Ok(to_canonical(self)?)
    }

    /// Reads and checks the annex.
    ///
    /// # Errors
    /// [`EvidenceError::OtherSchema`] for a later version, else what does not fit.
    pub fn parse(bytes: &[u8]) -> Result<Self, EvidenceError> {
        crate::record::expect_schema(bytes, INTERVIEW_SCHEMA)?;
        let annex: Self = parse_exact(bytes)?;
        annex.check()?;
        Ok(annex)
    }

    fn check(&self) -> Result<(), EvidenceError> {
        let mut c = Checker::new(INTERVIEW_SCHEMA);
        c.that("schema", self.schema == INTERVIEW_SCHEMA)?;
        c.id("document", &self.document)?;
        c.id("interviewee", &self.interviewee)?;
        c.that("audio", self.audio.as_deref().is_none_or(is_payload_path))?;
        let mut expected: u64 = 0;
        c.each("questions", &self.questions, |c, q| {
            expected = expected.saturating_add(1);
            c.that("n", q.n == expected)?;
            c.int("at_ms", q.at_ms.unwrap_or(0), 0)?;
            c.text("question", &q.question)?;
            c.time("at", &q.at)
        })
    }
}
