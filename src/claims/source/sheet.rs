//! Spreadsheets. XLSX is read cell by cell; XLS, which ends at 65,536 rows, as a whole.
//!
//! Each sheet is one table: exports beyond a million rows go on in the next sheet with the same header, and
//! a workbook may hold one entity per sheet.

use std::io::{Read, Seek};

use calamine::{DataRef, ExcelDateTime, Reader as _, Xls, Xlsx};
use spotcheck_domain::Precision;

use super::compound;
use super::{Format, SourceFile, TableSink, guarded, header_names};
use crate::cell::Cell;
use crate::error::{Error, Result};

fn fail(file: &str) -> impl Fn(&dyn std::fmt::Display) -> Error + '_ {
    move |e| Error::Source { file: file.to_owned(), reason: format!("不是可读的表格 ({e})") }
}

/// Collects the cells of one row and hands it on when the next begins.
struct Rows<'s> {
    part: Option<String>,
    header: Option<Vec<String>>,
    wanted: bool,
    row: u32,
    cells: Vec<Cell<'static>>,
    sink: &'s mut dyn TableSink,
}

impl Rows<'_> {
    fn cell(&mut self, row: u32, column: u32, cell: Cell<'static>) -> Result<()> {
        if row != self.row {
            self.flush()?;
            self.row = row;
        }
        let column = usize::try_from(column).unwrap_or(usize::MAX);
        // 16,384 columns is the end of a sheet.
        if column < 16_384 {
            if self.cells.len() <= column {
                self.cells.resize(column.saturating_add(1), Cell::Empty);
            }
            if let Some(place) = self.cells.get_mut(column) {
                *place = cell;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let mut cells = std::mem::take(&mut self.cells);
        let empty = |c: &Cell<'_>| c.as_text().is_some_and(|t| t.is_empty());
        while cells.last().is_some_and(empty) {
            cells.pop();
        }
        if cells.is_empty() {
            return Ok(());
        }
        let Some(header) = &self.header else {
            let names = header_names(cells.iter().map(|c| c.as_text().unwrap_or_default()));
            self.wanted = self.sink.header(self.part.as_deref(), &names)?;
            self.header = Some(names);
            return Ok(());
        };
        if !self.wanted {
            return Ok(());
        }
        let line = u64::from(self.row).saturating_add(1);
        if cells.len() > header.len() {
            let reason = format!("列数不符：表头 {} 列，本行 {} 列", header.len(), cells.len());
            let raw: Vec<String> =
                cells.iter().map(|c| c.as_text().unwrap_or_default().into_owned()).collect();
            return self.sink.broken(line, &raw, &reason);
        }
        cells.resize(header.len(), Cell::Empty);
        self.sink.row(line, &cells)
    }
}

fn time(value: &ExcelDateTime) -> Cell<'static> {
    if value.is_duration() {
        return Cell::Bad("单元格只有时刻，没有日期");
    }
    let p = if value.as_f64().fract() == 0.0 { Precision::Day } else { Precision::Second };
    let Some(at) = value.as_datetime() else { return Cell::Bad("单元格不是有效日期") };
    // Half a second: fractions of a day do not meet whole seconds exactly.
    let at = at.checked_add_signed(chrono::TimeDelta::milliseconds(500)).unwrap_or(at);
    Cell::Time(chrono::Timelike::with_nanosecond(&at, 0).unwrap_or(at), p)
}

fn cell(value: &DataRef<'_>) -> Cell<'static> {
    match value {
        DataRef::Empty => Cell::Empty,
        DataRef::Int(n) => Cell::Int(*n),
        DataRef::Float(x) => Cell::Real(*x),
        DataRef::String(text) | DataRef::DateTimeIso(text) => Cell::Text(text.clone().into()),
        DataRef::SharedString(text) => Cell::Text((*text).to_owned().into()),
        DataRef::Bool(b) => Cell::Text(if *b { "1" } else { "0" }.into()),
        DataRef::DateTime(value) => time(value),
        DataRef::DurationIso(_) => Cell::Bad("单元格只有时刻，没有日期"),
        DataRef::Error(_) => Cell::Bad("单元格是错误值"),
    }
}

/// An open workbook.
pub(crate) enum Book<R: Read + Seek> {
    Xlsx(Box<Xlsx<R>>),
    Xls(Box<Xls<R>>),
}

impl<R: Read + Seek> Book<R> {
    pub(crate) fn open(mut reader: R, format: Format, file: &str) -> Result<Self> {
        let fail = fail(file);
        Ok(if format == Format::Xlsx {
            let book = guarded(file, || Xlsx::new(reader))?;
            Self::Xlsx(Box::new(book.map_err(|e| fail(&e))?))
        } else {
            compound::check(&mut reader, file)?;
            let book = guarded(file, || Xls::new(reader))?;
            Self::Xls(Box::new(book.map_err(|e| fail(&e))?))
        })
    }

    pub(crate) fn names(&self) -> Vec<String> {
        match self {
            Self::Xlsx(book) => book.sheet_names(),
            Self::Xls(book) => book.sheet_names(),
        }
    }

    /// Every cell that is there, by row and column from 0.
    /// `false` ends the walk.
    pub(crate) fn walk(
        &mut self,
        sheet: &str,
        file: &str,
        each: &mut dyn FnMut(u32, u32, Cell<'static>) -> Result<bool>,
    ) -> Result<()> {
        let fail = fail(file);
        match self {
            Self::Xlsx(book) => {
                let cells = guarded(file, || book.worksheet_cells_reader(sheet))?;
                let mut cells = cells.map_err(|e| fail(&e))?;
                while let Some(next) = guarded(file, || cells.next_cell())?.map_err(|e| fail(&e))? {
                    let (row, column) = next.get_position();
                    if !each(row, column, cell(next.get_value()))? {
                        break;
                    }
                }
            }
            Self::Xls(book) => {
                let range = guarded(file, || book.worksheet_range(sheet))?.map_err(|e| fail(&e))?;
                let (first_row, first_column) = range.start().unwrap_or_default();
                for (row, column, value) in range.used_cells() {
                    let at = |n: usize, base: u32| {
                        u32::try_from(n).unwrap_or(u32::MAX).saturating_add(base)
                    };
                    let (row, column) = (at(row, first_row), at(column, first_column));
                    if !each(row, column, cell(&as_ref(value)))? {
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Names of the sheets.
pub(super) fn names<R: Read + Seek>(reader: R, file: &SourceFile) -> Result<Vec<String>> {
    Ok(Book::open(reader, file.format, &file.name)?.names())
}

/// Reads all sheets of a workbook into the sink.
pub(super) fn read<R: Read + Seek>(
    reader: R,
    file: &SourceFile,
    sink: &mut dyn TableSink,
) -> Result<()> {
    let mut book = Book::open(reader, file.format, &file.name)?;
    for name in book.names() {
        let mut rows = Rows {
            part: Some(name.clone()),
            header: None,
            wanted: false,
            row: 0,
            cells: Vec::new(),
            sink: &mut *sink,
        };
        book.walk(&name, &file.name, &mut |row, column, cell| {
            rows.cell(row, column, cell)?;
            Ok(true)
        })?;
        rows.flush()?;
    }
    Ok(())
}

fn as_ref(value: &calamine::Data) -> DataRef<'_> {
    use calamine::Data;
    match value {
        Data::Empty => DataRef::Empty,
        Data::Int(n) => DataRef::Int(*n),
        Data::Float(x) => DataRef::Float(*x),
        Data::String(text) => DataRef::SharedString(text),
        Data::Bool(b) => DataRef::Bool(*b),
        Data::DateTime(value) => DataRef::DateTime(*value),
        Data::DateTimeIso(text) => DataRef::DateTimeIso(text.clone()),
        Data::DurationIso(text) => DataRef::DurationIso(text.clone()),
        Data::Error(e) => DataRef::Error(e.clone()),
        #[allow(unreachable_patterns, reason = "later kinds of cell are read as empty")]
        _ => DataRef::Empty,
    }
}
