//! K8: when a kind of record was kept at all.
//!
//! A house that began to upload its nursing records in June has none of May, and nobody of May went without nursing. So
//! where the house has no record of a kind in any month of a visit, or the visit ended before the first of them, its
//! absence says nothing of that visit. What is younger than the cut-off is looked at beside this.

use std::collections::BTreeSet;

use spotcheck_domain::claims::Instant;

use super::{Cx, month};
use crate::book::{EventKind, Visit};

/// The months of one kind of record, and its first day.
struct Months {
    months: BTreeSet<i64>,
    first: i64,
}

/// The kinds of record that a rule looks for.
pub(super) struct Kept {
    kinds: Vec<Months>,
    /// First month of the house's visits.
    begin: i64,
    /// Which of the kinds would tell of an item is not known: each of them must be there.
    each: bool,
}

impl Kept {
    pub(super) fn of(cx: Cx<'_>) -> Self {
        let words: Vec<&str> = cx.rule.usage.entity.iter().map(String::as_str).collect();
        Self::of_kinds(cx, &words)
    }

    pub(super) fn of_kinds(cx: Cx<'_>, words: &[&str]) -> Self {
        let each = cx.rule.usage.per.as_deref() == Some("code");
        // What would stand on the bill itself is there as long as the bill is.
        let on_bill = words.iter().any(|w| matches!(*w, "fee" | "prescription"));
        // The list of operations speaks for operations only.
        let wanted = words.iter().filter(|w| !on_bill && !(each && **w == "operation"));
        let visits = cx.book.visits.iter().filter_map(Visit::begin_day);
        Self {
            kinds: wanted.filter_map(|word| Months::of(&days(cx, word))).collect(),
            begin: visits.min().map_or(0, month),
            each,
        }
    }

    /// True if the absence of a record between two days says nothing.
    pub(super) fn is_silent(&self, from: i64, to: i64) -> bool {
        let (a, b) = (month(from), month(to));
        let mut lacking = self.kinds.iter().map(|k| {
            let late = month(k.first) > self.begin && to < k.first;
            late || k.months.range(a..=b.max(a)).next().is_none()
        });
        !self.kinds.is_empty() && if self.each { lacking.any(|l| l) } else { lacking.all(|l| l) }
    }
}

impl Months {
    fn of(days: &BTreeSet<i64>) -> Option<Self> {
        let first = *days.first()?;
        Some(Self { months: days.iter().map(|d| month(*d)).collect(), first })
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
