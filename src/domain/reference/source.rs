//! What became of a source of reference data: read, taken, refused, and what was understood from its words.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::EntryKind;

/// Schema name of [`SourceReport`].
pub const SOURCE_SCHEMA: &str = "spotcheck-reference-import/1";
/// Rejects and remarks that are kept word for word; further ones are only counted.
const MOST_TOLD: usize = 1000;

/// What the caller says about a source; it comes before what the source says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceOptions {
    /// Kind of all entries.
    pub kind: Option<EntryKind>,
    /// First day in force, as day number.
    pub valid_from: Option<i64>,
    /// Last day in force.
    pub valid_until: Option<i64>,
}

/// Something said about a place of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// Line or row, from 1; 0: the source as a whole.
    pub line: u64,
    /// Column of a table, else empty.
    pub column: String,
    /// In Chinese, without the value.
    pub reason: String,
}

/// What became of a source.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SourceReport {
    /// `spotcheck-reference-import/1`.
    pub schema: String,
    /// File name.
    pub file: String,
    /// SHA-256 of the file, lower-case hex.
    pub sha256: String,
    /// Encoding of a text file.
    pub encoding: Option<String>,
    /// Title as read.
    pub title: String,
    /// Document number as read.
    pub number: String,
    /// First day in force, `yyyy-MM-dd`.
    pub begin: Option<String>,
    /// Last day in force.
    pub end: Option<String>,
    /// What it repeals.
    pub replaces: Vec<String>,
    /// Rows of a table, or pieces of a text.
    pub read: u64,
    /// Entries, by kind.
    pub taken: BTreeMap<String, u64>,
    /// Rows or pieces that could not be read.
    pub rejected: u64,
    /// Which, and why (the first 1000).
    pub rejects: Vec<Remark>,
    /// What else a clerk should know (the first 1000).
    pub remarks: Vec<Remark>,
    /// Columns that were not used.
    pub ignored_columns: Vec<String>,
}

impl SourceReport {
    /// One more row or piece that could not be read.
    pub fn reject(&mut self, line: u64, column: &str, reason: &str) {
        self.rejected = self.rejected.saturating_add(1);
        told(&mut self.rejects, line, column, reason);
    }

    /// One more remark.
    pub fn remark(&mut self, line: u64, column: &str, reason: &str) {
        told(&mut self.remarks, line, column, reason);
    }

    /// Entries in all.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.taken.values().fold(0, |n, more| n.saturating_add(*more))
    }
}

fn told(list: &mut Vec<Remark>, line: u64, column: &str, reason: &str) {
    if list.len() < MOST_TOLD {
        list.push(Remark { line, column: column.to_owned(), reason: reason.to_owned() });
    }
}
