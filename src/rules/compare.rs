//! Rule F13: a facility's own export (HIS) line by line against what it uploaded.
//!
//! The export is a table that nobody described: [`layout`] finds the header, `pair` proposes which column
//! is which, by the words of the header and above all by the values, which must be those of the package;
//! the officer confirms with the thumb; [`run`] compares. All of it is pure and deterministic: equal file,
//! pairing and package give equal differences. What could not be read is told row by row and never compared;
//! what is younger than the upload's cut-off is 未上传 and no difference (claims.md §1).

mod book;
mod finding;
mod fresh;
mod his;
mod layout;
mod lines;
mod overlay;
mod pair;
mod run;
mod uploaded;
mod value;
mod words;

use std::collections::BTreeMap;

use serde::Serialize;
use spotcheck_domain::{Amount, words};

pub use finding::{PACK, RULE, findings};
pub use fresh::{FreshFindings, FreshRow, is_of_export, judge};
pub use layout::{Layout, layout};
pub use pair::{Candidate, MAX_CANDIDATES, Proposal, SURE, Sample, propose, proposed};
pub use run::run;
pub use uploaded::Uploaded;

words!(
    /// What a column of the export can be, under the national field's name.
    Field {
        /// Number of the visit: `mdtrt_id`, `ipt_otp_no` or `medrcdno`, whichever the values say.
        Visit = "mdtrt_id", "就诊号/住院号";
        /// Day of the fee.
        FeeTime = "fee_ocur_time", "费用日期";
        /// National item code.
        ItemCode = "med_list_codg", "医保项目编码";
        /// The facility's own item code.
        LocalCode = "medins_list_codg", "院内项目编码";
        /// Name of the item.
        ItemName = "hilist_name", "项目名称";
        /// Quantity.
        Cnt = "cnt", "数量";
        /// Price.
        Pric = "pric", "单价";
        /// Amount.
        Amount = "det_item_fee_sumamt", "金额";
        /// Name of the person.
        PersonName = "psn_name", "姓名";
        /// `psn_no` or `certno`.
        PersonNo = "psn_no", "人员编号/证件号";
        /// Settlement.
        Settlement = "setl_id", "结算号";
        /// Number of the fee line.
        Serial = "bkkp_sn", "记账流水号";
        /// Mark of a refund.
        Refund = "refd_flag", "退费标志";
    }
);

/// Which column of the table is which field.
pub type Pairing = BTreeMap<Field, usize>;

/// What is still missing before a comparison can run, in words; empty: it can.
#[must_use]
pub fn ready(pairing: &Pairing) -> Vec<&'static str> {
    let has = |field: Field| pairing.contains_key(&field);
    let mut missing = Vec::new();
    for field in [Field::Visit, Field::FeeTime] {
        if !has(field) {
            missing.push(field.zh());
        }
    }
    if !has(Field::ItemCode) && !has(Field::LocalCode) && !has(Field::ItemName) {
        missing.push("项目编码或项目名称");
    }
    if !has(Field::Cnt) && !has(Field::Amount) {
        missing.push("数量或金额");
    }
    missing
}

words!(
    /// Classes of differences, in the order in which they are shown.
    Class {
        /// A line of the upload that the export does not have.
        UploadedOnly = "uploaded_only", "已上传，HIS 中没有";
        /// The quantity differs.
        Quantity = "quantity", "数量不一致";
        /// The price differs.
        Price = "price", "单价不一致";
        /// Quantity and price agree, the amount does not.
        Amount = "amount", "金额不一致";
        /// Another item: other code under the same name, or the same money under another item.
        Item = "item", "项目不一致";
        /// Taken back in the export, not in the upload.
        Refund = "refund", "HIS已退费，未上传退费";
        /// The same line on another day.
        Date = "date", "费用日期不一致";
        /// Another person.
        Person = "person", "人员不一致";
        /// A line of the export that was not uploaded.
        HisOnly = "his_only", "HIS中有，未上传";
    }
);

/// One side of a difference; sums where several lines stand against each other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Side {
    /// `yyyy-MM-dd`.
    pub day: Option<String>,
    /// Item code as it stands.
    pub code: Option<String>,
    /// Item name as it stands.
    pub name: Option<String>,
    /// Quantity.
    pub cnt: Option<Amount>,
    /// Price.
    pub pric: Option<Amount>,
    /// Amount.
    pub amount: Option<Amount>,
    /// Person, where that is what differs.
    pub person: Option<String>,
    /// Lines that were put together.
    pub lines: u32,
}

/// One difference with the rows on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What differs.
    pub class: Class,
    /// The visit, where it is known.
    pub mdtrt_id: Option<String>,
    /// Its person.
    pub psn_no: Option<String>,
    /// The export's side.
    pub his: Option<Side>,
    /// The upload's side.
    pub uploaded: Option<Side>,
    /// Uploaded minus export; positive where more was uploaded.
    pub excess: Option<Amount>,
    /// Row numbers of the file.
    pub rows: Vec<u32>,
    /// Lines of the upload.
    pub bkkp_sn: Vec<String>,
}

/// A row or cell that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BadRow {
    /// Row number of the file.
    pub row: u32,
    /// Column as its header names it.
    pub column: String,
    /// Why, without the value.
    pub reason: &'static str,
}

/// Which part of the upload the export must cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// As many visits of the period are in the file as to say so.
    #[default]
    Auto,
    /// Only the visits that are in the file.
    Visits,
    /// Every visit of these kinds in the file's period.
    Period,
}

/// How to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Which column is which.
    pub pairing: Pairing,
    /// What the file must cover.
    pub scope: Scope,
    /// Days that uploads usually lag behind (claims.md §1).
    pub lag_days: i64,
}

impl Options {
    /// The usual ones.
    #[must_use]
    pub const fn new(pairing: Pairing) -> Self {
        Self { pairing, scope: Scope::Auto, lag_days: crate::kernel::LAG_DAYS }
    }
}

/// Rows and lines that no difference came out of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Rows of the file under the header.
    pub rows: u64,
    /// Totals, repeated headers, notes.
    pub skipped: u64,
    /// Rows that could not be read.
    pub unreadable: u64,
    /// Rows that agree with the upload.
    pub matched: u64,
    /// Rows that cancel each other (charged and taken back).
    pub netted: u64,
    /// Rows younger than the cut-off: 未上传.
    pub young: u64,
    /// Visits that the package does not know: self-paying, or not uploaded.
    pub unknown_visits: u64,
    /// Their rows.
    pub unknown_rows: u64,
    /// Lines of the upload that were compared.
    pub uploaded: u64,
    /// Lines of the upload that this export cannot speak about: kinds of fees it does not have, visits with
    /// unreadable rows.
    pub outside: u64,
}

/// What a comparison says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// Sorted by class, visit, day, item and row.
    pub differences: Vec<Difference>,
    /// Everything else.
    pub counts: Counts,
    /// Sum of the amounts of young rows.
    pub young_amount: Amount,
    /// The first rows that could not be read, at most [`MAX_BAD`].
    pub bad: Vec<BadRow>,
    /// First and last day of the file.
    pub days: Option<(String, String)>,
    /// What the file was held to cover.
    pub scope: Scope,
    /// Newest upload, `yyyy-MM-dd`.
    pub cutoff: Option<String>,
    /// What to keep in mind when reading the result, in sentences.
    pub notes: Vec<String>,
    /// Lines of the export that were not uploaded, young ones too, in visits that the package knows: for
    /// [`judge`].
    #[serde(skip)]
    pub fresh: Vec<FreshRow>,
}

impl Compared {
    /// Differences per class, in the order of the classes; classes without any too.
    #[must_use]
    pub fn by_class(&self) -> Vec<(Class, u64, Amount)> {
        let sum = |class: Class| {
            let of_class = self.differences.iter().filter(|d| d.class == class);
            let (mut count, mut excess) = (0_u64, 0_i64);
            for difference in of_class {
                count = count.saturating_add(1);
                let more = difference.excess.map_or(0, Amount::millionths);
                excess = excess.saturating_add(more);
            }
            (class, count, Amount::from_millionths(excess))
        };
        Class::ALL.iter().copied().map(sum).collect()
    }
}

/// Unreadable rows that are named one by one.
pub const MAX_BAD: usize = 1_000;

#[cfg(test)]
mod tests;
