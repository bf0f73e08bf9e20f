//! Where the header stands, and which rows below it are data.
//!
//! Exports begin with titles ("某某医院费用清单"), periods and printing times, and end with totals and names
//! of clerks; paged prints repeat the header. Other rows may be the header: the officer picks.

use spotcheck_domain::grid::Grid;

use super::value;
use super::words::is_header;

/// Rows that are looked at for a header.
const HEAD_ROWS: usize = 40;
/// Headers that the officer can choose from.
const MAX_HEADERS: usize = 6;

/// The structure of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Position of the header among the rows of the grid; `None`: there is none, data begin at once.
    pub header: Option<usize>,
    /// Name of each column; a column without one is named by its letter.
    pub names: Vec<String>,
    /// Positions that may be the header, the likeliest first.
    pub candidates: Vec<usize>,
}

impl Layout {
    /// The first row that can be data.
    #[must_use]
    pub fn first(&self) -> usize {
        self.header.map_or(0, |h| h.saturating_add(1))
    }

    /// The name of a column.
    #[must_use]
    pub fn name(&self, column: usize) -> &str {
        self.names.get(column).map_or("", String::as_str)
    }
}

/// `A`, `B` … `AA`, as spreadsheets name columns.
fn letter(column: usize) -> String {
    let mut letters = Vec::new();
    let mut rest = column;
    loop {
        let digit = u8::try_from(rest.checked_rem(26).unwrap_or(0)).unwrap_or(0);
        letters.push(char::from(b'A'.saturating_add(digit)));
        match rest.checked_div(26).and_then(|r| r.checked_sub(1)) {
            Some(next) => rest = next,
            None => break,
        }
    }
    letters.iter().rev().collect()
}

/// How much a row looks like a header.
fn points(grid: &Grid, row: usize) -> i64 {
    let mut points = 0_i64;
    let (mut filled, mut known) = (0_i64, 0_i64);
    for column in 0..grid.width() {
        let text = grid.cell(row, column);
        if text.is_empty() {
            continue;
        }
        filled = filled.saturating_add(1);
        let value =
            value::number(text).is_some() || value::day(text).is_some() || value::lossy(text);
        if value {
            points = points.saturating_sub(4);
        } else if is_header(text) {
            known = known.saturating_add(1);
            points = points.saturating_add(5);
        } else {
            points = points.saturating_add(1);
        }
    }
    // A title stands alone.
    if filled < 3 && known < 2 { points.min(0) } else { points }
}

/// Finds the header; `chosen` is the officer's choice.
#[must_use]
pub fn layout(grid: &Grid, chosen: Option<usize>) -> Layout {
    let rows = grid.height().min(HEAD_ROWS);
    let mut ranked: Vec<(i64, usize)> =
        (0..rows).map(|row| (points(grid, row), row)).filter(|(p, _)| *p > 0).collect();
    ranked.sort_by_key(|(points, row)| (std::cmp::Reverse(*points), *row));
    let mut candidates: Vec<usize> =
        ranked.into_iter().map(|(_, row)| row).take(MAX_HEADERS).collect();
    let header = chosen.filter(|row| *row < grid.height()).or_else(|| candidates.first().copied());
    if let Some(header) = header.filter(|h| !candidates.contains(h)) {
        candidates.insert(0, header);
        candidates.truncate(MAX_HEADERS);
    }
    let names = (0..grid.width()).map(|column| column_name(grid, header, column)).collect();
    Layout { header, names, candidates }
}

/// The header's cell; under a merged group header the name may stand one row higher.
fn column_name(grid: &Grid, header: Option<usize>, column: usize) -> String {
    let Some(header) = header else { return letter(column) };
    let own = grid.cell(header, column);
    if !own.is_empty() {
        return own.to_owned();
    }
    let above = header.checked_sub(1).map_or("", |row| grid.cell(row, column));
    if above.is_empty() || !is_header(above) { letter(column) } else { above.to_owned() }
}

/// Words with which a row that is no data begins.
const NO_DATA: &[&str] = &[
    "合计",
    "总计",
    "小计",
    "本页",
    "累计",
    "共计",
    "制表",
    "打印",
    "审核人",
    "备注",
    "导出",
    "统计",
    "说明",
    "第",
    "总金额",
    "total",
    "sum",
    "查询条件",
    "操作员",
];

/// True for totals, repeated headers and what clerks write below. `visit` is the column of the visit: a row
/// that has a visit is data, whatever it begins with.
pub(super) fn is_no_data(grid: &Grid, layout: &Layout, row: usize, visit: Option<usize>) -> bool {
    let has_visit = visit.is_some_and(|c| {
        let text = grid.cell(row, c);
        !text.is_empty() && text.chars().any(|c| c.is_ascii_digit()) && !text.contains('计')
    });
    if let Some(header) = layout.header {
        let repeated = (0..grid.width())
            .filter(|c| grid.code(header, *c) != 0)
            .all(|c| grid.code(row, c) == grid.code(header, c));
        if repeated {
            return true;
        }
    }
    if has_visit {
        return false;
    }
    let mut filled = (0..grid.width()).map(|c| grid.cell(row, c)).filter(|t| !t.is_empty());
    let first = value::name(filled.next().unwrap_or_default());
    if NO_DATA.iter().any(|w| first.starts_with(w)) {
        return true;
    }
    // One or two cells without a visit are a note.
    filled.count() < 2
}

#[cfg(test)]
mod tests {
    use spotcheck_domain::grid::GridLimits;

    use super::*;

    #[test]
    fn a_header_below_titles_is_found_and_totals_are_no_data() {
        let mut grid = Grid::new("", GridLimits::default());
        grid.push(1, &["示例医院住院费用明细清单"]).unwrap();
        grid.push(2, &["统计日期：2026-03-01 至 2026-03-31", "", "", "制表：张三"]).unwrap();
        grid.push(4, &["序号", "住院号", "项目名称", "数量", "金额"]).unwrap();
        grid.push(5, &["1", "10001", "静脉输液", "2", "18.00"]).unwrap();
        grid.push(6, &["序号", "住院号", "项目名称", "数量", "金额"]).unwrap();
        grid.push(7, &["合计", "", "", "2", "18.00"]).unwrap();
        grid.push(8, &["审核人:", "李四"]).unwrap();
        let found = layout(&grid, None);
        assert_eq!((found.header, found.name(1)), (Some(2), "住院号"));
        let no_data: Vec<bool> =
            (3..7).map(|row| is_no_data(&grid, &found, row, Some(1))).collect();
        assert_eq!(no_data, [false, true, true, true]);
        assert_eq!(layout(&grid, Some(0)).header, Some(0), "the officer may choose");
    }

    #[test]
    fn columns_without_a_name_have_the_letter_of_a_spreadsheet() {
        assert_eq!(
            (letter(0), letter(25), letter(26), letter(27)),
            ("A".into(), "Z".into(), "AA".into(), "AB".into())
        );
    }
}
