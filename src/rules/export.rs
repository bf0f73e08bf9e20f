//! Findings as a file: CSV, XLSX or JSON, for us or for the party; bytes out, nothing else.
//!
//! What is for the party carries statements of fact, figures and duties, and of the grades V and S only: no
//! name among inspectors, no penalty clause, no score (rules.md, Words). Cells of a CSV that a spreadsheet
//! would take for a formula are made harmless; numbers of persons, visits and lines stay text everywhere.

use rust_xlsxwriter::XlsxError;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format as CellFormat, Workbook, Worksheet};
use serde_json::{Map, Value, json};
use spotcheck_domain::{Amount, words};

use crate::error::{Error, Result};
use crate::finding::{Finding, LossMethod, Origin, PENDING};

words!(
    /// Form of the file.
    Format {
        /// Text in UTF-8 with a byte order mark, as spreadsheets expect.
        Csv = "csv";
        /// Workbook.
        Xlsx = "xlsx";
        /// One object with a schema.
        Json = "json";
    }
);

/// For whom a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// For the office.
    Us,
    /// For the party.
    Party,
}

/// What was made of a finding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// The state in words.
    pub state: String,
    /// Why.
    pub reason: String,
    /// Who said it.
    pub officer: String,
    /// When, RFC 3339.
    pub at: String,
}

/// One finding of a file.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The finding.
    pub finding: &'a Finding,
    /// Who found it, where that is known.
    pub origin: Option<Origin>,
    /// What was made of it.
    pub said: Option<&'a Said>,
}

enum Cell {
    Text(String),
    Money(Option<Amount>),
    Number(u32),
}

impl Cell {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => harmless(text),
            Self::Money(amount) => amount.map_or_else(String::new, Amount::to_cents),
            Self::Number(n) => n.to_string(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Money(amount) => amount.map(Amount::to_cents).into(),
            Self::Number(n) => (*n).into(),
        }
    }
}

/// A text that begins like a formula is led by an apostrophe.
fn harmless(text: &str) -> String {
    if text.starts_with([
        '=', '+', '-', '@', '\t', '\r', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ]) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

/// A column: stable name (JSON), heading, width in a workbook.
type Column = (&'static str, &'static str, f64);

const PARTY: &[Column] = &[
    ("name_party", "事实", 36.0),
    ("facts", "说明", 60.0),
    ("duty", "法定义务", 36.0),
    ("date", "日期", 12.0),
    ("mdtrt_id", "就诊号", 22.0),
    ("bkkp_sn", "明细流水号", 30.0),
    ("code", "项目编码", 24.0),
    ("amount", "涉及金额(元)", 14.0),
    ("party_method", "计算方法", 24.0),
];

const US: &[Column] = &[
    ("light", "灯", 16.0),
    ("rule", "规则", 8.0),
    ("name", "规则名称", 24.0),
    ("name_party", "事实(对外表述)", 36.0),
    ("reason", "说明", 60.0),
    ("fixmedins_code", "机构编号", 16.0),
    ("date", "日期", 12.0),
    ("psn_no", "人员编号", 22.0),
    ("mdtrt_id", "就诊号", 22.0),
    ("setl_id", "结算号", 22.0),
    ("bkkp_sn", "明细流水号", 30.0),
    ("code", "项目编码", 24.0),
    ("amount", "涉及金额(元)", 14.0),
    ("fund_amount", "基金金额(元)", 14.0),
    ("method", "计算方法", 24.0),
    ("grade", "等级", 6.0),
    ("weight", "权重", 6.0),
    ("principal", "主要", 6.0),
    ("clause", "条款", 14.0),
    ("ordering", "开单", 16.0),
    ("executing", "执行", 16.0),
    ("billing", "计费", 16.0),
    ("answerable", "主管", 16.0),
    ("look", "查什么", 40.0),
    ("tried", "已排除的自然原因", 40.0),
    ("doubt", "可能有误的原因", 40.0),
    ("origin", "来源", 16.0),
    ("state", "状态", 12.0),
    ("state_reason", "认定理由", 30.0),
    ("officer", "认定人", 14.0),
    ("judged", "认定时间", 24.0),
    ("pack", "规则包", 18.0),
    ("key", "疑点键", 34.0),
];

/// The duty of 条例 arts. 14–17 that a finding is about, in the law's order; never the penalty (38–41).
#[must_use]
pub fn duty(clause: &[String]) -> &'static str {
    let first = clause.first().map_or("", String::as_str);
    if first.starts_with("T39(2)") || first.starts_with("T39(3)") {
        "条例第十六条：保管资料、如实传送数据"
    } else if first.starts_with("T39") {
        "条例第十四条：建立基金使用内部管理制度"
    } else {
        "条例第十五条：按规范提供服务、如实收费"
    }
}

fn cell(entry: &Entry<'_>, column: &str) -> Cell {
    let f = entry.finding;
    let some = |text: &Option<String>| Cell::Text(text.clone().unwrap_or_default());
    let list = |texts: &[String]| Cell::Text(texts.join("、"));
    let said = |of: fn(&Said) -> &String| {
        Cell::Text(entry.said.map_or_else(String::new, |s| of(s).clone()))
    };
    match column {
        "light" => Cell::Text(f.grade.light().to_owned()),
        "rule" => Cell::Text(f.rule.clone()),
        "name" => Cell::Text(f.name.clone()),
        "name_party" => some(&f.party),
        "reason" | "facts" => Cell::Text(f.reason.clone()),
        "duty" => Cell::Text(duty(&f.clause).to_owned()),
        "fixmedins_code" => Cell::Text(f.fixmedins_code.clone()),
        "date" => some(&f.date),
        "psn_no" => some(&f.psn_no),
        "mdtrt_id" => some(&f.mdtrt_id),
        "setl_id" => some(&f.setl_id),
        "bkkp_sn" => Cell::Text(f.bkkp_sn.join(" ")),
        "code" => some(&f.code),
        "amount" => Cell::Money(f.amount),
        "fund_amount" => Cell::Money(f.fund_amount),
        "method" => Cell::Text(f.method_words().to_owned()),
        // Neither that the fund lost nor that it did not is said to the party before the agency has reckoned it.
        "party_method" if f.loss_method == LossMethod::N => Cell::Text(PENDING.to_owned()),
        "party_method" => Cell::Text(f.method_words().to_owned()),
        "grade" => Cell::Text(f.grade.as_str().to_owned()),
        "weight" => Cell::Number(f.weight),
        "principal" => Cell::Text(if f.principal { "是" } else { "否" }.to_owned()),
        "clause" => list(&f.clause),
        "ordering" => list(&f.people.ordering),
        "executing" => list(&f.people.executing),
        "billing" => list(&f.people.billing),
        "answerable" => list(&f.people.answerable),
        "look" => list(&f.look),
        "tried" => list(&f.tried),
        "doubt" => list(&f.doubt),
        "origin" => Cell::Text(entry.origin.map_or("", Origin::zh).to_owned()),
        "state" => said(|s| &s.state),
        "state_reason" => said(|s| &s.reason),
        "officer" => said(|s| &s.officer),
        "judged" => said(|s| &s.at),
        "pack" => Cell::Text(f.pack.clone()),
        "key" => Cell::Text(f.key()),
        _ => Cell::Text(String::new()),
    }
}

/// Writes findings in the order given; for the party those that may be printed for it, and of these the ones
/// under which lines stand. `at_ms`: when the file is made, milliseconds since 1970.
///
/// # Errors
/// [`Error::Export`]: more rows than a workbook holds, or a text longer than one of its cells.
pub fn findings_file(
    entries: &[Entry<'_>],
    audience: Audience,
    format: Format,
    at_ms: i64,
) -> Result<Vec<u8>> {
    let told: Vec<(&Entry<'_>, Finding)> = match audience {
        Audience::Us => Vec::new(),
        Audience::Party => {
            let principals = entries.iter().filter(|e| e.finding.principal);
            principals.filter_map(|e| Some((e, e.finding.for_party()?))).collect()
        }
    };
    let told: Vec<Entry<'_>> = told.iter().map(|(e, finding)| Entry { finding, ..**e }).collect();
    let (columns, shown): (_, Vec<&Entry<'_>>) = match audience {
        Audience::Us => (US, entries.iter().collect()),
        Audience::Party => (PARTY, told.iter().collect()),
    };
    let rows: Vec<Vec<Cell>> =
        shown.iter().map(|e| columns.iter().map(|c| cell(e, c.0)).collect()).collect();
    match format {
        Format::Csv => csv(columns, &rows),
        Format::Xlsx => {
            // What the party reads are facts to be checked, not suspicions.
            let name = if audience == Audience::Party { "核对事实" } else { "疑点" };
            xlsx(columns, name, &rows, at_ms).map_err(|_| Error::Export)
        }
        Format::Json => json_file(columns, &shown, &rows, audience),
    }
}

fn csv(columns: &[Column], rows: &[Vec<Cell>]) -> Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer("\u{feff}".as_bytes().to_vec());
    let failed = |_: csv::Error| Error::Export;
    writer.write_record(columns.iter().map(|c| c.1)).map_err(failed)?;
    for row in rows {
        writer.write_record(row.iter().map(Cell::text)).map_err(failed)?;
    }
    writer.into_inner().map_err(|_| Error::Export)
}

/// A workbook has room for this many characters in a cell.
const CELL_CHARS: usize = 32_767;

fn put(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    cell: &Cell,
    money: &CellFormat,
) -> Result<(), XlsxError> {
    match cell {
        Cell::Text(text) if text.is_empty() => {}
        Cell::Text(text) => {
            let fits: String = text.chars().take(CELL_CHARS).collect();
            sheet.write_string(row, column, fits)?;
        }
        Cell::Money(None) => {}
        Cell::Money(Some(amount)) => {
            let yuan = amount.to_cents();
            match yuan.parse::<f64>() {
                Ok(number) => sheet.write_number_with_format(row, column, number, money)?,
                Err(_) => sheet.write_string(row, column, yuan)?,
            };
        }
        Cell::Number(n) => {
            sheet.write_number(row, column, *n)?;
        }
    }
    Ok(())
}

fn xlsx(
    columns: &[Column],
    sheet_name: &str,
    rows: &[Vec<Cell>],
    at_ms: i64,
) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    // Made when the caller's clock says, not when this machine does.
    let made = ExcelDateTime::from_timestamp(at_ms.div_euclid(1000))?;
    book.set_properties(&DocProperties::new().set_creation_datetime(&made));
    let (head, money) =
        (CellFormat::new().set_bold(), CellFormat::new().set_num_format("#,##0.00"));
    let sheet = book.add_worksheet();
    sheet.set_name(sheet_name)?;
    sheet.set_freeze_panes(1, 0)?;
    for (at, (_, heading, width)) in (0_u16..).zip(columns) {
        sheet.write_string_with_format(0, at, *heading, &head)?;
        sheet.set_column_width(at, *width)?;
    }
    for (line, row) in (1_u32..).zip(rows) {
        for (at, cell) in (0_u16..).zip(row) {
            put(sheet, line, at, cell, &money)?;
        }
    }
    book.save_to_buffer()
}

fn json_file(
    columns: &[Column],
    shown: &[&Entry<'_>],
    rows: &[Vec<Cell>],
    audience: Audience,
) -> Result<Vec<u8>> {
    let mut list: Vec<Value> = Vec::with_capacity(rows.len());
    for (entry, row) in shown.iter().zip(rows) {
        let mut members = Map::new();
        if audience == Audience::Us {
            let body: Value =
                serde_json::from_str(&entry.finding.body()).map_err(|_| Error::Export)?;
            members.extend(body.as_object().cloned().unwrap_or_default());
        }
        for (column, cell) in columns.iter().zip(row) {
            if !members.contains_key(column.0) && !column_is_in_body(audience, column.0) {
                members.insert(column.0.to_owned(), cell.json());
            }
        }
        list.push(Value::Object(members));
    }
    let body = json!({ "schema": "spotcheck-finding-list/1", "findings": list });
    let mut bytes = serde_json::to_vec_pretty(&body).map_err(|_| Error::Export)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The people stand in the body as one object; absent members stay absent there.
fn column_is_in_body(audience: Audience, column: &str) -> bool {
    let own = ["key", "method", "origin", "state", "state_reason", "officer", "judged"];
    audience == Audience::Us && !own.contains(&column)
}

#[cfg(test)]
mod tests;
