//! Runs of the rules and what they found.

use crate::Result;

/// One run of a pack over one facility.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// ULID.
    pub id: String,
    /// The facility.
    pub fixmedins_code: String,
    /// `name@version` of the pack.
    pub pack: String,
    /// The same rules have the same state.
    pub rules_state: String,
    /// The same data of the facility and its persons have the same state.
    pub data_state: String,
    /// State of all partitions when this was last compared.
    pub city_state: String,
    /// When it ended.
    pub at_ms: i64,
    /// What the run said beside its findings, JSON.
    pub outcome: Vec<u8>,
}

/// A stored finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingEntry {
    /// Key by which the same fact is one (rules.md).
    pub key: String,
    /// Rule.
    pub rule: String,
    /// V, S, L, Z.
    pub grade: String,
    /// Whether others stand under it.
    pub principal: bool,
    /// 0–100.
    pub weight: u32,
    /// Gross amount in millionths.
    pub amount: Option<i64>,
    /// The fund's part in millionths.
    pub fund_amount: Option<i64>,
    /// The whole finding as JSON.
    pub body: String,
}

/// Principal findings of one grade of one facility.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The facility.
    pub fixmedins_code: String,
    /// V, S, L, Z; `None` where the run found nothing.
    pub grade: Option<String>,
    /// Findings.
    pub findings: u64,
    /// Sum of gross amounts in millionths.
    pub amount: i64,
    /// Sum of the fund's parts in millionths.
    pub fund_amount: i64,
    /// Sum of weights.
    pub weight: u64,
}

/// Runs of the rules and their findings.
pub trait Audits {
    /// The run of a facility that counts.
    fn audit_of(&self, facility: &str) -> Result<Option<AuditRow>>;
    /// Stores a run with its findings and makes it the one that counts, in one transaction; the findings of
    /// the one before are removed.
    fn put_audit(&self, row: &AuditRow, findings: &[FindingEntry]) -> Result<()>;
    /// Partitions changed, but nothing that this run saw.
    fn keep_audit(&self, id: &str, city_state: &str) -> Result<()>;
    /// Findings of a run in the order in which it gave them.
    fn findings_of(&self, audit: &str) -> Result<Vec<FindingEntry>>;
    /// Principal findings by facility and grade, of the runs that count.
    fn tallies(&self) -> Result<Vec<Tally>>;
    /// The runs that count, by facility.
    fn audits(&self) -> Result<Vec<AuditRow>>;
}

/// A rule pack laid over the national one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulePackRow {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Digest over its files, hex: what is signed.
    pub sha256: String,
    /// Who signed: `centre` or an officer's id.
    pub signer: String,
    /// Added at.
    pub added_ms: i64,
    /// Name → bytes, JSON with base64.
    pub files: Vec<u8>,
    /// CMS, detached.
    pub signature: Vec<u8>,
}

/// Rule packs in force.
pub trait RulePacks {
    /// In the order in which they are laid over each other.
    fn rule_packs(&self) -> Result<Vec<RulePackRow>>;
    /// Adds one on top, or replaces the one of its name in its place.
    fn put_rule_pack(&self, row: &RulePackRow) -> Result<()>;
    /// Takes one out of force; `false` if there is none.
    fn remove_rule_pack(&self, name: &str) -> Result<bool>;
}
