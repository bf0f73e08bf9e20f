//! K10: stock that was settled, counted and bought must add up (domain.md §3.4).

use std::collections::{BTreeMap, HashMap};

use super::{Compiled, Cx, Hit, Mask, Out, Probe, date, muldiv, plain};
use crate::book::{Line, ONE, Stock, StockKind, Visit};

pub(super) fn compile(cx: Cx<'_>) -> Compiled {
    match cx.rule.usage.form.as_str() {
        "supply" => {
            cx.needs_table("inv_purchase")?;
            cx.needs_table("inv_check")?;
            let items = cx.mask(cx.rule.usage.items.as_ref())?;
            let slack = cx.rule.param("tolerance").unwrap_or(0);
            Ok(Box::new(Supply { items, slack, settled: BTreeMap::new(), names: HashMap::new() }))
        }
        "count" => {
            cx.needs_table("inv_check")?;
            let share = cx.need("share")?;
            Ok(Box::new(Count { share, least: cx.need("least")? }))
        }
        "invoice" => {
            cx.needs_table("inv_purchase")?;
            Ok(Box::new(Invoice))
        }
        form => Err(format!("K10 没有形式 {form}")),
    }
}

/// Movements between two counts as what they do to the stock.
fn effect(s: &Stock) -> i64 {
    let q = s.quantity.saturating_abs();
    match s.kind {
        StockKind::Purchase | StockKind::SaleReturn | StockKind::ChangeIn => q,
        StockKind::PurchaseReturn | StockKind::Sale | StockKind::ChangeOut => q.saturating_neg(),
        StockKind::Check => 0,
    }
}

/// G01, G02: settled from the first count on, against the count, purchases and what came in otherwise. The
/// unit must be the same: an item that was ever sold split is left out, as is one without a first count.
struct Supply {
    items: Mask,
    slack: i64,
    /// Day and line of every charge, by item code.
    settled: BTreeMap<u32, Vec<(i64, Line)>>,
    names: HashMap<u32, u32>,
}

impl Probe for Supply {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, _out: &mut Out<'_>) {
        for line in cx.charges(visit, &self.items) {
            if let (Some(item), Some(day)) = (cx.book.item(line.item), line.day()) {
                self.settled.entry(item.code).or_default().push((day, line));
                self.names.insert(item.code, line.item);
            }
        }
    }

    fn finish(&mut self, cx: Cx<'_>, out: &mut Out<'_>) {
        let mut moves: BTreeMap<u32, Vec<&Stock>> = BTreeMap::new();
        for s in &cx.book.stock {
            moves.entry(s.item).or_default().push(s);
        }
        for (code, lines) in std::mem::take(&mut self.settled) {
            let Some(own) = moves.get(&code) else {
                out.silent("该品种没有进销存");
                continue;
            };
            if own.iter().any(|s| s.split) {
                out.silent("拆零品种，单位可能不一致");
                continue;
            }
            let opening = own.iter().find(|s| s.kind == StockKind::Check);
            let Some(from) = opening.and_then(|s| s.at).map(|i| i.at.day()) else {
                out.silent("没有期初盘存");
                continue;
            };
            // All batches of the first day of counting are the opening stock.
            let first = |s: &&&Stock| {
                s.kind == StockKind::Check && s.at.is_some_and(|i| i.at.day() == from)
            };
            let opening = super::sum(own.iter().filter(first).map(|s| s.quantity));
            let later = |s: &&&Stock| {
                s.at.is_some_and(|i| i.at.day() >= from)
                    && !matches!(s.kind, StockKind::Sale | StockKind::SaleReturn | StockKind::Check)
            };
            let incoming = super::sum(own.iter().filter(later).map(|s| effect(s)));
            let supply = opening.saturating_add(incoming);
            let last = lines.iter().map(|l| l.0).max().unwrap_or(from);
            if cx.book.is_young("inv_purchase", last.saturating_sub(cx.lag()), 0) {
                out.silent("采购数据截止早于结算");
                continue;
            }
            let since = || lines.iter().filter(|l| l.0 > from);
            let settled = super::sum(since().map(|(_, l)| l.quantity));
            let allowed = supply.saturating_add(muldiv(supply.max(0), self.slack, ONE));
            if settled > allowed {
                let item = self.names.get(&code).copied().unwrap_or(0);
                // What nobody can have sold, at the mean price of what was settled.
                let paid = super::sum(since().map(|(_, l)| l.amount));
                let mut hit = Hit::of_facility()
                    .item(cx, item)
                    .amount(muldiv(paid, settled.saturating_sub(supply), settled))
                    .fact("qty", plain(settled))
                    .fact("cap", plain(supply))
                    .fact("excess", plain(settled.saturating_sub(supply)))
                    .fact("date_b", date(from))
                    .on(last);
                hit.basis = since().map(|(_, l)| l.at).collect();
                out.hit(cx, hit);
            }
        }
    }
}

/// G11: what a count found against what the count before and the movements since say.
struct Count {
    share: i64,
    least: i64,
}

impl Probe for Count {
    fn finish(&mut self, cx: Cx<'_>, out: &mut Out<'_>) {
        for own in cx.book.stock.chunk_by(|a, b| a.item == b.item) {
            let mut counts: BTreeMap<i64, i64> = BTreeMap::new();
            for s in own.iter().filter(|s| s.kind == StockKind::Check) {
                if let Some(at) = s.at {
                    let slot = counts.entry(at.at.day()).or_default();
                    *slot = slot.saturating_add(s.quantity);
                }
            }
            let days: Vec<(i64, i64)> = counts.into_iter().collect();
            for pair in days.windows(2) {
                let [(from, before), (to, found)] = pair else { continue };
                // What moved on a day of counting may have moved before or after it.
                let edge = |d: i64| d == *from || d == *to;
                let day = |s: &Stock| s.at.map(|i| i.at.day());
                if own.iter().any(|s| effect(s) != 0 && day(s).is_some_and(edge)) {
                    out.silent("盘存当日有出入库");
                    continue;
                }
                let between = |s: &&Stock| day(s).is_some_and(|d| d > *from && d < *to);
                let moved = super::sum(own.iter().filter(between).map(effect));
                let theory = before.saturating_add(moved);
                let off = found.saturating_sub(theory).saturating_abs();
                let allowed = self.least.max(muldiv(theory.saturating_abs(), self.share, ONE));
                if off > allowed {
                    let name = own.first().map_or(0, |s| s.name);
                    let mut hit = Hit::of_facility()
                        .fact("item", cx.book.text(name))
                        .fact("qty", plain(*found))
                        .fact("cap", plain(theory))
                        .fact("excess", plain(found.saturating_sub(theory)))
                        .fact("date_b", date(*from))
                        .on(*to);
                    hit.code = own.first().map_or(0, |s| s.item);
                    out.hit(cx, hit);
                }
            }
        }
    }
}

/// G10: goods that came in without an invoice number, item by item.
struct Invoice;

impl Probe for Invoice {
    fn finish(&mut self, cx: Cx<'_>, out: &mut Out<'_>) {
        for own in cx.book.stock.chunk_by(|a, b| a.item == b.item) {
            let bare: Vec<&Stock> =
                own.iter().filter(|s| s.kind == StockKind::Purchase && !s.invoice).collect();
            let Some(first) = bare.first() else { continue };
            let mut hit = Hit::of_facility()
                .fact("item", cx.book.text(first.name))
                .fact("count", bare.len().to_string())
                .fact("qty", plain(super::sum(bare.iter().map(|s| s.quantity))));
            hit.code = first.item;
            let hit = match first.at {
                Some(at) => hit.on(at.at.day()),
                None => hit,
            };
            out.hit(cx, hit);
        }
    }
}
