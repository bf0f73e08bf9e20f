//! K3: a sum over a window is above a limit.
//!
//! The sum is of quantities, amounts, lines, distinct items, days of supply or days with a charge; the window a day, a visit, a
//! prescription, a month, a quarter or a year (of one person); the limit a parameter, a knowledge point, or
//! what the stay allows: its days (算入不算出) or its hours. What is over the limit is taken from the last
//! lines of the window.

use std::collections::{BTreeMap, BTreeSet};

use spotcheck_domain::Precision;
use spotcheck_domain::claims::Instant;

use super::{Compiled, Cx, Hit, Mask, Out, Points, Probe, excess_lines, plain};
use crate::book::{DAY_S, Line, NO_TIME, ONE, Person, Visit, flag};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Measure {
    Quantity,
    Amount,
    Lines,
    Distinct,
    Supply,
    Dates,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cap {
    Stay,
    StayHours,
    Point,
    Param,
}

struct Sum {
    items: Mask,
    points: Option<Points>,
    measure: Measure,
    cap: Cap,
    param: i64,
    slack: i64,
    per_item: bool,
    of_person: bool,
    /// Asks about days: see [`written_at_once`].
    day_by_day: bool,
    waiting: Vec<(u32, Line)>,
}

/// The limit as it stands in the sentence: value and unit.
type Limit = (i64, String);

pub(super) fn compile(cx: Cx<'_>) -> Compiled {
    let usage = &cx.rule.usage;
    let mut items = cx.mask(usage.items.as_ref())?;
    let points = usage.list.as_deref().map(|name| cx.points(name, false)).transpose()?;
    if let Some(points) = &points {
        for (n, on) in items.0.iter_mut().enumerate() {
            *on = *on && points.names(u32::try_from(n).unwrap_or(u32::MAX));
        }
    }
    let cap = match usage.cap.as_deref() {
        Some("stay") => Cap::Stay,
        Some("stay_hours") => Cap::StayHours,
        Some("point") => Cap::Point,
        _ => Cap::Param,
    };
    let measure = match usage.measure.as_deref() {
        Some("amount") => Measure::Amount,
        Some("lines") => Measure::Lines,
        Some("distinct") => Measure::Distinct,
        Some("days") => Measure::Supply,
        Some("dates") => Measure::Dates,
        _ => Measure::Quantity,
    };
    Ok(Box::new(Sum {
        items,
        points,
        measure,
        cap,
        param: if cap == Cap::Param { cx.need("cap")? } else { 0 },
        slack: cx.rule.param("tolerance").unwrap_or(0),
        per_item: usage.per.as_deref() != Some("all"),
        of_person: matches!(usage.window.as_deref(), Some("month" | "quarter" | "year")),
        day_by_day: usage.only.iter().any(|o| o == "day_by_day"),
        waiting: Vec::new(),
    }))
}

impl Probe for Sum {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        if !cx.in_scope(visit.kind) {
            return;
        }
        if self.of_person {
            let lines = cx.charges(visit, &self.items).map(|l| (visit.at, l));
            self.waiting.extend(lines);
            return;
        }
        let mut groups: BTreeMap<(u32, i64), Vec<Line>> = BTreeMap::new();
        let incision = Incision::of(cx, visit);
        for line in cx.charges(visit, &self.items) {
            if self.measure == Measure::Dates && incision.day_of(line).is_none() {
                if line.day().is_none() {
                    out.silent("费用发生时间缺失");
                }
                continue;
            }
            let key = match cx.rule.usage.window.as_deref() {
                Some("day") => line.day(),
                Some("prescription") => {
                    Some(i64::from(cx.book.prescription(line.at))).filter(|p| *p != 0)
                }
                _ => Some(0),
            };
            let Some(key) = key else {
                out.silent("费用发生时间或处方号缺失");
                continue;
            };
            groups.entry((if self.per_item { line.item } else { 0 }, key)).or_default().push(line);
        }
        // Only rules that ask about days need what an item has in the whole visit.
        let mut whole: BTreeMap<u32, i64> = BTreeMap::new();
        for ((item, _), lines) in groups.iter().filter(|_| self.day_by_day) {
            let sum = whole.entry(*item).or_default();
            *sum = sum.saturating_add(super::sum(lines.iter().map(|l| l.quantity)));
        }
        for ((item, day), lines) in groups {
            let billed = whole.get(&item);
            if billed.is_some_and(|billed| written_at_once(visit, day, *billed))
                && self.too_many(cx, visit, &lines)
            {
                out.silent("出院日一次补记，总量不超过在院时长");
                continue;
            }
            self.judge(cx, visit, &lines, out);
        }
    }

    fn person(&mut self, cx: Cx<'_>, _person: &Person, out: &mut Out<'_>) {
        if self.waiting.is_empty() {
            return;
        }
        let mut groups: BTreeMap<(u32, i64), Vec<(u32, Line)>> = BTreeMap::new();
        for (visit, line) in std::mem::take(&mut self.waiting) {
            let Some(period) = period_of(cx.rule.usage.window.as_deref(), line) else {
                out.silent("费用发生时间缺失");
                continue;
            };
            let item = if self.per_item { line.item } else { 0 };
            groups.entry((item, period)).or_default().push((visit, line));
        }
        for mut lines in groups.into_values() {
            lines.sort_by_key(|(_, l)| (l.time, l.at));
            let Some(visit) = lines.last().and_then(|(v, _)| cx.book.visit(*v)) else { continue };
            let lines: Vec<Line> = lines.into_iter().map(|(_, l)| l).collect();
            self.judge(cx, visit, &lines, out);
        }
    }
}

/// Number of the calendar month, quarter or year of a line.
fn period_of(window: Option<&str>, line: Line) -> Option<i64> {
    use chrono::Datelike as _;
    if line.time == NO_TIME {
        return None;
    }
    let date = spotcheck_domain::BeijingTime::from_seconds(line.time).naive()?.date();
    let (year, month) = (i64::from(date.year()), i64::from(date.month0()));
    Some(match window {
        Some("month") => year.saturating_mul(12).saturating_add(month),
        Some("quarter") => year.saturating_mul(4).saturating_add(month.div_euclid(3)),
        _ => year,
    })
}

/// B08: a ward may write the hours of a whole stay when the patient leaves. Such a day has more than its 24, and the
/// stay no more than it lasted; on any other day nobody writes for days to come.
fn written_at_once(visit: &Visit, day: i64, billed: i64) -> bool {
    visit.end_day().is_some_and(|last| day >= last)
        && hours_of(visit).is_ok_and(|hours| billed <= hours)
}

/// What the stay has of hours, begun ones counted, in millionths.
fn hours_of(visit: &Visit) -> Result<i64, &'static str> {
    let (begin, end) = visit.begin.zip(visit.end).ok_or("在院或入出院时间缺失")?;
    // What is known to the day only counts as the whole day.
    let open = |i: Instant| i.p == Precision::Day;
    let from = begin.at.seconds();
    let to = end.at.seconds().saturating_add(if open(end) { 86_400 } else { 0 });
    let seconds = to.saturating_sub(from);
    if seconds < 0 {
        return Err("出院早于入院");
    }
    // Hours are billed as begun.
    let hours = seconds.saturating_add(3_599).div_euclid(3_600).max(1);
    Ok(hours.saturating_mul(ONE))
}

impl Sum {
    /// True if a group is above its limit; without a limit it is not.
    fn too_many(&self, cx: Cx<'_>, visit: &Visit, lines: &[Line]) -> bool {
        let total = self.total(cx, lines, Incision::of(cx, visit));
        matches!(self.limit(cx, visit, lines), Ok(Some((limit, _))) if total > limit.saturating_add(self.slack))
    }

    fn judge(&self, cx: Cx<'_>, visit: &Visit, lines: &[Line], out: &mut Out<'_>) {
        let Some(first) = lines.first() else { return };
        let (limit, unit) = match self.limit(cx, visit, lines) {
            Ok(Some(limit)) => limit,
            Ok(None) => return,
            Err(why) => {
                out.silent(why);
                return;
            }
        };
        let incision = Incision::of(cx, visit);
        let total = self.total(cx, lines, incision);
        let allowed = limit.saturating_add(self.slack);
        if total <= allowed {
            return;
        }
        let excess = total.saturating_sub(limit);
        let parts = match self.measure {
            Measure::Quantity => excess_lines(lines, excess),
            Measure::Amount => last_amounts(cx, lines, excess),
            Measure::Lines => {
                let keep = usize::try_from(limit.div_euclid(ONE)).unwrap_or(0);
                lines.iter().skip(keep).map(|l| (l.at, l.amount)).collect()
            }
            Measure::Dates => {
                let keep = limit.div_euclid(ONE);
                let late = incision.numbered(lines).filter(|(_, n)| *n >= keep);
                late.map(|(l, _)| (l.at, l.amount)).collect()
            }
            Measure::Distinct | Measure::Supply => lines.iter().map(|l| (l.at, l.amount)).collect(),
        };
        let mut hit = Hit::of_visit(cx, visit)
            .item(cx, first.item)
            .fact("qty", plain(total))
            .fact("cap", plain(limit))
            .fact("excess", plain(excess))
            .fact("unit", unit);
        if let Some(days) = visit.stay_days() {
            hit = hit.fact("days", days.to_string());
        }
        hit.lines = parts;
        hit.scoped = self.measure == Measure::Amount && cx.rule.fund;
        let day = if cx.rule.usage.window.as_deref() == Some("visit") { None } else { first.day() };
        let hit = match day {
            Some(day) => hit.on(day),
            None => hit,
        };
        out.hit(cx, hit);
    }

    fn total(&self, cx: Cx<'_>, lines: &[Line], incision: Incision) -> i64 {
        match self.measure {
            Measure::Dates => {
                let last = incision.numbered(lines).map(|(_, n)| n).max();
                last.map_or(0, |n| n.saturating_add(1)).saturating_mul(ONE)
            }
            Measure::Quantity => super::sum(lines.iter().map(|l| l.quantity)),
            Measure::Amount => super::sum(lines.iter().map(|l| cx.payable(*l))),
            Measure::Lines => i64::try_from(lines.len()).unwrap_or(i64::MAX).saturating_mul(ONE),
            Measure::Distinct => {
                let codes = lines.iter().filter_map(|l| cx.book.item(l.item)).map(|i| i.code);
                let distinct: BTreeSet<u32> = codes.collect();
                i64::try_from(distinct.len()).unwrap_or(i64::MAX).saturating_mul(ONE)
            }
            Measure::Supply => {
                // Days of supply of several items run side by side, of one item one after the other.
                let days = lines.iter().map(|l| cx.book.days(l.at));
                let days = if self.per_item { super::sum(days) } else { days.max().unwrap_or(0) };
                days.saturating_mul(ONE)
            }
        }
    }

    /// `Ok(None)`: no point in force that day.
    fn limit(
        &self,
        cx: Cx<'_>,
        visit: &Visit,
        lines: &[Line],
    ) -> Result<Option<Limit>, &'static str> {
        let first = lines.first().copied().ok_or("没有明细")?;
        match self.cap {
            Cap::Param => Ok(Some((self.param, String::new()))),
            Cap::Point => {
                let day = first.day().ok_or("费用发生时间缺失")?;
                let points = self.points.as_ref().into_iter();
                let point = points.flat_map(|p| p.at(cx, first.item, day)).next();
                Ok(point.and_then(|p| Some((p.value?, p.unit.clone()))))
            }
            Cap::Stay => {
                let days = visit.stay_days().ok_or("在院或入出院日期缺失")?;
                // 算入不算出, or both days; a stay of one day is one day either way.
                let both = cx.counts_second_way() && visit.begin_day() != visit.end_day();
                let days = days.saturating_add(i64::from(both));
                // Who is on leave may keep the bed beside the one that is billed: as many more as the leave is long.
                let away =
                    cx.book.leaves.of(visit.at).iter().filter_map(|l| {
                        Some(l.end?.at.day().saturating_sub(l.begin?.at.day()).max(0))
                    });
                let kept = cx.rule.whole("leave_days").unwrap_or(0);
                let days = days.saturating_add(super::sum(away).saturating_mul(kept));
                // A change of ward may bill one day twice: once per ward.
                let moved = visit.adm_dept != 0
                    && visit.dscg_dept != 0
                    && visit.adm_dept != visit.dscg_dept;
                // Who came at night is often registered the next morning: the first bed is a day earlier.
                let eve = visit.begin_day().map(|d| d.saturating_sub(1));
                let late = lines.iter().any(|l| l.day().is_some() && l.day() == eve);
                let days = days.saturating_add(i64::from(moved)).saturating_add(i64::from(late));
                Ok(Some((days.saturating_mul(ONE), "日".to_owned())))
            }
            Cap::StayHours => Ok(Some((hours_of(visit)?, "小时".to_owned()))),
        }
    }
}

/// How days are counted: by the calendar, or from the first operation of the visit on.
#[derive(Clone, Copy)]
struct Incision(Option<Instant>);

impl Incision {
    fn of(cx: Cx<'_>, visit: &Visit) -> Self {
        let asked = cx.rule.usage.only.iter().any(|o| o == "after_incision");
        let all = cx.book.operations.of(visit.at).iter().filter(|_| asked);
        Self(all.filter_map(|o| o.at).min_by_key(|i| i.at.seconds()))
    }

    /// The day of a line: of the calendar, or how many times 24 hours after the incision; where one of them is
    /// known to the day only, its own day and the next are the first. `None`: before it, or without a time.
    fn day_of(self, line: Line) -> Option<i64> {
        let day = line.day()?;
        let Some(cut) = self.0 else { return Some(day) };
        if cut.p == Precision::Day || line.has(flag::DAY) {
            let after = day.saturating_sub(cut.at.day());
            return (after >= 0).then(|| after.saturating_sub(1).max(0));
        }
        let after = line.time.saturating_sub(cut.at.seconds());
        (after >= 0).then(|| after.div_euclid(DAY_S))
    }

    /// Lines with the number of their day, from 0: of the calendar the how-manieth day with a charge it is.
    fn numbered(self, lines: &[Line]) -> impl Iterator<Item = (Line, i64)> {
        let days: BTreeSet<i64> = lines.iter().filter_map(|l| self.day_of(*l)).collect();
        let days: Vec<i64> = days.into_iter().collect();
        lines.iter().filter_map(move |l| {
            let day = self.day_of(*l)?;
            let place = || i64::try_from(days.partition_point(|d| *d < day)).unwrap_or(i64::MAX);
            Some((*l, if self.0.is_some() { day } else { place() }))
        })
    }
}

fn last_amounts(cx: Cx<'_>, lines: &[Line], mut excess: i64) -> Vec<(u32, i64)> {
    let mut parts = Vec::new();
    for line in lines.iter().rev() {
        if excess <= 0 {
            break;
        }
        let amount = cx.payable(*line).min(excess);
        parts.push((line.at, amount));
        excess = excess.saturating_sub(amount);
    }
    parts.reverse();
    parts
}
