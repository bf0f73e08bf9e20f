//! What became of findings after the site.

use crate::Result;

/// A step of a finding at the centre.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingStateRow {
    /// Key of the finding.
    pub key: String,
    /// From 1 in each finding.
    pub seq: u64,
    /// The bundle whose finding it was then.
    pub bundle: String,
    /// State, `domain::procedure`.
    pub state: String,
    /// What was answered.
    pub answer: Option<String>,
    /// When.
    pub at_ms: i64,
    /// Who.
    pub by: String,
    /// Why, or the number of the paper.
    pub reason: Option<String>,
    /// Last day of the answer, `yyyy-MM-dd`.
    pub due: Option<String>,
}

/// A step of something to be put right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RectificationRow {
    /// Key of the finding.
    pub key: String,
    /// From 1 in each finding.
    pub nr: u64,
    /// From 1 in each item.
    pub seq: u64,
    /// `asked`, `done` or `not_done`.
    pub state: String,
    /// When.
    pub at_ms: i64,
    /// Who.
    pub by: String,
    /// What is to be done, or what was seen.
    pub text: String,
    /// Last day, `yyyy-MM-dd`.
    pub due: Option<String>,
}

/// Steps of findings and of what is to be put right: appended, never changed.
pub trait Procedure {
    /// Appends a step if it is the next one; `false` if somebody else was faster.
    fn append_finding_state(&self, row: &FindingStateRow) -> Result<bool>;
    /// Steps of all findings or one, by key in their order.
    fn finding_states(&self, key: Option<&str>) -> Result<Vec<FindingStateRow>>;
    /// Appends a step of an item if it is the next one; `false` if somebody else was faster.
    fn append_rectification(&self, row: &RectificationRow) -> Result<bool>;
    /// Steps of items of all findings or one, by key, item and order.
    fn rectifications(&self, key: Option<&str>) -> Result<Vec<RectificationRow>>;
}
