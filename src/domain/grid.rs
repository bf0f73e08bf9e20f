//! A table as it stands in a file, before anybody knows which row is the header: cells as short codes.
//!
//! An export of a hospital's own system has 28 columns and 200,000 rows, and most of its texts repeat. Each
//! text is kept once, a cell is four bytes. So the file is parsed once, and header, pairing of columns and
//! comparison work on the same cells in any order.

use std::hash::{BuildHasher, RandomState};

/// How much one table may hold. A file that was made to fill the memory is refused, not cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GridLimits {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// Cells, empty ones inside the table counted.
    pub cells: usize,
    /// Characters of one cell; the rest of a longer one is dropped and counted.
    pub cell_chars: usize,
    /// Bytes of all different texts.
    pub text_bytes: usize,
}

impl Default for GridLimits {
    fn default() -> Self {
        Self {
            rows: 1_100_000,
            columns: 512,
            cells: 40_000_000,
            cell_chars: 500,
            text_bytes: 200_000_000,
        }
    }
}

/// Which limit a table does not keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GridError {
    /// Too many rows.
    #[error("rows")]
    Rows,
    /// Too many columns.
    #[error("columns")]
    Columns,
    /// Too many cells.
    #[error("cells")]
    Cells,
    /// Too much text.
    #[error("text")]
    Text,
}

/// Every text once. Code 0 is the empty text.
#[derive(Debug, Clone)]
struct Texts {
    all: String,
    ends: Vec<usize>,
    /// Open addressing; 0 is free.
    slots: Vec<u32>,
    hasher: RandomState,
}

impl Texts {
    fn new() -> Self {
        Self {
            all: String::new(),
            ends: Vec::new(),
            slots: vec![0; 1024],
            hasher: RandomState::new(),
        }
    }

    fn get(&self, code: u32) -> &str {
        let Some(at) = usize::try_from(code).ok().and_then(|c| c.checked_sub(1)) else { return "" };
        let from = at.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        match (from, self.ends.get(at)) {
            (Some(from), Some(to)) => self.all.get(from..*to).unwrap_or_default(),
            _ => "",
        }
    }

    /// Where a text is or would be.
    fn place(&self, text: &str) -> usize {
        let mask = self.slots.len().saturating_sub(1);
        let hash = self.hasher.hash_one(text);
        let mut at = usize::try_from(hash & 0xffff_ffff).unwrap_or(0) & mask;
        loop {
            match self.slots.get(at).copied().unwrap_or(0) {
                0 => return at,
                code if self.get(code) == text => return at,
                _ => at = at.wrapping_add(1) & mask,
            }
        }
    }

    fn intern(&mut self, text: &str, limit: usize) -> Result<u32, GridError> {
        if text.is_empty() {
            return Ok(0);
        }
        let place = self.place(text);
        if let Some(code) = self.slots.get(place).copied().filter(|c| *c != 0) {
            return Ok(code);
        }
        if self.all.len().saturating_add(text.len()) > limit {
            return Err(GridError::Text);
        }
        self.all.push_str(text);
        self.ends.push(self.all.len());
        let code = u32::try_from(self.ends.len()).map_err(|_| GridError::Text)?;
        if let Some(slot) = self.slots.get_mut(place) {
            *slot = code;
        }
        if self.ends.len().saturating_mul(4) > self.slots.len().saturating_mul(3) {
            self.grow();
        }
        Ok(code)
    }

    fn grow(&mut self) {
        self.slots = vec![0; self.slots.len().saturating_mul(2)];
        let last = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        for code in 1..=last {
            let place = self.place(self.get(code));
            if let Some(slot) = self.slots.get_mut(place) {
                *slot = code;
            }
        }
    }
}

/// The cells of one sheet, row by row as they stand.
#[derive(Debug, Clone)]
pub struct Grid {
    name: String,
    limits: GridLimits,
    texts: Texts,
    /// Row numbers of the file, from 1; empty rows are not kept.
    rows: Vec<u32>,
    columns: Vec<Vec<u32>>,
    cut: u64,
}

impl Grid {
    /// An empty table; `name` is the sheet's.
    #[must_use]
    pub fn new(name: &str, limits: GridLimits) -> Self {
        Self {
            name: name.to_owned(),
            limits,
            texts: Texts::new(),
            rows: Vec::new(),
            columns: Vec::new(),
            cut: 0,
        }
    }

    /// Adds a row of the file; cells are kept without white space at their ends. A row without any text is
    /// dropped.
    ///
    /// # Errors
    /// A limit is reached; what was added before stays.
    pub fn push<T: AsRef<str>>(&mut self, number: u32, cells: &[T]) -> Result<(), GridError> {
        let filled = |cell: &T| !crate::written::trim(cell.as_ref()).is_empty();
        let Some(last) = cells.iter().rposition(filled) else { return Ok(()) };
        let width = last.saturating_add(1);
        if width > self.limits.columns {
            return Err(GridError::Columns);
        }
        if self.rows.len() >= self.limits.rows {
            return Err(GridError::Rows);
        }
        let height = self.rows.len().saturating_add(1);
        let wide = width.max(self.columns.len());
        if height.saturating_mul(wide) > self.limits.cells {
            return Err(GridError::Cells);
        }
        while self.columns.len() < width {
            self.columns.push(vec![0; self.rows.len()]);
        }
        let mut codes = Vec::with_capacity(width);
        for cell in cells.iter().take(width) {
            let text = crate::written::trim(cell.as_ref());
            let short = match text.char_indices().nth(self.limits.cell_chars) {
                Some((at, _)) => {
                    self.cut = self.cut.saturating_add(1);
                    text.get(..at).unwrap_or_default()
                }
                None => text,
            };
            codes.push(self.texts.intern(short, self.limits.text_bytes)?);
        }
        for (at, column) in self.columns.iter_mut().enumerate() {
            column.push(codes.get(at).copied().unwrap_or(0));
        }
        self.rows.push(number);
        Ok(())
    }

    /// The sheet's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Rows that are not empty.
    #[must_use]
    pub fn height(&self) -> usize {
        self.rows.len()
    }

    /// Columns.
    #[must_use]
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// Cells that were longer than allowed.
    #[must_use]
    pub const fn cut(&self) -> u64 {
        self.cut
    }

    /// Number of a row in the file, from 1; 0 beyond the table.
    #[must_use]
    pub fn number(&self, row: usize) -> u32 {
        self.rows.get(row).copied().unwrap_or(0)
    }

    /// Code of a cell: equal codes are equal texts, 0 is empty.
    #[must_use]
    pub fn code(&self, row: usize, column: usize) -> u32 {
        self.columns.get(column).and_then(|c| c.get(row)).copied().unwrap_or(0)
    }

    /// The text of a code.
    #[must_use]
    pub fn text(&self, code: u32) -> &str {
        self.texts.get(code)
    }

    /// The text of a cell.
    #[must_use]
    pub fn cell(&self, row: usize, column: usize) -> &str {
        self.text(self.code(row, column))
    }

    /// Largest code in use.
    #[must_use]
    pub fn codes(&self) -> usize {
        self.texts.ends.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_come_back_as_they_were_and_equal_texts_have_equal_codes() {
        let mut grid = Grid::new("费用", GridLimits::default());
        grid.push(3, &["住院号", " 金额\t"]).unwrap();
        grid.push(4, &["", "\u{3000}"]).unwrap();
        for n in 5..5_000_u32 {
            grid.push(n, &[format!("{}", n % 7), format!("{n}.50"), "末".to_owned()]).unwrap();
        }
        assert_eq!((grid.height(), grid.width()), (4_996, 3));
        assert_eq!((grid.number(0), grid.cell(0, 1), grid.cell(0, 2)), (3, "金额", ""));
        assert_eq!((grid.number(1), grid.cell(1, 1), grid.cell(1, 2)), (5, "5.50", "末"));
        assert_eq!(grid.code(1, 2), grid.code(4_995, 2));
        assert_eq!(grid.cell(9_999, 0), "");
    }

    #[test]
    fn a_table_that_is_too_large_is_refused_and_a_long_cell_is_cut_and_told() {
        let limits = GridLimits { rows: 2, columns: 2, cells: 100, cell_chars: 3, text_bytes: 14 };
        let mut grid = Grid::new("", limits);
        grid.push(1, &["一二三四"]).unwrap();
        assert_eq!((grid.cell(0, 0), grid.cut()), ("一二三", 1));
        assert_eq!(grid.push(2, &["a", "b", "c"]), Err(GridError::Columns));
        assert_eq!(grid.push(2, &["uvw", "xyz"]), Err(GridError::Text));
        grid.push(2, &["a"]).unwrap();
        assert_eq!(grid.push(3, &["a"]), Err(GridError::Rows));
    }
}
