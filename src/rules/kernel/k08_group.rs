//! K8, `group`: a stay was paid as a group of operations, and nothing says that anybody operated (F10).
//!
//! A CHS-DRG code says by its second letter what it pays for: A–J operations, K–Q procedures, R–Z treatment
//! without either. What the list names beside that is the region's: the group that a wrong one should have been,
//! with its standard, or that such stays are paid item by item. The difference is the loss (细则 X35 a, b).

use super::{Compiled, Correct, Cx, Hit, Mask, Out, Probe};
use crate::book::{EventKind, Settlement, Visit, flag};
use crate::pack::{Matcher, Point};

pub(super) fn compile(cx: Cx<'_>) -> Compiled {
    cx.needs_table("grp")?;
    if cx.book.settlements.iter().all(|s| s.group == 0) {
        return Err("没有病组编码".to_owned());
    }
    Ok(Box::new(Group { items: cx.mask(cx.rule.usage.items.as_ref())? }))
}

struct Group {
    items: Mask,
}

/// True if the code is that of a group of operations.
fn is_surgical(code: &str) -> bool {
    let mut letters = code.chars();
    let mdc = letters.next().is_some_and(|c| c.is_ascii_uppercase());
    let surgical = letters.next().is_some_and(|c| ('A'..='J').contains(&c));
    mdc && surgical && letters.next().is_some_and(|c| c.is_ascii_digit())
}

impl Probe for Group {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        if !cx.in_scope(visit.kind) {
            return;
        }
        let settled = cx.book.settlements_of(visit).iter();
        let mut grouped = settled.filter(|s| !s.cancelled && !s.by_item && s.group != 0);
        let Some(settlement) = grouped.next() else { return };
        let code = cx.book.text(settlement.group);
        if cx.book.text(settlement.pay_way) != "drg" || !is_surgical(code) {
            return;
        }
        let (Some(begin), Some(end)) = (visit.begin_day(), visit.end_day()) else {
            out.silent("在院");
            return;
        };
        if cx.book.is_young("fee_list_d", end, cx.lag()) {
            out.silent("未上传");
            return;
        }
        let done = |k: EventKind| matches!(k, EventKind::Operation | EventKind::Anaesthesia);
        let operated = cx.book.events.of(visit.at).iter().any(|e| done(e.kind))
            || cx.beside(visit, &self.items).next().is_some();
        if operated {
            return;
        }
        let mut hit = Hit::of_visit(cx, visit).fact("code", code).on(begin);
        // The whole bill stands for the stay; what of it is lost is the difference of the payments.
        hit.lines = cx
            .book
            .charges(visit)
            .filter(|l| l.has(flag::CHARGE))
            .map(|l| (l.at, l.amount))
            .collect();
        hit.correct = correct(cx, settlement, end);
        out.hit(cx, hit);
    }
}

/// How the stay should have been paid: the region's word on this group, on the day of discharge.
fn correct(cx: Cx<'_>, settlement: &Settlement, day: i64) -> Option<Correct> {
    let list = cx.knowledge(cx.rule.usage.list.as_deref()?)?;
    let code = cx.book.text(settlement.group);
    let mut own = list.points.iter().filter(|p| p.from <= day && day <= p.to);
    let point: &Point = own.find(|p| p.code.fits(code, ""))?;
    if point.words().any(|w| w == "按项目") {
        return Some(Correct::Items);
    }
    if let Some(standard) = point.value {
        return Some(Correct::Standard(standard));
    }
    // Without a standard in the list: what the right group is paid here, if that is one amount.
    let Some(Matcher::Code(right)) = &point.code_b else { return None };
    let all = cx.book.settlements.iter().filter(|s| !s.cancelled && cx.book.text(s.group) == right);
    let mut paid: Vec<i64> = all.filter_map(|s| s.standard).collect();
    paid.sort_unstable();
    paid.dedup();
    match paid.as_slice() {
        [only] => Some(Correct::Standard(*only)),
        _ => None,
    }
}
