//! Partitions: where the centre's claims lie (sync.md §Centre).
//!
//! One immutable encrypted file per facility and month of `fee_ocur_time`, one `base` per facility for
//! everything else, and one `base` of the region (facility `""`) for persons and the price list. A file is
//! named after its content: the sum, modulo 2^256, of HMAC-SHA-256 over every row under a key derived
//! from the master key. Equal rows give an equal name in whatever order they came; nobody without the key can
//! test a guess against a name; and the name alone, with the master key, gives the file's own key.

mod dir;
mod file;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use spotcheck_domain::claims::Instant;
use spotcheck_domain::{Amount, TroubleResult};

pub use dir::DirPartitionStore;
pub use file::PartitionReader;
pub(crate) use file::{ContentHash, PartitionWriter, insert_sql, read_row, sha256_of_file};

/// Month name of the partition that holds all tables but fee lines.
pub const BASE: &str = "base";
/// Month name of fee lines without a time.
pub const UNDATED: &str = "undated";
/// Facility name of the region's own partition.
pub const REGION: &str = "";

/// Which partition: a facility (or [`REGION`]) and a month `yyyy-MM` (or [`BASE`], [`UNDATED`]).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PartitionKey {
    /// 定点医药机构编号, or empty.
    pub facility: String,
    /// `2026-11`, `base`, `undated`.
    pub month: String,
}

impl PartitionKey {
    /// A key.
    #[must_use]
    pub fn new(facility: &str, month: &str) -> Self {
        Self { facility: facility.to_owned(), month: month.to_owned() }
    }
}

/// Counts of one table of a partition or package.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TableStats {
    /// Rows.
    pub rows: u64,
    /// Exact sum of each money column.
    pub sums: BTreeMap<String, Amount>,
    /// Newest upload time (or, where none is exported, newest event), if the table has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cutoff: Option<Instant>,
}

impl TableStats {
    /// Adds another count; the later cut-off wins.
    pub fn add(&mut self, other: &Self) {
        self.rows = self.rows.saturating_add(other.rows);
        for (column, sum) in &other.sums {
            let own = self.sums.entry(column.clone()).or_default();
            *own = own.checked_add(*sum).unwrap_or(*own);
        }
        self.cutoff = later(self.cutoff, other.cutoff);
    }
}

/// The later of two times, if any.
#[must_use]
pub fn later(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.at > a.at { b } else { a }),
        (a, b) => a.or(b),
    }
}

/// A partition file as the catalogue knows it. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionRef {
    /// Which partition it is.
    pub key: PartitionKey,
    /// File name: 64 hex digits of the content hash.
    pub name: String,
    /// Bytes of the encrypted file.
    pub size: u64,
    /// SHA-256 of the encrypted file, hex.
    pub sha256: String,
    /// Counts per table.
    pub tables: BTreeMap<String, TableStats>,
}

/// Where partition files lie and which of them are current. The centre implements it on its database and
/// object store; [`DirPartitionStore`] is the twin for tests and small installations.
///
/// The catalogue is small (a few thousand rows); the files are immutable, so `put` may be repeated and files
/// may be collected once no `PartitionRef` names them.
pub trait PartitionStore {
    /// The current partition of a key.
    fn current(&self, key: &PartitionKey) -> TroubleResult<Option<PartitionRef>>;
    /// All current partitions, or those of one facility, ordered by key.
    fn list(&self, facility: Option<&str>) -> TroubleResult<Vec<PartitionRef>>;
    /// A local path of the (encrypted) file, valid as long as the store; may fetch it first.
    fn local(&self, partition: &PartitionRef) -> TroubleResult<PathBuf>;
    /// Takes a finished file over (moves or copies it). Durable when it returns. A file of the same name is
    /// equal and may be kept.
    fn put(&self, partition: &PartitionRef, file: &Path) -> TroubleResult<()>;
    /// Makes `now` current and `gone` nobody's, all in one transaction.
    fn switch(&self, now: &[PartitionRef], gone: &[PartitionKey]) -> TroubleResult<()>;
}
