//! Reference data: the file `reference.db` that all packages share, and what it is made of (claims.md §2).
//!
//! Public data in plain read-only SQLite: policy texts by article, price items, drugs, consumables, ICD
//! codes, operations, typical cases, knowledge points, code tables. It holds nothing about a facility's
//! patients and carries no build time, so that equal content gives equal bytes and a handheld that has them
//! need not fetch them again. The small file with what an officer added on a handheld has the same form.

mod build;
mod codes;
mod fold;
pub mod import;
mod read;
mod repeal;

#[cfg(test)]
mod tests;

use spotcheck_domain::reference::{EntryKind, LevelLimit};

pub use build::{build_reference, catalogue};
pub use fold::fold;
pub use read::ReferenceFile;
pub use repeal::close_replaced;

use crate::codes::CODES;

/// One value of a code table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeRow {
    /// Field name, e.g. `med_type`.
    pub field: String,
    /// Value.
    pub code: String,
    /// Chinese name.
    pub name: String,
    /// `high`, `medium`, `guess`.
    pub confidence: String,
}

/// One entry before it has a place in a file. Empty text: there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Kind.
    pub kind: EntryKind,
    /// Code; of articles empty, they go by the number of their document.
    pub code: String,
    /// Name; of articles empty, they go by the title of their document.
    pub title: String,
    /// Other names.
    pub aliases: Vec<String>,
    /// Text of the article, 项目内涵, specification, case.
    pub text: String,
    /// 除外内容.
    pub excluded: String,
    /// Unit of the price.
    pub unit: String,
    /// Price limits by level, each level once.
    pub limits: Vec<LevelLimit>,
    /// Payment restriction.
    pub restriction: String,
    /// 01 甲类, 02 乙类, 03 丙类.
    pub chrgitm_lv: String,
    /// 第十五条, 二、(三).
    pub article: String,
    /// Chapter or section.
    pub chapter: String,
    /// Line in the source, from 1; 0: none.
    pub line: u64,
    /// First character and the one after the last in the decoded source.
    pub chars: Option<(u64, u64)>,
    /// First day in force; `None`: that of the document.
    pub begin: Option<i64>,
    /// Last day in force; `None`: that of the document.
    pub end: Option<i64>,
}

impl Entry {
    /// An entry of which only the kind is known.
    #[must_use]
    pub const fn new(kind: EntryKind) -> Self {
        Self {
            kind,
            code: String::new(),
            title: String::new(),
            aliases: Vec::new(),
            text: String::new(),
            excluded: String::new(),
            unit: String::new(),
            limits: Vec::new(),
            restriction: String::new(),
            chrgitm_lv: String::new(),
            article: String::new(),
            chapter: String::new(),
            line: 0,
            chars: None,
            begin: None,
            end: None,
        }
    }
}

/// A document or table with its entries in their order. Empty text: not known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// Title.
    pub title: String,
    /// Number, e.g. 示医保〔2024〕12号.
    pub number: String,
    /// Who issued it.
    pub issuer: String,
    /// File name.
    pub source: String,
    /// SHA-256 of the file, lower-case hex.
    pub sha256: String,
    /// First day in force.
    pub begin: Option<i64>,
    /// Last day in force.
    pub end: Option<i64>,
    /// Numbers or titles of what it repeals.
    pub replaces: Vec<String>,
    /// What repealed it.
    pub replaced_by: String,
    /// Entries.
    pub entries: Vec<Entry>,
}

/// What the caller puts into `reference.db`. [`Default`]: the built-in code tables and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceData {
    /// Code tables.
    pub codes: Vec<CodeRow>,
    /// Divisions: six digits, name.
    pub divisions: Vec<(String, String)>,
    /// Documents and tables.
    pub documents: Vec<Document>,
}

impl Default for ReferenceData {
    fn default() -> Self {
        let codes = CODES
            .iter()
            .map(|c| CodeRow {
                field: c.field.to_owned(),
                code: c.code.to_owned(),
                name: c.name.to_owned(),
                confidence: c.confidence.to_owned(),
            })
            .collect();
        Self { codes, divisions: Vec::new(), documents: Vec::new() }
    }
}
