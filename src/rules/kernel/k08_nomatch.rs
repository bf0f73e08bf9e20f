//! K8: a charge without the record that must go with it.
//!
//! Forms: `evidence` (no order, execution, report, operation … of the wanted kinds), `empty_days` (days in
//! bed without any trace of care), `history` (a drug without the one that must come first). What is not there
//! may only be not uploaded yet, so days near the cut-off are silent.

use std::collections::BTreeSet;

use spotcheck_domain::claims::Instant;

use super::k08_kept::Kept;
use super::{Compiled, Cx, Hit, LAG_DAYS, Mask, Out, Probe, date};
use crate::book::{EventKind, Line, Person, Visit, VisitKind, flag};
use crate::pack::{Matcher, Selector};

/// Words of `use.entity` and the tables behind them.
const EVIDENCE: &[(&str, &str)] = &[
    ("order", "drord"),
    ("exec", "exec"),
    ("nursing", "exec"),
    ("treat", "exec"),
    ("lab", "lab"),
    ("exam", "exam"),
    ("operation", "oprn"),
    ("oprn_event", "exec"),
    ("anaesthesia", "exec"),
    ("note", "note"),
    ("vital", "vital"),
    ("prescription", "fee_list_d"),
    ("fee", "fee_list_d"),
];

/// True if a word of `use.entity` is known.
pub(crate) fn knows(word: &str) -> bool {
    EVIDENCE.iter().any(|(w, _)| *w == word)
}

pub(super) fn compile(cx: Cx<'_>) -> Compiled {
    let items = cx.mask(cx.rule.usage.items.as_ref())?;
    let tables: Vec<&'static str> = EVIDENCE
        .iter()
        .filter(|(w, _)| cx.rule.usage.entity.iter().any(|e| e == w))
        .map(|(_, table)| *table)
        .collect();
    match cx.rule.usage.form.as_str() {
        "evidence" => {
            for table in &tables {
                cx.needs_table(table)?;
            }
            let other = cx.rule.usage.other.as_ref().map(|o| cx.mask(Some(o))).transpose()?;
            if other.as_ref().is_some_and(Mask::is_empty) {
                return Err("机构数据中没有对应项目".to_owned());
            }
            kinds_known(cx)?;
            let days = cx.rule.whole("days");
            // Some kinds of therapy are registered in some houses and never in others.
            let counts = cx.rule.usage.entity.iter().all(|w| w == "treat");
            let done = cx.book.events.all().iter();
            let done =
                done.filter(|e| matches!(e.kind, EventKind::Treatment | EventKind::OrderExec));
            let registered = counts.then(|| done.flat_map(|e| [e.item, e.name]).collect());
            let per_code = cx.rule.usage.per.as_deref() == Some("code");
            let routine = if per_code && !counts { routine(cx, &items) } else { Mask::default() };
            let kept = Kept::of(cx, &items);
            Ok(Box::new(Evidence { items, other, tables, days, registered, routine, kept }))
        }
        "empty_days" => {
            cx.needs_table("exec")?;
            // What tells of every day in bed.
            let kept = Kept::of_kinds(cx, &items, &["nursing", "vital"]);
            Ok(Box::new(EmptyDays { items, least: cx.whole("days")?, kept }))
        }
        "history" => {
            let other = cx.mask(cx.rule.usage.other.as_ref())?;
            Ok(Box::new(History { items, other, days: cx.whole("days")?, lines: Vec::new() }))
        }
        form => Err(format!("K8 没有形式 {form}")),
    }
}

/// A kind of record that the facility never uploads says nothing by its absence.
fn kinds_known(cx: Cx<'_>) -> Result<(), String> {
    for word in &cx.rule.usage.entity {
        let kind = match word.as_str() {
            "nursing" => EventKind::Nursing,
            "treat" => EventKind::Treatment,
            "oprn_event" => EventKind::Operation,
            "anaesthesia" => EventKind::Anaesthesia,
            "note" => {
                let words = &cx.rule.usage.words;
                let kind = |n: &crate::book::Note| cx.book.text(n.kind);
                let own =
                    |n: &crate::book::Note| words.iter().any(|w| kind(n).contains(w.as_str()));
                if !words.is_empty() && !cx.book.notes.all().iter().any(own) {
                    return Err(format!("病历文书中没有 {} 一类", words.join("、")));
                }
                continue;
            }
            _ => continue,
        };
        if !cx.book.events.all().iter().any(|e| e.kind == kind) {
            return Err(format!("执行记录中没有 {word} 一类"));
        }
    }
    Ok(())
}

/// Fewest visits, and their share in thousandths, from which on an item is routine.
const ROUTINE: (usize, usize) = (20, 20);

/// Items that the facility bills every day and never once records in the kinds of record that the rule looks
/// for: then it keeps that record elsewhere, and its absence says nothing of one visit.
fn routine(cx: Cx<'_>, items: &Mask) -> Mask {
    let mut visits = vec![0_usize; cx.book.items.len()];
    let mut recorded = vec![false; cx.book.items.len()];
    let mut all = 0_usize;
    for visit in cx.book.visits.iter().filter(|v| cx.in_scope(v.kind)) {
        let mut own: BTreeSet<u32> = BTreeSet::new();
        for line in cx.charges(visit, items) {
            own.insert(line.item);
            let slot = usize::try_from(line.item).ok().and_then(|n| recorded.get_mut(n));
            if let (Some(slot), true) = (slot, line.has(flag::ORDERED)) {
                *slot = true;
            }
        }
        all = all.saturating_add(usize::from(!own.is_empty()));
        for item in own {
            if let Some(n) = usize::try_from(item).ok().and_then(|n| visits.get_mut(n)) {
                *n = n.saturating_add(1);
            }
        }
    }
    let has = |word: &str| cx.rule.usage.entity.iter().any(|w| w == word);
    let mut known: BTreeSet<(u32, u32)> = BTreeSet::new();
    if has("order") {
        known.extend(cx.book.orders.all().iter().map(|o| (o.item, o.name)));
    }
    let wanted = |kind: EventKind| match kind {
        EventKind::Lab => has("lab") || has("exec"),
        EventKind::Exam => has("exam") || has("exec"),
        _ => has("exec"),
    };
    known.extend(cx.book.events.all().iter().filter(|e| wanted(e.kind)).map(|e| (e.item, e.name)));
    let told = cx.book.reports.all().iter().filter(|r| has(if r.lab { "lab" } else { "exam" }));
    known.extend(told.map(|r| (r.item, r.name)));
    let unknown = |n: usize, item: &crate::book::Item| {
        let count = visits.get(n).copied().unwrap_or(0);
        let often =
            count >= ROUTINE.0 && count.saturating_mul(1_000) >= all.saturating_mul(ROUTINE.1);
        // Operation fees have the list of operations.
        let operation = has("operation") && *item.med_chrgitm_type == *"06";
        often
            && !operation
            && !recorded.get(n).copied().unwrap_or(false)
            && !known.iter().any(|(code, name)| {
                let name = cx.book.text(*name);
                (*code != 0 && *code == item.code)
                    || (!name.is_empty()
                        && (item.name.contains(name) || name.contains(&*item.name)))
            })
    };
    Mask(cx.book.items.iter().enumerate().map(|(n, item)| unknown(n, item)).collect())
}

struct Evidence {
    items: Mask,
    other: Option<Mask>,
    tables: Vec<&'static str>,
    /// Days between charge and record; `None`: anywhere in the visit.
    days: Option<i64>,
    /// Codes and names of items that the facility ever registered as a treatment, where that counts.
    registered: Option<BTreeSet<u32>>,
    /// Routine items that are never recorded.
    routine: Mask,
    /// When the wanted kinds of record were kept.
    kept: Kept,
}

impl Probe for Evidence {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        if !cx.in_scope(visit.kind) {
            return;
        }
        let mut missing: Vec<Line> = Vec::new();
        for line in cx.charges(visit, &self.items) {
            let Some(day) = line.day() else {
                out.silent("费用发生时间缺失");
                continue;
            };
            if self.found(cx, visit, line, day) {
                continue;
            }
            if self.routine.has(line.item) {
                out.silent("该项目从未有此类记录");
                continue;
            }
            if !self.ever_registered(cx, line) {
                out.silent("该项目从未有治疗登记");
                continue;
            }
            let last = visit.end_day().unwrap_or(day).max(day);
            if self.tables.iter().any(|t| cx.book.is_young(t, last, cx.lag().max(LAG_DAYS))) {
                out.silent("未上传");
                continue;
            }
            let first = visit.begin_day().unwrap_or(day).min(day);
            if self.kept.is_silent(first, last) {
                out.silent("该时段机构没有上传此类记录");
                continue;
            }
            missing.push(line);
        }
        if missing.is_empty() {
            return;
        }
        let words = &cx.rule.usage.entity;
        if words.iter().any(|w| w == "order") && cx.book.orders.of(visit.at).is_empty() {
            out.silent("该就诊没有医嘱数据");
            return;
        }
        missing.sort_by_key(|l| (l.item, l.time, l.at));
        for group in missing.chunk_by(|a, b| a.item == b.item) {
            let Some(first) = group.first().copied() else { continue };
            let hit = Hit::of_visit(cx, visit)
                .item(cx, first.item)
                .fact("count", group.len().to_string())
                .fact("days", self.days.map_or_else(String::new, |d| d.to_string()))
                .lines(group.iter().copied());
            let hit = match first.day() {
                Some(day) => hit.on(day),
                None => hit,
            };
            out.hit(cx, hit);
        }
    }
}

impl Evidence {
    fn ever_registered(&self, cx: Cx<'_>, line: Line) -> bool {
        let Some(known) = &self.registered else { return true };
        let Some(item) = cx.book.item(line.item) else { return false };
        known.contains(&item.code)
            || known.iter().any(|c| !item.name.is_empty() && *cx.book.text(*c) == *item.name)
    }

    fn found(&self, cx: Cx<'_>, visit: &Visit, line: Line, day: i64) -> bool {
        let near = |i: Option<Instant>| match self.days {
            None => true,
            Some(days) => {
                i.is_some_and(|i| i.at.day().saturating_sub(day).saturating_abs() <= days)
            }
        };
        let item = cx.book.item(line.item);
        let (code, name) = item.map_or((0, ""), |i| (i.code, &*i.name));
        let per_code = cx.rule.usage.per.as_deref() == Some("code");
        // Another name for the same thing is no reason to accuse: one name inside the other is enough.
        let same = |c: u32, n: u32| {
            let other = cx.book.text(n);
            !per_code
                || (c != 0 && c == code)
                || (!other.is_empty() && (name.contains(other) || other.contains(name)))
        };
        // Where the rule names what must lie beside the charge, no other report proves anything.
        let told = |c: u32, n: u32| match &cx.rule.usage.other {
            Some(other) => means(cx, other, c, n),
            None => same(c, n),
        };
        let event = |kinds: &[EventKind]| {
            let mut all = cx.book.events.of(visit.at).iter();
            all.any(|e| kinds.contains(&e.kind) && same(e.item, e.name) && near(e.begin.get()))
        };
        cx.rule.usage.entity.iter().any(|word| match word.as_str() {
            "order" => {
                line.has(flag::ORDERED)
                    || cx.book.orders.of(visit.at).iter().any(|o| same(o.item, o.name))
            }
            "exec" => event(&[
                EventKind::OrderExec,
                EventKind::Nursing,
                EventKind::Treatment,
                EventKind::Lab,
                EventKind::Exam,
                EventKind::Operation,
                EventKind::Anaesthesia,
            ]),
            "nursing" => event(&[EventKind::Nursing]),
            "treat" => event(&[EventKind::Treatment, EventKind::OrderExec]),
            "oprn_event" => event(&[EventKind::Operation]),
            "anaesthesia" => event(&[EventKind::Anaesthesia]),
            "lab" | "exam" => {
                let lab = word == "lab";
                let kind = if lab { EventKind::Lab } else { EventKind::Exam };
                let mut all = cx.book.reports.of(visit.at).iter();
                all.any(|r| {
                    r.lab == lab
                        && told(r.item, r.name)
                        && (near(r.done.get()) || near(r.reported.get()))
                }) || cx
                    .book
                    .events
                    .of(visit.at)
                    .iter()
                    .any(|e| e.kind == kind && told(e.item, e.name) && near(e.begin.get()))
            }
            // The list of operations has codes of its own, so it speaks for operation fees only.
            "operation" => {
                let of_operation = !per_code || item.is_some_and(|i| *i.med_chrgitm_type == *"06");
                of_operation && cx.book.operations.of(visit.at).iter().any(|o| near(o.at))
            }
            "note" => cx.book.notes.of(visit.at).iter().any(|n| {
                let kind = cx.book.text(n.kind);
                let words = &cx.rule.usage.words;
                near(n.at) && (words.is_empty() || words.iter().any(|w| kind.contains(w.as_str())))
            }),
            "vital" => cx.book.vitals.of(visit.at).iter().any(|i| near(Some(*i))),
            "prescription" => line.flags & (flag::PRESCRIBED | flag::CIRCULATED) != 0,
            "fee" => self.other.as_ref().is_some_and(|mask| {
                let mut all = cx.book.charges(visit).filter(|l| mask.has(l.item));
                all.any(|l| match self.days {
                    None => true,
                    Some(n) => l.day().is_some_and(|d| d.saturating_sub(day).saturating_abs() <= n),
                })
            }),
            _ => false,
        })
    }
}

/// A record of this code and name is one that the selector means; records have no kind of charge.
fn means(cx: Cx<'_>, s: &Selector, code: u32, name: u32) -> bool {
    let (code, name) = (cx.book.text(code), cx.book.text(name));
    let named = |words: &[String]| words.iter().any(|w| name.contains(w.as_str()));
    let coded = |c: &String| Matcher::parse(c).is_some_and(|m| m.fits(code, name));
    let listed = |list: &String| {
        cx.knowledge(list).is_some_and(|k| k.points.iter().any(|p| p.code.fits(code, name)))
    };
    (s.code.is_empty() || s.code.iter().any(coded))
        && s.list.as_ref().is_none_or(listed)
        && (s.name.is_empty() || named(&s.name))
        && !named(&s.not_name)
}

/// A03: at least N days in a row, neither the first nor the last of the stay, on which bed or nursing were
/// billed and nothing was executed, measured, reported or noted, and which were no leave.
struct EmptyDays {
    items: Mask,
    least: i64,
    kept: Kept,
}

impl Probe for EmptyDays {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        if visit.kind != VisitKind::Inpatient {
            return;
        }
        let (Some(begin), Some(end)) = (visit.begin_day(), visit.end_day()) else {
            out.silent("在院或入出院日期缺失");
            return;
        };
        if cx.book.is_young("exec", end, cx.lag()) {
            out.silent("未上传");
            return;
        }
        if cx.book.events.of(visit.at).is_empty() {
            out.silent("该就诊没有执行数据");
            return;
        }
        if self.kept.is_silent(begin, end) {
            out.silent("该时段机构没有上传护理和体征记录");
            return;
        }
        let mut busy: BTreeSet<i64> = BTreeSet::new();
        let mut seen = |i: Option<Instant>| busy.extend(i.map(|i| i.at.day()));
        cx.book.events.of(visit.at).iter().for_each(|e| seen(e.begin.get()));
        cx.book.vitals.of(visit.at).iter().for_each(|i| seen(Some(*i)));
        cx.book.notes.of(visit.at).iter().for_each(|n| seen(n.at));
        cx.book.operations.of(visit.at).iter().for_each(|o| seen(o.at));
        for r in cx.book.reports.of(visit.at) {
            seen(r.done.get());
            seen(r.reported.get());
        }
        for leave in cx.book.leaves.of(visit.at) {
            let (Some(from), Some(to)) = (leave.begin, leave.end) else { continue };
            busy.extend(from.at.day()..=to.at.day());
        }
        let billed: Vec<Line> = cx.charges(visit, &self.items).collect();
        let mut run: Vec<i64> = Vec::new();
        let mut longest: Vec<i64> = Vec::new();
        for day in begin.saturating_add(1)..end {
            let paid = billed.iter().any(|l| l.day() == Some(day));
            if paid && !busy.contains(&day) {
                run.push(day);
                if run.len() > longest.len() {
                    longest.clone_from(&run);
                }
            } else {
                run.clear();
            }
        }
        let days = i64::try_from(longest.len()).unwrap_or(i64::MAX);
        if let (true, Some(first), Some(last)) =
            (days >= self.least, longest.first(), longest.last())
        {
            let on = |l: &&Line| l.day().is_some_and(|d| longest.contains(&d));
            let hit = Hit::of_visit(cx, visit)
                .fact("days", days.to_string())
                .fact("date_b", date(*last))
                .lines(billed.iter().filter(on).copied())
                .on(*first);
            out.hit(cx, hit);
        }
    }
}

/// C02: a second-line drug without any of the first line in the person's lines of the days before. Only
/// where the data reach back that far.
struct History {
    items: Mask,
    other: Mask,
    days: i64,
    lines: Vec<(u32, Line, bool)>,
}

impl Probe for History {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, _out: &mut Out<'_>) {
        let wanted = cx.charges_all(visit).filter_map(|l| {
            let second = self.items.has(l.item) && cx.in_scope(visit.kind) && cx.judges(l.flags);
            (second || self.other.has(l.item)).then_some((visit.at, l, second))
        });
        self.lines.extend(wanted);
    }

    fn person(&mut self, cx: Cx<'_>, _person: &Person, out: &mut Out<'_>) {
        let lines = std::mem::take(&mut self.lines);
        let oldest = cx.book.visits.iter().filter_map(Visit::begin_day).min().unwrap_or(0);
        let mut told = BTreeSet::new();
        for (visit, line, second) in &lines {
            let (true, Some(day)) = (*second, line.day()) else { continue };
            let from = day.saturating_sub(self.days);
            let first =
                lines.iter().any(|(_, l, s)| !s && l.day().is_some_and(|d| d >= from && d <= day));
            if first || !told.insert(line.item) {
                continue;
            }
            if from < oldest {
                out.silent("回看期数据不足");
                continue;
            }
            if let Some(visit) = cx.book.visit(*visit) {
                let hit = Hit::of_visit(cx, visit)
                    .item(cx, line.item)
                    .fact("days", self.days.to_string())
                    .line(*line)
                    .on(day);
                out.hit(cx, hit);
            }
        }
    }
}
