//! K14: shares, rates and amounts against a ceiling, the peers' figures or the facility's own past.
//!
//! Statistics say where to look, never that something is wrong: grade Z or L, no money.

use std::collections::{BTreeMap, BTreeSet};

use super::{Compiled, Cx, Hit, Mask, Out, Probe, muldiv, percent, plain};
use crate::book::{ONE, Visit, VisitKind};

pub(super) fn compile(cx: Cx<'_>) -> Compiled {
    let items = cx.mask(cx.rule.usage.items.as_ref())?;
    match cx.rule.usage.form.as_str() {
        "share" => Ok(Box::new(Share { items, ceiling: cx.need("ceiling")?, part: 0, whole: 0 })),
        "stay_share" => {
            let other = cx.mask(cx.rule.usage.other.as_ref())?;
            let (high, low) = (cx.need("high")?, cx.need("low")?);
            Ok(Box::new(StayShare { items, other, high, low, days: cx.whole("days")? }))
        }
        "readmission_rate" => {
            let (days, ceiling) = (cx.whole("days")?, cx.need("ceiling")?);
            Ok(Box::new(Rate { days, ceiling, back: 0, all: 0 }))
        }
        "surge" => Ok(Box::new(Surge { factor: cx.need("factor")?, months: BTreeMap::new() })),
        "year_end" => {
            let (factor, days) = (cx.need("factor")?, cx.whole("days")?);
            Ok(Box::new(YearEnd { factor, days, amounts: BTreeMap::new() }))
        }
        "peer" => {
            cx.needs_table("peer_stat")?;
            Ok(Box::new(PeerCost { z: cx.need("z")?, total: 0, visits: 0 }))
        }
        "no_diagnosis" => {
            Ok(Box::new(NoDiagnosis { ceiling: cx.need("ceiling")?, none: 0, all: 0 }))
        }
        "cost_group" => Ok(Box::new(CostGroup {
            z: cx.need("z")?,
            least: cx.whole("count")?,
            groups: BTreeMap::new(),
        })),
        "concentration" => {
            let ceiling = cx.need("ceiling")?;
            Ok(Box::new(Concentration { ceiling, departments: BTreeMap::new() }))
        }
        "waived" => Ok(Box::new(Waived { ceiling: cx.need("ceiling")?, none: 0, all: 0 })),
        "uncoded" => {
            cx.needs_table("trace")?;
            let traced = cx.book.traces.iter().map(|t| (t.visit, t.item)).collect();
            Ok(Box::new(Uncoded { items, ceiling: cx.need("ceiling")?, traced, none: 0, all: 0 }))
        }
        form => Err(format!("K14 没有形式 {form}")),
    }
}

/// Too few cases for a share.
const FEW: i64 = 30;

fn tell(cx: Cx<'_>, part: i64, whole: i64, ceiling: i64, out: &mut Out<'_>) {
    if whole <= 0 {
        return;
    }
    let share = muldiv(part, ONE, whole);
    if share > ceiling {
        let hit = Hit::of_facility()
            .fact("value", percent(share))
            .fact("cap", percent(ceiling))
            .fact("qty", plain(part))
            .fact("count", plain(whole));
        out.hit(cx, hit);
    }
}

/// As [`tell`] for things that are counted; silent where there are too few of them for a share.
fn tell_of_many(cx: Cx<'_>, part: i64, all: i64, ceiling: i64, out: &mut Out<'_>) {
    if all < FEW {
        out.silent("样本太少");
        return;
    }
    tell(cx, part.saturating_mul(ONE), all.saturating_mul(ONE), ceiling, out);
}

/// J01–J06: the share of some items in all charges.
struct Share {
    items: Mask,
    ceiling: i64,
    part: i64,
    whole: i64,
}

impl Probe for Share {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, _out: &mut Out<'_>) {
        if !cx.in_scope(visit.kind) {
            return;
        }
        for line in cx.charges_all(visit) {
            self.whole = self.whole.saturating_add(line.amount);
            if self.items.has(line.item) {
                self.part = self.part.saturating_add(line.amount);
            }
        }
    }

    fn finish(&mut self, cx: Cx<'_>, out: &mut Out<'_>) {
        tell(cx, self.part, self.whole, self.ceiling, out);
    }
}

/// A12: a short stay without operation that is examinations and hardly any treatment.
struct StayShare {
    items: Mask,
    other: Mask,
    high: i64,
    low: i64,
    days: i64,
}

impl Probe for StayShare {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        let Some(days) = visit.stay_days().filter(|d| *d <= self.days) else { return };
        if visit.kind != VisitKind::Inpatient || !cx.book.operations.of(visit.at).is_empty() {
            return;
        }
        let (mut tests, mut care, mut all, mut operated) = (0_i64, 0_i64, 0_i64, false);
        for line in cx.charges_all(visit) {
            all = all.saturating_add(line.amount);
            if self.items.has(line.item) {
                tests = tests.saturating_add(line.amount);
            }
            if self.other.has(line.item) {
                care = care.saturating_add(line.amount);
            }
            operated |= cx.book.item(line.item).is_some_and(|i| *i.med_chrgitm_type == *"06");
        }
        if all <= 0 || operated {
            return;
        }
        if muldiv(tests, ONE, all) >= self.high && muldiv(care, ONE, all) <= self.low {
            let hit = Hit::of_visit(cx, visit)
                .fact("value", percent(muldiv(tests, ONE, all)))
                .fact("days", days.to_string())
                .lines(cx.charges_all(visit));
            out.hit(cx, hit);
        }
    }
}

/// A21, J08: stays after which the person was back within N days with the same diagnosis.
struct Rate {
    days: i64,
    ceiling: i64,
    back: i64,
    all: i64,
}

impl Probe for Rate {
    fn person(&mut self, cx: Cx<'_>, person: &crate::book::Person, _out: &mut Out<'_>) {
        let stays: Vec<&Visit> = cx
            .book
            .visits_of(person)
            .iter()
            .filter(|v| v.kind == VisitKind::Inpatient && v.end.is_some())
            .collect();
        self.all = self.all.saturating_add(i64::try_from(stays.len()).unwrap_or(0));
        for pair in stays.windows(2) {
            let [a, b] = pair else { continue };
            let (Some(left), Some(back)) = (a.end_day(), b.begin_day()) else { continue };
            let gap = back.saturating_sub(left);
            let same = cx.main_dx3(a) == cx.main_dx3(b) && !cx.main_dx3(a).is_empty();
            if (0..=self.days).contains(&gap) && same {
                self.back = self.back.saturating_add(1);
            }
        }
    }

    fn finish(&mut self, cx: Cx<'_>, out: &mut Out<'_>) {
        tell_of_many(cx, self.back, self.all, self.ceiling, out);
    }
}

/// Month (year × 12 + month) of a day.
fn month(day: i64) -> Option<(i64, u32)> {
    use chrono::Datelike as _;
    let seconds = day.saturating_mul(crate::book::DAY_S);
    let date = spotcheck_domain::BeijingTime::from_seconds(seconds).naive()?.date();
    let number = i64::from(date.year()).saturating_mul(12).saturating_add(i64::from(date.month0()));
    Some((number, date.day()))
}

/// J10: a month against the one before. The first and last month of the data are not whole.
struct Surge {
    factor: i64,
    months: BTreeMap<i64, i64>,
}

impl Probe for Surge {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, _out: &mut Out<'_>) {
        if !cx.in_scope(visit.kind) {
            return;
        }
        for line in cx.charges_all(visit) {
            if let Some((month, _)) = line.day().and_then(month) {
                let slot = self.months.entry(month).or_default();
                *slot = slot.saturating_add(line.amount);
            }
        }
    }

    fn finish(&mut self, cx: Cx<'_>, out: &mut Out<'_>) {
        let all: Vec<(i64, i64)> = std::mem::take(&mut self.months).into_iter().collect();
        let inner = all.get(1..all.len().saturating_sub(1).max(1)).unwrap_or_default();
        for pair in inner.windows(2) {
            let [(m, a), (n, b)] = pair else { continue };
            if n.saturating_sub(*m) == 1 && *a > 0 && *b > muldiv(*a, self.factor, ONE) {
                let name =
                    format!("{}-{:02}", n.div_euclid(12), n.rem_euclid(12).saturating_add(1));
                let times = plain(muldiv(*b, 100, *a).saturating_mul(ONE / 100));
                let hit = Hit::of_facility().fact("value", name).fact("count", times);
                out.hit(cx, hit);
            }
        }
    }
}

/// H04: the last N days of a year against the mean of its other days.
struct YearEnd {
    factor: i64,
    days: i64,
    amounts: BTreeMap<i64, (i64, i64, BTreeSet<i64>)>,
}

impl Probe for YearEnd {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, _out: &mut Out<'_>) {
        if !cx.in_scope(visit.kind) {
            return;
        }
        for line in cx.charges_all(visit) {
            let Some((day, (month, of_month))) = line.day().and_then(|d| Some((d, month(d)?)))
            else {
                continue;
            };
            let slot = self.amounts.entry(month.div_euclid(12)).or_default();
            let late = month.rem_euclid(12) == 11
                && i64::from(of_month) > 31_i64.saturating_sub(self.days);
            if late {
                slot.1 = slot.1.saturating_add(line.amount);
            } else {
                slot.0 = slot.0.saturating_add(line.amount);
                slot.2.insert(day);
            }
        }
    }

    fn finish(&mut self, cx: Cx<'_>, out: &mut Out<'_>) {
        for (year, (rest, late, days)) in std::mem::take(&mut self.amounts) {
            let days = i64::try_from(days.len()).unwrap_or(0);
            if days < 90 {
                out.silent("年度数据不足");
                continue;
            }
            let mean = rest.checked_div(days).unwrap_or(0);
            let expected = mean.saturating_mul(self.days);
            if late > muldiv(expected, self.factor, ONE) {
                let times = plain(muldiv(late, 100, expected).saturating_mul(ONE / 100));
                let hit = Hit::of_facility().fact("value", year.to_string()).fact("count", times);
                out.hit(cx, hit);
            }
        }
    }
}

/// J11: mean cost of a visit against the peers: (x − median) ÷ (1.4826 × MAD) > z.
struct PeerCost {
    z: i64,
    total: i64,
    visits: i64,
}

impl Probe for PeerCost {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, _out: &mut Out<'_>) {
        if cx.in_scope(visit.kind) {
            self.total =
                self.total.saturating_add(super::sum(cx.charges_all(visit).map(|l| l.amount)));
            self.visits = self.visits.saturating_add(1);
        }
    }

    fn finish(&mut self, cx: Cx<'_>, out: &mut Out<'_>) {
        let level = format!("hosp_lv={}", cx.book.facility.hosp_lv);
        let own = |p: &&crate::book::Peer| p.rule == cx.rule.id && p.group == level;
        let Some(peer) = cx.book.peers.iter().rfind(own) else {
            out.silent("没有同级机构数据");
            return;
        };
        if self.visits < FEW || peer.n < 5 {
            out.silent("样本太少");
            return;
        }
        let (Some(median), Some(mad)) = (peer.median, peer.mad.filter(|m| *m > 0)) else {
            out.silent("同级机构数据不全");
            return;
        };
        let mean = self.total.checked_div(self.visits).unwrap_or(0);
        let spread = muldiv(mad, 1_482_600, ONE);
        let z = muldiv(mean.saturating_sub(median), ONE, spread);
        if z > self.z {
            let hit = Hit::of_facility()
                .fact("value", super::yuan(mean))
                .fact("cap", super::yuan(median))
                .fact("count", peer.n.to_string());
            out.hit(cx, hit);
        }
    }
}

/// F12 as a share of the facility.
struct NoDiagnosis {
    ceiling: i64,
    none: i64,
    all: i64,
}

impl Probe for NoDiagnosis {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, _out: &mut Out<'_>) {
        if cx.in_scope(visit.kind) {
            self.all = self.all.saturating_add(1);
            let none = visit.main_dx == 0 && cx.book.diagnoses.of(visit.at).is_empty();
            self.none = self.none.saturating_add(i64::from(none));
        }
    }

    fn finish(&mut self, cx: Cx<'_>, out: &mut Out<'_>) {
        tell_of_many(cx, self.none, self.all, self.ceiling, out);
    }
}

/// J09: a stay whose cost stands out of its diagnosis: MAD z above the limit, in groups that are big enough.
struct CostGroup {
    z: i64,
    least: i64,
    groups: BTreeMap<String, Vec<(i64, u32)>>,
}

impl Probe for CostGroup {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, _out: &mut Out<'_>) {
        let dx = cx.main_dx3(visit);
        if cx.in_scope(visit.kind) && !dx.is_empty() && visit.end.is_some() {
            let cost = super::sum(cx.charges_all(visit).map(|l| l.amount));
            self.groups.entry(dx.to_owned()).or_default().push((cost, visit.at));
        }
    }

    fn finish(&mut self, cx: Cx<'_>, out: &mut Out<'_>) {
        for (dx, mut costs) in std::mem::take(&mut self.groups) {
            costs.sort_unstable();
            if i64::try_from(costs.len()).unwrap_or(0) < self.least {
                continue;
            }
            let values: Vec<i64> = costs.iter().map(|c| c.0).collect();
            let median = middle(&values);
            let mut off: Vec<i64> =
                values.iter().map(|v| v.saturating_sub(median).saturating_abs()).collect();
            off.sort_unstable();
            let spread = muldiv(middle(&off), 1_482_600, ONE);
            if spread == 0 {
                continue;
            }
            for (cost, visit) in costs {
                let z = muldiv(cost.saturating_sub(median), ONE, spread);
                if let (true, Some(visit)) = (z > self.z, cx.book.visit(visit)) {
                    let hit = Hit::of_visit(cx, visit)
                        .fact("dx", dx.clone())
                        .fact("value", super::yuan(cost))
                        .fact("cap", super::yuan(median));
                    out.hit(cx, hit);
                }
            }
        }
    }
}

fn middle(sorted: &[i64]) -> i64 {
    let at = sorted.len() >> 1;
    let high = sorted.get(at).copied().unwrap_or(0);
    if sorted.len() & 1 == 1 {
        return high;
    }
    let low = at.checked_sub(1).and_then(|n| sorted.get(n)).copied().unwrap_or(high);
    low.saturating_add(high).div_euclid(2)
}

/// J12: one department takes more than a share of all charges.
struct Concentration {
    ceiling: i64,
    departments: BTreeMap<u32, i64>,
}

impl Probe for Concentration {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, _out: &mut Out<'_>) {
        let amount = super::sum(cx.charges_all(visit).map(|l| l.amount));
        let slot = self.departments.entry(visit.adm_dept).or_default();
        *slot = slot.saturating_add(amount);
    }

    fn finish(&mut self, cx: Cx<'_>, out: &mut Out<'_>) {
        let all = super::sum(self.departments.values().copied());
        if self.departments.len() < 4 || all <= 0 {
            out.silent("科室太少");
            return;
        }
        for (department, amount) in std::mem::take(&mut self.departments) {
            let share = muldiv(amount, ONE, all);
            if department != 0 && share > self.ceiling {
                let name = cx.book.departments.get(&department).map_or("", |n| cx.book.text(*n));
                let hit = Hit::of_facility()
                    .fact("item", if name.is_empty() { cx.book.text(department) } else { name })
                    .fact("value", percent(share))
                    .fact("cap", percent(self.ceiling));
                out.hit(cx, hit);
            }
        }
    }
}

/// A23: stays whose patients paid nothing.
struct Waived {
    ceiling: i64,
    none: i64,
    all: i64,
}

impl Probe for Waived {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, _out: &mut Out<'_>) {
        let settlements = cx.book.settlements_of(visit);
        let known =
            settlements.iter().filter(|s| !s.cancelled && s.own.is_some() && s.cash.is_some());
        if visit.kind != VisitKind::Inpatient {
            return;
        }
        for s in known {
            self.all = self.all.saturating_add(1);
            let none = s.own == Some(0) && s.cash == Some(0);
            self.none = self.none.saturating_add(i64::from(none));
        }
    }

    fn finish(&mut self, cx: Cx<'_>, out: &mut Out<'_>) {
        tell_of_many(cx, self.none, self.all, self.ceiling, out);
    }
}

/// G05: drug lines without any trace code, outside wards and without herbs.
struct Uncoded {
    items: Mask,
    ceiling: i64,
    traced: BTreeSet<(u32, u32)>,
    none: i64,
    all: i64,
}

impl Probe for Uncoded {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, _out: &mut Out<'_>) {
        if !cx.in_scope(visit.kind) {
            return;
        }
        for line in cx.charges(visit, &self.items) {
            let Some(item) = cx.book.item(line.item) else { continue };
            self.all = self.all.saturating_add(1);
            let coded = self.traced.contains(&(visit.at, item.code));
            self.none = self.none.saturating_add(i64::from(!coded));
        }
    }

    fn finish(&mut self, cx: Cx<'_>, out: &mut Out<'_>) {
        tell_of_many(cx, self.none, self.all, self.ceiling, out);
    }
}
