//! K8: when a kind of record was kept at all.
//!
//! A house that began to upload its nursing records in June has none of May, and nobody of May went without nursing. So
//! where the house has no record of a kind in any month of a visit, or the visit ended before the first of them, its
//! absence says nothing of that visit: as long as others were billed the same in that time. Of one or two visits nobody
//! can say that it was the time and not they. What is younger than the cut-off is looked at beside this.

use std::collections::{BTreeMap, BTreeSet};

use spotcheck_domain::claims::Instant;

use super::{Cx, Mask, month};
use crate::book::{EventKind, Line, Visit};

/// So many visits must have been billed in a time without records.
const FEW: u64 = 5;

/// The months of one kind of record, its first day, and how many visits ended before it.
struct Months {
    months: BTreeSet<i64>,
    first: i64,
    before: u64,
}

/// The kinds of record that a rule looks for.
pub(super) struct Kept {
    kinds: Vec<Months>,
    /// Visits with a charge that the rule means, by the month of their begin.
    billed: BTreeMap<i64, u64>,
    /// First month of the house's visits.
    begin: i64,
    /// Which of the kinds would tell of an item is not known: each of them must be there.
    each: bool,
}

impl Kept {
    pub(super) fn of(cx: Cx<'_>, items: &Mask) -> Self {
        let words: Vec<&str> = cx.rule.usage.entity.iter().map(String::as_str).collect();
        Self::of_kinds(cx, items, &words)
    }

    pub(super) fn of_kinds(cx: Cx<'_>, items: &Mask, words: &[&str]) -> Self {
        let each = cx.rule.usage.per.as_deref() == Some("code");
        // What would stand on the bill itself is there as long as the bill is.
        let on_bill = words.iter().any(|w| matches!(*w, "fee" | "prescription"));
        // The list of operations speaks for operations only.
        let wanted = words.iter().filter(|w| !(on_bill || each && **w == "operation"));
        let visits = cx.book.visits.iter().filter_map(Visit::begin_day);
        let mut kept = Self {
            kinds: wanted.filter_map(|word| Months::of(&days(cx, word))).collect(),
            billed: BTreeMap::new(),
            begin: visits.min().map_or(0, month),
            each,
        };
        kept.count(cx, items);
        kept
    }

    /// How many visits were billed what the rule means, and when.
    fn count(&mut self, cx: Cx<'_>, items: &Mask) {
        for visit in cx.book.visits.iter().filter(|v| cx.in_scope(v.kind)) {
            let Some(last) = cx.charges(visit, items).filter_map(Line::day).max() else { continue };
            let first = visit.begin_day().unwrap_or(last);
            let n = self.billed.entry(month(first)).or_default();
            *n = n.saturating_add(1);
            let last = visit.end_day().unwrap_or(last).max(last);
            for kind in self.kinds.iter_mut().filter(|k| last < k.first) {
                kind.before = kind.before.saturating_add(1);
            }
        }
    }

    /// True if the absence of a record between two days says nothing.
    pub(super) fn is_silent(&self, from: i64, to: i64) -> bool {
        let mut lacking = self.kinds.iter().map(|k| self.lacks(k, from, to));
        !self.kinds.is_empty() && if self.each { lacking.any(|l| l) } else { lacking.all(|l| l) }
    }

    fn lacks(&self, kind: &Months, from: i64, to: i64) -> bool {
        if month(kind.first) > self.begin && to < kind.first && kind.before >= FEW {
            return true;
        }
        let (a, b) = (month(from), month(to).max(month(from)));
        if kind.months.range(a..=b).next().is_some() {
            return false;
        }
        // The time without records around the visit.
        let after = kind.months.range(..a).next_back().map_or(i64::MIN, |m| m.saturating_add(1));
        let until = kind.months.range(b..).find(|m| **m > b).map_or(i64::MAX, |m| *m);
        let billed = self.billed.range(after..until).map(|(_, n)| *n);
        billed.fold(0, u64::saturating_add) >= FEW
    }
}

impl Months {
    fn of(days: &BTreeSet<i64>) -> Option<Self> {
        let first = *days.first()?;
        Some(Self { months: days.iter().map(|d| month(*d)).collect(), first, before: 0 })
    }
}

/// The days of a kind of record.
fn days(cx: Cx<'_>, word: &str) -> BTreeSet<i64> {
    let events = |kinds: &[EventKind]| -> BTreeSet<i64> {
        let all = cx.book.events.all().iter().filter(|e| kinds.contains(&e.kind));
        all.filter_map(|e| e.begin.get()).map(|i| i.at.day()).collect()
    };
    let day = |i: &Instant| i.at.day();
    match word {
        "order" => cx.book.orders.all().iter().filter_map(|o| o.begin.as_ref()).map(day).collect(),
        "exec" => {
            cx.book.events.all().iter().filter_map(|e| e.begin.get()).map(|i| day(&i)).collect()
        }
        "nursing" => events(&[EventKind::Nursing]),
        "treat" => events(&[EventKind::Treatment, EventKind::OrderExec]),
        "oprn_event" => events(&[EventKind::Operation]),
        "anaesthesia" => events(&[EventKind::Anaesthesia]),
        "lab" | "exam" => {
            let lab = word == "lab";
            let mut days = events(&[if lab { EventKind::Lab } else { EventKind::Exam }]);
            let reports = cx.book.reports.all().iter().filter(|r| r.lab == lab);
            days.extend(
                reports.filter_map(|r| r.done.get().or_else(|| r.reported.get())).map(|i| day(&i)),
            );
            days
        }
        "note" => cx.book.notes.all().iter().filter_map(|n| n.at.as_ref()).map(day).collect(),
        "vital" => cx.book.vitals.all().iter().map(day).collect(),
        "operation" => {
            cx.book.operations.all().iter().filter_map(|o| o.at.as_ref()).map(day).collect()
        }
        _ => BTreeSet::new(),
    }
}
