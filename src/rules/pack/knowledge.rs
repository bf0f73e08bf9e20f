//! Knowledge points: which items a rule means and with which limits, each with the days it was in force.

use std::collections::{BTreeMap, BTreeSet};

use spotcheck_domain::Amount;

use crate::error::PackError;

/// Who set a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Published.
    Official,
    /// Ours, to be set by the region.
    LocalDefault,
    /// Set by a region or an inspector.
    Local,
}

impl Origin {
    /// Reads the word of packs.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "official" => Some(Self::Official),
            "local_default" => Some(Self::LocalDefault),
            "local" => Some(Self::Local),
            _ => None,
        }
    }
}

/// How a point names items: exact code, code prefix `abc*`, words of the name `~全身麻醉&插管`, and after `!` words that
/// it must not hold: `~沙星&!滴眼`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Matcher {
    /// `med_list_codg` is this.
    Code(String),
    /// `med_list_codg` begins with this.
    Prefix(String),
    /// The name holds all of these, and none of those after a `!`.
    Words(Vec<String>),
}

impl Matcher {
    /// Reads the cell of a point; `None` if it is empty.
    #[must_use]
    pub fn parse(cell: &str) -> Option<Self> {
        let cell = cell.trim();
        if let Some(words) = cell.strip_prefix('~') {
            let words: Vec<String> =
                words.split('&').map(str::trim).filter(|w| !w.is_empty()).map(Into::into).collect();
            let says = |w: &String| !w.starts_with('!');
            let empty = words.iter().any(|w| w == "!");
            return (words.iter().any(says) && !empty).then_some(Self::Words(words));
        }
        if let Some(prefix) = cell.strip_suffix('*') {
            return (!prefix.is_empty()).then(|| Self::Prefix(prefix.to_owned()));
        }
        (!cell.is_empty()).then(|| Self::Code(cell.to_owned()))
    }

    /// True if an item is meant.
    #[must_use]
    pub fn fits(&self, code: &str, name: &str) -> bool {
        match self {
            Self::Code(c) => c == code,
            Self::Prefix(p) => code.starts_with(p.as_str()),
            Self::Words(w) => w.iter().all(|w| match w.strip_prefix('!') {
                Some(other) => !name.contains(other),
                None => name.contains(w.as_str()),
            }),
        }
    }
}

/// One knowledge point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// The item.
    pub code: Matcher,
    /// The other item of a pair.
    pub code_b: Option<Matcher>,
    /// The limit in millionths.
    pub value: Option<i64>,
    /// Its unit: 日, 小时, 岁, 天 …
    pub unit: String,
    /// Allowed values, joined by `|`.
    pub text: String,
    /// First day in force.
    pub from: i64,
    /// Last day in force.
    pub to: i64,
    /// Who set it.
    pub origin: Origin,
    /// Where it comes from.
    pub source: String,
    /// Line in its file.
    pub line: usize,
}

impl Point {
    /// The allowed values.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.text.split('|').map(str::trim).filter(|w| !w.is_empty())
    }
}

/// What a point is about.
type Key = (Matcher, Option<Matcher>);

/// A list of points.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Knowledge {
    /// The points in the order of their file.
    pub points: Vec<Point>,
}

const COLUMNS: [&str; 9] =
    ["code", "code_b", "value", "unit", "text", "begndate", "enddate", "origin", "source"];

/// Days since 1970 of `yyyy-MM-dd`.
pub(super) fn day(text: &str) -> Option<i64> {
    let date = chrono::NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").ok()?;
    Some(spotcheck_domain::BeijingTime::from_date(date).day())
}

impl Knowledge {
    /// Reads a CSV with exactly the columns code, code_b, value, unit, text, begndate, enddate, origin,
    /// source.
    ///
    /// # Errors
    /// The first cell that is wrong, with line and column; also two points of one key whose days overlap.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Self, PackError> {
        let fail = |line: usize, field: &str, reason: &str| PackError {
            file: file.to_owned(),
            line,
            field: field.to_owned(),
            reason: reason.to_owned(),
        };
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
        let header = reader.headers().map_err(|_| fail(1, "header", "不是 UTF-8 文本"))?;
        if header.iter().ne(COLUMNS) {
            let reason = format!("表头应为 {}", COLUMNS.join(","));
            return Err(fail(1, "header", &reason));
        }
        let mut points: Vec<Point> = Vec::new();
        let mut seen: BTreeMap<Key, Vec<(i64, i64, usize)>> = BTreeMap::new();
        for record in reader.records() {
            let record = record.map_err(|e| {
                let line = e.position().map_or(0, csv::Position::line);
                fail(usize::try_from(line).unwrap_or(0), "row", "这一行无法读取")
            })?;
            let line = record.position().map_or(0, csv::Position::line);
            let line = usize::try_from(line).unwrap_or(0);
            if record.len() != COLUMNS.len() {
                return Err(fail(line, "row", "列数与表头不符"));
            }
            let cell = |n: usize| record.get(n).unwrap_or_default().trim();
            let code = Matcher::parse(cell(0)).ok_or_else(|| fail(line, "code", "不能为空"))?;
            let value = match cell(2) {
                "" => None,
                text => Some(
                    Amount::parse(text).map_err(|_| fail(line, "value", "不是数字"))?.millionths(),
                ),
            };
            let from = match cell(5) {
                "" => return Err(fail(line, "begndate", "不能为空")),
                text => day(text).ok_or_else(|| fail(line, "begndate", "应为 yyyy-MM-dd"))?,
            };
            let to = match cell(6) {
                "" => i64::MAX,
                text => day(text).ok_or_else(|| fail(line, "enddate", "应为 yyyy-MM-dd"))?,
            };
            if to < from {
                return Err(fail(line, "enddate", "早于 begndate"));
            }
            let origin = Origin::parse(cell(7))
                .ok_or_else(|| fail(line, "origin", "应为 official、local_default 或 local"))?;
            let point = Point {
                code,
                code_b: Matcher::parse(cell(1)),
                value,
                unit: cell(3).to_owned(),
                text: cell(4).to_owned(),
                from,
                to,
                origin,
                source: cell(8).to_owned(),
                line,
            };
            let spans = seen.entry((point.code.clone(), point.code_b.clone())).or_default();
            let clash = |(from, to, _): &&(i64, i64, usize)| *from <= point.to && point.from <= *to;
            if let Some((_, _, other)) = spans.iter().find(clash) {
                let reason = format!("与第 {other} 行的生效日期重叠");
                return Err(fail(line, "begndate", &reason));
            }
            spans.push((point.from, point.to, line));
            points.push(point);
        }
        Ok(Self { points })
    }

    /// Lays points of an overlay over these: a point of the same key replaces all of the base.
    pub fn overlay(&mut self, over: &Self) {
        let keys: BTreeSet<(&Matcher, Option<&Matcher>)> =
            over.points.iter().map(|p| (&p.code, p.code_b.as_ref())).collect();
        self.points.retain(|p| !keys.contains(&(&p.code, p.code_b.as_ref())));
        self.points.extend(over.points.iter().cloned());
    }
}
