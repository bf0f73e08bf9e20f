//! What somebody has to be told: guarded breakdowns that were opened, warnings of indicators.

use crate::Result;

/// A guarded breakdown that an officer opened, out of a device journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardedView {
    /// Number of the line in the journal.
    pub seq: u64,
    /// Who.
    pub officer: String,
    /// `yyyy-MM-dd` as the handheld wrote it.
    pub day: String,
    /// The task.
    pub task: String,
    /// Topic and indicators.
    pub indicators: String,
    /// By what it was broken down.
    pub dimensions: String,
    /// Why.
    pub reason: String,
}

/// How many of them one officer opened on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardedCount {
    /// Who.
    pub officer: String,
    /// When.
    pub day: String,
    /// How often.
    pub views: u64,
    /// Tasks, by id.
    pub tasks: Vec<String>,
    /// Reasons as they were written, each once.
    pub reasons: Vec<String>,
}

/// A warning for one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RaisedRow {
    /// 定点医药机构编号.
    pub fixmedins_code: String,
    /// Warning id.
    pub warning: String,
    /// Who is told.
    pub role: String,
    /// Its indicator.
    pub indicator: String,
    /// Statement of fact.
    pub name: String,
    /// The figure.
    pub value: String,
    /// The threshold in words.
    pub threshold: String,
    /// Where the threshold comes from, in words.
    pub origin: String,
    /// First and last day of the figure.
    pub period: (String, String),
    /// `name@version` of the pack.
    pub pack: String,
    /// When it was computed.
    pub at_ms: i64,
}

/// Guarded views and warnings. Views are stored with the journal they are of.
pub trait Watched {
    /// Counts by officer and day, most first; of one officer and day if they are given.
    fn guarded_counts(&self, of: Option<(&str, &str)>) -> Result<Vec<GuardedCount>>;
    /// Replaces what these indicators of a facility raised before.
    fn put_raised(&self, facility: &str, indicators: &[String], rows: &[RaisedRow]) -> Result<()>;
    /// Warnings by role, facility and id.
    fn raised(&self) -> Result<Vec<RaisedRow>>;
}
