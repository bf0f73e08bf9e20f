//! Types of record.json for what follows from a visit: approvals, refusals, measures, deadlines,
//! handovers, relations, annexes, completeness.

use serde::{Deserialize, Serialize};
use spotcheck_domain::BundleId;

use super::{Channel, DeadlineUnit, MeasureKind, RelationKind};
use crate::Hash32;
use crate::form::required;

/// An approval of a superior.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// Id.
    pub id: String,
    /// Kind, an id.
    pub kind: String,
    /// By whom.
    pub by: ApprovedBy,
    /// How.
    pub channel: Channel,
    /// RFC 3339.
    pub at: String,
    /// Number.
    #[serde(deserialize_with = "required")]
    pub number: Option<String>,
    /// Wording.
    pub wording: String,
    /// Document.
    #[serde(deserialize_with = "required")]
    pub document: Option<String>,
    /// Ids of evidence.
    pub evidence: Vec<String>,
}

/// Who approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovedBy {
    /// Name.
    pub name: String,
    /// Post.
    #[serde(deserialize_with = "required")]
    pub post: Option<String>,
}

/// A refusal of a party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// Id.
    pub id: String,
    /// What was refused.
    pub of: String,
    /// `party-N`.
    pub by: String,
    /// Reason given.
    #[serde(deserialize_with = "required")]
    pub reason: Option<String>,
    /// Witness.
    #[serde(deserialize_with = "required")]
    pub witness: Option<String>,
    /// RFC 3339.
    pub at: String,
    /// Document.
    #[serde(deserialize_with = "required")]
    pub document: Option<String>,
    /// Ids of evidence.
    pub evidence: Vec<String>,
}

/// A measure taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// Id.
    pub id: String,
    /// Kind.
    pub kind: MeasureKind,
    /// What it covers.
    pub items: Vec<MeasureItem>,
    /// Document.
    #[serde(deserialize_with = "required")]
    pub document: Option<String>,
    /// Approval.
    #[serde(deserialize_with = "required")]
    pub approval: Option<String>,
    /// RFC 3339.
    pub begun: String,
    /// RFC 3339.
    #[serde(deserialize_with = "required")]
    pub ends: Option<String>,
    /// RFC 3339.
    #[serde(deserialize_with = "required")]
    pub lifted: Option<String>,
}

/// A thing covered by a measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasureItem {
    /// Name.
    pub name: String,
    /// Specification.
    #[serde(deserialize_with = "required")]
    pub spec: Option<String>,
    /// Unit.
    #[serde(deserialize_with = "required")]
    pub unit: Option<String>,
    /// Quantity, decimal.
    #[serde(deserialize_with = "required")]
    pub quantity: Option<String>,
    /// Amount, decimal yuan.
    #[serde(deserialize_with = "required")]
    pub amount: Option<String>,
    /// Keeper.
    #[serde(deserialize_with = "required")]
    pub keeper: Option<String>,
    /// Place.
    #[serde(deserialize_with = "required")]
    pub place: Option<String>,
}

/// A deadline that began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deadline {
    /// Id.
    pub id: String,
    /// Kind, an id.
    pub kind: String,
    /// Legal basis.
    pub basis: String,
    /// RFC 3339.
    pub begins: String,
    /// How many units.
    pub count: u64,
    /// Unit.
    pub unit: DeadlineUnit,
    /// RFC 3339.
    pub due: String,
    /// `party-N`.
    #[serde(deserialize_with = "required")]
    pub party: Option<String>,
    /// Document.
    #[serde(deserialize_with = "required")]
    pub document: Option<String>,
}

/// A handover between officers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handover {
    /// Id.
    pub id: String,
    /// RFC 3339.
    pub at: String,
    /// Officer.
    pub from: String,
    /// Officer.
    pub to: String,
    /// Reason.
    #[serde(deserialize_with = "required")]
    pub reason: Option<String>,
    /// What is still open.
    pub open_points: Vec<String>,
}

/// Another bundle this one points back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relation {
    /// How.
    pub kind: RelationKind,
    /// Bundle.
    pub bundle: BundleId,
    /// SHA-256 of its tagmanifest-sha256.txt.
    pub tagmanifest_sha256: Hash32,
}

/// What a part of the product adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Annex {
    /// `data/annex/<name>.json`.
    pub path: String,
    /// Its schema, named in the annex too.
    pub schema: String,
    /// SHA-256.
    pub sha256: Hash32,
    /// Bytes.
    pub size: u64,
}

/// Whether the visit is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Completeness {
    /// True if nothing is missing.
    pub complete: bool,
    /// Why it was sealed though incomplete.
    #[serde(deserialize_with = "required")]
    pub reason: Option<String>,
    /// What is missing.
    pub missing: Vec<String>,
}
