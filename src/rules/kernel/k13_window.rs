//! K13: too many persons, cards, facilities or visits in a sliding window.

use std::collections::{BTreeMap, BTreeSet};

use spotcheck_domain::Precision;

use super::{Compiled, Cx, Hit, Mask, Out, Probe, date, date_of, plain, yuan};
use crate::book::{Line, Person, Visit, VisitKind};

pub(super) fn compile(cx: Cx<'_>) -> Compiled {
    match cx.rule.usage.form.as_str() {
        "visits" => Ok(Box::new(Visits { days: cx.whole("days")?, count: cx.whole("count")? })),
        "drug" => {
            let items = cx.mask(cx.rule.usage.items.as_ref())?;
            let (days, count) = (cx.whole("days")?, cx.whole("count")?);
            Ok(Box::new(Drug { items, days, count, lines: Vec::new() }))
        }
        "hoarding" => {
            cx.needs_table("psn_other")?;
            let items = cx.mask(cx.rule.usage.items.as_ref())?;
            let (count, quantity) = (cx.whole("count")?, cx.need("quantity")?);
            Ok(Box::new(Hoarding {
                items,
                days: cx.whole("days")?,
                count,
                quantity,
                lines: Vec::new(),
            }))
        }
        "split" => Ok(Box::new(Split { seconds: cx.whole("seconds")? })),
        "hop" => {
            cx.needs_table("psn_other")?;
            Ok(Box::new(Hop { seconds: cx.whole("minutes")?.saturating_mul(60) }))
        }
        "cards" => {
            let seconds = cx.whole("minutes")?.saturating_mul(60);
            Ok(Box::new(Cards { seconds, count: cx.whole("count")?, seen: Vec::new() }))
        }
        "cluster" => Ok(Box::new(Cluster { count: cx.whole("count")?, days: BTreeMap::new() })),
        "phones" => Ok(Box::new(Phones { count: cx.whole("count")?, tels: BTreeMap::new() })),
        form => Err(format!("K13 没有形式 {form}")),
    }
}

/// A09, H11: at least `count` visits of a person that begin within `days`; the longest such run is told once.
struct Visits {
    days: i64,
    count: i64,
}

impl Probe for Visits {
    fn person(&mut self, cx: Cx<'_>, person: &Person, out: &mut Out<'_>) {
        let visits: Vec<&Visit> =
            cx.book.visits_of(person).iter().filter(|v| cx.in_scope(v.kind)).collect();
        let begins: Vec<i64> = visits.iter().filter_map(|v| v.begin_day()).collect();
        if begins.len() != visits.len() {
            out.silent("就诊时间缺失");
            return;
        }
        // Visits of one day are one coming.
        let mut days = begins;
        days.dedup();
        let mut best: (usize, i64) = (0, 0);
        for (n, from) in days.iter().enumerate() {
            let within = |d: &&i64| **d < from.saturating_add(self.days);
            let count = days.iter().skip(n).take_while(within).count();
            if count > best.0 {
                best = (count, *from);
            }
        }
        let count = i64::try_from(best.0).unwrap_or(i64::MAX);
        if count < self.count {
            return;
        }
        let inside = |v: &&&Visit| {
            v.begin_day().is_some_and(|d| d >= best.1 && d < best.1.saturating_add(self.days))
        };
        let own: Vec<&Visit> = visits.iter().filter(inside).copied().collect();
        let mut hit = Hit::of_person(person)
            .fact("count", count.to_string())
            .fact("days", self.days.to_string())
            .on(best.1);
        hit.also = own.iter().map(|v| v.at).collect();
        out.hit(cx, hit);
    }
}

/// C27: the same drug more than `count` times within `days`.
struct Drug {
    items: Mask,
    days: i64,
    count: i64,
    lines: Vec<(u32, Line)>,
}

impl Probe for Drug {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, _out: &mut Out<'_>) {
        if cx.in_scope(visit.kind) {
            self.lines.extend(cx.charges(visit, &self.items).map(|l| (visit.at, l)));
        }
    }

    fn person(&mut self, cx: Cx<'_>, _person: &Person, out: &mut Out<'_>) {
        let mut drugs: BTreeMap<u32, Vec<(u32, Line)>> = BTreeMap::new();
        for (visit, line) in std::mem::take(&mut self.lines) {
            if line.day().is_some() {
                drugs.entry(line.item).or_default().push((visit, line));
            }
        }
        for (item, mut lines) in drugs {
            lines.sort_by_key(|(_, l)| (l.time, l.at));
            let days: BTreeSet<i64> = lines.iter().filter_map(|(_, l)| l.day()).collect();
            let days: Vec<i64> = days.into_iter().collect();
            let run = |from: &i64| {
                let to = from.saturating_add(self.days);
                let count = days.iter().filter(|d| **d >= *from && **d < to).count();
                i64::try_from(count).unwrap_or(i64::MAX)
            };
            let best = days.iter().map(|d| (run(d), std::cmp::Reverse(*d))).max();
            let Some((count, std::cmp::Reverse(from))) = best else { continue };
            if count <= self.count {
                continue;
            }
            let to = from.saturating_add(self.days);
            let inside = |l: &&(u32, Line)| l.1.day().is_some_and(|d| d >= from && d < to);
            let own: Vec<&(u32, Line)> = lines.iter().filter(inside).collect();
            let Some(visit) = own.last().and_then(|(v, _)| cx.book.visit(*v)) else { continue };
            let keep = usize::try_from(self.count).unwrap_or(0);
            let hit = Hit::of_visit(cx, visit)
                .item(cx, item)
                .fact("count", count.to_string())
                .fact("cap", self.count.to_string())
                .fact("days", self.days.to_string())
                .lines(own.iter().skip(keep).map(|(_, l)| *l))
                .on(from);
            out.hit(cx, hit);
        }
    }
}

/// C28: the same drug in at least `count` facilities and more than `quantity` units within `days`.
struct Hoarding {
    items: Mask,
    days: i64,
    count: i64,
    quantity: i64,
    lines: Vec<Line>,
}

impl Probe for Hoarding {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, _out: &mut Out<'_>) {
        if !visit.kind.is_stay() && cx.in_scope(visit.kind) {
            self.lines.extend(cx.charges(visit, &self.items));
        }
    }

    fn person(&mut self, cx: Cx<'_>, person: &Person, out: &mut Out<'_>) {
        let mut drugs: BTreeMap<u32, Vec<Line>> = BTreeMap::new();
        for line in std::mem::take(&mut self.lines) {
            if let Some(item) = cx.book.item(line.item) {
                drugs.entry(item.code).or_default().push(line);
            }
        }
        let at = cx.book.visits.get(usize::try_from(person.visits.0).unwrap_or(usize::MAX));
        let Some(index) = at.map(|v| v.person) else { return };
        for (code, lines) in drugs {
            let mut all: Vec<(i64, u32, i64)> = lines
                .iter()
                .filter_map(|l| Some((l.day()?, cx.book.facility.code, l.quantity)))
                .collect();
            all.extend(cx.book.elsewhere.of(index).iter().filter_map(|e| {
                let stay = e.kind.is_stay();
                let fits = e.drug && e.item == code && !stay;
                fits.then_some((e.begin.get()?.at.day(), e.facility, e.quantity.get()?))
            }));
            all.sort_unstable();
            for (from, _, _) in &all {
                let to = from.saturating_add(self.days);
                let inside = all.iter().filter(|(d, _, _)| d >= from && *d < to);
                let facilities: BTreeSet<u32> = inside.clone().map(|(_, f, _)| *f).collect();
                let quantity = super::sum(inside.map(|(_, _, q)| *q));
                let count = i64::try_from(facilities.len()).unwrap_or(i64::MAX);
                if count >= self.count && quantity > self.quantity {
                    let hit = Hit::of_person(person)
                        .item(cx, lines.first().map_or(0, |l| l.item))
                        .fact("count", count.to_string())
                        .fact("qty", plain(quantity))
                        .fact("days", self.days.to_string())
                        .on(*from);
                    out.hit(cx, hit);
                    break;
                }
            }
        }
    }
}

/// H01: two settlements of one person within N seconds with the same amount, none of them cancelled.
struct Split {
    seconds: i64,
}

impl Probe for Split {
    fn person(&mut self, cx: Cx<'_>, person: &Person, out: &mut Out<'_>) {
        let mut all = Vec::new();
        for visit in cx.book.visits_of(person).iter().filter(|v| cx.in_scope(v.kind)) {
            for s in cx.book.settlements_of(visit).iter().filter(|s| !s.cancelled) {
                match (s.at, s.total) {
                    (Some(at), Some(total)) if at.p == Precision::Second && total > 0 => {
                        all.push((at.at.seconds(), total, visit));
                    }
                    _ => out.silent("结算时间不到秒"),
                }
            }
        }
        all.sort_by_key(|(at, total, visit)| (*at, *total, visit.at));
        for pair in all.windows(2) {
            let [(a, x, first), (b, y, second)] = pair else { continue };
            if b.saturating_sub(*a) <= self.seconds && x == y {
                let mut hit = Hit::of_visit(cx, second)
                    .fact("seconds", b.saturating_sub(*a).to_string())
                    .fact("amount", yuan(*y))
                    .lines(cx.book.charges(second));
                hit.also.push(first.at);
                out.hit(cx, hit);
            }
        }
    }
}

/// H03: settled here and in another facility within N minutes.
struct Hop {
    seconds: i64,
}

impl Probe for Hop {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        let Some(own) = visit.begin.filter(|i| i.p != Precision::Day) else { return };
        if !cx.in_scope(visit.kind) {
            return;
        }
        for other in cx.book.elsewhere.of(visit.person).iter().filter(|e| !e.drug) {
            let Some(at) = other.begin.get().filter(|i| i.p != Precision::Day) else { continue };
            let gap = at.at.seconds().saturating_sub(own.at.seconds()).saturating_abs();
            if gap < self.seconds && !other.kind.is_stay() && other.kind != VisitKind::Unknown {
                // From the doctor to the chemist next door: what was prescribed is fetched at once.
                let (first, then) = if own.at <= at.at {
                    (visit.kind, other.kind)
                } else {
                    (other.kind, visit.kind)
                };
                if first != VisitKind::Pharmacy && then == VisitKind::Pharmacy {
                    out.silent("就诊后随即到药店取药");
                    continue;
                }
                let hit = Hit::of_visit(cx, visit)
                    .fact("gap", gap.div_euclid(60).to_string())
                    .fact("facility_b", cx.book.text(other.facility))
                    .fact("date_b", date_of(other.begin.get()))
                    .lines(cx.book.charges(visit));
                out.hit(cx, hit);
                return;
            }
        }
    }
}

/// H02: at least `count` persons settle the same amount within some minutes.
struct Cards {
    seconds: i64,
    count: i64,
    seen: Vec<(i64, i64, u32, u32)>,
}

impl Probe for Cards {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, _out: &mut Out<'_>) {
        if !cx.in_scope(visit.kind) {
            return;
        }
        for s in cx.book.settlements_of(visit).iter().filter(|s| !s.cancelled) {
            if let (Some(at), Some(total)) = (s.at, s.total.filter(|t| *t > 0))
                && at.p == Precision::Second
            {
                self.seen.push((total, at.at.seconds(), visit.person, visit.at));
            }
        }
    }

    fn finish(&mut self, cx: Cx<'_>, out: &mut Out<'_>) {
        let mut seen = std::mem::take(&mut self.seen);
        seen.sort_unstable();
        for same in seen.chunk_by(|a, b| a.0 == b.0) {
            let mut until = i64::MIN;
            for (n, (total, from, _, _)) in same.iter().enumerate() {
                if *from <= until {
                    continue;
                }
                let to = from.saturating_add(self.seconds);
                let inside = same.iter().skip(n).take_while(|(_, at, _, _)| *at <= to);
                let persons: BTreeSet<u32> = inside.clone().map(|(_, _, p, _)| *p).collect();
                let count = i64::try_from(persons.len()).unwrap_or(i64::MAX);
                if count >= self.count {
                    let mut hit = Hit::of_facility()
                        .fact("count", count.to_string())
                        .fact("amount", yuan(*total))
                        .fact("gap", self.seconds.div_euclid(60).to_string())
                        .on(from.div_euclid(crate::book::DAY_S));
                    hit.also = inside.map(|(_, _, _, v)| *v).collect();
                    out.hit(cx, hit);
                    until = to;
                }
            }
        }
    }
}

/// Day, department, diagnosis and what is shared.
type Shared = (i64, u32, String, u64);

/// A10: persons admitted on one day to one ward with one diagnosis who share a telephone or an employer.
struct Cluster {
    count: i64,
    days: BTreeMap<Shared, BTreeSet<(u32, u32)>>,
}

impl Probe for Cluster {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, _out: &mut Out<'_>) {
        let dx = cx.main_dx3(visit);
        let (Some(day), Some(person)) = (visit.begin_day(), cx.book.person(visit.person)) else {
            return;
        };
        if visit.kind != VisitKind::Inpatient || dx.is_empty() || visit.adm_dept == 0 {
            return;
        }
        let employer = (person.employer != 0).then(|| u64::from(person.employer));
        let shared = [(person.tel != 0).then_some(person.tel), employer];
        for key in shared.into_iter().flatten() {
            let key = (day, visit.adm_dept, dx.to_owned(), key);
            self.days.entry(key).or_default().insert((visit.person, visit.at));
        }
    }

    fn finish(&mut self, cx: Cx<'_>, out: &mut Out<'_>) {
        for ((day, _, dx, _), visits) in std::mem::take(&mut self.days) {
            let persons: BTreeSet<u32> = visits.iter().map(|(p, _)| *p).collect();
            let count = i64::try_from(persons.len()).unwrap_or(i64::MAX);
            if count >= self.count {
                let mut hit = Hit::of_facility()
                    .fact("count", count.to_string())
                    .fact("dx", dx)
                    .fact("value", date(day))
                    .on(day);
                hit.also = visits.iter().map(|(_, v)| *v).collect();
                out.hit(cx, hit);
            }
        }
    }
}

/// H14: one telephone number of more than `count` persons.
struct Phones {
    count: i64,
    tels: BTreeMap<u64, BTreeSet<u32>>,
}

impl Probe for Phones {
    fn person(&mut self, _cx: Cx<'_>, person: &Person, _out: &mut Out<'_>) {
        if person.tel != 0 {
            self.tels.entry(person.tel).or_default().insert(person.visits.0);
        }
    }

    fn finish(&mut self, cx: Cx<'_>, out: &mut Out<'_>) {
        for persons in std::mem::take(&mut self.tels).into_values() {
            let count = i64::try_from(persons.len()).unwrap_or(i64::MAX);
            if count > self.count {
                let mut hit = Hit::of_facility().fact("count", count.to_string());
                hit.also = persons.into_iter().collect();
                out.hit(cx, hit);
            }
        }
    }
}
