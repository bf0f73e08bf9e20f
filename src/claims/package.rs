//! The data package of one task (`spotcheck-package/1`): manifest, building, full check (claims.md §2).
//!
//! `package.json` is what the centre signs and what every check compares with; it is canonical JSON, so
//! that one package has one hash. Wrapping the key for a handheld and the CMS signature are the caller's.

mod build;
mod check;
mod copy;
mod dict;
mod elsewhere;
mod pick;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use spotcheck_domain::claims::Instant;
use spotcheck_domain::time::parse_rfc3339;
use spotcheck_domain::{Amount, DeviceId, PackageId, TaskId, parse_canonical, to_canonical};

pub use crate::reference::{CodeRow, ReferenceData};
pub use build::{
    BuiltPackage, FindingRow, PackFiles, PackageRequest, PeerStat, Period, build_package,
};
pub use check::{CheckReport, FileState, check_package, file_states, same_files};

use crate::error::{Error, Result};

/// Schema name of the manifest.
pub const PACKAGE_SCHEMA: &str = "spotcheck-package/1";
/// Schema name inside `claims.db`.
pub const CLAIMS_SCHEMA: &str = "spotcheck-claims/1";
/// Schema name inside `reference.db`.
pub const REFERENCE_SCHEMA: &str = "spotcheck-reference/1";
/// The encrypted database.
pub const CLAIMS_DB: &str = "claims.db";
/// The public database.
pub const REFERENCE_DB: &str = "reference.db";
/// The manifest's own file name.
pub const PACKAGE_JSON: &str = "package.json";

/// Figures of one table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestTable {
    /// Rows.
    pub rows: u64,
    /// Exact sum of each money column.
    pub sums: BTreeMap<String, Amount>,
}

/// One file of the package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestFile {
    /// Bytes.
    pub size: u64,
    /// SHA-256, lower-case hex.
    pub sha256: String,
}

/// Version of a rule pack in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulePackRef {
    /// Name, e.g. `national`.
    pub name: String,
    /// Version, e.g. `2026.11`.
    pub version: String,
    /// SHA-256 of the signed pack, lower-case hex.
    pub sha256: String,
}

/// A handheld that may open the package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipient {
    /// The handheld.
    pub device: DeviceId,
    /// The raw key, wrapped by `age` for the handheld, ASCII-armoured.
    pub wrapped_key: String,
}

/// `package.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageManifest {
    /// `spotcheck-package/1`.
    pub schema: String,
    /// This build.
    pub package: PackageId,
    /// The task.
    pub task: TaskId,
    /// The facility.
    pub fixmedins_code: String,
    /// First day of the period, `yyyy-MM-dd`, if limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period_from: Option<String>,
    /// Last day of the period, `yyyy-MM-dd`, if limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period_to: Option<String>,
    /// Schema of `claims.db`, `spotcheck-claims/1`.
    pub claims_schema: String,
    /// RFC 3339.
    pub created: String,
    /// RFC 3339: may be opened from then …
    pub valid_from: String,
    /// … until then.
    pub valid_until: String,
    /// Rows and money sums per table.
    pub tables: BTreeMap<String, ManifestTable>,
    /// Newest upload per table: `yyyy-MM-dd`, `yyyy-MM-dd HH:mm` or `yyyy-MM-dd HH:mm:ss`, Beijing.
    pub cutoff: BTreeMap<String, String>,
    /// Files by name.
    pub files: BTreeMap<String, ManifestFile>,
    /// Rule packs in force.
    pub rule_packs: Vec<RulePackRef>,
    /// Who may open it, sorted by device.
    pub recipients: Vec<Recipient>,
}

impl PackageManifest {
    /// Reads a manifest and insists on its canonical form.
    ///
    /// # Errors
    /// [`Error::Manifest`] or [`Error::Schema`].
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let head: serde_json::Value =
            serde_json::from_slice(bytes).map_err(|e| Error::Manifest(e.to_string()))?;
        let schema = head.get("schema").and_then(|s| s.as_str()).unwrap_or_default();
        if schema != PACKAGE_SCHEMA {
            let found = schema.chars().take(64).collect();
            return Err(Error::Schema { found, wanted: PACKAGE_SCHEMA.to_owned() });
        }
        parse_canonical(bytes).map_err(|e| Error::Manifest(e.to_string()))
    }

    /// The canonical bytes: what is signed and stored.
    ///
    /// # Errors
    /// A count beyond 2^53.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        to_canonical(self).map_err(|e| Error::Manifest(e.to_string()))
    }

    /// Adds a handheld, or replaces its wrapped key. The manifest must be signed again after it.
    pub fn add_recipient(&mut self, recipient: Recipient) {
        self.recipients.retain(|r| r.device != recipient.device);
        self.recipients.push(recipient);
        self.recipients.sort_by(|a, b| a.device.cmp(&b.device));
    }

    /// The wrapped key for a handheld.
    #[must_use]
    pub fn wrapped_key(&self, device: &DeviceId) -> Option<&str> {
        self.recipients.iter().find(|r| r.device == *device).map(|r| r.wrapped_key.as_str())
    }

    /// True from `valid_from` to `valid_until`, both included.
    ///
    /// # Errors
    /// One of the two is no RFC 3339 time.
    pub fn is_valid_at(&self, unix_ms: i64) -> Result<bool> {
        let time = |text: &str| {
            parse_rfc3339(text).ok_or_else(|| Error::Manifest("validity is no time".to_owned()))
        };
        Ok(time(&self.valid_from)? <= unix_ms && unix_ms <= time(&self.valid_until)?)
    }

    /// Bytes of all files together.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.files.values().fold(0, |sum, f| sum.saturating_add(f.size))
    }

    /// The cut-offs as times, by table.
    #[must_use]
    pub fn cutoffs(&self) -> Vec<(String, Instant)> {
        let time = |text: &String| crate::cell::time(text);
        self.cutoff.iter().filter_map(|(t, text)| Some((t.clone(), time(text)?))).collect()
    }
}
