//! K9, `grade` and `prescribed`: more was billed than somebody wrote down beforehand.
//!
//! `grade` (A17): a grade of nursing above every grade that was ordered for the day. `prescribed` (C15): more of a
//! herb than its prescriptions of the visit hold. Where nothing was written the rules are silent: that a grade or
//! a herb was not ordered at all is another rule's matter.

use std::collections::BTreeMap;

use super::{Compiled, Cx, Hit, Mask, Out, Points, Probe, excess_lines, plain};
use crate::book::{Line, Order, Visit};
use crate::pack::Point;

pub(super) fn compile(cx: Cx<'_>) -> Compiled {
    match cx.rule.usage.form.as_str() {
        "grade" => {
            cx.needs_table("drord")?;
            let points = cx.points(cx.rule.usage.list.as_deref().unwrap_or_default(), false)?;
            Ok(Box::new(Grades { items: points.mask(), points }))
        }
        "prescribed" => {
            cx.needs_table("rx")?;
            Ok(Box::new(Prescribed { items: cx.mask(cx.rule.usage.items.as_ref())? }))
        }
        form => Err(format!("K9 没有形式 {form}")),
    }
}

struct Grades {
    items: Mask,
    points: Points,
}

impl Grades {
    /// The grade that an order means, on a day.
    fn ordered(&self, cx: Cx<'_>, order: &Order, day: i64) -> Option<i64> {
        let list = cx.knowledge(cx.rule.usage.list.as_deref()?)?;
        let (code, name) = (cx.book.text(order.item), cx.book.text(order.name));
        let in_force = |p: &&Point| p.from <= day && day <= p.to && p.code.fits(code, name);
        list.points.iter().filter(in_force).filter_map(|p| p.value).max()
    }
}

impl Probe for Grades {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        if !cx.in_scope(visit.kind) {
            return;
        }
        let mut found: BTreeMap<u32, Vec<Line>> = BTreeMap::new();
        for line in cx.charges(visit, &self.items) {
            let Some(day) = line.day() else { continue };
            let billed = self.points.at(cx, line.item, day).filter_map(|p| p.value).max();
            let valid = |o: &&Order| {
                o.begin.is_some_and(|i| i.at.day() <= day)
                    && o.end.is_none_or(|i| i.at.day() >= day)
            };
            let orders = cx.book.orders.of(visit.at).iter().filter(valid);
            let ordered = orders.filter_map(|o| self.ordered(cx, o, day)).max();
            match (billed, ordered) {
                (Some(billed), Some(ordered)) if billed > ordered => {
                    found.entry(line.item).or_default().push(line);
                }
                (Some(_), None) => out.silent("当日没有护理等级医嘱"),
                _ => {}
            }
        }
        for (item, lines) in found {
            let day = lines.first().and_then(|l| l.day());
            let hit = Hit::of_visit(cx, visit)
                .item(cx, item)
                .fact("count", lines.len().to_string())
                .fact("days", lines.len().to_string())
                .lines(lines);
            let hit = match day {
                Some(day) => hit.on(day),
                None => hit,
            };
            out.hit(cx, hit);
        }
    }
}

struct Prescribed {
    items: Mask,
}

impl Probe for Prescribed {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        if !cx.in_scope(visit.kind) {
            return;
        }
        let mut by_item: BTreeMap<u32, Vec<Line>> = BTreeMap::new();
        for line in cx.charges(visit, &self.items) {
            by_item.entry(line.item).or_default().push(line);
        }
        for (item, lines) in by_item {
            let name = cx.book.item(item).map_or("", |i| &*i.name);
            let own = cx.book.prescribed.of(visit.at).iter();
            let own: Vec<_> = own.filter(|p| cx.book.text(p.name) == name).collect();
            let written: Option<Vec<i64>> = own.iter().map(|p| p.quantity).collect();
            let Some(written) = written.filter(|w| !w.is_empty()) else {
                out.silent("处方没有该药的总量");
                continue;
            };
            let have = super::sum(written.into_iter());
            let billed = super::sum(lines.iter().map(|l| l.quantity));
            let slack = cx.rule.param("tolerance").unwrap_or(0);
            if billed <= have.saturating_add(slack) {
                continue;
            }
            let excess = billed.saturating_sub(have);
            let day = lines.first().and_then(|l| l.day());
            let mut hit = Hit::of_visit(cx, visit)
                .item(cx, item)
                .fact("qty", plain(billed))
                .fact("cap", plain(have))
                .fact("excess", plain(excess));
            hit.lines = excess_lines(&lines, excess);
            let hit = match day {
                Some(day) => hit.on(day),
                None => hit,
            };
            out.hit(cx, hit);
        }
    }
}
