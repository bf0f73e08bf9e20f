//! K8, forms `fields` and `fields_share`: what every line must say and some do not.
//!
//! A line here and there without a doctor is that line's matter, and told of its visit. A field that is missing all over
//! a house is an interface that does not send it: said once of the house, with its share, and not a thousand times of
//! patients; and a field that nobody there ever sends is a matter of the export, and not said at all.

use super::{Compiled, Cx, Hit, Mask, Out, Probe, muldiv, percent};
use crate::book::{Line, ONE, Visit, VisitKind, flag};

/// What a line must say, with its bit and its word.
const FIELDS: [(u8, &str); 5] =
    [(CODE, "编码"), (1 << 1, "数量"), (1 << 2, "单价"), (1 << 3, "金额"), (DOCTOR, "医师")];
const CODE: u8 = 1;
const DOCTOR: u8 = 1 << 4;

pub(super) fn compile(cx: Cx<'_>) -> Compiled {
    let flags = cx.book.lines.any_flags();
    let told = [(flag::QUANTITY, 1 << 1), (flag::PRICE, 1 << 2), (flag::AMOUNT, 1 << 3)];
    let sent = told.iter().filter(|(f, _)| flags & f != 0).fold(CODE, |all, (_, bit)| all | bit);
    let sent = sent | if cx.book.lines.any_doctor() { DOCTOR } else { 0 };
    Ok(Box::new(Fields {
        items: cx.mask(cx.rule.usage.items.as_ref())?,
        of_house: cx.rule.usage.form == "fields_share",
        sent,
        ceiling: cx.need("ceiling")?,
        least: cx.whole("count")?,
        houses: [Tally::default(), Tally::default()],
        lacking: Vec::new(),
    }))
}

struct Fields {
    items: Mask,
    /// The share of the house is told, and no visit.
    of_house: bool,
    /// Fields that this facility uploads at all.
    sent: u8,
    /// A field is missing all over the house above this share of visits…
    ceiling: i64,
    /// …and from so many of them on.
    least: i64,
    /// Of everything but counters, and of counters: nobody orders there.
    houses: [Tally; 2],
    /// Visits in which something is missing.
    lacking: Vec<u32>,
}

/// Visits with a charge, and of how many each field is missing.
#[derive(Default)]
struct Tally {
    visits: i64,
    without: [i64; FIELDS.len()],
}

impl Fields {
    fn missing(&self, cx: Cx<'_>, visit: &Visit, line: Line) -> u8 {
        let item = cx.book.item(line.item);
        let said = [
            item.is_some_and(|i| !i.med_list_codg.is_empty()),
            line.has(flag::QUANTITY),
            line.has(flag::PRICE),
            line.has(flag::AMOUNT),
            visit.kind == VisitKind::Pharmacy || cx.book.doctor(line.at) != 0,
        ];
        let lacks = FIELDS.iter().zip(said).filter(|(_, said)| !said);
        lacks.fold(0, |all, ((bit, _), _)| all | bit) & self.sent
    }

    /// The fields that are missing all over the house.
    fn everywhere(&self, counter: bool) -> impl Iterator<Item = (u8, &'static str, i64, i64)> {
        let tally = self.houses.get(usize::from(counter));
        let visits = tally.map_or(0, |t| t.visits);
        let without = tally.map_or([0; FIELDS.len()], |t| t.without);
        let (least, ceiling) = (self.least, self.ceiling);
        FIELDS.iter().zip(without).filter_map(move |((bit, word), n)| {
            let share = muldiv(n, ONE, visits.max(1));
            (n >= least && share > ceiling).then_some((*bit, *word, n, share))
        })
    }

    fn of_visit(&self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        let gaps = self.everywhere(visit.kind == VisitKind::Pharmacy);
        let known = gaps.fold(0, |all, (bit, ..)| all | bit);
        let lines = cx.charges(visit, &self.items);
        let lines: Vec<Line> =
            lines.filter(|l| self.missing(cx, visit, *l) & !known != 0).collect();
        let Some(first) = lines.first().copied() else {
            out.silent("该字段在本机构普遍缺失，按占比提示一次");
            return;
        };
        let hit = Hit::of_visit(cx, visit)
            .item(cx, first.item)
            .fact("count", lines.len().to_string())
            .lines(lines);
        let hit = match first.day() {
            Some(day) => hit.on(day),
            None => hit,
        };
        out.hit(cx, hit);
    }
}

impl Probe for Fields {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, _out: &mut Out<'_>) {
        if !cx.in_scope(visit.kind) {
            return;
        }
        let mut lines = cx.charges(visit, &self.items).peekable();
        if lines.peek().is_none() {
            return;
        }
        let missing = lines.fold(0, |all, l| all | self.missing(cx, visit, l));
        if missing != 0 {
            self.lacking.push(visit.at);
        }
        if let Some(tally) = self.houses.get_mut(usize::from(visit.kind == VisitKind::Pharmacy)) {
            tally.visits = tally.visits.saturating_add(1);
            for ((bit, _), n) in FIELDS.iter().zip(&mut tally.without) {
                *n = n.saturating_add(i64::from(missing & bit != 0));
            }
        }
    }

    fn finish(&mut self, cx: Cx<'_>, out: &mut Out<'_>) {
        if !self.of_house {
            for visit in std::mem::take(&mut self.lacking) {
                if let Some(visit) = cx.book.visit(visit) {
                    self.of_visit(cx, visit, out);
                }
            }
            return;
        }
        for counter in [false, true] {
            let gaps: Vec<_> = self.everywhere(counter).collect();
            let Some(most) = gaps.iter().map(|(_, _, n, _)| *n).max() else { continue };
            let words: Vec<String> = gaps
                .iter()
                .map(|(_, word, _, share)| format!("{word}({})", percent(*share)))
                .collect();
            let hit =
                Hit::of_facility().fact("count", most.to_string()).fact("value", words.join("、"));
            out.hit(cx, hit);
        }
    }
}
