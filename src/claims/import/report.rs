//! The report of an import (`spotcheck-import/1`): counts, money sums, cut-offs, ignored columns.
//!
//! A clerk checks it against the source, so sums are over every row that was read and not rejected, also
//! when it lay in the store already.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use spotcheck_domain::Amount;
use spotcheck_domain::claims::Instant;

/// Schema name of [`ImportReport`].
pub const IMPORT_SCHEMA: &str = "spotcheck-import/1";

/// Figures of one entity.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EntityReport {
    /// Rows in the source (blank lines are none).
    pub read: u64,
    /// New or changed rows.
    pub imported: u64,
    /// Rows that lay in the store already, equal in every column.
    pub unchanged: u64,
    /// Rows that could not be read; they lie in the rejects.
    pub rejected: u64,
    /// Rows (contained in the counts above) whose key an earlier row of the same import had; kept.
    pub duplicates: u64,
    /// Exact sum of every money column over imported and unchanged rows, two decimals or as many as needed.
    pub sums: BTreeMap<String, String>,
}

/// Figures of one file that a mapping reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SourceReport {
    /// Rows of the file.
    pub read: u64,
    /// Rows that could not even be staged; they lie in the rejects under the file's name.
    pub rejected: u64,
}

/// The report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    /// `spotcheck-import/1`.
    pub schema: String,
    /// True if nothing was written (`--check`).
    pub check: bool,
    /// Figures per entity that was there.
    pub entities: BTreeMap<String, EntityReport>,
    /// Figures per file that a mapping reads; empty for native exports.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: BTreeMap<String, SourceReport>,
    /// Newest upload (or event) time per entity, `yyyy-MM-dd[ HH:mm:ss]`.
    pub cutoff: BTreeMap<String, String>,
    /// Columns of the source that the contract does not know, per file.
    pub ignored_columns: BTreeMap<String, Vec<String>>,
    /// Files of the source that were not used.
    pub ignored_files: Vec<String>,
    /// Encoding in which each text file was read.
    pub encodings: BTreeMap<String, String>,
    /// Partitions that were made current, and those left as they were.
    pub partitions: PartitionCounts,
    /// Where the rejects lie; the caller fills it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejects: Option<String>,
}

/// How many partitions an import touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PartitionCounts {
    /// Newly built and made current.
    pub written: u64,
    /// Touched by rows, but equal.
    pub unchanged: u64,
}

impl Default for ImportReport {
    fn default() -> Self {
        Self {
            schema: IMPORT_SCHEMA.to_owned(),
            check: false,
            entities: BTreeMap::new(),
            sources: BTreeMap::new(),
            cutoff: BTreeMap::new(),
            ignored_columns: BTreeMap::new(),
            ignored_files: Vec::new(),
            encodings: BTreeMap::new(),
            partitions: PartitionCounts::default(),
            rejects: None,
        }
    }
}

impl ImportReport {
    /// Rows rejected in all.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        let entities = self.entities.values().map(|e| e.rejected);
        let sources = self.sources.values().map(|s| s.rejected);
        entities.chain(sources).fold(0, u64::saturating_add)
    }

    pub(crate) fn entity(&mut self, name: &str) -> &mut EntityReport {
        self.entities.entry(name.to_owned()).or_default()
    }

    pub(crate) fn see_time(&mut self, entity: &str, cutoff: Option<Instant>) {
        if let Some(cutoff) = cutoff {
            self.cutoff.insert(entity.to_owned(), cutoff.display());
        }
    }
}

/// An exact sum for the report: at least two decimals, never rounded.
#[must_use]
pub fn sum_text(sum: Amount) -> String {
    let cents = sum.to_cents();
    if Amount::parse(&cents) == Ok(sum) { cents } else { sum.to_string() }
}
