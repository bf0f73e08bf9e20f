//! From `indicators.toml` to terms, figures, warnings and topics, with the line of whatever is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::Deserialize;
use spotcheck_domain::Amount;
use toml::Spanned;

use super::catalogue::{
    Catalogue, Dimension, Formula, Good, Guard, Indicator, Measure, Origin, Place, Term, Test,
    Topic, Warning,
};
use super::entity::{Entity, Kind};
use crate::error::PackError;
use crate::pack::File;

type Refused<T> = Result<T, PackError>;
/// Field and reason.
type Wrong = (String, String);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTerm {
    id: Spanned<String>,
    name: String,
    entity: String,
    #[serde(default)]
    sum: Option<String>,
    #[serde(default)]
    distinct: Option<String>,
    #[serde(default, rename = "where")]
    filter: BTreeMap<String, toml::Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawFormula {
    value: Option<String>,
    ratio: Option<(String, String)>,
    share: Option<(String, String)>,
    per_day: Option<String>,
    use_per_day: Option<(String, String)>,
    difference: Option<(String, String)>,
    growth: Option<String>,
    top: Option<String>,
    top_share: Option<String>,
    of: Option<String>,
    n: Option<u16>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum RawDimensions {
    Set(String),
    List(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawIndicator {
    id: Spanned<String>,
    name: String,
    formula: RawFormula,
    unit: String,
    #[serde(default)]
    decimals: u8,
    good: String,
    dimensions: RawDimensions,
    #[serde(default)]
    guarded: Vec<String>,
    source: String,
    #[serde(default)]
    note: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGuard {
    name: Spanned<String>,
    dimensions: Vec<String>,
    #[serde(default)]
    drugs: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWarning {
    id: Spanned<String>,
    name: String,
    indicator: String,
    above: Option<String>,
    below: Option<String>,
    origin: String,
    tell: Vec<String>,
    source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTopic {
    id: Spanned<String>,
    name: String,
    indicators: Vec<String>,
    by: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawFile {
    dimensions: BTreeMap<String, Vec<String>>,
    term: Vec<RawTerm>,
    indicator: Vec<RawIndicator>,
    guard: Vec<RawGuard>,
    warning: Vec<RawWarning>,
    topic: Vec<RawTopic>,
}

/// Reads one file; what refers to other files of the pack is checked once all are together.
pub(crate) fn read(file: &File<'_>) -> Refused<Catalogue> {
    let raw: RawFile = file.toml()?;
    let mut all = Catalogue::default();
    let mut seen = BTreeSet::new();
    let mut new = |what: &str, id: &Spanned<String>| -> Refused<Place> {
        let line = file.line_at(id.span().start);
        if seen.insert(format!("{what} {}", id.get_ref())) {
            return Ok(Place { file: file.name.to_owned(), line });
        }
        Err(refuse(file, &id.span(), (what, id.get_ref()), ("id".to_owned(), "重复".to_owned())))
    };
    for r in raw.term {
        new("term", &r.id)?;
        let (span, id) = (r.id.span(), r.id.get_ref().clone());
        let made = term(r).map_err(|w| refuse(file, &span, ("term", &id), w))?;
        all.terms.insert(id, made);
    }
    for r in raw.indicator {
        let place = new("indicator", &r.id)?;
        let (span, id) = (r.id.span(), r.id.get_ref().clone());
        let made = indicator(r, &raw.dimensions, place)
            .map_err(|w| refuse(file, &span, ("indicator", &id), w))?;
        all.indicators.insert(id, made);
    }
    for r in raw.guard {
        new("guard", &r.name)?;
        let (span, name) = (r.name.span(), r.name.get_ref().clone());
        let wrong = |w| refuse(file, &span, ("guard", &name), w);
        let dimensions = dimensions("dimensions", &r.dimensions).map_err(wrong)?;
        if dimensions.is_empty() {
            return Err(wrong(("dimensions".to_owned(), "不能为空".to_owned())));
        }
        all.guards.push(Guard { name, dimensions, drugs: r.drugs });
    }
    for r in raw.warning {
        let place = new("warning", &r.id)?;
        let (span, id) = (r.id.span(), r.id.get_ref().clone());
        let made = warning(r, place).map_err(|w| refuse(file, &span, ("warning", &id), w))?;
        all.warnings.insert(id, made);
    }
    for r in raw.topic {
        let place = new("topic", &r.id)?;
        let (span, id) = (r.id.span(), r.id.get_ref().clone());
        let by = match &r.by {
            Some(text) => {
                Some(dimension("by", text).map_err(|w| refuse(file, &span, ("topic", &id), w))?)
            }
            None => None,
        };
        let topic = Topic { id: id.clone(), name: r.name, indicators: r.indicators, by, place };
        all.topics.insert(id, topic);
    }
    Ok(all)
}

fn refuse(
    file: &File<'_>,
    span: &Range<usize>,
    (what, id): (&str, &str),
    (field, reason): Wrong,
) -> PackError {
    PackError {
        file: file.name.to_owned(),
        line: file.line_of(span, field.split('.').next().unwrap_or_default()),
        field: format!("{what} {id} .{field}"),
        reason,
    }
}

fn wrong<T>(field: &str, reason: impl Into<String>) -> Result<T, Wrong> {
    Err((field.to_owned(), reason.into()))
}

fn dimension(field: &str, text: &str) -> Result<Dimension, Wrong> {
    match Dimension::parse(text) {
        Some(dimension) => Ok(dimension),
        None => wrong(field, format!("没有维度 {text}")),
    }
}

fn dimensions(field: &str, list: &[String]) -> Result<Vec<Dimension>, Wrong> {
    list.iter().map(|text| dimension(field, text)).collect()
}

fn term(raw: RawTerm) -> Result<Term, Wrong> {
    let Some(entity) = Entity::find(&raw.entity) else {
        return wrong("entity", format!("没有实体 {}", raw.entity));
    };
    let kind_of = |at: &str, name: &str| match entity.field(name) {
        Some((_, kind)) => Ok(kind),
        None => wrong(at, format!("实体 {} 没有字段 {name}", entity.name)),
    };
    let measure = match (raw.sum, raw.distinct) {
        (None, None) => Measure::Count,
        (Some(_), Some(_)) => return wrong("sum", "sum 与 distinct 只能有一个"),
        (Some(name), None) => match kind_of("sum", &name)? {
            Kind::Whole | Kind::Decimal => Measure::Sum(name),
            Kind::Code | Kind::Serial => return wrong("sum", format!("{name} 不是数字")),
        },
        (None, Some(name)) => match kind_of("distinct", &name)? {
            Kind::Code | Kind::Serial => Measure::Distinct(name),
            Kind::Whole | Kind::Decimal => {
                return wrong("distinct", format!("{name} 是数字，不能计种数"));
            }
        },
    };
    let mut filter = BTreeMap::new();
    for (name, value) in raw.filter {
        let at = format!("where.{name}");
        let kind = kind_of(&at, &name)?;
        let test = test(&at, kind, &value)?;
        filter.insert(name, test);
    }
    Ok(Term { id: raw.id.into_inner(), name: raw.name, entity, measure, filter })
}

/// A list is "one of"; a table has exactly one kind of test.
fn test(at: &str, kind: Kind, value: &toml::Value) -> Result<Test, Wrong> {
    let words = |v: &toml::Value| -> Result<Vec<String>, Wrong> {
        let list = v.as_array().map(|a| a.iter().map(toml::Value::as_str).collect::<Vec<_>>());
        let list: Option<Vec<&str>> = list.and_then(|l| l.into_iter().collect());
        match list {
            Some(list) if !list.is_empty() => Ok(list.into_iter().map(str::to_owned).collect()),
            _ => wrong(at, "应为不空的文本数组"),
        }
    };
    let number = |v: Option<&toml::Value>| -> Result<Option<i64>, Wrong> {
        let Some(v) = v else { return Ok(None) };
        match (kind, v) {
            (Kind::Whole, toml::Value::Integer(n)) => Ok(Some(*n)),
            (Kind::Decimal, toml::Value::String(text)) => match Amount::parse(text) {
                Ok(amount) => Ok(Some(amount.millionths())),
                Err(_) => wrong(at, "不是数字"),
            },
            (Kind::Whole, _) => wrong(at, "应为整数"),
            _ => wrong(at, "应为十进制数的文本"),
        }
    };
    let coded = matches!(kind, Kind::Code);
    if value.is_array() {
        return if coded {
            Ok(Test::In(words(value)?))
        } else {
            wrong(at, "只有代码可以列举")
        };
    }
    let Some(table) = value.as_table() else { return wrong(at, "应为数组或表") };
    let keys: Vec<&str> = table.keys().map(String::as_str).collect();
    match (keys.as_slice(), coded) {
        (["not"], true) => Ok(Test::Not(words(value.get("not").unwrap_or(value))?)),
        (["prefix"], true) => Ok(Test::Prefix(words(value.get("prefix").unwrap_or(value))?)),
        (["contains"], true) => Ok(Test::Contains(words(value.get("contains").unwrap_or(value))?)),
        (["present"], _) => match value.get("present").and_then(toml::Value::as_bool) {
            Some(on) => Ok(Test::Present(on)),
            None => wrong(at, "present 应为 true 或 false"),
        },
        (["min"] | ["max"] | ["max", "min"] | ["min", "max"], false) if kind != Kind::Serial => {
            Ok(Test::Range(number(table.get("min"))?, number(table.get("max"))?))
        }
        _ => wrong(at, "没有这种条件"),
    }
}

fn formula(raw: RawFormula) -> Result<Formula, Wrong> {
    let ranked = raw.top.is_some() || raw.top_share.is_some();
    if !ranked && (raw.of.is_some() || raw.n.is_some()) {
        return wrong("formula", "of 和 n 只用于 top 和 top_share");
    }
    let (of, n) = match (ranked, &raw.of, raw.n) {
        (false, ..) => (Dimension::Item, 0),
        (true, Some(of), Some(n)) if n > 0 => (dimension("formula", of)?, usize::from(n)),
        _ => return wrong("formula", "top 和 top_share 需要 of 和大于 0 的 n"),
    };
    let forms = [
        raw.value.map(Formula::Value),
        raw.ratio.map(|(a, b)| Formula::Ratio(a, b)),
        raw.share.map(|(a, b)| Formula::Share(a, b)),
        raw.per_day.map(Formula::PerDay),
        raw.use_per_day.map(|(a, b)| Formula::UsePerDay(a, b)),
        raw.difference.map(|(a, b)| Formula::Difference(a, b)),
        raw.growth.map(Formula::Growth),
        raw.top.map(|a| Formula::Top(a, of, n)),
        raw.top_share.map(|a| Formula::TopShare(a, of, n)),
    ];
    let mut stand = forms.into_iter().flatten();
    match (stand.next(), stand.next()) {
        (Some(one), None) => Ok(one),
        _ => wrong("formula", "应恰有一种算法"),
    }
}

fn indicator(
    raw: RawIndicator,
    sets: &BTreeMap<String, Vec<String>>,
    place: Place,
) -> Result<Indicator, Wrong> {
    let named = match raw.dimensions {
        RawDimensions::List(list) => list,
        RawDimensions::Set(set) => match sets.get(&set) {
            Some(list) => list.clone(),
            None => return wrong("dimensions", format!("没有维度组 {set}")),
        },
    };
    let Some(good) = Good::parse(&raw.good) else {
        return wrong("good", "应为 up、down 或 watch");
    };
    if raw.decimals > 6 {
        return wrong("decimals", "应在 0 与 6 之间");
    }
    for (field, text) in [("name", &raw.name), ("unit", &raw.unit), ("source", &raw.source)] {
        if text.is_empty() {
            return wrong(field, "不能为空");
        }
    }
    Ok(Indicator {
        id: raw.id.into_inner(),
        name: raw.name,
        formula: formula(raw.formula)?,
        unit: raw.unit,
        decimals: raw.decimals,
        good,
        dimensions: dimensions("dimensions", &named)?,
        guarded: dimensions("guarded", &raw.guarded)?,
        source: raw.source,
        note: raw.note,
        place,
    })
}

fn warning(raw: RawWarning, place: Place) -> Result<Warning, Wrong> {
    let number = |field: &str, text: Option<String>| -> Result<Option<i64>, Wrong> {
        match text.map(|t| Amount::parse(&t)) {
            None => Ok(None),
            Some(Ok(amount)) => Ok(Some(amount.millionths())),
            Some(Err(_)) => wrong(field, "不是数字"),
        }
    };
    let (above, below) = (number("above", raw.above)?, number("below", raw.below)?);
    if above.is_none() && below.is_none() {
        return wrong("above", "需要 above 或 below");
    }
    let Some(origin) = Origin::parse(&raw.origin) else {
        return wrong("origin", "应为 official、local_default 或 local");
    };
    Ok(Warning {
        id: raw.id.into_inner(),
        name: raw.name,
        indicator: raw.indicator,
        above,
        below,
        origin,
        tell: raw.tell,
        source: raw.source,
        place,
    })
}
