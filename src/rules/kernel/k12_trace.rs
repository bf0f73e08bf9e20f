//! K12: trace codes of the house itself. One box is sold once (domain.md §3.8).

use std::collections::BTreeSet;

use super::{Compiled, Cx, Hit, Out, Probe, date_of};
use crate::book::{Line, StockKind, Trace};

pub(super) fn compile(cx: Cx<'_>) -> Compiled {
    let form = match cx.rule.usage.form.as_str() {
        // Sales of the stock carry codes and settlements, too.
        "repeat" => {
            if !cx.book.has("inv_sale") {
                cx.needs_table("trace")?;
            }
            Form::Repeat
        }
        "item" => Form::Item,
        "shelf" => {
            cx.needs_table("inv_check")?;
            Form::Shelf
        }
        form => return Err(format!("K12 没有形式 {form}")),
    };
    if !matches!(form, Form::Repeat) {
        cx.needs_table("trace")?;
    }
    Ok(Box::new(Traces { form }))
}

enum Form {
    /// G03.
    Repeat,
    /// G06.
    Item,
    /// G08.
    Shelf,
}

struct Traces {
    form: Form,
}

impl Probe for Traces {
    fn finish(&mut self, cx: Cx<'_>, out: &mut Out<'_>) {
        match self.form {
            Form::Repeat => repeat(cx, out),
            Form::Item => item(cx, out),
            Form::Shelf => shelf(cx, out),
        }
    }
}

/// The lines of a visit that bill the drug of a code.
fn lines_of(cx: Cx<'_>, trace: &Trace) -> Vec<Line> {
    let Some(visit) = cx.book.visit(trace.visit) else { return Vec::new() };
    let same = |l: &Line| cx.book.item(l.item).is_some_and(|i| i.code == trace.item);
    cx.book.charges(visit).filter(same).take(1).collect()
}

pub(super) fn hit_of(cx: Cx<'_>, trace: &Trace) -> Hit {
    let hit = match cx.book.visit(trace.visit) {
        Some(visit) => Hit::of_visit(cx, visit),
        None => Hit::of_facility(),
    };
    let lines = lines_of(cx, trace);
    let named = lines.first().map(|l| l.item);
    let mut hit = hit.lines(lines);
    if let Some(item) = named {
        hit = hit.item(cx, item);
    } else {
        hit.code = trace.item;
        hit = hit.fact("item", cx.book.text(trace.item));
    }
    match trace.at {
        Some(at) => hit.on(at.at.day()),
        None => hit,
    }
}

/// Boxes that were sold by the piece: many sales of one code are natural, and the rest lies on the shelf.
pub(super) fn opened(cx: Cx<'_>) -> BTreeSet<u64> {
    let split = cx.book.stock.iter().filter(|s| s.split);
    split.flat_map(|s| s.traces.iter().copied()).collect()
}

/// Boxes that customers brought back: they lie on the shelf and are sold again.
pub(super) fn came_back(cx: Cx<'_>) -> BTreeSet<u64> {
    let back = cx.book.stock.iter().filter(|s| s.kind == StockKind::SaleReturn);
    back.flat_map(|s| s.traces.iter().copied()).collect()
}

/// Sales of the stock that name a box and a settlement which the uploaded codes do not: what was uploaded of a sale and
/// what the stock says of it are one sale.
fn sold_beside(cx: Cx<'_>) -> Vec<Trace> {
    let uploaded = |code: u64, settlement: u32| {
        let from = cx.book.traces.partition_point(|t| t.code < code);
        let mut same = cx.book.traces.iter().skip(from).take_while(|t| t.code == code);
        same.any(|t| t.settlement == settlement)
    };
    let mut own: Vec<Trace> = Vec::new();
    for s in cx.book.stock.iter().filter(|s| s.kind == StockKind::Sale) {
        let Some(paid) = cx.book.settlement(s.settlement) else { continue };
        let new = s.traces.iter().filter(|code| !uploaded(**code, paid.code));
        own.extend(new.map(|code| Trace {
            code: *code,
            facility: 0,
            settlement: paid.code,
            visit: paid.visit,
            person: 0,
            item: s.item,
            at: s.at.or(paid.at),
            refunded: paid.cancelled,
            row: u64::MAX,
        }));
    }
    own
}

/// Boxes opened for several inpatients carry one code in many settlements: only outpatients and pharmacies
/// count. Refunded sales do not count, and several lines of one settlement are one sale.
fn repeat(cx: Cx<'_>, out: &mut Out<'_>) {
    let (opened, back) = (opened(cx), came_back(cx));
    let beside = sold_beside(cx);
    let mut sales: Vec<&Trace> = cx.book.traces.iter().chain(&beside).collect();
    // What was uploaded is in order already, and of one time comes first.
    sales.sort_by_key(|t| (t.code, t.at.map(|i| i.at.seconds())));
    for same in sales.chunk_by(|a, b| a.code == b.code) {
        if same.len() < 2 {
            continue;
        }
        let stay = |t: &Trace| cx.book.visit(t.visit).is_some_and(|v| v.kind.is_stay());
        let counted = same.iter().copied();
        let counted: Vec<&Trace> =
            counted.filter(|t| !t.refunded && t.settlement != 0 && !stay(t)).collect();
        let settlements: BTreeSet<u32> = counted.iter().map(|t| t.settlement).collect();
        let (Some(first), Some(last)) = (counted.first(), counted.last()) else { continue };
        if settlements.len() < 2 {
            continue;
        }
        if opened.contains(&first.code) {
            out.silent("拆零");
            continue;
        }
        if back.contains(&first.code) || same.iter().any(|t| t.refunded) {
            out.silent("有退药记录");
            continue;
        }
        let hit = hit_of(cx, last)
            .fact("count", settlements.len().to_string())
            .fact("date_b", date_of(first.at))
            .fact("facility_b", cx.book.text(first.facility));
        out.hit(cx, hit);
    }
}

/// The settled drug of a code is not what the visit was billed, and not what was bought under the code.
fn item(cx: Cx<'_>, out: &mut Out<'_>) {
    let mut bought: std::collections::HashMap<u64, BTreeSet<u32>> =
        std::collections::HashMap::new();
    for s in cx.book.stock.iter().filter(|s| s.kind == StockKind::Purchase && s.item != 0) {
        for code in &s.traces {
            bought.entry(*code).or_default().insert(s.item);
        }
    }
    if bought.is_empty() {
        out.silent("采购记录没有追溯码");
        return;
    }
    for trace in cx.book.traces.iter().filter(|t| !t.refunded && t.item != 0) {
        match bought.get(&trace.code) {
            Some(items) if !items.contains(&trace.item) => {
                let other = items.iter().map(|i| cx.book.text(*i)).min().unwrap_or_default();
                let hit = hit_of(cx, trace).fact("item_b", other);
                out.hit(cx, hit);
            }
            _ => {}
        }
    }
}

/// A box counted on the shelf after it had been settled, and not refunded in between.
fn shelf(cx: Cx<'_>, out: &mut Out<'_>) {
    let (opened, back) = (opened(cx), came_back(cx));
    for count in cx.book.stock.iter().filter(|s| s.kind == StockKind::Check) {
        let Some(counted) = count.at.map(|i| i.at.day()) else { continue };
        for code in &count.traces {
            let from = cx.book.traces.partition_point(|t| t.code < *code);
            let own = cx.book.traces.iter().skip(from).take_while(|t| t.code == *code);
            let own: Vec<&Trace> = own.collect();
            if opened.contains(code) {
                out.silent("拆零");
                continue;
            }
            if back.contains(code) || own.iter().any(|t| t.refunded) {
                out.silent("有退药记录");
                continue;
            }
            let sold = own.iter().find(|t| t.at.is_some_and(|i| i.at.day() < counted));
            if let Some(trace) = sold {
                let stay = cx.book.visit(trace.visit).is_some_and(|v| v.kind.is_stay());
                if stay {
                    out.silent("住院拆零");
                    continue;
                }
                let hit = hit_of(cx, trace).fact("date_b", date_of(count.at));
                out.hit(cx, hit);
            }
        }
    }
}
