//! Columns in memory: the twin of the encrypted files, for tests and hand-made books.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::{BATCH_ROWS, Batch, ColumnSource, Shape, Want};
use crate::claims::Instant;
use crate::time::{BeijingTime, Precision};
use crate::{Amount, TroubleResult};

/// One cell of a row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Cell {
    /// Missing.
    #[default]
    Null,
    /// Text.
    Text(String),
    /// Time.
    Time(Instant),
    /// Number as stored.
    Number(i64),
}

impl Cell {
    /// A text; empty is missing.
    #[must_use]
    pub fn text(text: &str) -> Self {
        if text.is_empty() { Self::Null } else { Self::Text(text.to_owned()) }
    }

    /// A decimal as millionths; anything else is missing.
    #[must_use]
    pub fn amount(text: &str) -> Self {
        Amount::parse(text).map_or(Self::Null, |a| Self::Number(a.millionths()))
    }

    /// `yyyy-MM-dd`, `yyyy-MM-dd HH:mm` or `yyyy-MM-dd HH:mm:ss`; anything else is missing.
    #[must_use]
    pub fn time(text: &str) -> Self {
        let full = match text.len() {
            10 => (format!("{text} 00:00:00"), Precision::Day),
            16 => (format!("{text}:00"), Precision::Minute),
            _ => (text.to_owned(), Precision::Second),
        };
        chrono::NaiveDateTime::parse_from_str(&full.0, "%Y-%m-%d %H:%M:%S")
            .map_or(Self::Null, |naive| {
                Self::Time(Instant { at: BeijingTime::from_naive(naive), p: full.1 })
            })
    }
}

/// A row by column name; what is not named is missing.
type Row = BTreeMap<&'static str, Cell>;

/// Tables in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryColumns {
    tables: BTreeMap<String, Vec<Row>>,
    cutoffs: BTreeMap<String, Instant>,
    dict: RefCell<(BTreeMap<String, u32>, Vec<String>)>,
}

impl MemoryColumns {
    /// No tables.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a row.
    pub fn add(&mut self, entity: &str, cells: &[(&'static str, Cell)]) {
        let row = cells.iter().cloned().collect();
        self.tables.entry(entity.to_owned()).or_default().push(row);
    }

    /// Makes an entity known that may have no rows.
    pub fn carry(&mut self, entity: &str) {
        self.tables.entry(entity.to_owned()).or_default();
    }

    /// Sets the cut-off of an entity.
    pub fn set_cutoff(&mut self, entity: &str, cutoff: Instant) {
        self.cutoffs.insert(entity.to_owned(), cutoff);
    }

    /// Brings the rows of every table into another order (for tests of order independence): row `n` moves
    /// to where `place(entity, n)` sorts it.
    pub fn reorder(&mut self, mut place: impl FnMut(&str, usize) -> u64) {
        for (name, rows) in &mut self.tables {
            let mut keyed: Vec<(u64, usize, Row)> = std::mem::take(rows)
                .into_iter()
                .enumerate()
                .map(|(n, row)| (place(name, n), n, row))
                .collect();
            keyed.sort_by_key(|(key, n, _)| (*key, *n));
            rows.extend(keyed.into_iter().map(|(_, _, row)| row));
        }
    }

    /// The same rows with a dictionary that knows nothing yet.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self { dict: RefCell::default(), ..self.clone() }
    }

    fn intern(&self, text: &str) -> u32 {
        let mut dict = self.dict.borrow_mut();
        if let Some(code) = dict.0.get(text) {
            return *code;
        }
        dict.1.push(text.to_owned());
        let code = u32::try_from(dict.1.len()).unwrap_or(u32::MAX);
        dict.0.insert(text.to_owned(), code);
        code
    }
}

impl ColumnSource for MemoryColumns {
    fn rows(&self, entity: &str) -> TroubleResult<u64> {
        let rows = self.tables.get(entity).map_or(0, Vec::len);
        Ok(u64::try_from(rows).unwrap_or(u64::MAX))
    }

    fn carries(&self, entity: &str) -> TroubleResult<bool> {
        Ok(self.tables.contains_key(entity))
    }

    fn cutoff(&self, entity: &str) -> TroubleResult<Option<Instant>> {
        Ok(self.cutoffs.get(entity).copied())
    }

    fn scan(
        &self,
        entity: &str,
        wants: &[Want],
        each: &mut dyn FnMut(&Batch) -> TroubleResult<()>,
    ) -> TroubleResult<()> {
        let Some(rows) = self.tables.get(entity) else { return Ok(()) };
        let mut batch = Batch::new(wants);
        for (number, chunk) in rows.chunks(BATCH_ROWS).enumerate() {
            batch.clear();
            for (n, row) in chunk.iter().enumerate() {
                let at = number.saturating_mul(BATCH_ROWS).saturating_add(n);
                batch.rows.push(u64::try_from(at).unwrap_or(u64::MAX));
                for (want, column) in wants.iter().zip(&mut batch.columns) {
                    match (row.get(want.name), want.shape) {
                        (Some(Cell::Text(text)), Shape::Code) => {
                            column.push_code(self.intern(text));
                        }
                        (Some(Cell::Text(text)), Shape::Text) => column.push_text(text),
                        (Some(Cell::Time(t)), Shape::Time) => {
                            column.push_time(t.at.seconds(), t.p);
                        }
                        (Some(Cell::Number(n)), Shape::Number) => column.push_number(*n),
                        _ => column.push_null(),
                    }
                }
            }
            each(&batch)?;
        }
        Ok(())
    }

    fn code(&self, text: &str) -> TroubleResult<Option<u32>> {
        Ok(self.dict.borrow().0.get(text).copied())
    }

    fn texts(&self, codes: &[u32]) -> TroubleResult<Vec<String>> {
        let dict = self.dict.borrow();
        let text = |code: &u32| {
            let at = usize::try_from(*code).ok()?.checked_sub(1)?;
            dict.1.get(at).cloned()
        };
        Ok(codes.iter().map(|c| text(c).unwrap_or_default()).collect())
    }

    fn cell_texts(
        &self,
        entity: &str,
        column: &'static str,
        rows: &[u64],
    ) -> TroubleResult<Vec<Option<String>>> {
        let table = self.tables.get(entity);
        let cell = |row: &u64| match table?.get(usize::try_from(*row).ok()?)?.get(column)? {
            Cell::Text(text) => Some(text.clone()),
            _ => None,
        };
        Ok(rows.iter().map(cell).collect())
    }
}
