//! A single table that somebody hands over on site: XLSX, XLS, DBF, or separated text, into a [`Grid`].
//!
//! The import of the centre knows which entity a file is and where its header stands; here nothing is
//! known. So rows come out as they stand, titles and totals too, and the comparison finds its way
//! (`rules::compare`). The file is in memory as a whole: what is compared are exactly the bytes that were
//! hashed into the case. Files come from a stick of the inspected party, so everything has a limit.

use std::io::{Cursor, Read as _};
use std::sync::Arc;

use spotcheck_domain::grid::{Grid, GridError, GridLimits};

use crate::cell::Cell;
use crate::error::{Error, Result};
use crate::source::sheet::Book;
use crate::source::{Format, TableSink, dbf, text};

/// Bytes of a file, and of everything inside an XLSX unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableLimits {
    /// The file itself.
    pub bytes: u64,
    /// XLSX is a ZIP: all its parts together.
    pub unpacked: u64,
    /// One part of it that is no sheet, e.g. the texts that all sheets share.
    pub part: u64,
    /// An XLS is laid out in memory as a whole before it can be looked at.
    pub xls: u64,
    /// What comes out.
    pub grid: GridLimits,
}

impl Default for TableLimits {
    fn default() -> Self {
        Self {
            bytes: 256 << 20,
            unpacked: 2 << 30,
            part: 256 << 20,
            xls: 64 << 20,
            grid: GridLimits::default(),
        }
    }
}

/// Rows between two looks at the watch.
const WATCH_ROWS: u64 = 2_048;

/// Hears rows read so far; `false` stops the reading.
pub type RowWatch<'a> = &'a mut dyn FnMut(u64) -> bool;

/// The bytes of a file, shared with whoever hashes and stores them.
pub type Bytes = Arc<[u8]>;

/// An opened file with its sheets.
#[derive(Debug, Clone)]
pub struct Table {
    name: String,
    bytes: Bytes,
    format: Format,
    limits: TableLimits,
    sheets: Vec<String>,
}

/// By what a file begins with: its name may lie (many systems name text `.xls`).
#[must_use]
pub fn format_of(name: &str, bytes: &[u8]) -> Format {
    match bytes {
        [b'P', b'K', 3, 4, ..] => Format::Xlsx,
        [0xd0, 0xcf, 0x11, 0xe0, ..] => Format::Xls,
        [version, _, month, day, ..]
            if name.to_lowercase().ends_with(".dbf")
                && matches!(
                    version,
                    0x02 | 0x03 | 0x30..=0x32 | 0x43 | 0x63 | 0x83 | 0x8b | 0xf5
                )
                && *month <= 12
                && *day <= 31 =>
        {
            Format::Dbf
        }
        _ => Format::Text,
    }
}

impl Table {
    /// Looks at a file: what it is, which sheets it has. Text and DBF have one sheet without a name.
    ///
    /// # Errors
    /// Empty, too large, encrypted, a ZIP that unpacks to more than allowed, or no table at all.
    pub fn open(name: &str, bytes: Bytes, limits: TableLimits) -> Result<Self> {
        let fail = |reason: &str| Error::Table {
            file: name.to_owned(),
            place: String::new(),
            reason: reason.to_owned(),
        };
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if size == 0 {
            return Err(fail("文件是空的"));
        }
        if size > limits.bytes {
            return Err(fail(&format!("文件超过 {} MB", limits.bytes >> 20)));
        }
        let format = format_of(name, &bytes);
        let mut table =
            Self { name: name.to_owned(), bytes, format, limits, sheets: vec![String::new()] };
        match format {
            Format::Xlsx => {
                table.check_zip()?;
                table.sheets = table.book()?.names();
            }
            Format::Xls if size > limits.xls => {
                return Err(fail(&format!("XLS 文件超过 {} MB，请另存为 XLSX", limits.xls >> 20)));
            }
            Format::Xls => table.sheets = table.book()?.names(),
            Format::Text => table.check_text()?,
            Format::Dbf => {}
        }
        if table.sheets.is_empty() {
            return Err(fail("文件里没有工作表"));
        }
        Ok(table)
    }

    /// How it is read.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Names of the sheets, in the order of the file.
    #[must_use]
    pub fn sheets(&self) -> &[String] {
        &self.sheets
    }

    fn fail(&self, place: &str, reason: &str) -> Error {
        Error::Table { file: self.name.clone(), place: place.to_owned(), reason: reason.to_owned() }
    }

    /// The errors of the importer's readers name the file; here the sheet goes with it.
    fn at(&self, sheet: &str, error: Error) -> Error {
        match error {
            Error::Source { reason, .. } => self.fail(&place(sheet, None), &reason),
            other => other,
        }
    }

    fn book(&self) -> Result<Book<Cursor<Bytes>>> {
        let bytes = Cursor::new(self.bytes.clone());
        Book::open(bytes, self.format, &self.name).map_err(|e| self.at("", e))
    }

    /// Unpacks everything once into nothing: sizes in a ZIP's directory can lie.
    fn check_zip(&self) -> Result<()> {
        let bad = |e: &dyn std::fmt::Display| self.fail("", &format!("不是可读的 XLSX ({e})"));
        let mut archive =
            zip::ZipArchive::new(Cursor::new(self.bytes.clone())).map_err(|e| bad(&e))?;
        let mut left = self.limits.unpacked;
        for index in 0..archive.len() {
            let entry = archive.by_index(index).map_err(|e| bad(&e))?;
            let sheet = entry.name().is_ok_and(|n| n.contains("worksheets/"));
            let most = if sheet { left } else { left.min(self.limits.part) };
            let mut limited = entry.take(most.saturating_add(1));
            let size = std::io::copy(&mut limited, &mut std::io::sink()).map_err(|e| bad(&e))?;
            if size > most {
                return Err(self.fail("", "解压后过大，可能是伪造的压缩文件"));
            }
            left = left.saturating_sub(size);
        }
        Ok(())
    }

    /// Text has no zero bytes (but UTF-16), and a web page that calls itself a table is none.
    fn check_text(&self) -> Result<()> {
        let head = self.bytes.get(..self.bytes.len().min(4096)).unwrap_or_default();
        let wide = matches!(head, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
        if !wide && head.contains(&0) {
            return Err(self.fail("", "不认识的文件格式，不是 XLSX、XLS、DBF 或文本"));
        }
        let lower = String::from_utf8_lossy(head).to_lowercase();
        if lower.contains("<html") || lower.contains("<table") || lower.contains("<?xml") {
            return Err(self.fail("", "这是网页格式的表格，请用 Excel 打开后另存为 XLSX"));
        }
        if head.starts_with(b"%PDF") {
            return Err(self.fail("", "这是 PDF，不是表格"));
        }
        Ok(())
    }

    /// Reads one sheet.
    ///
    /// # Errors
    /// No such sheet, damaged, beyond a limit, or stopped.
    pub fn read(&self, sheet: usize, watch: RowWatch<'_>) -> Result<Grid> {
        let name = self.sheets.get(sheet).ok_or_else(|| self.fail("", "没有这个工作表"))?;
        let mut intake = Intake {
            grid: Grid::new(name, self.limits.grid),
            table: self,
            sheet: name,
            watch,
            seen: 0,
        };
        self.fill(name, &mut intake).map_err(|e| self.at(name, e))?;
        Ok(intake.grid)
    }

    fn fill(&self, sheet: &str, intake: &mut Intake<'_, '_>) -> Result<()> {
        match self.format {
            Format::Xlsx | Format::Xls => {
                let mut row: (u32, Vec<String>) = (0, Vec::new());
                let most = self.limits.grid.columns;
                let each = &mut |at: u32, column: u32, cell: Cell<'static>| {
                    if at != row.0 {
                        let number = row.0.saturating_add(1);
                        intake.row(u64::from(number), &row.1)?;
                        row.1.clear();
                        row.0 = at;
                    }
                    let text = written(&cell);
                    if text.is_empty() {
                        return Ok(true);
                    }
                    let column = usize::try_from(column).unwrap_or(usize::MAX);
                    if column >= most {
                        return Err(intake.beyond(GridError::Columns, u64::from(at)));
                    }
                    if row.1.len() <= column {
                        row.1.resize(column.saturating_add(1), String::new());
                    }
                    if let Some(place) = row.1.get_mut(column) {
                        *place = text;
                    }
                    Ok(true)
                };
                self.book()?.walk(sheet, &self.name, each)?;
                intake.row(u64::from(row.0.saturating_add(1)), &row.1)
            }
            Format::Text => {
                let encoding = text::detect(&mut &*self.bytes, &self.name)?;
                text::walk(&mut &*self.bytes, encoding, &self.name, &mut |line, fields| {
                    let cells: Vec<&str> = fields.iter().map(|f| unwrapped(f)).collect();
                    intake.row(line, &cells)?;
                    Ok(true)
                })
            }
            Format::Dbf => {
                let encoding = text::detect(&mut &*self.bytes, &self.name)?;
                dbf::read(Cursor::new(self.bytes.clone()), encoding, &self.name, intake)
            }
        }
    }
}

/// Rows on their way into the grid.
struct Intake<'t, 'w> {
    grid: Grid,
    table: &'t Table,
    sheet: &'t str,
    watch: RowWatch<'w>,
    seen: u64,
}

impl Intake<'_, '_> {
    fn row<T: AsRef<str>>(&mut self, number: u64, cells: &[T]) -> Result<()> {
        self.seen = self.seen.saturating_add(1);
        if self.seen.checked_rem(WATCH_ROWS) == Some(0) && !(self.watch)(self.seen) {
            return Err(Error::Stopped);
        }
        let row = u32::try_from(number).unwrap_or(u32::MAX);
        self.grid.push(row, cells).map_err(|e| self.beyond(e, number))
    }

    fn beyond(&self, error: GridError, row: u64) -> Error {
        let limits = &self.table.limits.grid;
        let reason = match error {
            GridError::Rows => format!("超过 {} 行", limits.rows),
            GridError::Columns => format!("超过 {} 列", limits.columns),
            GridError::Cells => format!("超过 {} 个单元格", limits.cells),
            _ => format!("不同的文字超过 {} MB", limits.text_bytes >> 20),
        };
        self.table.fail(&place(self.sheet, Some(row)), &reason)
    }
}

/// DBF comes through the importer's reader: header as row 1, records from row 2.
impl TableSink for Intake<'_, '_> {
    fn header(&mut self, _part: Option<&str>, names: &[String]) -> Result<bool> {
        self.row(1, names)?;
        Ok(true)
    }

    fn row(&mut self, line: u64, cells: &[Cell<'_>]) -> Result<()> {
        let texts: Vec<String> = cells.iter().map(written).collect();
        Intake::row(self, line, &texts)
    }

    fn broken(&mut self, line: u64, _cells: &[String], reason: &str) -> Result<()> {
        Err(self.table.fail(&place(self.sheet, Some(line)), reason))
    }
}

fn place(sheet: &str, row: Option<u64>) -> String {
    let sheet = if sheet.is_empty() { String::new() } else { format!("工作表 {sheet}") };
    match row {
        Some(row) => format!("{sheet}第 {row} 行"),
        None => sheet,
    }
}

/// A cell as text. A number of sixteen and more digits has lost its last ones: it comes in the form in
/// which Excel shows it (`1.23457E17`), which no comparison takes for an id.
fn written(cell: &Cell<'_>) -> String {
    match cell {
        Cell::Real(x) if x.abs() >= 1e15 => format!("{x:.5E}"),
        Cell::Bad(reason) => format!("#{reason}"),
        Cell::Text(text) => unwrapped(text).to_owned(),
        other => other.as_text().unwrap_or_default().into_owned(),
    }
}

/// `="00123"` and `'00123` are how exports keep Excel from eating zeros.
fn unwrapped(text: &str) -> &str {
    let text = crate::cell::trim(text);
    let formula = text.strip_prefix("=\"").and_then(|t| t.strip_suffix('"'));
    formula.or_else(|| text.strip_prefix('\'')).unwrap_or(text)
}

#[cfg(test)]
mod tests;
