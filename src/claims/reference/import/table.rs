//! Tables of price items, drugs, consumables, ICD codes, cases, knowledge points.
//!
//! Columns are recognised by their names, national or usual Chinese ones. What a column means is never
//! guessed from its values; a column that nobody knows is named in the report.

mod columns;

use std::collections::BTreeMap;

use spotcheck_domain::Amount;
use spotcheck_domain::reference::{EntryKind, LevelLimit};

use self::columns::{Field, Header};
use super::{SourceOptions, SourceReport};
use crate::cell::{self, Cell};
use crate::error::{Error, Result};
use crate::reference::{Document, Entry, fold};
use crate::schema::{Column, Kind};
use crate::source::{Source, TableSink};
use crate::value::Value;

const AMOUNT: Column = Column { name: "amount", kind: Kind::Money, required: false };
const DAY: Column = Column { name: "day", kind: Kind::Time, required: false };
const TEXT: Column = Column { name: "text", kind: Kind::Text, required: false };
const LEVEL: Column = Column { name: "chrgitm_lv", kind: Kind::Code(2), required: false };

/// Words that stand for a price where the price is left to the market.
const NO_PRICE: &[&str] = &[
    "市场调节价",
    "自主定价",
    "自主制定",
    "暂不定价",
    "未定价",
    "协议价",
    "/",
    "-",
    "—",
    "――",
    "无",
];

struct Sink<'a> {
    options: &'a SourceOptions,
    report: &'a mut SourceReport,
    /// Kind that the file's name gives away.
    by_name: Option<EntryKind>,
    header: Header,
    kind: Option<EntryKind>,
    part: String,
    /// The table's own document first; then those that articles in a table name.
    documents: Vec<Document>,
    of: BTreeMap<(String, String), usize>,
    used: bool,
}

/// Reads a table.
///
/// # Errors
/// The file cannot be read, it has no column for codes or names, or nobody knows what kind its rows are.
pub(super) fn read(
    name: &str,
    bytes: Vec<u8>,
    options: &SourceOptions,
    report: &mut SourceReport,
) -> Result<Vec<Document>> {
    let fail = |reason: &str| Error::Source { file: name.to_owned(), reason: reason.to_owned() };
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned();
    let mut source = Source::single(name, bytes);
    let Some(file) = source.files().first().cloned() else { return Err(fail("不是表格")) };
    let mut sink = Sink {
        options,
        report,
        by_name: columns::kind_of_name(&stem),
        header: Header::default(),
        kind: None,
        part: String::new(),
        documents: vec![Document {
            title: stem,
            begin: options.valid_from,
            end: options.valid_until,
            ..Document::default()
        }],
        of: BTreeMap::new(),
        used: false,
    };
    let encoding = source.read(&file, None, &mut sink)?;
    if !sink.used {
        return Err(fail("表头里没有编码、名称或正文列，或看不出是哪一类(用 --kind 指明)"));
    }
    let mut documents = std::mem::take(&mut sink.documents);
    report.encoding = encoding.map(|e| e.name().to_owned());
    for document in &mut documents {
        close_versions(document, report);
    }
    documents.retain(|d| !d.entries.is_empty());
    Ok(documents)
}

impl Sink<'_> {
    fn text(&self, cells: &[Cell<'_>], field: Field) -> std::result::Result<String, &'static str> {
        let mut found = String::new();
        for at in self.header.all(field) {
            let Some(cell) = cells.get(at) else { continue };
            let Value::Text(text) = cell::read(&TEXT, cell)? else { continue };
            if !found.is_empty() {
                found.push('\n');
            }
            found.push_str(&text);
        }
        Ok(found)
    }

    fn day(
        &self,
        cells: &[Cell<'_>],
        field: Field,
    ) -> std::result::Result<Option<i64>, &'static str> {
        let Some(cell) = self.header.one(field).and_then(|at| cells.get(at)) else {
            return Ok(None);
        };
        Ok(cell::read(&DAY, cell)?.time().map(|t| t.at.day()))
    }

    /// The row as an entry, or the column that cannot be read and why.
    fn entry(
        &mut self,
        kind: EntryKind,
        cells: &[Cell<'_>],
    ) -> std::result::Result<Entry, (Field, &'static str)> {
        let text = |field: Field| self.text(cells, field).map_err(|reason| (field, reason));
        let day = |field: Field| self.day(cells, field).map_err(|reason| (field, reason));
        let list_type = text(Field::ListType)?;
        let kind = columns::kind_of_list_type(&list_type).unwrap_or(kind);
        let (code, title) = (text(Field::Code)?, text(Field::Title)?);
        let mut body = text(Field::Text)?;
        for (at, name) in self.header.described() {
            let Some(cell) = cells.get(at) else { continue };
            if let Value::Text(more) = cell::read(&TEXT, cell).map_err(|r| (Field::Described, r))? {
                if !body.is_empty() {
                    body.push('\n');
                }
                body.push_str(&format!("{name}:{more}"));
            }
        }
        if code.is_empty() && title.is_empty() && body.is_empty() {
            return Err((Field::Code, "编码、名称、正文都为空"));
        }
        let begin = day(Field::Begin)?;
        let end = day(Field::End)?;
        if let (Some(begin), Some(end)) = (begin, end)
            && end < begin
        {
            return Err((Field::End, "失效日期早于生效日期"));
        }
        let chrgitm_lv = match text(Field::ChargeLevel)?.as_str() {
            "甲" | "甲类" => "01".to_owned(),
            "乙" | "乙类" => "02".to_owned(),
            "丙" | "丙类" | "自费" | "丙类/自费" => "03".to_owned(),
            other => match cell::read(&LEVEL, &Cell::Text(other.into())) {
                Ok(Value::Text(code)) => code,
                _ => String::new(),
            },
        };
        let mut restriction = text(Field::Restriction)?;
        let mut limits: Vec<LevelLimit> = Vec::new();
        for (at, level) in self.header.limits() {
            let Some(cell) = cells.get(at) else { continue };
            match price(cell).map_err(|reason| (Field::Limit, reason))? {
                Price::Amount(amount) => {
                    limits.push(LevelLimit { level: level.to_owned(), amount })
                }
                Price::Words(words) => {
                    if !restriction.is_empty() {
                        restriction.push(';');
                    }
                    restriction.push_str(&words);
                }
                Price::None => {}
            }
        }
        limits.sort();
        let aliases = text(Field::Alias)?;
        Ok(Entry {
            code,
            title,
            aliases: aliases.lines().map(str::to_owned).collect(),
            text: body,
            excluded: text(Field::Excluded)?,
            unit: text(Field::Unit)?,
            limits,
            restriction,
            chrgitm_lv,
            article: text(Field::Article)?,
            begin,
            end,
            ..Entry::new(kind)
        })
    }
}

enum Price {
    Amount(Amount),
    Words(String),
    None,
}

fn price(cell: &Cell<'_>) -> std::result::Result<Price, &'static str> {
    if let Ok(Value::Text(text)) = cell::read(&TEXT, cell)
        && let Some(words) = NO_PRICE.iter().find(|w| **w == text)
    {
        let spoken = words.chars().all(|c| !c.is_ascii() && c != '—' && c != '―') && *words != "无";
        return Ok(if spoken { Price::Words((*words).to_owned()) } else { Price::None });
    }
    Ok(match cell::read(&AMOUNT, cell)? {
        Value::Int(n) if n < 0 => return Err("价格为负"),
        Value::Int(n) => Price::Amount(Amount::from_millionths(n)),
        _ => Price::None,
    })
}

impl TableSink for Sink<'_> {
    fn header(&mut self, part: Option<&str>, names: &[String]) -> Result<bool> {
        self.header = Header::new(names);
        self.part = part.unwrap_or_default().to_owned();
        self.report.ignored_columns.extend(self.header.ignored(names));
        let by_part = part.and_then(columns::kind_of_name);
        self.kind = self.options.kind.or(self.header.kind()).or(by_part).or(self.by_name);
        let per_row = self.header.one(Field::ListType).is_some();
        let usable =
            [Field::Code, Field::Title, Field::Text].iter().any(|f| self.header.one(*f).is_some());
        let wanted = usable && (self.kind.is_some() || per_row);
        self.used |= wanted;
        if !wanted && part.is_some() {
            self.report.remark(0, &self.part, "这一页没有认出，未读");
        }
        Ok(wanted)
    }

    fn row(&mut self, line: u64, cells: &[Cell<'_>]) -> Result<()> {
        self.report.read = self.report.read.saturating_add(1);
        let given = self.kind;
        let entry = match given {
            Some(kind) => self.entry(kind, cells),
            None => match self
                .text(cells, Field::ListType)
                .ok()
                .as_deref()
                .and_then(columns::kind_of_list_type)
            {
                Some(kind) => self.entry(kind, cells),
                None => Err((Field::ListType, "目录类别不认识，看不出是哪一类")),
            },
        };
        match entry {
            Ok(mut entry) => {
                entry.line = line;
                self.place(entry, cells);
            }
            Err((field, reason)) => {
                let column = self.header.name(field);
                self.report.reject(line, &column, reason);
            }
        }
        Ok(())
    }

    fn broken(&mut self, line: u64, _cells: &[String], reason: &str) -> Result<()> {
        self.report.read = self.report.read.saturating_add(1);
        self.report.reject(line, "", reason);
        Ok(())
    }
}

impl Sink<'_> {
    /// Into the table's own document; an article into the one that its row names.
    fn place(&mut self, mut entry: Entry, cells: &[Cell<'_>]) {
        let mut at = 0;
        if entry.kind == EntryKind::Article && !entry.title.is_empty() {
            let number = self.text(cells, Field::Number).unwrap_or_default();
            let issuer = self.text(cells, Field::Issuer).unwrap_or_default();
            let title = std::mem::take(&mut entry.title);
            let fresh = self.documents.len();
            at = *self.of.entry((title.clone(), number.clone())).or_insert(fresh);
            if at == fresh {
                self.documents.push(Document {
                    title,
                    number,
                    issuer,
                    begin: entry.begin.or(self.options.valid_from),
                    end: self.options.valid_until,
                    ..Document::default()
                });
            }
        }
        if let Some(document) = self.documents.get_mut(at) {
            document.entries.push(entry);
        }
    }
}

/// Rows of one code whose later version begins: the earlier one ends the day before, if it does not say when
/// it ends. Two versions from the same day stay both, and the clerk is told.
fn close_versions(document: &mut Document, report: &mut SourceReport) {
    let mut by_code: BTreeMap<(EntryKind, String), Vec<usize>> = BTreeMap::new();
    for (n, entry) in document.entries.iter().enumerate() {
        let priced =
            matches!(entry.kind, EntryKind::Item | EntryKind::Drug | EntryKind::Consumable);
        if priced && !entry.code.is_empty() {
            by_code.entry((entry.kind, fold(&entry.code))).or_default().push(n);
        }
    }
    let mut closed = 0_u64;
    for mut same in by_code.into_values().filter(|same| same.len() > 1) {
        let begin = |n: &usize| document.entries.get(*n).and_then(|e| e.begin);
        same.sort_by_key(|n| (begin(n), *n));
        for pair in same.windows(2) {
            let [earlier, later] = pair else { continue };
            let next = document.entries.get(*later).map(|e| (e.begin, e.line, e.limits.clone()));
            let (Some((next, line, limits)), Some(entry)) =
                (next, document.entries.get_mut(*earlier))
            else {
                continue;
            };
            match next {
                Some(next) if entry.begin < Some(next) && entry.end.is_none() => {
                    entry.end = Some(next.saturating_sub(1));
                    closed = closed.saturating_add(1);
                }
                Some(next) if entry.begin < Some(next) => {}
                _ if entry.limits != limits => {
                    report.remark(line, "", "同一编码、同一生效日期有两个不同的价格，都保留");
                }
                _ => {}
            }
        }
    }
    if closed > 0 {
        let words =
            format!("{closed} 行没有写失效日期而同一编码有更晚的版本，按更晚版本生效前一日失效计");
        report.remark(0, "", &words);
    }
}
