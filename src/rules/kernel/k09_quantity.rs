//! K9: more was billed than the records can hold.

use std::collections::{BTreeMap, BTreeSet};

use spotcheck_domain::Precision;

use super::{Compiled, Cx, Hit, Mask, Out, Probe, excess_lines, plain};
use crate::book::{Event, EventKind, Line, Moment, ONE, Visit, VisitKind};

pub(super) fn compile(cx: Cx<'_>) -> Compiled {
    let items = cx.mask(cx.rule.usage.items.as_ref())?;
    let form = match cx.rule.usage.form.as_str() {
        "nursing_days" => {
            cx.needs_table("exec")?;
            Form::NursingDays
        }
        "orders" => {
            cx.needs_table("drord")?;
            Form::Orders
        }
        "events" => {
            cx.needs_table("exec")?;
            Form::Events
        }
        "minutes" => {
            cx.needs_table("exec")?;
            Form::Minutes { unit: cx.need("unit_minutes")? }
        }
        "log" => {
            cx.needs_table("equip_log")?;
            let named = |i: &crate::book::Item| {
                let able =
                    |e: &crate::book::Equipment| e.items.iter().any(|c| **c == *i.med_list_codg);
                cx.book.equipment.iter().any(able)
            };
            let named = Mask(cx.book.items.iter().map(named).collect());
            return Ok(Box::new(Log { named, days: BTreeMap::new() }));
        }
        form => return Err(format!("K9 没有形式 {form}")),
    };
    Ok(Box::new(Quantity { items, form }))
}

enum Form {
    /// A16.
    NursingDays,
    /// B30.
    Orders,
    /// B22, B24: quantity against the count of executions of the same item.
    Events,
    /// B09, B10: units of time against minutes of executions.
    Minutes { unit: i64 },
}

struct Quantity {
    items: Mask,
    form: Form,
}

impl Probe for Quantity {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        if !cx.in_scope(visit.kind) {
            return;
        }
        let lines: Vec<Line> = cx.charges(visit, &self.items).collect();
        let (Some(first), Some(end)) = (lines.first().copied(), visit.end_day()) else { return };
        if matches!(self.form, Form::Orders) {
            if cx.book.is_young("drord", end, cx.lag()) {
                out.silent("未上传");
                return;
            }
        } else if cx.book.is_young("exec", end, cx.lag()) {
            out.silent("未上传");
            return;
        }
        if let Form::NursingDays = self.form {
            let recorded: BTreeSet<i64> = cx
                .book
                .events
                .of(visit.at)
                .iter()
                .filter(|e| e.kind == EventKind::Nursing)
                .filter_map(|e| e.begin.get().map(|i| i.at.day()))
                .chain(cx.book.vitals.of(visit.at).iter().map(|i| i.at.day()))
                .collect();
            if recorded.is_empty() {
                out.silent("该就诊没有护理记录数据");
                return;
            }
            let have = i64::try_from(recorded.len()).unwrap_or(i64::MAX).saturating_mul(ONE);
            self.told(cx, visit, &lines, first, have, out);
            return;
        }
        let mut by_item: BTreeMap<u32, Vec<Line>> = BTreeMap::new();
        for line in lines {
            by_item.entry(line.item).or_default().push(line);
        }
        for lines in by_item.into_values() {
            let Some(first) = lines.first().copied() else { continue };
            match self.recorded(cx, visit, first) {
                Ok(have) => self.told(cx, visit, &lines, first, have, out),
                Err(why) => out.silent(why),
            }
        }
    }
}

impl Quantity {
    fn told(
        &self,
        cx: Cx<'_>,
        visit: &Visit,
        lines: &[Line],
        first: Line,
        have: i64,
        out: &mut Out<'_>,
    ) {
        let billed = super::sum(lines.iter().map(|l| l.quantity));
        let slack = cx.rule.param("tolerance").unwrap_or(0);
        if billed <= have.saturating_add(slack) {
            return;
        }
        let excess = billed.saturating_sub(have);
        let mut hit = Hit::of_visit(cx, visit)
            .item(cx, first.item)
            .fact("qty", plain(billed))
            .fact("cap", plain(have))
            .fact("excess", plain(excess));
        hit.lines = excess_lines(lines, excess);
        hit.executors = executors(cx, visit, first);
        out.hit(cx, hit);
    }

    /// What the records hold of one item, in the unit of the charge.
    fn recorded(&self, cx: Cx<'_>, visit: &Visit, first: Line) -> Result<i64, &'static str> {
        let item = cx.book.item(first.item).ok_or("项目缺失")?;
        let same = |code: u32, name: u32| {
            (code != 0 && code == item.code)
                || (!cx.book.text(name).is_empty() && cx.book.text(name) == &*item.name)
        };
        match self.form {
            Form::Orders => {
                let own: Vec<_> =
                    cx.book.orders.of(visit.at).iter().filter(|o| same(o.item, o.name)).collect();
                if own.is_empty() {
                    return Err("该项目没有医嘱");
                }
                let mut total = 0_i64;
                for o in own {
                    let each = match (o.quantity, o.standing) {
                        (Some(q), _) => q,
                        (None, false) => ONE,
                        // A standing order without quantity says nothing about how much.
                        (None, true) => return Err("长期医嘱没有数量"),
                    };
                    total = total.saturating_add(each);
                }
                Ok(total)
            }
            Form::Events => {
                let own: Vec<&Event> =
                    cx.book.events.of(visit.at).iter().filter(|e| same(e.item, e.name)).collect();
                if own.is_empty() {
                    return Err("该项目没有执行记录");
                }
                Ok(super::sum(own.iter().map(|e| e.quantity.get().unwrap_or(ONE))))
            }
            Form::Minutes { unit } => {
                // Begun units count as whole ones, of each doing by itself.
                let unit_s = super::muldiv(unit, 60, ONE).max(1);
                let mut units = 0_i64;
                let mut any = false;
                for e in cx.book.events.of(visit.at) {
                    let wanted = same(e.item, e.name)
                        || cx
                            .rule
                            .usage
                            .words
                            .iter()
                            .any(|w| w == "anst" && e.kind == EventKind::Anaesthesia);
                    if !wanted {
                        continue;
                    }
                    let exact = |i: Moment| {
                        i.get().filter(|i| i.p != Precision::Day).map(|i| i.at.seconds())
                    };
                    let (Some(a), Some(b)) = (exact(e.begin), exact(e.end)) else {
                        return Err("执行时间缺失或只到日");
                    };
                    any = true;
                    let seconds = b.saturating_sub(a).max(0);
                    let begun = seconds.saturating_add(unit_s).saturating_sub(1);
                    units = units.saturating_add(begun.div_euclid(unit_s));
                }
                if !any {
                    return Err("该项目没有执行记录");
                }
                Ok(units.saturating_mul(ONE))
            }
            Form::NursingDays => Err("护理天数按整个住院计"),
        }
    }
}

fn executors(cx: Cx<'_>, visit: &Visit, first: Line) -> Vec<u32> {
    let code = cx.book.item(first.item).map_or(0, |i| i.code);
    let own = cx.book.events.of(visit.at).iter().filter(|e| code != 0 && e.item == code);
    let staff: BTreeSet<u32> = own.map(|e| e.staff).filter(|s| *s != 0).collect();
    staff.into_iter().collect()
}

/// B26: more was billed on a day than all machines that can do it counted.
struct Log {
    named: Mask,
    days: BTreeMap<(u32, i64), Vec<(u32, Line)>>,
}

impl Probe for Log {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, _out: &mut Out<'_>) {
        if visit.kind == VisitKind::Unknown || !cx.in_scope(visit.kind) {
            return;
        }
        for line in cx.charges(visit, &self.named) {
            if let (Some(day), Some(item)) = (line.day(), cx.book.item(line.item)) {
                self.days.entry((item.code, day)).or_default().push((visit.at, line));
            }
        }
    }

    fn finish(&mut self, cx: Cx<'_>, out: &mut Out<'_>) {
        let slack = cx.rule.whole("tolerance").unwrap_or(0);
        for ((_, day), lines) in std::mem::take(&mut self.days) {
            let Some((_, first)) = lines.first().copied() else { continue };
            let Some(item) = cx.book.item(first.item) else { continue };
            let able: Vec<_> = cx
                .book
                .equipment
                .iter()
                .filter(|e| e.items.iter().any(|c| **c == *item.med_list_codg))
                .collect();
            // A machine that does several items, or has no log of the day, says nothing of one of them.
            let alone = able.iter().all(|e| e.items.len() == 1);
            let logged: Option<Vec<i64>> =
                able.iter().map(|e| e.log.iter().find(|l| l.0 == day).and_then(|l| l.1)).collect();
            let (true, Some(logged)) = (alone, logged) else {
                out.silent("设备日志缺失或一机多项");
                continue;
            };
            if cx.book.is_young("equip_log", day, cx.lag()) {
                out.silent("未上传");
                continue;
            }
            let billed = super::sum(lines.iter().map(|(_, l)| l.quantity));
            let have = super::sum(logged.into_iter()).saturating_mul(ONE);
            if billed > have.saturating_add(slack.saturating_mul(ONE)) {
                let excess = billed.saturating_sub(have);
                let mut hit = Hit::of_facility()
                    .item(cx, first.item)
                    .fact("qty", plain(billed))
                    .fact("cap", plain(have))
                    .fact("excess", plain(excess))
                    .on(day);
                hit.apportion(lines.iter().map(|(_, l)| *l), excess, billed);
                out.hit(cx, hit);
            }
        }
    }
}
