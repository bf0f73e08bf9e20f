//! The answer: figures with their parts, rankings, warnings, and what was left out.

use std::collections::BTreeMap;

use serde::Serialize;
use spotcheck_domain::columns::ColumnSource;

use super::ask::{Ask, Chosen};
use super::behind::Behind;
use super::catalogue::{Catalogue, Dimension, Formula, Good, Indicator, Origin};
use super::entity::Entity;
use super::exact::Exact;
use super::figures::{Figures, growth};
use super::plan::Plan;
use super::run::{Aside, Counted};
use super::words::{Words, known_name};
use crate::error::{Error, Result};

/// Days between an event and its upload that are usual (claims.md §1).
const LAG_DAYS: i64 = 3;

/// Key and name of rows whose key was not uploaded.
const NO_KEY: &str = "未上传";

/// One figure of one period.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Cell {
    /// The decimal, rounded half up; absent where there is no figure.
    pub value: Option<String>,
    /// Rows counted, over all terms.
    pub rows: u64,
    /// Rows left out because something of them was not uploaded.
    pub missing: u64,
    /// Why there is no figure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A figure of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The key as uploaded; empty where it was not.
    pub key: String,
    /// Its name, where there is one.
    pub name: String,
    /// This period.
    #[serde(flatten)]
    pub cell: Cell,
    /// The other period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<Cell>,
    /// In percent of the other period, two decimals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub growth: Option<String>,
}

/// A figure of one calendar month, or of the part of it that lies in the period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Month {
    /// First day, `yyyy-MM-dd`.
    pub from: String,
    /// Last day.
    pub to: String,
    /// The figure.
    #[serde(flatten)]
    pub cell: Cell,
}

/// An indicator with its figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Indicator id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Formula in words.
    pub formula: String,
    /// Unit.
    pub unit: String,
    /// Which way is better.
    pub good: Good,
    /// Where it comes from.
    pub source: String,
    /// Opens only with a reason (against 统方).
    pub guarded: bool,
    /// This period.
    #[serde(flatten)]
    pub cell: Cell,
    /// The other period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<Cell>,
    /// In percent of the other period, two decimals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub growth: Option<String>,
    /// By key, largest first.
    pub parts: Vec<Part>,
    /// Keys in all.
    pub parts_total: usize,
    /// What a ranking lists, largest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub list: Vec<Part>,
    /// This period by month, where that was asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub months: Vec<Month>,
    /// The other period by month.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub months_against: Vec<Month>,
}

/// A warning that is raised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Raised {
    /// Warning id.
    pub id: String,
    /// Statement of fact.
    pub name: String,
    /// Its indicator.
    pub indicator: String,
    /// Under which key; absent for the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The figure.
    pub value: String,
    /// The threshold in words.
    pub threshold: String,
    /// Where the threshold comes from.
    pub origin: Origin,
    /// Who is told.
    pub tell: Vec<String>,
}

/// What was left out, or is not there yet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Note {
    /// Entity or term.
    pub about: String,
    /// In words.
    pub text: String,
}

/// The answer to an ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// First and last day, `yyyy-MM-dd`.
    pub period: (String, String),
    /// The other period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<(String, String)>,
    /// Broken down by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Dimension>,
    /// Narrowed to.
    pub only: Vec<(Dimension, String)>,
    /// True if a line is guarded against 统方: never exported, printed or put into a case.
    pub guarded: bool,
    /// Figures in the order of the ask.
    pub indicators: Vec<Line>,
    /// Warnings raised.
    pub warnings: Vec<Raised>,
    /// What was left out.
    pub notes: Vec<Note>,
    /// The rows behind the figure.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub behind: Vec<Behind>,
}

pub(crate) fn date(day: i64) -> String {
    let date = chrono::NaiveDate::default().checked_add_signed(chrono::TimeDelta::days(day));
    date.map_or_else(String::new, |d| d.format("%Y-%m-%d").to_string())
}

/// What must be said of an entity as a whole.
pub(crate) fn entity_notes(
    source: &dyn ColumnSource,
    entity: &Entity,
    aside: &Aside,
    periods: &[(i64, i64)],
) -> Result<Vec<Note>> {
    let mut notes = Vec::new();
    let mut note = |text: String| notes.push(Note { about: entity.zh.to_owned(), text });
    if source.rows(entity.table).map_err(Error::Source)? == 0 {
        note("未上传".to_owned());
    }
    if aside.untimed > 0 {
        note(format!("{} 行未上传时间，不能归入期间，未计入", aside.untimed));
    }
    if aside.unplaced > 0 {
        note(format!("{} 行对应的就诊、结算或设备未上传，未计入", aside.unplaced));
    }
    if let Some(cutoff) = source.cutoff(entity.table).map_err(Error::Source)? {
        let last = periods.iter().map(|p| p.1).max().unwrap_or(0);
        if last > cutoff.at.day().saturating_sub(LAG_DAYS) {
            note(format!("上传至 {}，最近 {LAG_DAYS} 天的可能还没有传全", date(cutoff.at.day())));
        }
    }
    Ok(notes)
}

/// Key texts and names.
struct Names<'a, 'w> {
    counted: &'a Counted,
    words: &'a mut Words<'w>,
}

impl Names<'_, '_> {
    /// Key and name; the first in order of the alphabet where rows give several names.
    fn of(&mut self, dimension: Dimension, code: u32) -> Result<(String, String)> {
        let key = self.words.word(code).map_err(Error::Source)?.to_owned();
        if key.is_empty() {
            return Ok((key, NO_KEY.to_owned()));
        }
        if let Some(name) = known_name(dimension, &key) {
            return Ok((key, name.to_owned()));
        }
        let mut names = Vec::new();
        for name in self.counted.names.get(&code).into_iter().flatten() {
            names.push(self.words.word(*name).map_err(Error::Source)?.to_owned());
        }
        names.sort();
        Ok((key, names.into_iter().next().unwrap_or_default()))
    }
}

/// Puts everything together.
#[allow(clippy::too_many_arguments, reason = "the end of one run, called once")]
pub(crate) fn answer(
    source: &dyn ColumnSource,
    catalogue: &Catalogue,
    ask: &Ask,
    chosen: &Chosen,
    plan: &Plan,
    counted: &Counted,
    words: &mut Words<'_>,
    mut notes: Vec<Note>,
    behind: Vec<Behind>,
) -> Result<Answer> {
    let mut absent = Vec::new();
    for stage in &plan.stages {
        if source.rows(stage.entity.table).map_err(Error::Source)? == 0 {
            absent.push(stage.entity.table);
        }
    }
    let (periods, compared) = (ask.periods(), ask.against.is_some());
    let figures = Figures { catalogue, plan, counted, periods, compared, absent };
    let mut names = Names { counted, words };
    let mut keys: Vec<(usize, String, String)> = Vec::new();
    if let Some(by) = ask.by {
        for (code, at) in &counted.keys {
            let (key, name) = names.of(by, *code)?;
            keys.push((*at, key, name));
        }
    }
    keys.sort_by(|a, b| a.1.cmp(&b.1));
    let (mut lines, mut warnings) = (Vec::new(), Vec::new());
    let used = ask.dimensions();
    for id in &chosen.shown {
        let Some(indicator) = catalogue.indicators.get(id) else { continue };
        let mut line = Line {
            id: id.clone(),
            name: indicator.name.clone(),
            formula: catalogue.formula_text(&indicator.formula),
            unit: indicator.unit.clone(),
            good: indicator.good,
            source: indicator.source.clone(),
            guarded: catalogue.is_guarded(indicator, &used),
            cell: Cell::default(),
            against: None,
            growth: None,
            parts: Vec::new(),
            parts_total: 0,
            list: Vec::new(),
            months: Vec::new(),
            months_against: Vec::new(),
        };
        if let Some(why) = chosen.unfit.get(id) {
            line.guarded = false;
            line.cell.why = Some(why.clone());
            lines.push(line);
            continue;
        }
        (line.cell, line.against, line.growth) = figures.pair(indicator, None);
        if ask.months {
            line.months = figures.months(indicator, false);
            line.months_against = figures.months(indicator, true);
        }
        if ask.by.is_some() {
            parts(&figures, indicator, &keys, ask.limit, &mut line);
        }
        if let Formula::Top(term, of, n) = &indicator.formula {
            line.list = list(&figures, (term, *of, *n), indicator, &mut names)?;
        }
        raise(&figures, indicator, &line, &keys, &mut warnings);
        lines.push(line);
    }
    for (at, instance) in plan.instances.iter().enumerate() {
        let missing = counted.tallies.get(at).and_then(|t| t.first()).map_or(0, |t| t.all.missing);
        if let (true, Some(term)) = (missing > 0, catalogue.terms.get(&instance.term)) {
            let about = format!("{}·{}", term.entity.zh, term.name);
            notes.push(Note {
                about, text: format!("{missing} 行未上传所需的值，未计入")
            });
        }
    }
    notes.sort();
    notes.dedup();
    let behind = behind.into_iter().map(|b| Behind {
        name: catalogue.terms.get(&b.term).map_or_else(String::new, |t| t.name.clone()),
        ..b
    });
    let span = |(from, to): (i64, i64)| (date(from), date(to));
    Ok(Answer {
        period: span(ask.period),
        against: ask.against.map(span),
        by: ask.by,
        only: ask.only.clone(),
        guarded: ask.is_guarded(catalogue)?,
        indicators: lines,
        warnings,
        notes,
        behind: behind.collect(),
    })
}

/// Breaks a figure down: largest first, then by key.
fn parts(
    figures: &Figures<'_>,
    indicator: &Indicator,
    keys: &[(usize, String, String)],
    limit: usize,
    line: &mut Line,
) {
    // A key belongs to a figure if one of its terms has seen it in either period.
    let formula = match &indicator.formula {
        Formula::Growth(of) => figures.catalogue.indicators.get(of).map(|i| &i.formula),
        own => Some(own),
    };
    let terms = formula.map(Formula::terms).unwrap_or_default();
    let seen = |key: usize| {
        (0..=usize::from(figures.compared)).any(|p| {
            let tallies = terms.iter().filter_map(|(t, of)| figures.tally(t, *of, (p, Some(key))));
            tallies.into_iter().any(|t| t.rows > 0 || t.missing > 0)
        })
    };
    let mut ranked: Vec<_> = keys
        .iter()
        .filter(|k| seen(k.0))
        .map(|k| (std::cmp::Reverse(figures.rounded(indicator, k.0)), k))
        .collect();
    ranked.sort_by(|a, b| (&a.0, &a.1.1).cmp(&(&b.0, &b.1.1)));
    line.parts_total = ranked.len();
    let take = if limit == 0 { ranked.len() } else { limit };
    for (_, (at, key, name)) in ranked.into_iter().take(take) {
        let (cell, against, growth) = figures.pair(indicator, Some(*at));
        line.parts.push(Part { key: key.clone(), name: name.clone(), cell, against, growth });
    }
}

/// The largest of a ranking with their names.
fn list(
    figures: &Figures<'_>,
    (term, of, n): (&str, Dimension, usize),
    indicator: &Indicator,
    names: &mut Names<'_, '_>,
) -> Result<Vec<Part>> {
    let was: BTreeMap<u32, i128> = if figures.compared {
        figures.ranking(term, of, (1, None)).into_iter().collect()
    } else {
        BTreeMap::new()
    };
    let mut all = Vec::new();
    for (code, sum) in figures.ranking(term, of, (0, None)) {
        let (key, name) = names.of(of, code)?;
        all.push((std::cmp::Reverse(sum), key, name, code));
    }
    all.sort();
    let unit = figures.unit(term);
    let shown = |sum: i128| {
        let value = Exact::new(sum, unit).and_then(|e| e.round(indicator.decimals));
        Cell { value: value.map(|v| v.to_string()), ..Cell::default() }
    };
    let mut list = Vec::new();
    for (sum, key, name, code) in all.into_iter().take(n) {
        let base = was.get(&code).copied();
        let grown = base
            .and_then(|b| growth(Exact::new(sum.0, unit)?, Exact::new(b, unit)?).ok()?.round(2));
        let against = figures.compared.then(|| shown(base.unwrap_or(0)));
        let growth = grown.map(|g| g.to_string());
        list.push(Part { key, name, cell: shown(sum.0), against, growth });
    }
    Ok(list)
}

/// Warnings over the whole and over each shown key.
fn raise(
    figures: &Figures<'_>,
    indicator: &Indicator,
    line: &Line,
    keys: &[(usize, String, String)],
    raised: &mut Vec<Raised>,
) {
    let own = figures.catalogue.warnings.values().filter(|w| w.indicator == indicator.id);
    for warning in own {
        let beyond = |value: Exact| {
            let over = |limit: i64| value.less(Exact::new(i128::from(limit), 1_000_000)?);
            let under = |limit: i64| Exact::new(i128::from(limit), 1_000_000)?.less(value);
            let is = |d: Option<Exact>| d.is_some_and(Exact::is_positive);
            is(warning.above.and_then(over)) || is(warning.below.and_then(under))
        };
        let amount = spotcheck_domain::Amount::from_millionths;
        let words = [("高于", warning.above), ("低于", warning.below)];
        let threshold: Vec<String> = words
            .into_iter()
            .filter_map(|(word, limit)| {
                Some(format!("{word} {}{}", amount(limit?), indicator.unit))
            })
            .collect();
        let whole = std::iter::once((None, None));
        let shown = line.parts.iter().filter_map(|p| {
            let found = keys.iter().find(|k| k.1 == p.key)?;
            Some((Some(found.0), Some(p.key.clone())))
        });
        for (at, key) in whole.chain(shown) {
            let Ok(exact) = figures.figure(&indicator.formula, (0, at)) else { continue };
            let value = exact.round(indicator.decimals);
            if let (true, Some(value)) = (beyond(exact), value) {
                raised.push(Raised {
                    id: warning.id.clone(),
                    name: warning.name.clone(),
                    indicator: indicator.id.clone(),
                    key,
                    value: value.to_string(),
                    threshold: threshold.join(" 或 "),
                    origin: warning.origin,
                    tell: warning.tell.clone(),
                });
            }
        }
    }
}
