//! Whole columns of claims for engines: what they ask for, and in which shape they get it.
//!
//! A rules engine reads a few columns of many rows, once. Rows as structs of strings would cost several
//! gigabytes for the 12 M fee lines of a county hospital (claims.md §2), so repeated texts come as codes of
//! one dictionary, money and quantities as millionths, times as Beijing seconds with their precision, all in
//! batches that the reader may drop at once. `claims` implements [`ColumnSource`] over encrypted files;
//! [`MemoryColumns`] is the twin for tests and for composing small books by hand.

mod memory;

pub use memory::{Cell, MemoryColumns};

use crate::claims::Instant;
use crate::time::{BeijingTime, Precision};
use crate::{Trouble, TroubleResult};

/// Rows of one batch at most.
pub const BATCH_ROWS: usize = 65_536;

/// In which shape a column is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Text as a code of the source's dictionary; 0 is missing.
    Code,
    /// Beijing seconds with precision.
    Time,
    /// Millionths for money and quantities, the plain number for counts.
    Number,
    /// Text that is (nearly) unique per row; it lives as long as its batch.
    Text,
}

/// One wanted column: national field name and shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Want {
    /// Contract name, lower case.
    pub name: &'static str,
    /// As what.
    pub shape: Shape,
}

/// A wanted column of codes.
#[must_use]
pub const fn code(name: &'static str) -> Want {
    Want { name, shape: Shape::Code }
}

/// A wanted column of times.
#[must_use]
pub const fn time(name: &'static str) -> Want {
    Want { name, shape: Shape::Time }
}

/// A wanted column of numbers.
#[must_use]
pub const fn number(name: &'static str) -> Want {
    Want { name, shape: Shape::Number }
}

/// A wanted column of texts.
#[must_use]
pub const fn text(name: &'static str) -> Want {
    Want { name, shape: Shape::Text }
}

/// Which rows of a column are missing, one bit a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Nulls {
    words: Vec<u64>,
}

impl Nulls {
    /// Nothing is missing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Marks a row as missing.
    pub fn set(&mut self, row: usize) {
        let word = row >> 6;
        if self.words.len() <= word {
            self.words.resize(word.saturating_add(1), 0);
        }
        if let Some(w) = self.words.get_mut(word) {
            *w |= 1_u64 << (row & 63);
        }
    }

    /// True if the row is missing.
    #[must_use]
    pub fn is_null(&self, row: usize) -> bool {
        self.words.get(row >> 6).is_some_and(|w| w & (1_u64 << (row & 63)) != 0)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.words.clear();
    }
}

/// The cells of one column of one batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cells {
    /// Dictionary codes, 0 for missing.
    Codes(Vec<u32>),
    /// Seconds and precision.
    Times(Vec<i64>, Vec<Precision>),
    /// Numbers.
    Numbers(Vec<i64>),
    /// All texts one after the other, and where each ends.
    Texts(String, Vec<usize>),
}

/// One column of one batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    cells: Cells,
    nulls: Nulls,
}

impl Column {
    /// An empty column of a shape.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        let cells = match shape {
            Shape::Code => Cells::Codes(Vec::new()),
            Shape::Time => Cells::Times(Vec::new(), Vec::new()),
            Shape::Number => Cells::Numbers(Vec::new()),
            Shape::Text => Cells::Texts(String::new(), Vec::new()),
        };
        Self { cells, nulls: Nulls::new() }
    }

    /// Rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.cells {
            Cells::Codes(c) => c.len(),
            Cells::Times(t, _) => t.len(),
            Cells::Numbers(n) => n.len(),
            Cells::Texts(_, ends) => ends.len(),
        }
    }

    /// True without rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Removes all rows and keeps the memory.
    pub fn clear(&mut self) {
        self.nulls.clear();
        match &mut self.cells {
            Cells::Codes(c) => c.clear(),
            Cells::Times(t, p) => {
                t.clear();
                p.clear();
            }
            Cells::Numbers(n) => n.clear(),
            Cells::Texts(all, ends) => {
                all.clear();
                ends.clear();
            }
        }
    }

    /// Adds a missing cell.
    pub fn push_null(&mut self) {
        self.nulls.set(self.len());
        match &mut self.cells {
            Cells::Codes(c) => c.push(0),
            Cells::Times(t, p) => {
                t.push(0);
                p.push(Precision::Day);
            }
            Cells::Numbers(n) => n.push(0),
            Cells::Texts(all, ends) => ends.push(all.len()),
        }
    }

    /// Adds a code; 0 counts as missing. A column of another shape gets a missing cell.
    pub fn push_code(&mut self, code: u32) {
        match &mut self.cells {
            Cells::Codes(c) if code != 0 => c.push(code),
            _ => self.push_null(),
        }
    }

    /// Adds a time. A column of another shape gets a missing cell.
    pub fn push_time(&mut self, seconds: i64, precision: Precision) {
        match &mut self.cells {
            Cells::Times(t, p) => {
                t.push(seconds);
                p.push(precision);
            }
            _ => self.push_null(),
        }
    }

    /// Adds a number. A column of another shape gets a missing cell.
    pub fn push_number(&mut self, number: i64) {
        match &mut self.cells {
            Cells::Numbers(n) => n.push(number),
            _ => self.push_null(),
        }
    }

    /// Adds a text. A column of another shape gets a missing cell.
    pub fn push_text(&mut self, text: &str) {
        match &mut self.cells {
            Cells::Texts(all, ends) => {
                all.push_str(text);
                ends.push(all.len());
            }
            _ => self.push_null(),
        }
    }

    /// The dictionary code of a row, 0 if missing or of another shape.
    #[must_use]
    pub fn code(&self, row: usize) -> u32 {
        match &self.cells {
            Cells::Codes(c) => c.get(row).copied().unwrap_or(0),
            _ => 0,
        }
    }

    /// The time of a row, if there is one.
    #[must_use]
    pub fn time(&self, row: usize) -> Option<Instant> {
        match &self.cells {
            Cells::Times(t, p) if !self.nulls.is_null(row) => {
                Some(Instant { at: BeijingTime::from_seconds(*t.get(row)?), p: *p.get(row)? })
            }
            _ => None,
        }
    }

    /// The number of a row, if there is one.
    #[must_use]
    pub fn number(&self, row: usize) -> Option<i64> {
        match &self.cells {
            Cells::Numbers(n) if !self.nulls.is_null(row) => n.get(row).copied(),
            _ => None,
        }
    }

    /// The text of a row, if there is one.
    #[must_use]
    pub fn text(&self, row: usize) -> Option<&str> {
        match &self.cells {
            Cells::Texts(all, ends) if !self.nulls.is_null(row) => {
                let from = match row.checked_sub(1) {
                    Some(before) => *ends.get(before)?,
                    None => 0,
                };
                all.get(from..*ends.get(row)?)
            }
            _ => None,
        }
    }
}

/// Some rows of one entity: the wanted columns in the order in which they were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// The columns.
    pub columns: Vec<Column>,
    /// Number of each row inside its source: stable for one source, good for [`ColumnSource::cell_texts`].
    pub rows: Vec<u64>,
}

impl Batch {
    /// An empty batch for the wanted columns.
    #[must_use]
    pub fn new(wants: &[Want]) -> Self {
        Self { columns: wants.iter().map(|w| Column::new(w.shape)).collect(), rows: Vec::new() }
    }

    /// Removes all rows and keeps the memory.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.columns.iter_mut().for_each(Column::clear);
    }

    /// Rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True without rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Code of column `column` in row `row`, 0 if missing.
    #[must_use]
    pub fn code(&self, column: usize, row: usize) -> u32 {
        self.columns.get(column).map_or(0, |c| c.code(row))
    }

    /// Time of column `column` in row `row`.
    #[must_use]
    pub fn time(&self, column: usize, row: usize) -> Option<Instant> {
        self.columns.get(column)?.time(row)
    }

    /// Number of column `column` in row `row`.
    #[must_use]
    pub fn number(&self, column: usize, row: usize) -> Option<i64> {
        self.columns.get(column)?.number(row)
    }

    /// Text of column `column` in row `row`.
    #[must_use]
    pub fn text(&self, column: usize, row: usize) -> Option<&str> {
        self.columns.get(column)?.text(row)
    }
}

/// Where the columns come from: an open package, a facility's partitions, or memory.
///
/// Entities and columns carry the names of claims.md §1; `psn_other`, `trace_other` and `peer_stat`
/// (claims.md §2) are entities too. An entity that the source does not have has no rows; a column that the contract does not
/// know is a programming error and told as trouble `COLUMNS-UNKNOWN`.
pub trait ColumnSource {
    /// Rows of an entity; 0 if it is not there.
    fn rows(&self, entity: &str) -> TroubleResult<u64>;
    /// True if the source was made with this entity, be it without rows: what was looked for and not found is
    /// something else than what nobody looked for.
    fn carries(&self, entity: &str) -> TroubleResult<bool> {
        Ok(self.rows(entity)? > 0)
    }
    /// Newest upload of an entity (claims.md §1, cut-off), if known.
    fn cutoff(&self, entity: &str) -> TroubleResult<Option<Instant>>;
    /// Hands the wanted columns over in batches of at most [`BATCH_ROWS`], each row once, in a stable order.
    /// An error of `each` stops the scan and is returned.
    fn scan(
        &self,
        entity: &str,
        wants: &[Want],
        each: &mut dyn FnMut(&Batch) -> TroubleResult<()>,
    ) -> TroubleResult<()>;
    /// The dictionary code of a text, if any row uses it. Only meaningful after the scans.
    fn code(&self, text: &str) -> TroubleResult<Option<u32>>;
    /// The texts of codes, in their order; an unknown code gives an empty text.
    fn texts(&self, codes: &[u32]) -> TroubleResult<Vec<String>>;
    /// The texts of one column in some rows (numbers as in [`Batch::rows`]), in their order.
    fn cell_texts(
        &self,
        entity: &str,
        column: &'static str,
        rows: &[u64],
    ) -> TroubleResult<Vec<Option<String>>>;
}

/// Trouble for a column or entity that the contract does not know.
#[must_use]
pub fn unknown_column(entity: &str, column: &str) -> Trouble {
    Trouble::new(
        "COLUMNS-UNKNOWN",
        "程序内部错误：数据列不存在",
        "数据没有改动",
        "请把错误代码和时间告诉中心",
    )
    .because(format!("{entity}.{column}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_cell_is_missing_in_every_shape() {
        for shape in [Shape::Code, Shape::Time, Shape::Number, Shape::Text] {
            let mut column = Column::new(shape);
            column.push_null();
            assert_eq!(column.len(), 1);
            assert_eq!(column.code(0), 0);
            assert_eq!((column.time(0), column.number(0), column.text(0)), (None, None, None));
        }
    }

    #[test]
    fn texts_are_cut_where_they_end_and_null_is_not_empty() {
        let mut column = Column::new(Shape::Text);
        column.push_text("甲");
        column.push_null();
        column.push_text("");
        column.push_text("乙丙");
        assert_eq!(column.text(0), Some("甲"));
        assert_eq!(column.text(1), None);
        assert_eq!(column.text(2), Some(""));
        assert_eq!(column.text(3), Some("乙丙"));
    }
}
