//! K10, `goods` (G09): the till sold one thing and the settlement names another.
//!
//! A sale that a settlement paid must be one of its lines, by code or by name. Where it is not, and lines of the
//! settlement were sold nowhere, those lines stand for what went over the counter instead.

use std::collections::{BTreeMap, BTreeSet};

use super::{Compiled, Cx, Hit, Mask, Out, Probe};
use crate::book::{Line, NONE, Stock, StockKind, Visit};

pub(super) fn compile(cx: Cx<'_>) -> Compiled {
    cx.needs_table("inv_sale")?;
    let items = cx.mask(cx.rule.usage.items.as_ref())?;
    let mut sales: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (n, s) in cx.book.stock.iter().enumerate() {
        if s.kind == StockKind::Sale && s.settlement != NONE {
            sales.entry(s.settlement).or_default().push(n);
        }
    }
    Ok(Box::new(Goods { items, sales }))
}

struct Goods {
    items: Mask,
    /// Places of sales in the stock, by settlement.
    sales: BTreeMap<u32, Vec<usize>>,
}

impl Probe for Goods {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        let (from, to) = visit.settlements;
        if !cx.in_scope(visit.kind) {
            return;
        }
        for at in from..to {
            let Some(sold) = self.sales.get(&at) else { continue };
            if cx.book.settlement(at).is_none_or(|s| s.cancelled) {
                continue;
            }
            let sold: Vec<&Stock> = sold.iter().filter_map(|n| cx.book.stock.get(*n)).collect();
            let all: Vec<Line> = cx.book.charges(visit).filter(|l| l.settlement == at).collect();
            let same = |l: &Line, s: &Stock| {
                cx.book.item(l.item).is_some_and(|i| {
                    (s.item != 0 && i.code == s.item) || *i.name == *cx.book.text(s.name)
                })
            };
            let other = sold.iter().find(|s| {
                let named = s.item != 0 || !cx.book.text(s.name).is_empty();
                named && !all.iter().any(|l| same(l, s))
            });
            let Some(other) = other else { continue };
            let lines: Vec<Line> = all
                .iter()
                .filter(|l| self.items.has(l.item) && !sold.iter().any(|s| same(l, s)))
                .copied()
                .collect();
            let Some(first) = lines.first().copied() else {
                out.silent("结算明细都有对应销售");
                continue;
            };
            let names: BTreeSet<u32> = lines.iter().map(|l| l.item).collect();
            let mut hit = Hit::of_visit(cx, visit)
                .item(cx, first.item)
                .fact("item_b", cx.book.text(other.name))
                .fact("count", names.len().to_string())
                .lines(lines);
            hit.settlement = at;
            let hit = match first.day() {
                Some(day) => hit.on(day),
                None => hit,
            };
            out.hit(cx, hit);
        }
    }
}
