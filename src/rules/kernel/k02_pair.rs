//! K2: two items that exclude or contain each other, in one visit, day or prescription.
//!
//! Forms: `pair` (points name A and B, the lines of B are charged), `levels` (more than one of a set of
//! grades on one day, the dearest stays), `class` (two different items of one class at once).

use std::collections::{BTreeMap, BTreeSet};

use super::{Compiled, Cx, Hit, Mask, Out, Points, Probe, date};
use crate::book::{Line, Visit};

pub(super) fn compile(cx: Cx<'_>) -> Compiled {
    let list = cx.rule.usage.list.as_deref().unwrap_or_default();
    let window = Window::of(cx);
    match cx.rule.usage.form.as_str() {
        "pair" => {
            let (a, b) = (cx.points(list, false)?, cx.points(list, true)?);
            let (mask_a, mask_b) = (a.mask(), b.mask());
            Ok(Box::new(Pair { a, b, mask_a, mask_b, window }))
        }
        "levels" => Ok(Box::new(Levels { items: cx.mask(cx.rule.usage.items.as_ref())? })),
        "class" => {
            let points = cx.points(list, false)?;
            Ok(Box::new(Class { mask: points.mask(), points, least: cx.whole("days")? }))
        }
        form => Err(format!("K2 没有形式 {form}")),
    }
}

/// In which stretch the two must meet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Window {
    Day,
    Visit,
    Prescription,
}

impl Window {
    fn of(cx: Cx<'_>) -> Self {
        match cx.rule.usage.window.as_deref() {
            Some("visit") => Self::Visit,
            Some("prescription") => Self::Prescription,
            _ => Self::Day,
        }
    }

    fn key(self, cx: Cx<'_>, line: Line) -> Option<u64> {
        match self {
            Self::Visit => Some(0),
            Self::Day => line.day().map(i64::cast_unsigned),
            Self::Prescription => {
                Some(u64::from(cx.book.prescription(line.at))).filter(|p| *p != 0)
            }
        }
    }
}

struct Pair {
    a: Points,
    b: Points,
    mask_a: Mask,
    mask_b: Mask,
    window: Window,
}

impl Probe for Pair {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        if !cx.in_scope(visit.kind) {
            return;
        }
        let firsts: Vec<Line> = cx.beside(visit, &self.mask_a).collect();
        if firsts.is_empty() {
            return;
        }
        let seconds: Vec<Line> = cx.charges(visit, &self.mask_b).collect();
        // Per item of B and window: the lines of B that meet a line of A.
        let mut found: BTreeMap<(u32, u64), (Vec<Line>, u32)> = BTreeMap::new();
        for b in seconds {
            let (Some(key), Some(day)) = (self.window.key(cx, b), b.day()) else {
                out.silent("费用发生时间或处方号缺失");
                continue;
            };
            let partner = firsts.iter().find(|a| {
                a.item != b.item
                    && self.window.key(cx, **a) == Some(key)
                    && a.day().is_some_and(|d| self.paired(cx, a.item, b.item, d.min(day)))
                    && !matches!(same_part(cx, a.item, b.item), Some(false))
            });
            if let Some(a) = partner {
                found.entry((b.item, key)).or_insert((Vec::new(), a.item)).0.push(b);
            }
        }
        for ((item, _), (lines, partner)) in found {
            let day = lines.first().and_then(|l| l.day()).unwrap_or(0);
            let mut hit = Hit::of_visit(cx, visit);
            if !cx.rule.usage.words.is_empty() && same_part(cx, partner, item).is_none() {
                hit.doubt.push("项目名称未写明部位");
            }
            let hit = hit
                .item(cx, item)
                .fact("item_b", cx.item_name(partner))
                .fact("count", lines.len().to_string())
                .lines(lines)
                .on(day);
            out.hit(cx, hit);
        }
    }
}

/// Whether two items are of one part of the body, by their names; `None` where one of them names no part.
fn same_part(cx: Cx<'_>, a: u32, b: u32) -> Option<bool> {
    let parts = |item: u32| {
        let name = cx.item_name(item);
        let named = |part: &&String| part.split('|').any(|w| !w.is_empty() && name.contains(w));
        cx.rule.usage.words.iter().filter(named).collect::<Vec<_>>()
    };
    let (a, b) = (parts(a), parts(b));
    (!a.is_empty() && !b.is_empty()).then(|| a.iter().any(|part| b.contains(part)))
}

impl Pair {
    fn paired(&self, cx: Cx<'_>, a: u32, b: u32, day: i64) -> bool {
        self.a.at(cx, a, day).any(|p| self.b.at(cx, b, day).any(|q| std::ptr::eq(p, q)))
    }
}

/// A15: several grades of one service on one day. The dearest is left alone: on the day of a change of grade
/// one of them was really given, and which one the records say.
struct Levels {
    items: Mask,
}

impl Probe for Levels {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        if !cx.in_scope(visit.kind) {
            return;
        }
        let mut days: BTreeMap<i64, Vec<Line>> = BTreeMap::new();
        for line in cx.charges(visit, &self.items) {
            match line.day() {
                Some(day) => days.entry(day).or_default().push(line),
                None => out.silent("费用发生时间缺失"),
            }
        }
        for (day, lines) in days {
            let grades: BTreeSet<u32> = lines.iter().map(|l| l.item).collect();
            // Where both grades of a day of change may be billed, two are not too many.
            if grades.len() < if cx.counts_second_way() { 3 } else { 2 } {
                continue;
            }
            let dearest = lines.iter().max_by_key(|l| (l.price, l.amount, l.time, l.at)).copied();
            let Some(dearest) = dearest else { continue };
            let rest = lines.into_iter().filter(|l| l.item != dearest.item);
            let hit = Hit::of_visit(cx, visit)
                .item(cx, dearest.item)
                .fact("count", grades.len().to_string())
                .lines(rest)
                .on(day);
            out.hit(cx, hit);
        }
    }
}

/// C17: two drugs of one class, from two items, on hand together for more than some days.
struct Class {
    points: Points,
    mask: Mask,
    least: i64,
}

impl Probe for Class {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        if !cx.in_scope(visit.kind) {
            return;
        }
        let mut classes: BTreeMap<&str, Vec<(Line, i64)>> = BTreeMap::new();
        for line in cx.charges(visit, &self.mask) {
            let Some(day) = line.day() else { continue };
            let Some(point) = self.points.at(cx, line.item, day).next() else { continue };
            // One day's charge of an inpatient covers that day.
            let days = cx.book.days(line.at).max(1);
            classes.entry(point.text.as_str()).or_default().push((line, days));
        }
        for (class, lines) in classes {
            let overlap = |a: &(Line, i64), b: &(Line, i64)| {
                let (da, db) = (a.0.day().unwrap_or(0), b.0.day().unwrap_or(0));
                let end = da.saturating_add(a.1).min(db.saturating_add(b.1));
                end.saturating_sub(da.max(db))
            };
            let second: Vec<&(Line, i64)> = lines
                .iter()
                .enumerate()
                .filter(|(n, b)| {
                    let mut earlier = lines.iter().take(*n);
                    earlier.any(|a| a.0.item != b.0.item && overlap(a, b) >= self.least)
                })
                .map(|(_, b)| b)
                .collect();
            let (Some(first), Some(hit_line)) = (lines.first(), second.first()) else { continue };
            let hit = Hit::of_visit(cx, visit)
                .item(cx, hit_line.0.item)
                .fact("item_b", cx.item_name(first.0.item))
                .fact("value", class)
                .fact("date_b", date(first.0.day().unwrap_or(0)))
                .lines(second.iter().map(|l| l.0));
            out.hit(cx, hit);
        }
    }
}
