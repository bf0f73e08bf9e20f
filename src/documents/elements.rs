//! The elements of each form: what is frozen, hashed and signed for.
//!
//! Closed shapes (`deny_unknown_fields`), strings and small integers only, so that the canonical bytes are
//! unambiguous and stay readable without this program. An empty string means "not applicable" and is
//! struck through on paper; no member is ever left out.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use spotcheck_domain::task::TaskOfficer;
use spotcheck_domain::vocabulary::CredentialKind;

use crate::Error;

/// An officer as named on paper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Officer {
    /// Name.
    pub name: String,
    /// Authority or agency.
    pub agency: String,
    /// 执法证 or 工作证: also decides whether the paper says 执法人员 or 核查人员.
    pub credential_kind: CredentialKind,
    /// Number of the credential.
    pub credential_number: String,
}

impl From<&TaskOfficer> for Officer {
    fn from(officer: &TaskOfficer) -> Self {
        Self {
            name: officer.name.clone(),
            agency: officer.agency.clone(),
            credential_kind: officer.credential_kind,
            credential_number: officer.credential_number.clone(),
        }
    }
}

/// One question with the answer in the interviewee's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// 1, 2 …
    pub n: u32,
    /// Question.
    pub question: String,
    /// Answer; never prefilled, never offered as a choice.
    pub answer: String,
    /// Milliseconds into the audio, if one was running.
    pub at_ms: Option<u64>,
    /// Evidence id of the audio.
    pub audio: Option<String>,
}

/// Elements of W03 现场检查笔录. Meaning of each member: the labels in [`mod@crate::form`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the labels in form.rs explain each member")]
pub struct W03 {
    pub organ: String,
    pub number: String,
    pub begun: String,
    pub ended: String,
    pub place: String,
    pub subject: String,
    pub subject_code: String,
    pub fixmedins_code: String,
    pub subject_head: String,
    pub subject_addr: String,
    pub subject_phone: String,
    pub present_name: String,
    pub present_id: String,
    pub present_post: String,
    pub officers: Vec<Officer>,
    pub recorder: String,
    pub basis: Vec<String>,
    pub recusal: String,
    pub content: String,
    pub measures: String,
    pub attachments: String,
    pub remark: String,
}

/// Elements of W04 询问（调查）笔录. Meaning of each member: the labels in [`mod@crate::form`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the labels in form.rs explain each member")]
pub struct W04 {
    pub organ: String,
    pub number: String,
    pub nth: String,
    pub begun: String,
    pub ended: String,
    pub place: String,
    pub name: String,
    pub sex: String,
    pub birth: String,
    pub id_number: String,
    pub employer: String,
    pub post: String,
    pub address: String,
    pub phone: String,
    pub relation: String,
    pub guardian: String,
    pub officers: Vec<Officer>,
    pub recorder: String,
    pub basis: Vec<String>,
    pub recusal: String,
    pub answers: Vec<Answer>,
    pub remark: String,
}

/// Elements of W25 拒绝（阻碍）检查记录. Meaning of each member: the labels in [`mod@crate::form`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the labels in form.rs explain each member")]
pub struct W25 {
    pub organ: String,
    pub number: String,
    pub begun: String,
    pub ended: String,
    pub place: String,
    pub subject: String,
    pub subject_code: String,
    pub fixmedins_code: String,
    pub subject_addr: String,
    pub present_name: String,
    pub present_post: String,
    pub officers: Vec<Officer>,
    pub recorder: String,
    pub basis: Vec<String>,
    pub code: String,
    pub acts: String,
    pub told: String,
    pub deadline: String,
    pub recordings: String,
    pub remark: String,
}

/// Elements of any form.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Elements {
    /// 现场检查笔录.
    W03(Box<W03>),
    /// 询问（调查）笔录.
    W04(Box<W04>),
    /// 拒绝（阻碍）检查记录.
    W25(Box<W25>),
}

impl Elements {
    /// Reads the elements of a form and insists on their exact shape.
    ///
    /// # Errors
    /// [`Error::UnknownForm`], [`Error::Shape`].
    pub fn parse(form: &str, value: &Value) -> Result<Self, Error> {
        // The cause is dropped on purpose: serde's messages quote values.
        let shape = |_| Error::Shape { form: form.to_owned() };
        match form {
            "W03" => W03::deserialize(value).map(|w| Self::W03(Box::new(w))).map_err(shape),
            "W04" => W04::deserialize(value).map(|w| Self::W04(Box::new(w))).map_err(shape),
            "W25" => W25::deserialize(value).map(|w| Self::W25(Box::new(w))).map_err(shape),
            _ => Err(Error::UnknownForm),
        }
    }

    /// Id of the form.
    #[must_use]
    pub const fn form(&self) -> &'static str {
        match self {
            Self::W03(_) => "W03",
            Self::W04(_) => "W04",
            Self::W25(_) => "W25",
        }
    }

    /// As JSON.
    ///
    /// # Errors
    /// [`Error::Shape`]; cannot happen for these shapes.
    pub fn to_value(&self) -> Result<Value, Error> {
        match self {
            Self::W03(w) => serde_json::to_value(w),
            Self::W04(w) => serde_json::to_value(w),
            Self::W25(w) => serde_json::to_value(w),
        }
        .map_err(|_| Error::Shape { form: self.form().to_owned() })
    }
}
