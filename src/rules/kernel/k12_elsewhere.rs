//! K12 over facilities: a box that another house settled, settled here again (G04) or lying on the shelf (G07).
//!
//! Only what nobody can explain is told: a box that was taken back, opened for the piece or given to inpatients there,
//! or taken back or opened here, has been on a way that boxes go. A code that many houses settle is no box but a
//! stop-gap for goods without a code. What is told still waits for the centre's look-up: chains move boxes between
//! their shops, and somebody may have scanned another box there.

use std::collections::{BTreeMap, BTreeSet};

use super::k12_trace::{came_back, hit_of, opened};
use super::{Compiled, Cx, Hit, Out, Probe, date_of};
use crate::book::{SettledElsewhere, StockKind, Trace};

/// Boxes that one finding names by their last digits.
const NAMED: usize = 5;

pub(super) fn compile(cx: Cx<'_>) -> Compiled {
    if !cx.book.carried.contains("trace_other") {
        return Err("数据不含其他机构的追溯码(旧版数据包或单独运行)，须由中心联网复核".to_owned());
    }
    let shelf = cx.rule.usage.form == "shelf_elsewhere";
    cx.needs_table(if shelf { "inv_check" } else { "trace" })?;
    let most = usize::try_from(cx.whole("count")?).unwrap_or(usize::MAX);
    Ok(Box::new(Elsewhere { shelf, most }))
}

struct Elsewhere {
    shelf: bool,
    /// Settlements of one code at other facilities beyond which it is no box.
    most: usize,
}

impl Probe for Elsewhere {
    fn finish(&mut self, cx: Cx<'_>, out: &mut Out<'_>) {
        let natural = Natural { opened: opened(cx), back: came_back(cx) };
        if self.shelf { self.counted(cx, &natural, out) } else { self.settled(cx, &natural, out) }
    }
}

/// What happened to boxes in this house.
struct Natural {
    opened: BTreeSet<u64>,
    back: BTreeSet<u64>,
}

impl Natural {
    fn of(&self, code: u64, own: &[&Trace]) -> Option<&'static str> {
        if self.opened.contains(&code) {
            return Some("拆零");
        }
        let back = self.back.contains(&code) || own.iter().any(|t| t.refunded);
        back.then_some("有退药记录")
    }
}

impl Elsewhere {
    /// The sales of a box elsewhere that count, or why none does.
    fn sold<'b>(
        &self,
        all: &'b [SettledElsewhere],
    ) -> Result<Vec<&'b SettledElsewhere>, &'static str> {
        if all.len() > self.most {
            return Err("结算过多，疑似无码商品的占位码");
        }
        if all.iter().any(|s| s.split) {
            return Err("其他机构拆零");
        }
        let kept: Vec<&SettledElsewhere> = all.iter().filter(|s| !s.refunded).collect();
        if kept.is_empty() {
            return Err("其他机构已退药或冲正");
        }
        let kept: Vec<&SettledElsewhere> = kept.into_iter().filter(|s| !s.kind.is_stay()).collect();
        if kept.is_empty() { Err("其他机构住院拆零") } else { Ok(kept) }
    }

    /// G04: settled here, and elsewhere.
    fn settled(&self, cx: Cx<'_>, natural: &Natural, out: &mut Out<'_>) {
        for same in cx.book.traces.chunk_by(|a, b| a.code == b.code) {
            let all: Vec<&Trace> = same.iter().collect();
            let stay = |t: &Trace| cx.book.visit(t.visit).is_some_and(|v| v.kind.is_stay());
            let counts = |t: &&&Trace| !t.refunded && t.settlement != 0 && !stay(t);
            let own: Vec<&Trace> = all.iter().filter(counts).copied().collect();
            let Some(last) = own.last() else { continue };
            let others = cx.book.elsewhere_of(last.code);
            if others.is_empty() {
                continue;
            }
            if let Some(why) = natural.of(last.code, &all) {
                out.silent(why);
                continue;
            }
            let sold = match self.sold(others) {
                Ok(sold) => sold,
                Err(why) => {
                    out.silent(why);
                    continue;
                }
            };
            let Some(first) = sold.first() else { continue };
            let mine: BTreeSet<u32> = own.iter().map(|t| t.settlement).collect();
            let mut hit = hit_of(cx, last)
                .fact("count", mine.len().saturating_add(sold.len()).to_string())
                .fact("date_b", date_of(first.at.get()))
                .fact("facility_b", cx.book.text(first.facility))
                .fact("code", tail(first.tail));
            let other =
                |s: &&&SettledElsewhere| s.item != 0 && last.item != 0 && s.item != last.item;
            if sold.iter().any(|s| other(&s)) {
                hit.doubt.push("他处结算为另一药品，一方可能误扫");
            }
            out.hit(cx, hit);
        }
    }

    /// G07: counted on the shelf here after it was settled elsewhere; the boxes of one drug and one count together.
    fn counted(&self, cx: Cx<'_>, natural: &Natural, out: &mut Out<'_>) {
        let mut found: BTreeMap<(i64, u32, u32), BTreeMap<u64, &SettledElsewhere>> =
            BTreeMap::new();
        for count in cx.book.stock.iter().filter(|s| s.kind == StockKind::Check) {
            let Some(day) = count.at.map(|i| i.at.day()) else { continue };
            for code in &count.traces {
                let before = |s: &&&SettledElsewhere| s.at.get().is_some_and(|i| i.at.day() < day);
                let others = cx.book.elsewhere_of(*code);
                if !others.iter().any(|s| before(&&s)) {
                    continue;
                }
                let from = cx.book.traces.partition_point(|t| t.code < *code);
                let own = cx.book.traces.iter().skip(from).take_while(|t| t.code == *code);
                let own: Vec<&Trace> = own.collect();
                if let Some(why) = natural.of(*code, &own) {
                    out.silent(why);
                    continue;
                }
                match self.sold(others) {
                    Ok(sold) => {
                        if let Some(first) = sold.iter().find(before) {
                            let boxes = found.entry((day, count.item, count.name)).or_default();
                            boxes.insert(*code, first);
                        }
                    }
                    Err(why) => out.silent(why),
                }
            }
        }
        for ((day, item, name), boxes) in found {
            let Some(first) = boxes.values().min_by_key(|s| (s.at, s.code)) else { continue };
            let mut tails: Vec<u32> = boxes.values().map(|s| s.tail).collect();
            tails.sort_unstable();
            let more = if tails.len() > NAMED { "等" } else { "" };
            let named: Vec<String> = tails.into_iter().take(NAMED).map(tail).collect();
            let mut hit = Hit::of_facility()
                .fact("item", cx.book.text(if name == 0 { item } else { name }))
                .fact("count", boxes.len().to_string())
                .fact("code", format!("{}{more}", named.join("、")))
                .fact("date_b", date_of(first.at.get()))
                .fact("facility_b", cx.book.text(first.facility))
                .on(day);
            hit.code = item;
            out.hit(cx, hit);
        }
    }
}

/// The last digits of a code as they stand on the box.
fn tail(digits: u32) -> String {
    if digits == 0 { String::new() } else { format!("{digits:09}") }
}
