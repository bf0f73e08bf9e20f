//! K2, form `alone`: items that are not paid for by themselves, in a prescription that holds nothing else.
//!
//! A herb that is not paid for alone is paid for in a compound (单方不予支付): one other herb beside it, whoever paid
//! for that, and it is none of these. A prescription whose herbs are all on the list is no compound of others.

use std::collections::BTreeMap;

use super::{Compiled, Cx, Hit, Mask, Out, Points, Probe};
use crate::book::{Line, Visit};

pub(super) fn compile(cx: Cx<'_>) -> Compiled {
    let points = cx.points(cx.rule.usage.list.as_deref().unwrap_or_default(), false)?;
    let listed = points.mask();
    let others = cx.mask(cx.rule.usage.other.as_ref())?;
    Ok(Box::new(Alone { points, listed, others }))
}

struct Alone {
    points: Points,
    listed: Mask,
    others: Mask,
}

impl Alone {
    fn on_list(&self, cx: Cx<'_>, line: Line) -> bool {
        line.day().is_some_and(|day| self.points.at(cx, line.item, day).next().is_some())
    }
}

/// One prescription; where one of the two lines has no number, what was billed on one day.
fn together(cx: Cx<'_>, a: Line, b: Line) -> bool {
    match (cx.book.prescription(a.at), cx.book.prescription(b.at)) {
        (a_no, b_no) if a_no != 0 && b_no != 0 => a_no == b_no,
        _ => a.day().is_some() && a.day() == b.day(),
    }
}

impl Probe for Alone {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        if !cx.in_scope(visit.kind) {
            return;
        }
        let listed: Vec<Line> = cx.charges(visit, &self.listed).collect();
        if listed.is_empty() {
            return;
        }
        let others = cx.beside(visit, &self.others).filter(|l| !self.on_list(cx, *l));
        let others: Vec<Line> = others.collect();
        let mut found: BTreeMap<u32, Vec<Line>> = BTreeMap::new();
        for line in listed {
            if line.day().is_none() {
                out.silent("费用发生时间缺失");
            } else if others.iter().any(|o| together(cx, line, *o)) {
                out.silent("处方中另有其他饮片，为复方");
            } else if self.on_list(cx, line) {
                found.entry(line.item).or_default().push(line);
            }
        }
        for (item, lines) in found {
            let day = lines.first().and_then(|l| l.day()).unwrap_or(0);
            let count = lines.len().to_string();
            out.hit(
                cx,
                Hit::of_visit(cx, visit).item(cx, item).fact("count", count).lines(lines).on(day),
            );
        }
    }
}
