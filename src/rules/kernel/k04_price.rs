//! K4: a price is above what it may be: the price list, the self-pay price, the purchase, the discount.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Compiled, Cx, Hit, Mask, Out, Probe, date, muldiv, yuan};
use crate::book::{DAY_S, Line, ONE, StockKind, Visit, flag};

pub(super) fn compile(cx: Cx<'_>) -> Compiled {
    let items = cx.mask(cx.rule.usage.items.as_ref())?;
    match cx.rule.usage.form.as_str() {
        "limit" => {
            cx.needs_table("catalogue")?;
            Ok(Box::new(Limit { items, slack: cx.rule.param("tolerance").unwrap_or(0) }))
        }
        "second" => {
            cx.needs_table("catalogue")?;
            Ok(Box::new(Second { items, share: cx.need("share")? }))
        }
        "self_pay" => {
            cx.needs_table("inv_sale")?;
            Ok(Box::new(SelfPay::new(cx, items)))
        }
        "purchase" => {
            cx.needs_table("inv_purchase")?;
            Ok(Box::new(Purchase { items, ratio: cx.need("ratio")?, seen: BTreeMap::new() }))
        }
        form => Err(format!("K4 没有形式 {form}")),
    }
}

/// The limits of an item's code on a day. On the day a price changes both prices are in force: what is right
/// under either is right (natural trap: price-change days).
fn limit_on(cx: Cx<'_>, line: Line, day: i64) -> Option<i64> {
    let code = cx.book.item(line.item)?.code;
    let prices = cx.book.catalogue.get(&code)?;
    let near = |p: &&crate::book::Catalogue| {
        p.from.saturating_sub(1) <= day && day <= p.to.saturating_add(1)
    };
    prices.iter().filter(near).filter_map(|p| p.limit).max()
}

/// Price, limit, lines with what is over, day.
type Dear = (i64, i64, Vec<(u32, i64)>, i64);

/// B03: the price is above the limit of the day.
struct Limit {
    items: Mask,
    slack: i64,
}

impl Probe for Limit {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        if !cx.in_scope(visit.kind) {
            return;
        }
        let mut found: BTreeMap<u32, Dear> = BTreeMap::new();
        for line in cx.charges(visit, &self.items) {
            let (Some(day), true) = (line.day(), line.has(flag::PRICE)) else {
                out.silent("单价或时间缺失");
                continue;
            };
            let Some(limit) = limit_on(cx, line, day) else {
                out.silent("目录无限价");
                continue;
            };
            if line.price > limit.saturating_add(self.slack) {
                let over = muldiv(line.price.saturating_sub(limit), line.quantity, ONE);
                let over = over.min(line.amount).saturating_sub(cx.borne(line, over));
                if over <= 0 {
                    out.silent("超限价部分由个人支付");
                    continue;
                }
                let entry = found.entry(line.item).or_insert((line.price, limit, Vec::new(), day));
                entry.2.push((line.at, over));
            }
        }
        for (item, (price, limit, lines, day)) in found {
            let count = lines.len().to_string();
            let mut hit = Hit::of_visit(cx, visit)
                .item(cx, item)
                .fact("price", yuan(price))
                .fact("cap", yuan(limit))
                .fact("count", count)
                .on(day);
            hit.lines = lines;
            out.hit(cx, hit);
        }
    }
}

/// B06: of several operations of one session the second and later ones are charged in full.
struct Second {
    items: Mask,
    share: i64,
}

impl Probe for Second {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        if !cx.in_scope(visit.kind) {
            return;
        }
        let mut days: BTreeMap<i64, Vec<Line>> = BTreeMap::new();
        for line in cx.charges(visit, &self.items) {
            if let Some(day) = line.day() {
                days.entry(day).or_default().push(line);
            }
        }
        for (day, mut lines) in days {
            let kinds: BTreeSet<u32> = lines.iter().map(|l| l.item).collect();
            if kinds.len() < 2 {
                continue;
            }
            lines.sort_by_key(|l| (std::cmp::Reverse(l.price), l.time, l.at));
            let main = lines.first().map_or(0, |l| l.item);
            let mut over = Vec::new();
            for line in lines.iter().filter(|l| l.item != main) {
                let Some(limit) = limit_on(cx, *line, day) else {
                    out.silent("目录无限价");
                    continue;
                };
                // A house below the limit discounts its own price; who charges up to the discounted
                // limit has discounted enough.
                if limit > 0 && line.price > muldiv(limit, self.share, ONE) {
                    let allowed = muldiv(line.price.min(limit), self.share, ONE);
                    let excess = muldiv(line.price.saturating_sub(allowed), line.quantity, ONE);
                    over.push((line.at, excess.min(line.amount), line.item));
                }
            }
            if let Some((_, _, item)) = over.first().copied() {
                let mut hit = Hit::of_visit(cx, visit)
                    .item(cx, item)
                    .fact("item_b", cx.item_name(main))
                    .fact("count", over.len().to_string())
                    .on(day);
                hit.lines = over.into_iter().map(|(at, amount, _)| (at, amount)).collect();
                out.hit(cx, hit);
            }
        }
    }
}

/// H15: the same drug on the same day is cheaper for who pays alone.
struct SelfPay {
    items: Mask,
    lowest: HashMap<(u32, i64), i64>,
}

impl SelfPay {
    fn new(cx: Cx<'_>, items: Mask) -> Self {
        let mut lowest: HashMap<(u32, i64), i64> = HashMap::new();
        for s in cx.book.stock.iter().filter(|s| s.kind == StockKind::Sale && s.own_money) {
            if let (Some(price), Some(at), false) = (s.price, s.at, s.split) {
                let slot =
                    lowest.entry((s.item, at.at.seconds().div_euclid(DAY_S))).or_insert(price);
                *slot = price.min(*slot);
            }
        }
        Self { items, lowest }
    }
}

impl Probe for SelfPay {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        if !cx.in_scope(visit.kind) || self.lowest.is_empty() {
            return;
        }
        for line in cx.charges(visit, &self.items) {
            let (Some(day), Some(item)) = (line.day(), cx.book.item(line.item)) else { continue };
            let Some(own) = self.lowest.get(&(item.code, day)) else { continue };
            if line.has(flag::PRICE) && line.price > *own && *own > 0 {
                let over = muldiv(line.price.saturating_sub(*own), line.quantity, ONE);
                let mut hit = Hit::of_visit(cx, visit)
                    .item(cx, line.item)
                    .fact("price", yuan(line.price))
                    .fact("cap", yuan(*own))
                    .on(day);
                hit.lines = vec![(line.at, over.min(line.amount))];
                out.hit(cx, hit);
            }
        }
    }
}

/// G12: billed price against the dearest purchase, item by item.
struct Purchase {
    items: Mask,
    ratio: i64,
    seen: BTreeMap<u32, (i64, i64, u32)>,
}

impl Probe for Purchase {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, _out: &mut Out<'_>) {
        for line in cx.charges(visit, &self.items).filter(|l| l.has(flag::PRICE)) {
            let (Some(item), Some(day)) = (cx.book.item(line.item), line.day()) else { continue };
            let slot = self.seen.entry(item.code).or_insert((line.price, day, line.item));
            if (line.price, day) > (slot.0, slot.1) {
                *slot = (line.price, day, line.item);
            }
        }
    }

    fn finish(&mut self, cx: Cx<'_>, out: &mut Out<'_>) {
        let mut bought: BTreeMap<u32, i64> = BTreeMap::new();
        for s in cx.book.stock.iter().filter(|s| s.kind == StockKind::Purchase) {
            if let Some(price) = s.price.filter(|p| *p > 0) {
                let slot = bought.entry(s.item).or_insert(price);
                *slot = price.max(*slot);
            }
        }
        for (code, (price, day, item)) in &self.seen {
            let Some(paid) = bought.get(code) else {
                out.silent("无采购价");
                continue;
            };
            if *price > muldiv(*paid, self.ratio, ONE) {
                let hit = Hit::of_facility()
                    .item(cx, *item)
                    .fact("price", yuan(*price))
                    .fact("cap", yuan(*paid))
                    .fact("date_b", date(*day))
                    .on(*day);
                out.hit(cx, hit);
            }
        }
    }
}
