//! K5: the gap between one event of a person and the next is shorter than it should be.

use std::collections::BTreeMap;

use spotcheck_domain::Precision;

use super::{Compiled, Cx, Hit, Mask, Out, Probe, date, date_of, plain};
use crate::book::{Line, ONE, Person, Visit, VisitKind};

pub(super) fn compile(cx: Cx<'_>) -> Compiled {
    match cx.rule.usage.form.as_str() {
        "readmission" => Ok(Box::new(Readmission { most: cx.whole("days")? })),
        "elsewhere" => {
            cx.needs_table("psn_other")?;
            Ok(Box::new(ElsewhereNext { most: cx.whole("days")? }))
        }
        "refill" => {
            let items = cx.mask(cx.rule.usage.items.as_ref())?;
            Ok(Box::new(Refill {
                items,
                share: cx.rule.param("share"),
                on_hand: cx.rule.whole("days"),
                lines: Vec::new(),
            }))
        }
        "prescriptions" => Ok(Box::new(Prescriptions { least: cx.whole("count")? })),
        form => Err(format!("K5 没有形式 {form}")),
    }
}

/// A01: back in the same facility within N days with a diagnosis of the same three characters. The gap is
/// counted in days; a stay that ended by death or whose dates are not in order says nothing.
struct Readmission {
    most: i64,
}

impl Probe for Readmission {
    fn person(&mut self, cx: Cx<'_>, person: &Person, out: &mut Out<'_>) {
        let stays: Vec<&Visit> = cx
            .book
            .visits_of(person)
            .iter()
            .filter(|v| v.kind == VisitKind::Inpatient && cx.in_scope(v.kind))
            .collect();
        for pair in stays.windows(2) {
            let [first, second] = pair else { continue };
            let (Some(left), Some(back)) = (first.end_day(), second.begin_day()) else {
                out.silent("入出院日期缺失");
                continue;
            };
            let gap = back.saturating_sub(left);
            if gap < 0 || gap > self.most {
                continue;
            }
            if over_new_year(left, back) {
                out.silent("跨年度分段结算");
                continue;
            }
            let (a, b) = (cx.main_dx3(first), cx.main_dx3(second));
            if a.is_empty() || b.is_empty() {
                out.silent("主诊断缺失");
                continue;
            }
            if a != b {
                continue;
            }
            let mut hit = Hit::of_visit(cx, second)
                .fact("gap", gap.to_string())
                .fact("dx", b)
                .fact("date_b", date(left))
                .fact("visits", "2")
                .lines(cx.book.charges(second))
                .on(back);
            hit.also.push(first.at);
            out.hit(cx, hit);
        }
    }
}

/// One stay that was settled as two because the insurance year ended: out on the last day of the year, in again on it
/// or on the next.
fn over_new_year(left: i64, back: i64) -> bool {
    let turn = [date(left), date(back)];
    let edge = |d: &String| d.ends_with("-12-31") || d.ends_with("-01-01");
    back.saturating_sub(left) <= 1 && turn.iter().all(edge)
}

/// A02: from here to another facility, or from there to here, within N days, with the same diagnosis.
struct ElsewhereNext {
    most: i64,
}

impl Probe for ElsewhereNext {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        if visit.kind != VisitKind::Inpatient {
            return;
        }
        let (Some(begin), Some(end)) = (visit.begin_day(), visit.end_day()) else { return };
        let dx = cx.main_dx3(visit);
        if dx.is_empty() {
            out.silent("主诊断缺失");
            return;
        }
        for other in cx.book.elsewhere.of(visit.person) {
            if other.drug || other.kind != VisitKind::Inpatient {
                continue;
            }
            let (Some(from), Some(to)) = (other.begin.get(), other.end.get()) else { continue };
            let (from, to) = (from.at.day(), to.at.day());
            let after = from.saturating_sub(end);
            let before = begin.saturating_sub(to);
            let near = |gap: i64| (0..=self.most).contains(&gap);
            let same = cx.book.text(other.dx).get(..3) == Some(dx);
            if same && (near(after) || near(before)) && from != begin {
                let gap = if near(after) { after } else { before };
                let hit = Hit::of_visit(cx, visit)
                    .fact("gap", gap.to_string())
                    .fact("dx", dx)
                    .fact("facility_b", cx.book.text(other.facility))
                    .fact("date_b", date_of(other.begin.get()))
                    .on(begin);
                out.hit(cx, hit);
                return;
            }
        }
    }
}

/// C25 (`share`): the same drug again before a share of the last supply can be used up. C24 (`days`): more
/// days of supply on hand than the limit.
struct Refill {
    items: Mask,
    share: Option<i64>,
    on_hand: Option<i64>,
    lines: Vec<(u32, Line)>,
}

impl Probe for Refill {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, _out: &mut Out<'_>) {
        if cx.in_scope(visit.kind) {
            self.lines.extend(cx.charges(visit, &self.items).map(|l| (visit.at, l)));
        }
    }

    fn person(&mut self, cx: Cx<'_>, _person: &Person, out: &mut Out<'_>) {
        let mut drugs: BTreeMap<u32, Vec<(u32, Line)>> = BTreeMap::new();
        for (visit, line) in std::mem::take(&mut self.lines) {
            if cx.book.days(line.at) == 0 {
                out.silent("用药天数缺失");
            } else if line.day().is_some() {
                drugs.entry(line.item).or_default().push((visit, line));
            }
        }
        for (item, mut lines) in drugs {
            lines.sort_by_key(|(_, l)| (l.time, l.at));
            let mut until = i64::MIN;
            let mut last: Option<(i64, i64)> = None;
            for (at, line) in lines {
                let (Some(day), days) = (line.day(), cx.book.days(line.at)) else { continue };
                let early = match (self.share, last) {
                    (Some(share), Some((before, supply))) if day > before => {
                        let used = day.saturating_sub(before).saturating_mul(ONE);
                        used < supply.saturating_mul(share)
                    }
                    _ => false,
                };
                let left = until.saturating_sub(day).max(0);
                let many = match (self.on_hand, last) {
                    (Some(most), Some((before, _))) => {
                        day > before && left.saturating_add(days) > most.max(days)
                    }
                    _ => false,
                };
                if (early || many)
                    && let Some(visit) = cx.book.visit(at)
                {
                    let gap = last.map_or(0, |(before, _)| day.saturating_sub(before));
                    let hit = Hit::of_visit(cx, visit)
                        .item(cx, item)
                        .fact("gap", gap.to_string())
                        .fact("days", last.map_or(0, |(_, d)| d).to_string())
                        .fact("qty", left.saturating_add(days).to_string())
                        .fact("date_b", date(last.map_or(day, |(b, _)| b)))
                        .line(line)
                        .on(day);
                    out.hit(cx, hit);
                }
                until = until.max(day).saturating_add(days);
                last = Some((day, days));
            }
        }
    }
}

/// H12: several prescriptions of one doctor for one person and diagnosis on one day.
struct Prescriptions {
    least: i64,
}

impl Probe for Prescriptions {
    fn person(&mut self, cx: Cx<'_>, person: &Person, out: &mut Out<'_>) {
        let mut days: BTreeMap<(i64, u32, &str), Vec<&Visit>> = BTreeMap::new();
        for visit in cx.book.visits_of(person).iter().filter(|v| cx.in_scope(v.kind)) {
            let (Some(begin), dx) = (visit.begin, cx.main_dx3(visit)) else { continue };
            if dx.is_empty() || visit.doctor == 0 {
                out.silent("主诊断或医师缺失");
                continue;
            }
            if begin.p == Precision::Day {
                out.silent("时间只到日");
            }
            days.entry((begin.at.day(), visit.doctor, dx)).or_default().push(visit);
        }
        for ((day, _, dx), visits) in days {
            let count = i64::try_from(visits.len()).unwrap_or(i64::MAX);
            let Some(last) = visits.last().filter(|_| count >= self.least) else { continue };
            let amount: i64 =
                super::sum(visits.iter().flat_map(|v| cx.book.charges(v)).map(|l| l.amount));
            let mut hit = Hit::of_visit(cx, last)
                .fact("count", count.to_string())
                .fact("dx", dx)
                .fact("amount", plain(amount))
                .lines(visits.iter().skip(1).flat_map(|v| cx.book.charges(v)))
                .on(day);
            hit.also = visits.iter().map(|v| v.at).collect();
            out.hit(cx, hit);
        }
    }
}
