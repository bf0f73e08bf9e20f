//! What officers made of findings, as received bundles say it.

use crate::Result;

/// One bundle as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JudgedBundle {
    /// `EVID-<ulid>`.
    pub bundle: String,
    /// Its task.
    pub task: String,
    /// The data package that was shown on site.
    pub package: Option<String>,
    /// 定点医药机构编号.
    pub fixmedins_code: String,
    /// Bundles whose place it takes.
    pub supersedes: Vec<String>,
    /// Findings about which somebody said something.
    pub judged: Vec<Judged>,
    /// Rules that were silenced when it was sealed.
    pub silenced: Vec<Silenced>,
}

/// A finding about which somebody said something on site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The bundle that says it.
    pub bundle: String,
    /// Its task.
    pub task: String,
    /// 定点医药机构编号.
    pub fixmedins_code: String,
    /// `F1` … inside the bundle.
    pub nr: String,
    /// Key by which the same fact is one (rules.md).
    pub key: String,
    /// The rule; empty where an officer found it without one.
    pub rule: String,
    /// `name@version` of the rule's pack.
    pub pack: String,
    /// State when the bundle was sealed.
    pub state: String,
    /// Why.
    pub reason: Option<String>,
    /// Who said it last.
    pub officer: String,
    /// RFC 3339: when.
    pub at: String,
    /// `mdtrt_id:…`, `psn_no:…` or `fixmedins_code:…`.
    pub subject: String,
    /// Statement of fact and sentence.
    pub text: String,
    /// Gross amount, decimal yuan.
    pub amount: Option<String>,
    /// The fund's part, decimal yuan.
    pub fund_amount: Option<String>,
    /// Letter of the method.
    pub loss_method: Option<String>,
}

/// A rule that was silenced for a visit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silenced {
    /// The bundle that says it.
    pub bundle: String,
    /// Its task.
    pub task: String,
    /// The rule.
    pub rule: String,
    /// `name@version` of the rule's pack; empty where nothing tells it.
    pub pack: String,
    /// Why.
    pub reason: String,
    /// Who.
    pub officer: String,
    /// RFC 3339: when.
    pub at: String,
}

/// How many findings of a rule were shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The rule.
    pub rule: String,
    /// `name@version` of its pack.
    pub pack: String,
    /// Findings.
    pub shown: u64,
}

/// Findings as they were judged on site. What is read counts from the moment its bundle is received, and no
/// longer when a received bundle takes its place.
pub trait Judgements {
    /// Stores what a bundle says in place of what was read of it before, in one transaction.
    fn put_judged(&self, read: &JudgedBundle, at_ms: i64) -> Result<()>;
    /// Received bundles that were never read.
    fn unread_bundles(&self) -> Result<Vec<String>>;
    /// Everything judged that counts, the oldest first; `key`: of one finding.
    fn judged(&self, key: Option<&str>) -> Result<Vec<Judged>>;
    /// Everything silenced that counts, the oldest first.
    fn silenced(&self) -> Result<Vec<Silenced>>;
    /// Stores what a package shows, once.
    fn put_shown(&self, package: &str, shown: &[Shown]) -> Result<()>;
    /// What a package shows.
    fn shown_in(&self, package: &str) -> Result<Vec<Shown>>;
    /// What the packages showed that received bundles name, each package once.
    fn shown(&self) -> Result<Vec<Shown>>;
}
