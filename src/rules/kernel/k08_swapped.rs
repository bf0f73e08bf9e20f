//! K8, `swapped` and `outside`: one thing was ordered and another was done, or none was charged for it.
//!
//! `swapped` (B33, D08): under the order of a charge something was executed, and it is another item. Only the
//! number of the order ties the two, so a house that does not carry it into its records is not judged.
//! `outside` (B36): a drug was ordered in a stay and never charged, and a note says that the patient brought or
//! bought something.

use std::collections::BTreeSet;

use super::{Compiled, Cx, Hit, Mask, Out, Probe, plain};
use crate::book::{Event, Line, Visit, flag};

pub(super) fn compile(cx: Cx<'_>) -> Compiled {
    let items = cx.mask(cx.rule.usage.items.as_ref())?;
    match cx.rule.usage.form.as_str() {
        "swapped" => {
            cx.needs_table("exec")?;
            Ok(Box::new(Swapped { items }))
        }
        "outside" => {
            cx.needs_table("drord")?;
            cx.needs_table("note")?;
            Ok(Box::new(Outside))
        }
        form => Err(format!("K8 没有形式 {form}")),
    }
}

struct Swapped {
    items: Mask,
}

/// What was executed on the day of a charge and charged nowhere in the visit: most likely what was done instead.
fn instead<'a>(cx: Cx<'a>, visit: &Visit, line: Line) -> Option<&'a Event> {
    let billed: BTreeSet<u32> =
        cx.book.charges(visit).filter_map(|l| Some(cx.book.item(l.item)?.code)).collect();
    let mut events = cx.book.events.of(visit.at).iter();
    events.find(|e| e.begin.get().map(|i| i.at.day()) == line.day() && !billed.contains(&e.item))
}

impl Probe for Swapped {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        if !cx.in_scope(visit.kind) {
            return;
        }
        let mut lines: Vec<Line> =
            cx.charges(visit, &self.items).filter(|l| l.has(flag::SWAPPED)).collect();
        lines.sort_by_key(|l| (l.item, l.time, l.at));
        for group in lines.chunk_by(|a, b| a.item == b.item) {
            let Some(first) = group.first().copied() else { continue };
            let other = instead(cx, visit, first);
            let mut hit = Hit::of_visit(cx, visit)
                .item(cx, first.item)
                .fact("item_b", other.map_or("其他项目", |e| cx.book.text(e.name)))
                .fact("count", group.len().to_string())
                .fact("qty", plain(super::sum(group.iter().map(|l| l.quantity))))
                .lines(group.iter().copied());
            hit.executors = other.map(|e| e.staff).into_iter().collect();
            let hit = match first.day() {
                Some(day) => hit.on(day),
                None => hit,
            };
            out.hit(cx, hit);
        }
    }
}

struct Outside;

impl Probe for Outside {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        if !cx.in_scope(visit.kind)
            || cx.book.is_taken_back(visit)
            || !cx.book.notes.of(visit.at).iter().any(|n| n.outside)
        {
            return;
        }
        let Some(end) = visit.end_day() else {
            out.silent("在院");
            return;
        };
        if cx.book.is_young("fee_list_d", end, cx.lag()) {
            out.silent("未上传");
            return;
        }
        let wanted = cx.rule.usage.items.as_ref().map_or(&[][..], |s| &s.list_type);
        let of_kind = |kind: u32| wanted.iter().any(|w| w == cx.book.text(kind));
        let mut told: BTreeSet<(u32, u32)> = BTreeSet::new();
        for order in cx.book.orders.of(visit.at).iter().filter(|o| of_kind(o.kind)) {
            let charged = cx.book.charges(visit).any(|l| {
                cx.book.item(l.item).is_some_and(|i| {
                    (order.item != 0 && i.code == order.item)
                        || (order.name != 0 && *i.name == *cx.book.text(order.name))
                })
            });
            if charged
                || (order.item == 0 && order.name == 0)
                || !told.insert((order.item, order.name))
            {
                continue;
            }
            let mut hit = Hit::of_visit(cx, visit).fact("item", cx.book.text(order.name));
            hit.code = order.item;
            out.hit(cx, hit.on(order.begin.map_or(end, |i| i.at.day())));
        }
    }
}
